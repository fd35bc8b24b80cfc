//! `slurm-exporter doctor`: asks a cluster for everything once and says in plain words what is well and what is not.
//! It asks as the exporter does, through a source; what the answers mean is decided in `judge`.

mod judge;
mod span;

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::config::{Kind, Slurm, TokenSource};
use crate::model::{Endpoint, Timestamp};
use crate::source::{ErrorClass, PollError, Source, SourceError, open};
use crate::wire::Answer;

/// How well one matter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Well,
    /// Nothing is wrong, but whoever reads it may want to know.
    Note,
    /// Somebody has to do something.
    Wrong,
}

/// One matter: what was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub mark: Mark,
    pub subject: &'static str,
    pub text: String,
}

/// What was asked, and what came.
#[derive(Debug)]
struct Seen {
    endpoint: Endpoint,
    outcome: Result<Answer, PollError>,
    asked_at: SystemTime,
    took: Duration,
}

/// What the judge knows beside the answers.
#[derive(Debug)]
struct Circumstances<'a> {
    slurm: &'a Slurm,
    /// Whom the token names, or the configuration.
    user: Option<String>,
    /// When the token ends, in Unix seconds.
    expiry: Option<u64>,
    now: SystemTime,
}

/// Asks for every endpoint, one after the other, and judges what came.
///
/// # Errors
/// When a file that the source needs cannot be used.
pub async fn examine(slurm: &Slurm) -> Result<Vec<Finding>, SourceError> {
    let source = open(slurm)?;
    let mut seen = Vec::new();
    for endpoint in Endpoint::ALL {
        let next = ask(&*source, endpoint).await;
        let is_deaf = matches!(
            &next.outcome,
            Err(error) if matches!(error.class, ErrorClass::Connect | ErrorClass::Timeout)
        );
        seen.push(next);
        // Who does not answer a ping would only let us wait for every other time-out as well.
        if is_deaf && endpoint == Endpoint::Ping {
            break;
        }
    }
    let circumstances =
        Circumstances { slurm, user: source.user(), expiry: source.token_expiry(), now: SystemTime::now() };
    Ok(judge::judge(&circumstances, &seen))
}

/// What a section of the configuration leads to, in words.
pub fn place(slurm: &Slurm) -> String {
    match slurm.source {
        Kind::Rest => format!("slurmrestd at {}", slurm.url),
        Kind::Command if slurm.command_prefix.is_empty() => "Slurm's commands on this host".to_owned(),
        Kind::Command => format!("Slurm's commands by way of {}", slurm.command_prefix.join(" ")),
        Kind::Recorded => {
            let folder = slurm.recording.as_deref().map(|folder| folder.display().to_string());
            format!("the recording in {}", folder.unwrap_or_default())
        }
    }
}

async fn ask(source: &dyn Source, endpoint: Endpoint) -> Seen {
    let (asked_at, started) = (SystemTime::now(), Instant::now());
    let outcome = source.poll(endpoint, Timestamp::NONE).await.outcome;
    Seen { endpoint, outcome, asked_at, took: started.elapsed() }
}

impl Seen {
    fn class(&self) -> Option<ErrorClass> {
        self.outcome.as_ref().err().map(|error| error.class)
    }
}

impl Circumstances<'_> {
    fn sends_token(&self) -> bool {
        self.slurm.source == Kind::Rest && self.slurm.auth.token != TokenSource::None
    }
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<5}  {:<10}  {}", self.mark.word(), self.subject, self.text)
    }
}
