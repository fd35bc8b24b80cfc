//! The system under test on this machine: the simulator and the exporter as child processes, ready to be asked.
//! It neither loads nor measures them.

mod binaries;
mod child;

use std::fs::{OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::{Client, StatusCode, Url};
use tokio::process::Command;

pub(crate) use self::binaries::Binaries;
pub(crate) use self::child::Child;
use crate::folder::ResultFolder;
use crate::oracle::Watch;
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
}

/// Simulator and exporter, both running.
#[derive(Debug)]
pub(crate) struct Stack {
    simulator: Child,
    exporter: Child,
    /// The exporter's metrics page.
    pub(crate) metrics: Url,
    /// What is true in the simulated cluster.
    pub(crate) oracle: Watch,
    key: KeyFile,
}

impl Stack {
    /// Starts both and waits until the exporter has a page; `side` asks beside the load. Their logs are `simulator.log` and `exporter.log` in `out`.
    ///
    /// # Errors
    /// When one does not start, ends early, or the exporter is not ready in time; with its last log lines.
    pub(crate) async fn start(
        binaries: &Binaries,
        cluster: &Cluster,
        out: &mut ResultFolder,
        side: &Client,
    ) -> anyhow::Result<Self> {
        let key = KeyFile::create(out.path().join(".jwt.key"))?;
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

        let mut command = Command::new(&binaries.exporter);
        command.args(["--slurm.url", &slurm, "--slurm.user", SLURM_USER, "--server.listen", "127.0.0.1:0"]);
        // What is set for an exporter elsewhere must not change the one that is measured.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SLURM_EXPORTER_"))
        {
            command.env_remove(name);
        }
        command.env("SLURM_JWT", token(&binaries.simulator, &key.path).await?);
        let mut exporter = Child::start("the exporter", command, &out.file("exporter.log"))?;
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
        Ok(Self { simulator, exporter, metrics, oracle, key })
    }

    /// The exporter's process id, while it runs.
    pub(crate) fn exporter_pid(&self) -> Option<u32> {
        self.exporter.pid()
    }

    /// Watches both for ever; one that ends is a reason to stop the run.
    pub(crate) async fn guard(&mut self, stop: &Stop) -> std::convert::Infallible {
        let how = |status: std::io::Result<std::process::ExitStatus>| match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        tokio::select! {
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
        drop(self.key);
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
    command.arg("token").arg("--jwt-key").arg(key).args(["--user", SLURM_USER, "--lifespan", "604800"]);
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

/// A random key, readable by us only, gone when the run is over.
#[derive(Debug)]
struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut key))
            .context("/dev/urandom")?;
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            // A file from an earlier run keeps its mode.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(&key)
        };
        write().with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove the key file");
        }
    }
}
