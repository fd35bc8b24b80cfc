//! The command line: its words, their checks, and what they mean for the library.
//! Not here: serving (the library) or the story of the process (main.rs).

use anyhow::{Context, anyhow, bail};
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use mock_slurmrestd::cluster::clock::DEFAULT_START_UNIX;
use mock_slurmrestd::cluster::{Clock, Cluster, Size};
use mock_slurmrestd::http::{self, Auth, Config, Fault, Latency, Planned, Replay};
use mock_slurmrestd::presets::{self, Preset};
use mock_slurmrestd::wire::{ApiVersion, Release, Style};
use mock_slurmrestd::workload::swf::Trace;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// A simulated Slurm cluster behind the REST interface of slurmrestd.
#[derive(Debug, Parser)]
#[command(
    name = "mock-slurmrestd",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a token that a simulator with the same key accepts.
    Token {
        /// The key file, as given to the simulator.
        #[arg(long, value_name = "FILE")]
        jwt_key: PathBuf,
        /// The user whom the token names.
        #[arg(long, default_value = "slurm")]
        user: String,
        /// Seconds until the token expires.
        #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..))]
        lifespan: u64,
    },
    /// List every kind of fault, its keys with their defaults, and what a client sees of it.
    Faults,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The cluster to start with.
    #[arg(long, default_value = "tiny", value_name = "NAME", value_parser = preset_named(), help_heading = "Cluster")]
    preset: Preset,
    /// Nodes, instead of the preset's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000), help_heading = "Cluster")]
    nodes: Option<u32>,
    /// Job records at the start (a waiting array is one), instead of the preset's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=2_000_000), help_heading = "Cluster")]
    jobs: Option<u32>,
    /// Partitions, 1 to 64.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Cluster")]
    partitions: Option<u16>,
    /// Users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=60_000), help_heading = "Cluster")]
    users: Option<u16>,
    /// GPUs (H100), rounded up to whole nodes of eight.
    #[arg(long, value_name = "N", help_heading = "Cluster")]
    gpus: Option<u32>,
    /// Replay the jobs of this trace (Standard Workload Format) on a machine of its size.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "jobs", "partitions", "users", "gpus", "replay"], help_heading = "Cluster")]
    swf: Option<PathBuf>,
    /// Decides every accident: the same seed gives the same cluster.
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Cluster")]
    seed: u64,
    /// The cluster's name.
    #[arg(long, default_value = "sim", value_name = "NAME", help_heading = "Cluster")]
    cluster_name: String,
    /// `auto`: time passes. `explicit`: time stands still but for POST /sim/advance, and starts at a fixed date.
    #[arg(long, default_value = "auto", value_name = "auto|explicit", help_heading = "Time")]
    clock: String,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", help_heading = "Time")]
    speed: f64,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:6820", value_name = "ADDR:PORT", help_heading = "Service")]
    listen: SocketAddr,
    /// Be one release: its API versions, fields, status codes and oddities on the wire. Without it every version is
    /// served at once, each as by the release that was recorded for it, on connections without oddities.
    #[arg(long, value_name = "22.05|24.11|25.05|25.11|26.05", help_heading = "Service")]
    release: Option<Release>,
    /// API versions to serve: one, or a range such as v0.0.42..v0.0.45. Default: all that the release has.
    #[arg(long, value_name = "VERSIONS", help_heading = "Service")]
    serve: Option<String>,
    /// Accept tokens signed with this key (HS256), as slurmctld's jwt_hs256.key.
    #[arg(long, value_name = "FILE", conflicts_with = "no_auth", help_heading = "Service")]
    jwt_key: Option<PathBuf>,
    /// Answer everybody.
    #[arg(long, help_heading = "Service")]
    no_auth: bool,
    /// Write JSON without white space, as a slurmrestd with SLURMRESTD_JSON=compact.
    #[arg(long, help_heading = "Service")]
    compact: bool,
    /// Clients at a time; more wait in silence, as with slurmrestd.
    #[arg(long, default_value_t = 123, value_name = "N", value_parser = at_least_one(), help_heading = "Service")]
    max_connections: usize,
    /// How much of a real slurmrestd's latency to imitate: none, real, or a factor.
    #[arg(long, default_value = "none", value_name = "none|real|FACTOR", help_heading = "Trouble")]
    latency: Latency,
    /// Requests worked on at a time when latency is imitated; more wait in line.
    /// A real slurmrestd has more threads, but is limited by its cores.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = at_least_one(), help_heading = "Trouble")]
    workers: usize,
    /// What goes wrong: KIND[:key=value,...], such as reset:endpoint=jobs,probability=0.1. `mock-slurmrestd faults`
    /// lists the kinds and their keys. May be given several times.
    #[arg(long, value_name = "FAULT", help_heading = "Trouble")]
    fault: Vec<Fault>,
    /// Faults by the clock, YAML or JSON: a list of kind, at, for and the keys of the kind.
    #[arg(long, value_name = "FILE", help_heading = "Trouble")]
    fault_schedule: Option<PathBuf>,
    /// Let a request bring its own fault in the header `X-Sim-Fault`, in the words of --fault.
    #[arg(long, help_heading = "Trouble")]
    fault_header: bool,
    /// Serve the recorded answers of this folder, NAME.json or NAME.http, instead of the cluster's.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["preset", "nodes", "jobs", "partitions", "users", "gpus"], help_heading = "Service")]
    replay: Option<PathBuf>,
    /// Listen here, on loopback only, for GET /sim/state, GET /sim/requests, POST /sim/advance, /sim/clock,
    /// /sim/drain, /sim/fault, /sim/submit, /sim/token.
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Control")]
    control: Option<SocketAddr>,
}

