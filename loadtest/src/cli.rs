//! The command line: what can be asked for, and the scenario that results from files and flags.
//! Nothing is started here; everything that can be wrong with the request is found here.

mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use reports::console::error_line;
use reports::environment::run_id;
use reports::sla::Sla;
use reqwest::Url;

use crate::folder::ResultFolder;
use crate::judgeable;
use crate::push;
use crate::run::{Plan, RESULTS};
use crate::scenario::{Arrivals, Executor, PRESETS, Scenario, Shard, parse_duration};
use crate::stack::Cluster;
use values::{cpus, http_url, metrics_url, moment, nonzero_duration, rate, shard};

/// The longest run of the profile `ci`: with two of them and `quick`, the gate of a pull request takes three minutes.
const CI_LONGEST: Duration = Duration::from_secs(60);
/// What a suite runs when nothing else is asked for: those that have limits of their own in the built-in rules.
const SUITE: [&str; 4] = ["quick", "baseline", "stress", "spike"];
/// What Kubernetes calls the number of a pod of an indexed Job.
const COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";

/// Loads an exporter and says whether it meets its SLA.
///
/// Exit codes: 0 passed, 1 failed, 2 wrong usage or configuration, 3 inconclusive, 4 could not run, 130 and 143 interrupted.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario and judge it.
    Run(Box<RunArguments>),
    /// Run several scenarios one after another, with one report.
    Suite(SuiteArguments),
    /// Print the built-in scenarios.
    List,
    /// Check files of scenarios and of rules; nothing is started.
    Validate {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of a scenario's file, for editors; `reports schema sla` prints that of a rule file.
    Schema,
    /// Measure a stub of known latencies by both loops, and compare with the truth (about 90 seconds).
    Selftest,
    /// Be the stub.
    #[command(hide = true)]
    Stub {
        /// Answer nothing for one second of every ten.
        #[arg(long)]
        stalls: bool,
    },
    /// Add up the results of all shards of a run, and judge the sum.
    Merge(MergeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// The result folders, one of each shard.
    #[arg(required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// Folder for the merged result.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Rules to judge by, in TOML [default: the built-in ones].
    #[arg(long, value_name = "FILE")]
    sla: Option<PathBuf>,
}

#[derive(Debug, Args, Default)]
pub(crate) struct RunArguments {
    /// A built-in scenario: see `loadtest list`.
    #[arg(required_unless_present = "scenario_file", conflicts_with = "scenario_file")]
    scenario: Option<String>,
    /// A scenario of your own, in TOML.
    #[arg(long, value_name = "FILE")]
    scenario_file: Option<PathBuf>,
    /// Process id of the target, when it runs on this machine: samples it by /proc.
    #[arg(long, value_name = "PID", requires = "target")]
    target_pid: Option<u32>,
    /// Users that wait for their answers, or arrivals at a rate, whatever became of those before [default: the scenario's].
    #[arg(long, value_name = "LOOP")]
    executor: Option<ExecutorName>,
    /// Users at the highest point of a closed loop.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    vus: Option<u32>,
    /// How the arrivals of an open loop follow each other.
    #[arg(long, value_name = "HOW")]
    arrivals: Option<Arrivals>,
    /// Requests in flight at a time in an open loop; an arrival that finds so many is dropped, and counted
    /// [default: those of two seconds, at least 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_in_flight: Option<u32>,
    /// Requests per second: of one user in a closed loop, of all in an open one.
    #[arg(long, value_name = "RPS", value_parser = rate)]
    rate: Option<f64>,
    /// Make every N-th arrival of the schedule, from the I-th on (0 to N-1); all shards with the same seed make all.
    #[arg(long, value_name = "I/N", value_parser = shard, requires_all = ["target", "start_at"], conflicts_with = "shards")]
    shard: Option<Shard>,
    /// As --shard, with I from the variable JOB_COMPLETION_INDEX, as an indexed Job of Kubernetes sets it.
    #[arg(long, value_name = "N", requires_all = ["target", "start_at"], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: Option<u32>,
    /// Begin at this moment, the same for all shards: 2026-01-31T12:00:00Z, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start_at: Option<Timestamp>,
    /// CPUs for the exporter that is started, such as 0.2: a control group of its own limits it (needs root).
    #[arg(long, value_name = "CPUS", value_parser = cpus, conflicts_with = "target")]
    target_cpus: Option<f64>,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SuiteArguments {
    /// Built-in scenarios, in the order in which they run: see `loadtest list`.
    #[arg(default_values = SUITE, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    common: CommonArguments,
}

/// What holds for one run as for several.
#[derive(Clone, Debug, Default, Args)]
struct CommonArguments {
    /// Test a running exporter instead of starting one: its address, or its metrics page.
    #[arg(long, value_name = "URL", conflicts_with_all = ["preset", "nodes", "jobs", "exporter_bin", "simulator_bin"])]
    target: Option<String>,
    /// Folder for the results [default: loadtest-results/<run id>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Rules to judge by, in TOML [default: the built-in ones].
    #[arg(long, value_name = "FILE")]
    sla: Option<PathBuf>,
    /// How long it takes: as the scenario says, or at most a minute with every time shortened alike; rates stay.
    #[arg(long, value_name = "NAME", default_value = "full")]
    profile: Profile,
    /// How long is judged, such as 30s or 10m.
    #[arg(long, value_name = "TIME", value_parser = nonzero_duration)]
    duration: Option<Duration>,
    /// How long is recorded first without being judged.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    warmup: Option<Duration>,
    /// How long one request may take before it counts as failed.
    #[arg(long, value_name = "TIME", value_parser = nonzero_duration, default_value = "30s")]
    timeout: Duration,
    /// Size of the simulated cluster [default: the scenario's].
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(PRESETS))]
    preset: Option<String>,
    /// Nodes of the simulated cluster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    nodes: Option<u32>,
    /// Jobs of the simulated cluster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=2_000_000))]
    jobs: Option<u32>,
    /// Seed of the simulated cluster, and of the arrivals of an open loop.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print what would be done, and start nothing.
    #[arg(long)]
    dry_run: bool,
    /// Let a real Prometheus scrape beside the load, every five seconds: it must find the target up and take every sample.
    #[arg(long)]
    with_prometheus: bool,
    /// Push the result to a Pushgateway, as slurm_load_test_* of this scenario.
    #[arg(long, value_name = "URL")]
    push_gateway: Option<String>,
    /// The exporter's executable [default: beside this one, else on PATH].
    #[arg(long, value_name = "FILE")]
    exporter_bin: Option<PathBuf>,
    /// The simulator's executable [default: beside this one, else on PATH].
    #[arg(long, value_name = "FILE")]
    simulator_bin: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    #[default]
    Full,
    Ci,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ExecutorName {
    Closed,
    Open,
}

/// What is wrong with the request, in one line or one per problem.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub(crate) String);

/// What is loaded.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// An exporter that runs already.
    Running { metrics: Url, pid: Option<u32> },
    /// Simulator and exporter as child processes.
    Stack {
        cluster: Cluster,
        exporter: Option<PathBuf>,
        simulator: Option<PathBuf>,
        /// How many CPUs the exporter may use; `None` for all.
        cpus: Option<f64>,
    },
}

