//! What was asked: requests per endpoint and how many at a time.
//! Not here: what faults did (faults.rs).

use crate::wire::Endpoint;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests to one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCounts {
    pub requests: u64,
    /// Asked for and not yet sent in full.
    pub in_flight: u64,
    pub max_in_flight: u64,
}

/// Everything that arrived, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    pub connections: u64,
    /// Unknown paths and versions, and other methods than GET.
    pub not_found: u64,
    /// Without or with a bad token.
    pub refused: u64,
    pub in_flight: u64,
    pub max_in_flight: u64,
    pub endpoints: BTreeMap<Endpoint, EndpointCounts>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counters(Arc<Mutex<Requests>>);

impl Counters {
    fn inner(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connection(&self) {
        self.inner().connections += 1;
    }

    pub(super) fn not_found(&self) {
        self.inner().not_found += 1;
    }

    pub(super) fn refused(&self) {
        self.inner().refused += 1;
    }

    /// Counts a request; it is in flight until the guard is dropped.
    pub(super) fn begin(&self, endpoint: Endpoint) -> InFlight {
        let mut requests = self.inner();
        requests.in_flight += 1;
        requests.max_in_flight = requests.max_in_flight.max(requests.in_flight);
        let counts = requests.endpoints.entry(endpoint).or_default();
        counts.requests += 1;
        counts.in_flight += 1;
        counts.max_in_flight = counts.max_in_flight.max(counts.in_flight);
        InFlight { counters: self.clone(), endpoint }
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.inner().in_flight
    }

    pub(super) fn snapshot(&self) -> Requests {
        self.inner().clone()
    }
}

#[derive(Debug)]
pub(super) struct InFlight {
    counters: Counters,
    endpoint: Endpoint,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut requests = self.counters.inner();
        requests.in_flight -= 1;
        if let Some(counts) = requests.endpoints.get_mut(&self.endpoint) {
            counts.in_flight -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_in_flight_outlives_the_requests() {
        let counters = Counters::default();
        let (first, second) = (counters.begin(Endpoint::Jobs), counters.begin(Endpoint::Jobs));
        drop((first, second));
        let third = counters.begin(Endpoint::Nodes);
        let jobs = counters.snapshot().endpoints[&Endpoint::Jobs];
        assert_eq!(jobs, EndpointCounts { requests: 2, in_flight: 0, max_in_flight: 2 });
        assert_eq!(counters.snapshot().in_flight, 1);
        drop(third);
    }
}
