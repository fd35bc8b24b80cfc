//! The system under test on this machine: the simulator and the exporter as child processes, ready to be asked.
//! It neither loads nor measures them.

mod binaries;
mod child;
mod secret;
mod trouble;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::{Client, StatusCode, Url};
use tokio::process::Command;

pub(crate) use self::binaries::Binaries;
pub(crate) use self::child::Child;
use self::secret::SecretFile;
use self::trouble::Trouble;
use crate::cgroup::Pinned;
use crate::folder::ResultFolder;
use crate::oracle::Watch;
use crate::scenario::Scenario;
use crate::stop::{Reason, Stop};

/// How long the exporter may take to have its first page; a large cluster is read in one go.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const READY_INTERVAL: Duration = Duration::from_millis(100);
/// The user in whose name the exporter asks.
const SLURM_USER: &str = "slurm";

/// Which cluster is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) preset: String,
    pub(crate) seed: u64,
    pub(crate) nodes: Option<u32>,
    pub(crate) jobs: Option<u32>,
    /// How often the exporter polls it; `None` as by its defaults.
    pub(crate) poll: Option<Duration>,
}

/// What an exporter polls that is asked to poll as often as all that: what the oracle and the faults are about.
const POLLED: [&str; 7] = ["ping", "diag", "nodes", "partitions", "jobs", "job-states", "database-ping"];

/// Simulator and exporter, both running.
#[derive(Debug)]
pub(crate) struct Stack {
    simulator: Child,
    exporter: Child,
    /// The exporter's metrics page.
    pub(crate) metrics: Url,
    /// What is true in the simulated cluster.
    pub(crate) oracle: Watch,
    trouble: Trouble,
    key: SecretFile,
    /// After the exporter, so that it is empty when it goes.
    pinned: Option<Pinned>,
}

impl Stack {
    /// Starts both and waits until the exporter has a page; `side` asks beside the load. Their logs are `simulator.log` and `exporter.log` in `out`.
    ///
    /// # Errors
    /// When one does not start, ends early, or the exporter is not ready in time; with its last log lines.
    pub(crate) async fn start(
        binaries: &Binaries,
        cluster: &Cluster,
        cpus: Option<f64>,
        out: &mut ResultFolder,
        side: &Client,
    ) -> anyhow::Result<Self> {
        let pinned = cpus.map(Pinned::create).transpose()?;
        let key = SecretFile::random(out.path().join(".jwt.key"))?;
        let mut command = Command::new(&binaries.simulator);
        command.args(["--preset", &cluster.preset, "--seed", &cluster.seed.to_string()]);
        command.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--jwt-key"]).arg(&key.path);
        for (flag, number) in [("--nodes", cluster.nodes), ("--jobs", cluster.jobs)] {
            if let Some(number) = number {
                command.args([flag, &number.to_string()]);
            }
        }
        let mut simulator = Child::start("the simulator", command, &out.file("simulator.log"))?;
        let slurm = simulator.announced("listening on ").await?;
        let control =
            Url::parse(&simulator.announced("control on ").await?).context("address of the control port")?;
        simulator.drain();
        // Before the exporter's first poll, so that what it read can be held against what was true then.
        let oracle = Watch::start(side, &control)?;

        let token = token(&binaries.simulator, &key.path).await?;
        let token = SecretFile::create(out.path().join(".slurm.token"), token.as_bytes())?;
        let mut command = Command::new(&binaries.exporter);
        command.args(["--slurm.url", &slurm, "--slurm.user", SLURM_USER, "--server.listen", "127.0.0.1:0"]);
        command.arg("--slurm.token-file").arg(&token.path);
        if let Some(poll) = cluster.poll {
            for endpoint in POLLED {
                command
                    .args([&format!("--collection.intervals.{endpoint}"), &format!("{}s", poll.as_secs())]);
            }
            command.args(["--collection.jitter", "0s"]);
        }
        // What is set for an exporter elsewhere must not change the one that is measured.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SLURM_EXPORTER_"))
        {
            command.env_remove(name);
        }
        let mut exporter = Child::start("the exporter", command, &out.file("exporter.log"))?;
        if let Some((pinned, pid)) = pinned.as_ref().zip(exporter.pid()) {
            pinned.add(pid).context("--target-cpus: the exporter cannot be put into its control group")?;
        }
        let base =
            Url::parse(&exporter.announced("listening on ").await?).context("address of the exporter")?;
        exporter.drain();
        let ready = base.join("/ready")?;
        tokio::select! {
            ready = wait_ready(&ready) => {
                ready.with_context(|| format!("the exporter is not ready{}", exporter.last_words()))?;
            }
            status = exporter.ended() => bail!("the exporter ended before it was ready ({}){}", status?, exporter.last_words()),
            status = simulator.ended() => bail!("the simulator ended before the exporter was ready ({}){}", status?, simulator.last_words()),
        }
        let metrics = base.join("/metrics")?;
        let trouble = Trouble { control, client: side.clone(), token };
        Ok(Self { simulator, exporter, metrics, oracle, trouble, key, pinned })
    }