impl RunArguments {
    /// Checks everything that can be checked without starting anything.
    ///
    /// # Errors
    /// Unknown scenarios, unreadable or wrong files, addresses that are none.
    pub(crate) fn plan(self) -> Result<Plan, UsageError> {
        let scenario = self.scenario()?;
        if self.common.with_prometheus && scenario.search.is_some() {
            let problem =
                "--with-prometheus: a search goes on until the target fails, and so would its scrapes";
            return Err(UsageError(problem.into()));
        }
        let shard = self.shard(&scenario)?;
        let sla = match &self.common.sla {
            Some(path) => Some(rules(path, &scenario)?),
            None => None,
        };
        let target = match &self.common.target {
            Some(url) => {
                let metrics =
                    metrics_url(url).map_err(|problem| UsageError(format!("--target {url}: {problem}")))?;
                if let Some(pid) = self.target_pid
                    && !crate::sample::is_alive(pid)
                {
                    return Err(UsageError(format!("--target-pid {pid}: no such process")));
                }
                Target::Running { metrics, pid: self.target_pid }
            }
            None => {
                for (flag, file) in [
                    ("--exporter-bin", &self.common.exporter_bin),
                    ("--simulator-bin", &self.common.simulator_bin),
                ] {
                    if let Some(file) = file.as_deref().filter(|file| !file.is_file()) {
                        return Err(UsageError(format!("{flag} {}: no such file", file.display())));
                    }
                }
                Target::Stack {
                    cluster: Cluster {
                        preset: scenario.preset.clone(),
                        seed: self.common.seed,
                        nodes: self.common.nodes,
                        jobs: self.common.jobs,
                        poll: scenario.poll,
                    },
                    exporter: self.common.exporter_bin,
                    simulator: self.common.simulator_bin,
                    cpus: self.target_cpus,
                }
            }
        };
        let root = self.common.out.as_deref().unwrap_or(Path::new(RESULTS));
        ResultFolder::check(root).map_err(|problem| UsageError(format!("--out {problem}")))?;
        let push = match &self.common.push_gateway {
            Some(url) => {
                let refuse = |problem| UsageError(format!("--push-gateway {url}: {problem}"));
                Some(push::group(&http_url(url).map_err(refuse)?, &scenario.name).map_err(refuse)?)
            }
            None => None,
        };
        Ok(Plan {
            shard,
            start_at: self.start_at,
            scenario,
            target,
            sla,
            timeout: self.common.timeout,
            seed: self.common.seed,
            with_prometheus: self.common.with_prometheus,
            push,
            dry_run: self.common.dry_run,
            out: self.common.out,
            in_suite: false,
        })
    }

