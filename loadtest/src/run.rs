//! One run from start to verdict: bring up what is tested, load it, sample it, judge it, write it down.
//! The steps stand here in order; how each is done stands in its own file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::id as own_pid;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use reports::environment::{StealMeter, build, machine, run_id};
use reports::model::run::{RunKind, RunRecord};
use reports::model::{Document as _, Verdict};
use reports::sla::Sla;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::abort::Abort;
use crate::cli::Target;
use crate::clock::{ClockWatch, Evenness};
use crate::folder::ResultFolder;
use crate::oracle;
use crate::presence::{self, Expected};
use crate::probe::{self, Probe};
use crate::prometheus::Prometheus;
use crate::recorder::{Recorder, Recording};
use crate::sample::{self, Sampler, Samples, Source};
use crate::scenario::{Arrivals, Encoding, Executor, Load as Loop, LoadPlan, Scenario, Shard};
use crate::stack::{Binaries, Stack};
use crate::stop::{Reason, Stop};
use crate::validity::{self, Circumstances};
use crate::{closed, open, output, progress, push};

/// How long the pages that are fetched beside the load may take.
const SIDE_TIMEOUT: Duration = Duration::from_secs(30);

/// What stands ready so long before a given start, so that no timer makes it late.
const READY_AHEAD: Duration = Duration::from_millis(50);

/// Holds a folder for each run, unless the request names one.
pub(crate) const RESULTS: &str = "loadtest-results";

/// A request that was checked: everything that a run needs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) target: Target,
    /// `None` for the built-in rules.
    pub(crate) sla: Option<Sla>,
    pub(crate) timeout: Duration,
    /// Of the simulated cluster, and of the arrivals of an open loop.
    pub(crate) seed: u64,
    /// `None` when the whole load is ours.
    pub(crate) shard: Option<Shard>,
    /// When the load begins; without it, as soon as the target is there.
    pub(crate) start_at: Option<Timestamp>,
    /// Whether a real Prometheus scrapes beside the load.
    pub(crate) with_prometheus: bool,
    /// Where the result is pushed to: a group of a Pushgateway.
    pub(crate) push: Option<Url>,
    /// Only say what would be done.
    pub(crate) dry_run: bool,
    pub(crate) out: Option<PathBuf>,
    /// Whether other runs follow or came before, so that its verdict is not the last word.
    pub(crate) in_suite: bool,
}

/// What is loaded, once it is there.
pub(crate) struct Subject {
    pub(crate) metrics: Url,
    /// How its resources are sampled, when they can be.
    source: Option<Source>,
    pub(crate) stack: Option<Stack>,
    prometheus: Option<Prometheus>,
    /// What has to be there in the end, when it is not ours.
    expected: Option<Expected>,
    /// Last, so that it goes after the files that the stack removes itself.
    folder: ResultFolder,
}

/// The moment from which seconds are counted, by both clocks.
pub(crate) struct Start {
    instant: Instant,
    wall_clock: SystemTime,
}

impl Start {
    pub(crate) fn now() -> Self {
        Self { instant: Instant::now(), wall_clock: SystemTime::now() }
    }
}

/// What the load left behind.
struct Load {
    recording: Recording,
    subject: Samples,
    generator: Samples,
    clocks: Evenness,
    exposition: Option<reports::model::run::Exposition>,
    steal_ratio: Option<f64>,
}

/// What runs of one invocation share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) stop: Stop,
    pub(crate) out: PathBuf,
    started: Timestamp,
    id: String,
    /// Asks beside the load.
    side: Client,
}

/// A target that is there.
pub(crate) struct Prepared {
    pub(crate) subject: Subject,
    /// The size of the cluster, when the page tells.
    pub(crate) nodes: Option<u64>,
    /// When its first load begins.
    pub(crate) start: Start,
}