const EXAMPLES: &str = r#"Examples:
  A small cluster that answers everybody:
    mock-slurmrestd --no-auth
    curl http://127.0.0.1:6820/slurm/v0.0.42/nodes

  Slurm 24.11 with its oddities, its latency and tokens:
    head -c 32 /dev/urandom > jwt.key
    mock-slurmrestd --release 24.11 --latency real --jwt-key jwt.key
    curl -H "X-SLURM-USER-TOKEN: $(mock-slurmrestd token --jwt-key jwt.key)" \
      http://127.0.0.1:6820/slurm/v0.0.42/jobs

  An hour a minute, and every tenth answer with the jobs breaks off:
    mock-slurmrestd --no-auth --speed 60 --fault reset-body:endpoint=jobs,probability=0.1

Presets:"#;

/// Reads the command line; ends the process with 2 on a mistake and with 0 after help.
pub(crate) fn parse() -> Cli {
    let mut after = EXAMPLES.to_owned();
    for preset in presets::PRESETS {
        after.push_str(&format!("\n  {:10} {:49} {}", preset.name, preset.size_in_words, preset.summary));
    }
    let matches = Cli::command().after_help(after).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The exit code and what to say.
pub(crate) type Outcome = Result<(), (u8, anyhow::Error)>;

pub(crate) fn usage(error: anyhow::Error) -> (u8, anyhow::Error) {
    (2, error)
}

pub(crate) fn could_not_run(error: anyhow::Error) -> (u8, anyhow::Error) {
    (4, error)
}

pub(crate) fn print_token(key: &Path, user: &str, lifespan: u64) -> Outcome {
    let token =
        read_key(key).and_then(|key| Ok(http::token(&key, user, unix_now()?, lifespan)?)).map_err(usage)?;
    writeln!(io::stdout(), "{token}").map_err(|error| could_not_run(error.into()))
}

pub(crate) fn print_faults() -> Outcome {
    let keys = "  Keys of all: ms=0 (delay before the effect), endpoint=all, probability=1, times=any\n";
    write!(io::stdout(), "{}\n{keys}", http::fault_list()).map_err(|error| could_not_run(error.into()))
}

/// Binds the listener and the control port, and says on stdout where they are.
pub(crate) async fn bind(serve: &Serve) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let listener = listen(serve.listen).await?;
    let control = match serve.control {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let mut out = io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    if let Some(control) = &control {
        writeln!(out, "control on http://{}", control.local_addr()?)?;
    }
    out.flush()?;
    Ok((listener, control))
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| anyhow!("cannot listen on {address}: {error}"))
}

