//! The only input and output towards Slurm: one endpoint asked, one decoded reading or one classed error back.
//! When to ask, how often and how many at once is the schedule's business.

mod answer;
mod auth;
mod error;
mod negotiate;
mod rate_limit;
mod rest;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use auth::read as read_token;
pub use error::{ErrorClass, PollError, SourceError};
pub use rest::Rest;

use crate::model::{Endpoint, Timestamp};
use crate::wire::Answer;

/// Something that knows the state of one Slurm cluster.
pub trait Source: Send + Sync + Debug {
    /// Asks for one endpoint. `since` is the `last_update` of the reading that the caller holds: the answer may
    /// then be `unchanged`. Nothing is tried twice, except that a token which was replaced while the request was
    /// under way is used once more.
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>>;

    /// When the token ends, in Unix seconds; none without a token, or for one that does not say.
    fn token_expiry(&self) -> Option<u64>;
}

/// What a poll gave, and what it cost.
#[derive(Debug)]
pub struct Poll {
    pub outcome: Result<Answer, PollError>,
    /// Every HTTP request that was made, probes of API versions included.
    pub requests: Vec<Request>,
}

/// One HTTP request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What was asked for: a probe of an API version is a ping, whichever poll needed it.
    pub endpoint: Endpoint,
    /// None when no answer began.
    pub code: Option<u16>,
    /// To the last byte that was read.
    pub duration: Duration,
    /// Of the body, as far as it was read.
    pub bytes: u64,
}