/// A load that was made, and all that is known of it.
pub(crate) struct Measured {
    pub(crate) record: RunRecord,
    pub(crate) circumstances: Circumstances,
    pub(crate) interval_log: Vec<u8>,
    examples: BTreeMap<String, String>,
}

impl Session {
    /// # Errors
    /// When the signal handlers cannot be installed, or the client not be set up.
    pub(crate) fn start(plan: &Plan) -> anyhow::Result<Self> {
        let stop = Stop::new();
        stop.on_signals().context("failed to install the signal handlers")?;
        let started = Timestamp::now();
        let id = run_id(started, &plan.scenario.name);
        let out = plan.out.clone().unwrap_or_else(|| Path::new(RESULTS).join(&id));
        Ok(Self { stop, out, started, id, side: probe::client(SIDE_TIMEOUT)? })
    }

    /// Brings up the target and waits until the load is to begin; the inner error is the exit code of a run that was
    /// stopped before its load.
    ///
    /// # Errors
    /// When the target cannot be brought up, or is there too late.
    pub(crate) async fn prepare(&self, plan: &Plan) -> anyhow::Result<Result<Prepared, u8>> {
        let prepared = async {
            let subject = bring_up(plan, &self.out, &self.side).await?;
            // The size of the cluster, while the target is still well; it decides which rules apply.
            let page = oracle::fetch(&self.side, subject.metrics.clone()).await;
            let nodes = page.ok().and_then(|page| oracle::nodes(&page));
            anyhow::Ok(Prepared { subject, nodes, start: start(plan.start_at).await? })
        };
        tokio::select! {
            prepared = prepared => prepared.map(Ok),
            reason = self.stop.requested() => before_the_load(&reason).map(Err),
        }
    }

    /// Makes one load and writes down what came of it.
    ///
    /// # Errors
    /// When the load could not be made.
    pub(crate) async fn measure(
        &self,
        plan: &Plan,
        load_plan: &LoadPlan,
        subject: &mut Subject,
        start: Start,
        abort: Option<Abort>,
    ) -> anyhow::Result<Measured> {
        let load = load(plan, load_plan, subject, start, abort, &self.stop).await?;
        let reason = self.stop.reason();
        let circumstances = Circumstances {
            stopped: reason.clone(),
            target_restarted: load.subject.restarted,
            target_absent: None,
            scrapes: None,
            faults: None,
            clocks: load.clocks,
            user_rate: match &load_plan.load {
                Loop::Users(users) => Some(users.rate),
                Loop::Arrivals(_) => None,
            },
            level_load: plan.scenario.stages.is_empty() && plan.scenario.faults.is_empty(),
            oracle: None,
        };
        let mut machine = machine();
        machine.steal_ratio = load.steal_ratio;
        let record = RunRecord {
            format: RunRecord::FORMAT.into(),
            id: self.id.clone(),
            kind: RunKind::LoadTest,
            scenario: plan.scenario.name.clone(),
            started_at: self.started.to_string(),
            duration_seconds: load.recording.measured.as_secs_f64(),
            aborted: reason.as_ref().map(ToString::to_string),
            build: build(env!("CARGO_PKG_VERSION")),
            machine,
            parameters: parameters(plan, &subject.metrics),
            seed: match (&plan.target, plan.scenario.executor) {
                (Target::Running { .. }, Executor::Closed) => None,
                _ => Some(plan.seed),
            },
            requests: load.recording.requests,
            seconds: load.recording.seconds,
            arrivals: load.recording.arrivals,
            subject: load.subject.resources,
            generator: load.generator.resources,
            exposition: load.exposition,
            metrics: Vec::new(),
        };
        let Recording { interval_log, examples, .. } = load.recording;
        Ok(Measured { record, circumstances, interval_log, examples })
    }
}

