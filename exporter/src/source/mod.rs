//! The only input and output towards Slurm: one endpoint asked, one decoded reading or one classed error back.
//! When to ask, how often and how many at once is the schedule's business.

mod anonymise;
mod answer;
mod auth;
mod client;
mod command;
mod error;
mod incoming;
mod negotiate;
mod program;
mod rate_limit;
mod record;
mod recorded;
mod rest;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use command::Command;
pub use error::{ErrorClass, PollError, SourceError};
pub use record::{Line, RecordError, record};
pub use recorded::Recorded;
pub use rest::Rest;

use self::error::Failure;
use self::incoming::Incoming;
use crate::config::{Kind, Slurm, Token};
use crate::model::{Endpoint, Timestamp};
use crate::wire::Answer;

/// The source that the configuration names. It connects to nothing yet.
///
/// # Errors
/// When a file that it needs cannot be read or used.
pub fn open(slurm: &Slurm) -> Result<Arc<dyn Source>, SourceError> {
    Ok(open_for_fetching(slurm)?)
}

fn open_for_fetching(slurm: &Slurm) -> Result<Arc<dyn Fetch>, SourceError> {
    Ok(match slurm.source {
        Kind::Rest => Arc::new(Rest::new(slurm)?),
        Kind::Command => Arc::new(Command::new(slurm)),
        Kind::Recorded => Arc::new(Recorded::new(slurm)?),
    })
}

/// Something that knows the state of one Slurm cluster.
pub trait Source: Send + Sync + Debug {
    /// Asks for one endpoint. `since` is the `last_update` of the reading that the caller holds: the answer may
    /// then be `unchanged`. For finished jobs it is the start of a window, which ends at
    /// [`window_end`](crate::model::accounting::window_end). Nothing is tried twice, except that a token which was
    /// replaced while the request was under way is used once more.
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>>;

    /// When the token ends, in Unix seconds; none without a token, or for one that does not say.
    fn token_expiry(&self) -> Option<u64>;

    /// As whom Slurm is asked, where that is said: the user of the configuration, or of the token.
    fn user(&self) -> Option<String> {
        None
    }
}

/// A source whose answers can be had undecoded.
trait Fetch: Source {
    /// Asks for one endpoint, once; none where it is known to be absent. `since` is that of a poll.
    fn fetch<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Incoming>, Failure>> + Send + 'a>>;

    /// The token that the last request was signed with: an answer may quote it.
    fn token(&self) -> Option<Token> {
        None
    }
}

/// What a poll gave, and what it cost.
#[derive(Debug)]
pub struct Poll {
    pub outcome: Result<Answer, PollError>,
    /// Every request that was made and every command that was run, probes of API versions included.
    pub requests: Vec<Request>,
}

/// One HTTP request, or one command.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What was asked for: a probe of an API version is a ping, whichever poll needed it.
    pub endpoint: Endpoint,
    /// The HTTP status, or the exit status of the command; none when no answer came.
    pub code: Option<u16>,
    /// To the last byte that was read.
    pub duration: Duration,
    /// Of the body, as far as it was read.
    pub bytes: u64,
}