    /// The scenario with the flags on top.
    fn scenario(&self) -> Result<Scenario, UsageError> {
        let mut scenario = match (&self.scenario, &self.scenario_file) {
            (_, Some(path)) => Scenario::read(path),
            (name, None) => Scenario::built_in(name.as_deref().unwrap_or_default()),
        }
        .map_err(|error| UsageError(error_line(&error)))?;
        if self.common.target.is_some() && scenario.needs_simulator() {
            return Err(UsageError(format!(
                "--target: the scenario {} has faults, tokens or polls of its own, which only a simulator started here can have",
                scenario.name
            )));
        }
        if self.common.profile == Profile::Ci {
            scenario = scenario.within(CI_LONGEST);
        }
        scenario = self.executor(scenario)?;
        scenario.rate = self.rate.unwrap_or(scenario.rate);
        scenario.duration = self.common.duration.unwrap_or(scenario.duration);
        scenario.warmup = self.common.warmup.unwrap_or(scenario.warmup);
        // A shorter warm-up shortens the ramp that lies in it.
        scenario.ramp = scenario.ramp.min(scenario.warmup);
        scenario.preset = self.common.preset.clone().unwrap_or(scenario.preset);
        Ok(scenario)
    }
}

impl RunArguments {
    /// The scenario by the loop that the flags ask for.
    fn executor(&self, scenario: Scenario) -> Result<Scenario, UsageError> {
        let refuse = |problem: &str| Err(UsageError(problem.into()));
        let is_open = match (self.executor, scenario.executor) {
            (Some(asked), _) => asked == ExecutorName::Open,
            (None, of_file) => of_file != Executor::Closed,
        };
        if is_open {
            if self.vus.is_some() {
                return refuse("--vus: an open loop has no users, only a rate");
            }
            let (arrivals, cap) = match scenario.executor {
                Executor::Open { arrivals, max_in_flight } => (arrivals, max_in_flight),
                Executor::Closed => (Arrivals::default(), None),
            };
            return Ok(scenario.open(self.arrivals.unwrap_or(arrivals), self.max_in_flight.or(cap)));
        }
        if self.arrivals.is_some() || self.max_in_flight.is_some() {
            return refuse("--arrivals and --max-in-flight: only an open loop has them: --executor open");
        }
        match (self.vus, scenario.executor) {
            (Some(vus), _) => Ok(scenario.closed(vus)),
            (None, Executor::Closed) => Ok(scenario),
            (None, Executor::Open { .. }) => refuse("--executor closed: say how many users: --vus"),
        }
    }
}