impl Session {
    /// Writes the files, pushes, and prints the result.
    ///
    /// # Errors
    /// When a file cannot be written. A push that fails is told and changes no verdict.
    pub(crate) async fn conclude(
        &self,
        plan: &Plan,
        record: &RunRecord,
        verdict: &Verdict,
        interval_log: &[u8],
    ) -> anyhow::Result<()> {
        output::write_files(&self.out, record, verdict, interval_log)?;
        if let Some(group) = &plan.push
            && let Err(error) = push::push(&self.side, group, record, verdict).await
        {
            tracing::error!("the result was not pushed: {error:#}");
        }
        let mut out = anstream::stdout().lock();
        output::print(&mut out, record, verdict, &self.out).context("stdout")?;
        let last_word = output::verdict_line(verdict.outcome);
        if plan.in_suite { writeln!(out) } else { writeln!(out, "{last_word}") }.context("stdout")
    }
}

/// Runs the plan and returns the exit code.
///
/// # Errors
/// When the run could not be made, or its result could not be written.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<u8> {
    let session = Session::start(&plan)?;
    let Prepared { mut subject, nodes, start } = match session.prepare(&plan).await? {
        Ok(prepared) => prepared,
        Err(code) => return Ok(code),
    };
    let sla = match &plan.sla {
        Some(sla) => sla.clone(),
        None => Sla::built_in(&plan.scenario.name, nodes),
    };
    let rules = sla.select(&plan.scenario.name, nodes).rules;
    let load_plan = LoadPlan::new(&plan.scenario, plan.seed, plan.shard.unwrap_or(Shard::WHOLE));
    let abort = Abort::new(&rules, &session.stop);
    let mut measured = session.measure(&plan, &load_plan, &mut subject, start, abort).await?;
    let reason = session.stop.reason();
    if reason.is_none() {
        if let Some(expected) = &subject.expected {
            let absent = presence::absence(&session.side, expected, plan.timeout).await;
            measured.circumstances.target_absent = absent;
        }
        // A run that was stopped may have nothing left to compare, and is not judged as passed anyway.
        if let Some(stack) = &subject.stack {
            let compared = stack.oracle.compare(&subject.metrics).await;
            measured.circumstances.oracle = Some(compared.map_err(|error| format!("{error:#}")));
        }
    }
    if let Some(prometheus) = subject.prometheus.take() {
        let scrapes = prometheus.scrapes().await.map_err(|error| format!("{error:#}"));
        measured.circumstances.scrapes = Some(scrapes);
        prometheus.stop().await;
    }
    if let Some(stack) = subject.stack.as_ref().filter(|_| !plan.scenario.faults.is_empty()) {
        let struck = stack.struck().await.map_err(|error| format!("{error:#}"));
        measured.circumstances.faults =
            Some(validity::Faults { planned: plan.scenario.fault_kinds(), struck });
    }
    if let Some(stack) = subject.stack.take() {
        stack.stop().await;
    }
    let Measured { mut record, circumstances, interval_log, examples } = measured;
    // The name that the judge looks for; absent when unknown.
    record.parameters.extend(nodes.map(|nodes| ("nodes".to_owned(), json!(nodes))));
    let mut verdict = validity::judge(sla.verdict(&record), &record, &circumstances);
    verdict.notes.extend(failures(&record, &examples));
    session.conclude(&plan, &record, &verdict, &interval_log).await?;
    Ok(reason.and_then(|reason| reason.exit_code()).unwrap_or_else(|| verdict.outcome.exit_code()))
}