    /// The exporter's process id, while it runs.
    pub(crate) fn exporter_pid(&self) -> Option<u32> {
        self.exporter.pid()
    }

    /// Announces the faults of the scenario; their times count from now.
    ///
    /// # Errors
    /// When the simulator does not know such a fault.
    pub(crate) async fn plan_faults(&self, scenario: &Scenario) -> anyhow::Result<()> {
        self.trouble.plan(scenario).await
    }

    /// How often each kind of fault has struck.
    ///
    /// # Errors
    /// When the simulator does not say.
    pub(crate) async fn struck(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        self.trouble.struck().await
    }

    /// Watches both for ever; one that ends is a reason to stop the run. Meanwhile the tokens change as the scenario says.
    pub(crate) async fn guard(
        &mut self,
        scenario: &Scenario,
        start: Instant,
        stop: &Stop,
    ) -> std::convert::Infallible {
        let how = |status: std::io::Result<std::process::ExitStatus>| match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        tokio::select! {
            never = self.trouble.change_tokens(scenario, start, stop) => match never {},
            status = self.exporter.ended() => {
                stop.request(Reason::TargetGone(format!("{}{}", how(status), self.exporter.last_words())));
            }
            status = self.simulator.ended() => {
                stop.request(Reason::StackBroken(format!("{}{}", how(status), self.simulator.last_words())));
            }
        }
        std::future::pending().await
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        tokio::join!(self.exporter.stop(), self.simulator.stop());
        drop((self.key, self.trouble, self.pinned));
    }
}

/// Asks `/ready` until it answers 200.
async fn wait_ready(url: &Url) -> anyhow::Result<()> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let deadline = Instant::now() + READY_DEADLINE;
    loop {
        let answer = client.get(url.clone()).send().await;
        let problem = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => return Ok(()),
            Ok(answer) => format!("{url} answers {}", answer.status()),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            bail!("after {} s: {problem}", READY_DEADLINE.as_secs());
        }
        tokio::time::sleep(READY_INTERVAL).await;
    }
}

/// Has the simulator sign a token that outlives any run.
async fn token(simulator: &Path, key: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(simulator);
    command.arg("token").arg("--jwt-key").arg(key).args([
        "--user",
        SLURM_USER,
        "--lifespan",
        &trouble::LIFESPAN_SECONDS.to_string(),
    ]);
    let output =
        command.kill_on_drop(true).output().await.context("failed to run the simulator for a token")?;
    if !output.status.success() {
        bail!(
            "the simulator gave no token ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("the simulator's token")?;
    // scontrol prints `SLURM_JWT=...`; either form is understood.
    Ok(text.trim().trim_start_matches("SLURM_JWT=").to_owned())
}