impl RunArguments {
    /// The part of the schedule that is ours; `None` when there is only one.
    fn shard(&self, scenario: &Scenario) -> Result<Option<Shard>, UsageError> {
        let shard = match (self.shard, self.shards) {
            (Some(shard), _) => shard,
            (None, None) => return Ok(None),
            (None, Some(of)) => {
                let index = std::env::var(COMPLETION_INDEX).unwrap_or_default();
                index.parse().ok().filter(|index| *index < of).map(|index| Shard { index, of }).ok_or_else(
                    || {
                        UsageError(format!(
                            "--shards {of}: {COMPLETION_INDEX} is \"{index}\", expected a number below {of}"
                        ))
                    },
                )?
            }
        };
        if scenario.search.is_some() {
            return Err(UsageError(
                "--shard: a search chooses its next rate by itself, shards would differ".into(),
            ));
        }
        match scenario.executor {
            Executor::Open { .. } => Ok(Some(shard)),
            Executor::Closed => Err(UsageError(
                "--shard: users have no common schedule, arrivals have: --executor open".into(),
            )),
        }
    }
}

impl SuiteArguments {
    /// The plans in their order, and the folder of the whole; each run has one of its own below it.
    ///
    /// # Errors
    /// As for a single run, and when a scenario is asked for twice.
    pub(crate) fn plans(self) -> Result<(Vec<Plan>, PathBuf), UsageError> {
        let root = || Path::new(RESULTS).join(run_id(Timestamp::now(), "suite"));
        let root = self.common.out.clone().unwrap_or_else(root);
        let plan = |(index, name): (usize, &String)| {
            if self.scenarios[..index].contains(name) {
                return Err(UsageError(format!("{name}: is asked for twice, and has one folder")));
            }
            let common = CommonArguments { out: Some(root.join(name)), ..self.common.clone() };
            let run = RunArguments { scenario: Some(name.clone()), common, ..RunArguments::default() };
            run.plan().map(|plan| Plan { in_suite: true, ..plan })
        };
        let plans = self.scenarios.iter().enumerate().map(plan).collect::<Result<_, _>>()?;
        Ok((plans, root))
    }
}

impl MergeArguments {
    /// # Errors
    /// When the rule file is wrong.
    pub(crate) fn sla(&self) -> Result<Option<Sla>, UsageError> {
        self.sla.as_deref().map(read_rules).transpose()
    }
}

/// Reads a rule file.
fn read_rules(path: &Path) -> Result<Sla, UsageError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("{name}: cannot be read: {error}")))?;
    Sla::parse(&text, &name).map_err(|error| UsageError(error.to_string()))
}

/// Reads a rule file; rules that this run cannot judge are errors.
fn rules(path: &Path, scenario: &Scenario) -> Result<Sla, UsageError> {
    let name = path.display().to_string();
    let sla = read_rules(path)?;
    // The size of the cluster is not known yet; without it the rules of size classes stay in.
    let rules: Vec<_> = sla.rules.iter().filter(|rule| rule.concerns(&scenario.name)).collect();
    if rules.is_empty() {
        return Err(UsageError(format!("{name}: no rule concerns the scenario {}", scenario.name)));
    }
    let problems = judgeable::problems(&rules, scenario);
    if problems.is_empty() {
        return Ok(sla);
    }
    let lines: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
    Err(UsageError(lines.join("\n")))
}