/// Starts what is to be started, or looks whether the target is there. Makes the output folder.
async fn bring_up(plan: &Plan, out: &Path, side: &Client) -> anyhow::Result<Subject> {
    let make_folder =
        || ResultFolder::make(out).with_context(|| format!("{}: cannot be created", out.display()));
    let mut subject = match &plan.target {
        Target::Stack { cluster, exporter, simulator, cpus } => {
            let binaries = Binaries::find(exporter.as_deref(), simulator.as_deref())?;
            let mut folder = make_folder()?;
            let stack = Stack::start(&binaries, cluster, *cpus, &mut folder, side).await?;
            Subject {
                metrics: stack.metrics.clone(),
                source: stack.exporter_pid().map(Source::Process),
                stack: Some(stack),
                prometheus: None,
                expected: None,
                folder,
            }
        }
        Target::Running { metrics, pid } => {
            // Any answer will do: a target that answers with errors is there, and is judged.
            let answer = side
                .get(metrics.clone())
                .send()
                .await
                .with_context(|| format!("{metrics} does not answer"))?;
            let page = answer.text().await.unwrap_or_default();
            let own_figures = sample::has_figures(&page);
            let by_page = || own_figures.then(|| Source::Page { url: metrics.clone(), client: side.clone() });
            Subject {
                metrics: metrics.clone(),
                source: pid.map(Source::Process).or_else(by_page),
                stack: None,
                prometheus: None,
                expected: Some(Expected { metrics: metrics.clone(), pid: *pid, own_figures }),
                folder: make_folder()?,
            }
        }
    };
    if plan.with_prometheus {
        subject.prometheus = Some(Prometheus::start(&subject.metrics, &mut subject.folder, side).await?);
    }
    Ok(subject)
}

/// Waits until shortly before the load is to begin; from there each part waits for the exact moment by itself.
///
/// # Errors
/// When the moment has passed: whoever begins late was not part of what the others did.
async fn start(at: Option<Timestamp>) -> anyhow::Result<Start> {
    let Start { instant, wall_clock } = Start::now();
    let Some(at) = at else { return Ok(Start { instant, wall_clock }) };
    let at = SystemTime::from(at);
    let ahead = at
        .duration_since(wall_clock)
        .map_err(|late| anyhow!("the load was to begin {:.1} s ago", late.duration().as_secs_f64()))?;
    tokio::time::sleep(ahead.saturating_sub(READY_AHEAD)).await;
    Ok(Start { instant: instant + ahead, wall_clock: at })
}

