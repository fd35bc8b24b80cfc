//! Slurm's own commands instead of slurmrestd: they print the same JSON, which the same decoder reads.
//! They run without a shell, one at a time, each with a time-out, and as whoever runs the exporter.
//!
//! Which command prints an endpoint stands in `model::endpoint`. What there is in JSON (tried on 22.05.8 and 24.11.5):
//! 24.11 has everything, in the data_parser version of its own release, or in an older one as `--json=v0.0.40`. 22.05
//! has `squeue`, `sinfo` (its nodes, not partitions as later) and `sacct`, in the shapes of v0.0.38; `scontrol`,
//! `sdiag`, `sshare` and `sacctmgr` refuse `--json` there. The JSON of 22.05's `squeue` holds every job whatever the
//! options say; 24.11 leaves out finished jobs and those of hidden partitions unless it is told not to. Without a
//! slurmctld 24.11 prints nothing and ends with status 1 (`sdiag` and `sshare`: 255), but for `scontrol ping --json`,
//! which says DOWN and ends with 0; 22.05's `squeue` and `sinfo` print an error as JSON and end with 0.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::answer::{Body, Limits, Reply};
use super::error::{ErrorClass, Failure, PollError};
use super::incoming::{self, Incoming};
use super::program::{Ended, Program};
use super::{Fetch, Poll, Request, Source};
use crate::config::Slurm;
use crate::model::accounting::window_end;
use crate::model::{Endpoint, Timestamp};
use crate::wire::{self, Answer, Api};

/// More than any list of controllers has.
const MAX_PING_BYTES: usize = 1 << 20;

/// Variables that would change what the commands print: filters and formats of whoever started the exporter.
const FILTERS: [&str; 6] = ["SQUEUE_", "SINFO_", "SACCT_", "SSHARE_", "SCONTROL_", "SACCTMGR_"];

/// A cluster behind Slurm's commands on this host, or wherever the prefix leads.
#[derive(Debug)]
pub struct Command {
    slurm: Slurm,
    dialect: Mutex<Option<Dialect>>,
    /// Held while a command runs.
    turn: tokio::sync::Mutex<()>,
    limits: Limits,
}

/// What the commands of this Slurm write.
#[derive(Clone, Debug)]
struct Dialect {
    api: &'static Api,
    /// `--json`, with the version where it is not the command's own choice.
    option: String,
}

/// Which jobs `sacct` is to show.
fn window(from: u32) -> String {
    let (until, states) = (window_end(from), wire::FINISHED_STATES);
    format!("--starttime=uts{from} --endtime=uts{until} --state={states}")
}

impl Command {
    /// A source for this section; it runs nothing yet.
    pub fn new(slurm: &Slurm) -> Self {
        Self {
            slurm: slurm.clone(),
            dialect: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            limits: Limits::from(slurm),
        }
    }

    async fn ask(
        &self,
        endpoint: Endpoint,
        since: Timestamp,
        requests: &mut Vec<Request>,
    ) -> Result<Answer, PollError> {
        let _turn = self.turn.lock().await;
        let begun = self.begin(endpoint, since, requests).await;
        let (api, begun) = begun.map_err(|failure| PollError::new(endpoint, &failure))?;
        let Some((started, mut incoming)) = begun else {
            return Err(self.absent(endpoint, api));
        };
        let place = incoming.place.clone();
        let mut body = Body::new(api, endpoint, &place, self.limits.clone());
        let reply = body.read(&mut incoming, false).await;
        let (code, bytes) = (incoming.code(), body.bytes());
        requests.push(Request { endpoint, code, duration: started.elapsed(), bytes });
        if matches!(reply, Reply::Failed { .. }) {
            // An upgrade of Slurm may have changed what it writes; the next poll looks.
            *self.dialect() = None;
        }
        reply.into_result(endpoint)
    }

    /// Starts the command of an endpoint; none where this Slurm has no such one. Whoever calls it has the turn.
    async fn begin(
        &self,
        endpoint: Endpoint,
        since: Timestamp,
        requests: &mut Vec<Request>,
    ) -> Result<(&'static Api, Option<(Instant, Incoming)>), Failure> {
        let started = Instant::now();
        if endpoint == Endpoint::Ping {
            // It is cheap, and tells each time what this Slurm writes.
            let (dialect, incoming) = self.ping().await?;
            return Ok((dialect.api, Some((started, incoming))));
        }
        let known = self.dialect().clone();
        let dialect = match known {
            Some(dialect) => dialect,
            None => {
                let (dialect, incoming) = self.ping().await?;
                let code = incoming.code();
                let bytes = incoming.length.unwrap_or_default();
                requests.push(Request { endpoint: Endpoint::Ping, code, duration: started.elapsed(), bytes });
                dialect
            }
        };
        let has_data_parser = dialect.api.has_data_parser();
        let words = if has_data_parser { Some(endpoint.command()) } else { endpoint.command_of_22_05() };
        let Some(words) = words.filter(|_| dialect.api.serves(endpoint)) else {
            return Ok((dialect.api, None));
        };
        let started = Instant::now();
        let words = match since.get() {
            Some(from) if endpoint == Endpoint::Accounting => format!("{words} {}", window(from)),
            _ => words.to_owned(),
        };
        let (line, program) = self.start(endpoint, &words, Some(&dialect.option))?;
        Ok((dialect.api, Some((started, Incoming::program(&line, program)))))
    }