/// Checks one file, as rules when it holds any, else as a scenario; says what it is.
pub(crate) fn validate(path: &Path) -> Result<String, UsageError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("{name}: cannot be read: {error}")))?;
    if text.lines().any(|line| line.trim_start().starts_with("[[rule]]")) {
        let sla = Sla::parse(&text, &name).map_err(|error| UsageError(error.to_string()))?;
        return Ok(format!("{name}: {} rules", sla.rules.len()));
    }
    let scenario = Scenario::read(path).map_err(|error| UsageError(error_line(&error)))?;
    Ok(format!("{name}: scenario {}", scenario.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let words = ["loadtest", "run"].iter().chain(arguments);
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Run(arguments) => arguments.plan().map_err(|error| error.to_string()),
            _ => Err("no run".into()),
        }
    }

    #[test]
    fn a_suite_has_a_folder_for_each_of_its_runs() {
        let plans =
            |arguments: &[&str]| match Cli::try_parse_from(["loadtest", "suite"].iter().chain(arguments)) {
                Ok(Cli { command: Command::Suite(arguments) }) => {
                    arguments.plans().map_err(|error| error.to_string())
                }
                _ => Err("no suite".into()),
            };
        let (runs, root) = plans(&["--profile", "ci", "--out", "somewhere"]).unwrap();
        assert_eq!(root, Path::new("somewhere"));
        let folders: Vec<_> = runs.iter().filter_map(|plan| plan.out.clone()).collect();
        assert_eq!(folders, SUITE.map(|name| root.join(name)));
        assert!(runs.iter().all(|plan| plan.scenario.duration <= CI_LONGEST && plan.in_suite));
        assert_eq!(plans(&["quick", "spike", "--seed", "7"]).unwrap().0[1].seed, 7);
        assert_eq!(plans(&["quick", "quick"]).unwrap_err(), "quick: is asked for twice, and has one folder");
        assert!(plans(&["quik"]).unwrap_err().contains("quick"));
    }

    #[test]
    fn flags_override_the_scenario() {
        let flags = [
            "baseline",
            "--vus",
            "3",
            "--rate",
            "0.5",
            "--duration",
            "1m",
            "--warmup",
            "2s",
            "--preset",
            "tiny",
        ];
        let scenario = plan(&flags).unwrap().scenario;
        assert_eq!((scenario.vus, scenario.rate, scenario.preset.as_str()), (3, 0.5, "tiny"));
        assert_eq!(
            [scenario.duration, scenario.warmup, scenario.ramp].map(|time| time.as_secs()),
            [60, 2, 2]
        );
    }

    #[test]
    fn an_open_loop_offers_what_the_users_would() {
        let scenario = plan(&["quick", "--executor", "open", "--arrivals", "poisson"]).unwrap().scenario;
        assert_eq!((scenario.vus, scenario.rate), (0, 50.0));
        assert_eq!(scenario.executor, Executor::Open { arrivals: Arrivals::Poisson, max_in_flight: None });
        let scenario = plan(&["quick", "--executor", "open", "--rate", "7"]).unwrap().scenario;
        assert_eq!(scenario.rate, 7.0);
    }

    #[test]
    fn an_address_without_a_path_means_its_metrics_page() {
        let metrics = |url: &str| match plan(&["quick", "--target", url]).unwrap().target {
            Target::Running { metrics, .. } => metrics.to_string(),
            Target::Stack { .. } => String::new(),
        };
        assert_eq!(metrics("http://127.0.0.1:9"), "http://127.0.0.1:9/metrics");
        assert_eq!(metrics("http://h:9/own?x=1"), "http://h:9/own?x=1");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (flags, expected) in [
            (vec!["quick", "--target", "ftp://x"], "--target ftp://x: expected http://host:port"),
            (vec!["quick", "--target", "localhost:80"], "expected http://host:port"),
            (vec!["quick", "--target", "http://x", "--target-pid", "4294967295"], "no such process"),
            (vec!["quick", "--duration", "0s"], "expected at least 1s"),
            (vec!["quick", "--executor", "open", "--vus", "3"], "--vus: an open loop has no users"),
            (vec!["quick", "--arrivals", "poisson"], "only an open loop has them"),
            (vec!["outage", "--target", "http://x"], "which only a simulator started here can have"),
            (vec!["quick", "--shard", "0/4"], "required"),
            (vec!["quick", "--target", "http://x", "--start-at", "9", "--shard", "4/4"], "I below N"),
            (
                vec!["quick", "--target", "http://x", "--start-at", "9", "--shard", "0/4"],
                "users have no common schedule",
            ),
            (
                vec!["capacity", "--target", "http://x", "--start-at", "9", "--shard", "0/4"],
                "a search chooses its next rate by itself",
            ),
            (vec!["quick", "--start-at", "noon"], "expected a moment such as"),
            (vec!["quick", "--target-cpus", "0.001"], "expected a number of CPUs from 0.01 on"),
            (
                vec!["quick", "--push-gateway", "gateway:9091"],
                "--push-gateway gateway:9091: expected http://host:port",
            ),
            (vec!["quick", "--rate", "0"], "expected a number above 0"),
            (vec!["quick", "--vus", "0"], "0 is not in 1..=100000"),
            (vec!["quick", "--target", "http://x", "--preset", "tiny"], "cannot be used with"),
            (vec!["quick", "--preset", "huge"], "tiny, small, medium, large"),
            (vec!["quick", "--exporter-bin", "/nowhere"], "--exporter-bin /nowhere: no such file"),
            (vec![], "required"),
        ] {
            let message = plan(&flags).unwrap_err();
            assert!(message.contains(expected), "{flags:?}: {message}");
        }
    }
}