/// Makes the load and records it, until the plan ends or the run is stopped.
async fn load(
    plan: &Plan,
    load: &LoadPlan,
    subject: &mut Subject,
    start: Start,
    abort: Option<Abort>,
    stop: &Stop,
) -> anyhow::Result<Load> {
    let mix = &plan.scenario.requests;
    let probe = Arc::new(Probe::new(&subject.metrics, mix, plan.timeout)?);
    let goose_report = subject.folder.path().join("goose.html").display().to_string();
    if let Some(stack) = &subject.stack {
        stack.plan_faults(&plan.scenario).await?;
    }
    subject.folder.keep();

    let Start { instant: start, wall_clock } = start;
    let measured_from = start + load.warmup;
    let names = mix.iter().map(|request| request.name.clone()).collect();
    let recorder = Arc::new(Recorder::new(names, load.clone(), start, wall_clock));
    recorder.watch(abort);
    let sampler = |source| Sampler::start(source, start, measured_from, stop.clone());
    let target = subject.source.clone().map(sampler);
    let generator = sampler(Source::Process(own_pid()));
    let clocks = ClockWatch::start();
    let steal = StealMeter::start();

    let loaded = {
        let attack = async {
            let (probe, recorder) = (Arc::clone(&probe), Arc::clone(&recorder));
            match &load.load {
                Loop::Users(users) => {
                    let attack = closed::Attack { target: &subject.metrics, mix, plan: load, users };
                    closed::run(attack, probe, recorder, stop.clone(), Some(&goose_report)).await
                }
                Loop::Arrivals(arrivals) => open::run(arrivals, mix, probe, recorder, stop.clone()).await,
            }
        };
        let guard = async {
            match &mut subject.stack {
                Some(stack) => stack.guard(&plan.scenario, start, stop).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            loaded = attack => loaded,
            never = guard => match never {},
            never = progress::show(Arc::clone(&recorder), load, target.as_ref()) => match never {},
        }
    };
    let ended = Instant::now();
    let end = if stop.reason().is_some() { ended } else { start + load.total() };
    let subject = match target {
        Some(target) => target.finish().await,
        None => Samples::default(),
    };
    let generator = generator.finish().await;
    loaded?;
    Ok(Load {
        recording: recorder.finish(end).context("failed to finish the recording")?,
        subject,
        generator,
        clocks: clocks.finish(),
        exposition: probe.facts(),
        steal_ratio: steal.stop(),
    })
}

fn before_the_load(reason: &Reason) -> anyhow::Result<u8> {
    tracing::warn!("{reason} before the load began: there is no result");
    Ok(reason.exit_code().unwrap_or(4))
}

/// One note per kind of failure, with its number and the first of them.
fn failures(record: &RunRecord, examples: &BTreeMap<String, String>) -> Vec<String> {
    examples
        .iter()
        .map(|(kind, detail)| {
            let count: u64 = record.requests.iter().filter_map(|stats| stats.errors.get(kind)).sum();
            format!("{count} x {kind}, first: {detail}")
        })
        .collect()
}

fn parameters(plan: &Plan, metrics: &Url) -> BTreeMap<String, Value> {
    let scenario = &plan.scenario;
    let requests: Vec<Value> = scenario
        .requests
        .iter()
        .map(|request| {
            let encoding = match request.encoding {
                Encoding::Gzip => "gzip",
                Encoding::Identity => "identity",
            };
            json!({"name": request.name, "path": request.path, "encoding": encoding, "weight": request.weight})
        })
        .collect();
    let stages: Vec<Value> =
        scenario.stages.iter().map(|stage| json!({"level": stage.level, "time": stage.time})).collect();
    let mut parameters = BTreeMap::from([
        ("ramp_seconds".to_owned(), json!(scenario.ramp.as_secs())),
        ("warmup_seconds".to_owned(), json!(scenario.warmup.as_secs())),
        ("duration_seconds".to_owned(), json!(scenario.duration.as_secs())),
        ("timeout_seconds".to_owned(), json!(plan.timeout.as_secs())),
        ("requests".to_owned(), json!(requests)),
        ("stages".to_owned(), json!(stages)),
        ("sla".to_owned(), json!(plan.sla.as_ref().map_or("built-in", |sla| sla.origin.as_str()))),
    ]);
    parameters.extend(
        match scenario.executor {
            Executor::Closed => [
                ("executor", json!("closed")),
                ("vus", json!(scenario.vus)),
                ("rate_per_vu", json!(scenario.rate)),
            ],
            Executor::Open { arrivals, .. } => {
                let arrivals = match arrivals {
                    Arrivals::Constant => "constant",
                    Arrivals::Poisson => "poisson",
                    Arrivals::Herd => "herd",
                };
                [("executor", json!("open")), ("rate", json!(scenario.rate)), ("arrivals", json!(arrivals))]
            }
        }
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let shard = plan.shard.map(|shard| json!(format!("{}/{}", shard.index, shard.of)));
    parameters.extend(shard.map(|shard| ("shard".to_owned(), shard)));
    parameters.extend(plan.start_at.map(|at| ("start_at".to_owned(), json!(at.to_string()))));
    match &plan.target {
        Target::Running { pid, .. } => {
            parameters.insert("target".into(), json!(metrics.as_str()));
            parameters.extend(pid.map(|pid| ("target_pid".to_owned(), json!(pid))));
        }
        Target::Stack { cluster, cpus, .. } => {
            parameters.extend(cpus.map(|cpus| ("target_cpus".to_owned(), json!(cpus))));
            parameters.insert("preset".into(), json!(cluster.preset));
            parameters.extend(cluster.nodes.map(|nodes| ("simulated_nodes".to_owned(), json!(nodes))));
            parameters.extend(cluster.jobs.map(|jobs| ("simulated_jobs".to_owned(), json!(jobs))));
        }
    }
    parameters
}