    /// Asks whether the controllers live, which also tells what this Slurm writes.
    async fn ping(&self) -> Result<(Dialect, Incoming), Failure> {
        let pinned = self.slurm.api_version.and_then(wire::by_version);
        let mut option = match pinned {
            Some(api) if api.has_data_parser() => format!("--json={}", api.version),
            _ => "--json".to_owned(),
        };
        loop {
            let (line, output, ended) = self.run(Endpoint::Ping.command(), Some(&option)).await?;
            if output.is_empty() && is_no_option(&ended) {
                return self.ping_in_text(&line).await;
            }
            let Some(version) = wire::version_of(&output) else {
                return Err(incoming::ended_badly(&line, &ended));
            };
            let newest = wire::SUPPORTED[0];
            match wire::by_version(&version) {
                Some(api) => {
                    let dialect = Dialect { api, option };
                    *self.dialect() = Some(dialect.clone());
                    return Ok((dialect, Incoming::whole(&line, output, ended.code)));
                }
                // A Slurm that is newer than we are may still know the newest version that we know.
                None if option == "--json" => option = format!("--json={}", newest.version),
                None => {
                    let message = format!("it writes {version}, and not {}", newest.version);
                    return Err(Failure::new(ErrorClass::Decode, &line, message));
                }
            }
        }
    }

    /// 22.05 says in text how its controllers do; it is put into the words of its slurmrestd.
    async fn ping_in_text(&self, refused: &str) -> Result<(Dialect, Incoming), Failure> {
        let api = wire::before_data_parser();
        if self.slurm.api_version.is_some_and(|version| version != api.version) {
            let message = format!("this Slurm knows no --json; only {} is left", api.version);
            return Err(Failure::new(ErrorClass::HttpStatus, refused, message));
        }
        let (_, version, _) = self.run("scontrol", Some("--version")).await?;
        let (line, output, ended) = self.run(Endpoint::Ping.command(), None).await?;
        let pings: Vec<_> = String::from_utf8_lossy(&output).lines().filter_map(controller).collect();
        if pings.is_empty() {
            return Err(incoming::ended_badly(&line, &ended));
        }
        let release = String::from_utf8_lossy(&version);
        let document = serde_json::json!({
            "meta": {
                "plugin": {"type": format!("openapi/{}", api.version)},
                "Slurm": {"release": release.split_whitespace().last().unwrap_or_default()},
            },
            "errors": [],
            "pings": pings,
        });
        let dialect = Dialect { api, option: "--json".to_owned() };
        *self.dialect() = Some(dialect.clone());
        Ok((dialect, Incoming::whole(&line, document.to_string().into_bytes(), ended.code)))
    }

    /// Runs a command to its end, for the little that it prints.
    async fn run(&self, words: &str, option: Option<&str>) -> Result<(String, Vec<u8>, Ended), Failure> {
        let (line, mut program) = self.start(Endpoint::Ping, words, option)?;
        let output = program.output(MAX_PING_BYTES).await;
        let (output, ended) = output.map_err(|error| incoming::failed(&line, &error))?;
        Ok((line, output, ended))
    }

    fn start(
        &self,
        endpoint: Endpoint,
        words: &str,
        option: Option<&str>,
    ) -> Result<(String, Program), Failure> {
        let prefix = self.slurm.command_prefix.iter().map(String::as_str);
        let all: Vec<&str> = prefix.chain(words.split(' ')).chain(option).collect();
        let line = all.join(" ");
        let is_kept = |variable: &str| !FILTERS.iter().any(|filter| variable.starts_with(filter));
        let program = Program::start(&all, is_kept, self.slurm.timeout(endpoint));
        let program = program.map_err(|error| incoming::failed(&line, &error))?;
        Ok((line, program))
    }

    fn absent(&self, endpoint: Endpoint, api: &Api) -> PollError {
        let message = format!("this Slurm prints no JSON for it ({})", api.version);
        let failure = Failure::new(ErrorClass::HttpStatus, endpoint.command(), message);
        PollError { not_served: true, ..PollError::new(endpoint, &failure) }
    }

    fn dialect(&self) -> std::sync::MutexGuard<'_, Option<Dialect>> {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// getopt's words for an option that a command does not have.
fn is_no_option(ended: &Ended) -> bool {
    ended.code != Some(0) && ended.said.contains("unrecognized option")
}

/// `Slurmctld(primary) at head1 is UP`: one controller, as v0.0.38 writes it.
fn controller(line: &str) -> Option<serde_json::Value> {
    let (role, rest) = line.strip_prefix("Slurmctld(")?.split_once(") at ")?;
    let (hostname, word) = rest.split_once(" is ")?;
    Some(serde_json::json!({"hostname": hostname, "ping": word.trim(), "mode": role}))
}

impl Source for Command {
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>> {
        Box::pin(async move {
            let mut requests = Vec::new();
            let outcome = self.ask(endpoint, since, &mut requests).await;
            Poll { outcome, requests }
        })
    }

    fn token_expiry(&self) -> Option<u64> {
        None
    }
}

impl Fetch for Command {
    fn fetch<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Incoming>, Failure>> + Send + 'a>> {
        Box::pin(async move {
            // The turn ends before the program does: whoever fetches reads one answer after the other.
            let _turn = self.turn.lock().await;
            let (_, begun) = self.begin(endpoint, since, &mut Vec::new()).await?;
            Ok(begun.map(|(_, incoming)| incoming))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_scontrol_ping_is_one_controller() {
        let read = |line| controller(line).map(|value| value.to_string());
        assert_eq!(
            read("Slurmctld(backup1) at head2.example is DOWN").as_deref(),
            Some(r#"{"hostname":"head2.example","mode":"backup1","ping":"DOWN"}"#)
        );
        assert_eq!(read("** RESTORE SLURMCTLD DAEMON TO SERVICE **"), None);
    }
}
