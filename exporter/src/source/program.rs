//! A program that is run without a shell: its stdout as it arrives, and its end when its time is over.
//! What it prints means nothing here, and its stdout is never logged: it may be a token.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::error::one_line;

/// As much of stderr as is kept, from its end: the cause stands last.
const STDERR_BYTES: usize = 4 << 10;

/// As much as is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A program that runs. Dropping it kills it with all that it has started.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    stdout: ChildStdout,
    stderr: JoinHandle<String>,
    deadline: Instant,
    /// Its own process group, until it was waited for.
    group: Option<Pid>,
    buffer: BytesMut,
}

/// How a program ended that gave no whole answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    #[error("cannot be started: {0}")]
    Start(std::io::Error),
    #[error("no complete answer in time")]
    Timeout,
    #[error("cannot be read from: {0}")]
    Read(std::io::Error),
}

/// How a program ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    /// None when a signal ended it.
    pub(super) code: Option<i32>,
    /// The last line of stderr that says something.
    pub(super) said: String,
}

impl Program {
    /// Starts the first word with the others as its arguments. `is_kept` tells which variables it inherits.
    ///
    /// # Errors
    /// When there is no such program, or it may not be run.
    pub(super) fn start(
        words: &[impl AsRef<OsStr>],
        is_kept: impl Fn(&str) -> bool,
        time: Duration,
    ) -> Result<Self, ProgramError> {
        let deadline = Instant::now() + time;
        let (name, arguments) = words.split_first().expect("the configuration refuses an empty list");
        let mut command = Command::new(name);
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|variable| !is_kept(variable)) {
                command.env_remove(variable);
            }
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(ProgramError::Start)?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = tokio::spawn(last_line(child.stderr.take().expect("stderr is piped")));
        Ok(Self { child, stdout, stderr, deadline, group, buffer: BytesMut::new() })
    }

    /// The next part of stdout; none at its end.
    ///
    /// # Errors
    /// When the time is over.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, ProgramError> {
        self.buffer.reserve(CHUNK_BYTES);
        let read = timeout_at(self.deadline, self.stdout.read_buf(&mut self.buffer)).await;
        match read {
            Ok(Ok(0)) => Ok(None),
            Ok(Ok(_)) => Ok(Some(self.buffer.split().freeze())),
            Ok(Err(error)) => Err(ProgramError::Read(error)),
            Err(_) => Err(ProgramError::Timeout),
        }
    }

    /// Waits for the end, after the last chunk.
    ///
    /// # Errors
    /// When the time is over.
    pub(super) async fn end(&mut self) -> Result<Ended, ProgramError> {
        let Ok(status) = timeout_at(self.deadline, self.child.wait()).await else {
            return Err(ProgramError::Timeout);
        };
        let status = status.map_err(ProgramError::Read)?;
        // What it has left behind may hold stderr open.
        let Ok(said) = timeout_at(self.deadline, &mut self.stderr).await else {
            return Err(ProgramError::Timeout);
        };
        self.group = None;
        Ok(Ended { code: status.code(), said: said.unwrap_or_default() })
    }

    /// All of stdout, up to a limit, and the end.
    ///
    /// # Errors
    /// When the time is over.
    pub(super) async fn output(&mut self, max_bytes: usize) -> Result<(Vec<u8>, Ended), ProgramError> {
        let mut output = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            let room = max_bytes - output.len();
            output.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok((output, self.end().await?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(formatter, "exit status {code}")?,
            None => formatter.write_str("ended by a signal")?,
        }
        if self.said.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.said) }
    }
}

async fn last_line(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    // A stderr that cannot be read says nothing.
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(STDERR_BYTES);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept);
    // getopt's second line tells nothing about the mistake in its first.
    let mut lines = text.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with("Try \""));
    one_line(line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, time: Duration) -> Program {
        Program::start(&["sh", "-c", script], |_| true, time).unwrap()
    }

    #[tokio::test]
    async fn the_last_line_of_stderr_is_the_cause() {
        let script = "echo out; echo first >&2; echo 'the cause' >&2; echo 'Try \"x --help\"' >&2; exit 3";
        let (output, ended) = shell(script, LONG).output(100).await.unwrap();
        assert_eq!(output, b"out\n");
        assert_eq!(ended.to_string(), "exit status 3: the cause");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_cannot_be_started() {
        let error = Program::start(&["/nonexistent/squeue"], |_| true, LONG).unwrap_err();
        assert_eq!(error.to_string(), "cannot be started: No such file or directory (os error 2)");
    }

    #[tokio::test]
    async fn words_are_arguments_and_not_a_script() {
        let mut program = Program::start(&["printf", "%s", "$HOME; `id`"], |_| true, LONG).unwrap();
        assert_eq!(program.output(100).await.unwrap().0, b"$HOME; `id`");
    }

    #[tokio::test]
    async fn only_variables_that_are_kept_are_inherited() {
        let mut program = Program::start(&["env"], |name| name == "PATH", LONG).unwrap();
        let (output, _) = program.output(1 << 20).await.unwrap();
        let names: Vec<_> = output
            .split(|byte| *byte == b'\n')
            .filter_map(|line| line.split(|byte| *byte == b'=').next())
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(names, [b"PATH"]);
    }

    #[tokio::test]
    async fn a_program_out_of_time_ends_with_all_that_it_started() {
        // The grandchild holds stdout open, as a hanging ssh would.
        let mut program = shell("sleep 1000 & echo $!; wait", Duration::from_secs(1));
        let chunk = program.chunk().await.unwrap().unwrap();
        let grandchild = String::from_utf8(chunk.to_vec()).unwrap();
        assert!(matches!(program.chunk().await, Err(ProgramError::Timeout)));
        drop(program);
        let stat = format!("/proc/{}/stat", grandchild.trim());
        let deadline = std::time::Instant::now() + LONG;
        // A zombie that nobody waits for is dead too.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(std::time::Instant::now() < deadline, "it lives on");
            tokio::task::yield_now().await;
        }
    }
}
