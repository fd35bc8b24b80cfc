//! A child process that says on stdout where it listens and keeps its log in a file.
//! It ends with us: asked by SIGTERM, killed after five seconds, and killed when the handle is dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

/// How long a child may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// How many of its last lines stand in an error message.
const LOG_LINES: usize = 5;

#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    /// `None` once nobody reads it for its content any more.
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    log: PathBuf,
}

impl Child {
    /// Starts `command` with its stderr in the file `log`.
    ///
    /// # Errors
    /// When the program cannot be started or the file cannot be created.
    pub(crate) fn start(name: &'static str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("{}: cannot be created", log.display()))?;
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            // A Ctrl-C at the terminal is for us; we stop the children when the result is safe.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {name} ({program})"))?;
        let Some(stdout) = process.stdout.take() else { bail!("{name} has no stdout") };
        Ok(Self { name, process, stdout: Some(BufReader::new(stdout).lines()), log: log.into() })
    }

    /// Reads the next line of stdout and returns what follows `prefix`.
    ///
    /// # Errors
    /// When the child ends first or says something else.
    pub(crate) async fn announced(&mut self, prefix: &str) -> anyhow::Result<String> {
        let next = match &mut self.stdout {
            Some(stdout) => stdout.next_line().await.with_context(|| format!("stdout of {}", self.name))?,
            None => None,
        };
        let Some(line) = next else {
            let status = self.process.wait().await?;
            bail!("{} ended before it listened ({status}){}", self.name, self.last_words());
        };
        match line.strip_prefix(prefix) {
            Some(address) => Ok(address.trim().to_owned()),
            None => bail!("{} said \"{line}\", expected \"{prefix}...\"{}", self.name, self.last_words()),
        }
    }

    /// Throws away whatever else it writes to stdout; a full pipe would stop it.
    pub(crate) fn drain(&mut self) {
        if let Some(stdout) = self.stdout.take() {
            tokio::spawn(
                async move { tokio::io::copy(&mut stdout.into_inner(), &mut tokio::io::sink()).await },
            );
        }
    }

    /// The process id; `None` once it has ended and was waited for.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for the end of the child.
    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// The last lines of its log, for an error message; empty when there are none.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
        lines.iter().rev().fold(String::new(), |all, line| format!("{all}\n  {}: {line}", self.name))
    }

    /// Asks it to end, and kills it when it does not.
    pub(crate) async fn stop(mut self) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended this very moment; waiting tells.
            _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.process.wait()).await.is_err() {
            tracing::warn!(child = self.name, "did not end within 5 s of SIGTERM, killing it");
            if let Err(error) = self.process.kill().await {
                tracing::warn!(child = self.name, %error, "could not be killed");
            }
        }
    }
}
