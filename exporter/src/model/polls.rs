//! How the polls of each endpoint went: how long the last good one took, and how many failed.
//! The exporter's own families tell more; see `telemetry`.

use std::time::Duration;

use super::Endpoint;

/// The polls of a cluster since they began.
#[derive(Clone, Debug, Default)]
pub struct Polls([EndpointPolls; Endpoint::ALL.len()]);

/// The polls of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointPolls {
    /// Of the last good one.
    pub took: Option<Duration>,
    pub failures: u64,
}

impl Polls {
    pub fn of(&self, endpoint: Endpoint) -> EndpointPolls {
        self.0[endpoint as usize]
    }

    /// Enters a good poll.
    pub fn answered(&mut self, endpoint: Endpoint, took: Duration) {
        self.0[endpoint as usize].took = Some(took);
    }

    /// Enters a poll that failed.
    pub fn failed(&mut self, endpoint: Endpoint) {
        self.0[endpoint as usize].failures += 1;
    }
}