impl Serve {
    /// Checks what clap cannot, and starts the cluster.
    ///
    /// # Errors
    /// One line that names the flag and what it takes.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        if self.control.is_some_and(|address| !address.ip().is_loopback()) {
            bail!("--control has no authentication, so it takes a loopback address such as 127.0.0.1:0");
        }
        let auth = match &self.jwt_key {
            Some(path) => Auth::key(&read_key(path)?),
            None if self.no_auth => Auth::Open,
            None => {
                bail!("say who may ask: --jwt-key FILE (see `mock-slurmrestd token --help`) or --no-auth")
            }
        };
        let clock = match self.clock.as_str() {
            "auto" if self.speed > 0.0 && self.speed <= 100_000.0 => Clock::Auto { speed: self.speed },
            "auto" => bail!("--speed {}: expected a factor above 0, up to 100000", self.speed),
            "explicit" => Clock::Explicit,
            other => bail!("--clock {other}: expected auto or explicit"),
        };
        let served = self.versions()?;
        let mut faults: Vec<Planned> = self.fault.iter().cloned().map(Planned::from).collect();
        if let Some(path) = &self.fault_schedule {
            faults.extend(http::read_schedule(path)?);
        }
        let replay = self.replay.as_deref().map(Replay::read).transpose()?;
        let served = replay.as_ref().map_or(served, |replay| replay.api()..=replay.api());
        let start = match clock {
            Clock::Auto { .. } => unix_now()?,
            Clock::Explicit => DEFAULT_START_UNIX,
        };
        let cluster = self.cluster(start)?;
        Ok(Config {
            cluster,
            clock,
            auth,
            latency: self.latency,
            workers: self.workers,
            max_connections: self.max_connections,
            faults,
            fault_header: self.fault_header,
            replay,
            seed: self.seed,
            style: if self.compact { Style::Compact } else { Style::Pretty },
            release: self.release,
            served,
        })
    }

    /// What `--serve` asks for, as far as `--release` has it.
    fn versions(&self) -> anyhow::Result<RangeInclusive<ApiVersion>> {
        let all = match self.release {
            Some(release) => release.versions(),
            None => ApiVersion::V0_0_38..=ApiVersion::V0_0_45,
        };
        let Some(text) = &self.serve else { return Ok(all) };
        let asked = versions(text)?;
        if let Some(release) = self.release
            && !(all.contains(asked.start()) && all.contains(asked.end()))
        {
            let (first, last) = all.into_inner();
            bail!("--serve {text}: Slurm {release} has {first} to {last}");
        }
        Ok(asked)
    }

    /// A busy cluster, or an empty one that replays a trace.
    fn cluster(&self, start: u64) -> anyhow::Result<Cluster> {
        let Some(path) = &self.swf else {
            return Ok(Cluster::starting_at(&self.size(), self.seed, start, &self.cluster_name));
        };
        let text = std::fs::read_to_string(path).with_context(|| format!("--swf {}", path.display()))?;
        let trace = Trace::parse(&text, &path.display().to_string()).context("--swf")?;
        let size = trace.size(self.nodes);
        Ok(Cluster::replaying(trace, &size, self.seed, start, &self.cluster_name))
    }

    fn size(&self) -> Size {
        let mut size = self.preset.size.clone();
        if let Some(nodes) = self.nodes {
            size = size.with_nodes(nodes);
        }
        if let Some(jobs) = self.jobs {
            size = size.with_jobs(jobs);
        }
        if let Some(gpus) = self.gpus {
            size = size.with_gpus(gpus);
        }
        size.partitions = self.partitions.unwrap_or(size.partitions);
        size.users = self.users.unwrap_or(size.users);
        size
    }
}

/// Takes the name of a preset; the message for any other lists the names.
fn preset_named() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(presets::PRESETS.map(|preset| preset.name))
        .map(|name| presets::by_name(&name).expect("only the names of presets are let through"))
}

/// Zero would serve nobody; a semaphore does not count to any number.
fn at_least_one() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..=1_000_000)
}

fn versions(text: &str) -> anyhow::Result<RangeInclusive<ApiVersion>> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let parse = |version: &str| -> anyhow::Result<ApiVersion> {
        version.trim_start_matches('=').parse().with_context(|| format!("--serve {text}"))
    };
    let (first, last) = (parse(first)?, parse(last)?);
    if first > last {
        bail!("--serve {text}: the first version comes after the last");
    }
    Ok(first..=last)
}

/// The content of a key file.
///
/// # Errors
/// When it cannot be read or is empty.
fn read_key(path: &Path) -> anyhow::Result<Vec<u8>> {
    let key = std::fs::read(path).with_context(|| format!("--jwt-key {}", path.display()))?;
    if key.is_empty() {
        bail!("--jwt-key {}: the file is empty", path.display());
    }
    Ok(key)
}

/// Seconds since the Unix epoch, real time.
///
/// # Errors
/// When the machine's clock is before 1970.
fn unix_now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the machine's clock is before 1970")?;
    Ok(since.as_secs())
}
