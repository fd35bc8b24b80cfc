//! When each endpoint is asked again: its interval, some jitter, a rest after a time-out.

use std::time::Duration;

use crate::config::{CircuitBreaker, Collection, Interval};
use crate::model::Endpoint;

/// The timing of one cluster's polls.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The endpoints to poll.
    pub endpoints: Vec<Endpoint>,
    pub collection: Collection,
    /// Requests under way at once, over all endpoints.
    pub max_in_flight: usize,
    pub circuit_breaker: CircuitBreaker,
}

/// `/jobs` costs slurmrestd most: unless told otherwise it is busy with it for at most a tenth of the time.
const DUTY: u32 = 10;

/// slurmrestd works on after a client gave up, so the endpoint rests for this many time-outs.
const REST_AFTER_TIMEOUT: u32 = 2;

/// What this Slurm lacks is asked for again after this long at the earliest: each 404 sets off a search for the version.
const REST_WHERE_ABSENT: Duration = Duration::from_secs(600);

impl Plan {
    /// The configured interval, longer where it grows with the duration of the polls, and `stretch` times that.
    pub fn interval(&self, endpoint: Endpoint, last_took: Duration, stretch: u32) -> Duration {
        let Interval { every, grows } = self.collection.intervals.of(endpoint);
        let interval = if grows { every.max(last_took.saturating_mul(DUTY)) } else { every };
        interval.saturating_mul(stretch)
    }

    /// From the start of one poll to the start of the next. `chance` is in 0..1.
    pub fn next_start(
        &self,
        endpoint: Endpoint,
        took: Duration,
        timed_out: bool,
        stretch: u32,
        chance: f64,
    ) -> Duration {
        let interval = self.interval(endpoint, if timed_out { Duration::ZERO } else { took }, stretch);
        let jitter = self.collection.jitter.min(interval / 10).mul_f64(chance);
        let rest = if timed_out { took.saturating_mul(1 + REST_AFTER_TIMEOUT) } else { took };
        (interval + jitter).max(rest)
    }

    /// From the start of one poll to the start of the next where the endpoint turned out not to be served.
    pub fn next_look(&self, endpoint: Endpoint) -> Duration {
        self.interval(endpoint, Duration::ZERO, 1).max(REST_WHERE_ABSENT)
    }

    /// Age at which the endpoint's data is withdrawn, given how long its polls take.
    pub fn stale_after(&self, endpoint: Endpoint, last_took: Duration, stretch: u32) -> Duration {
        self.collection.stale_after(endpoint, self.interval(endpoint, last_took, stretch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn plan() -> Plan {
        Plan {
            endpoints: Endpoint::ALL.to_vec(),
            collection: Collection::default(),
            max_in_flight: 2,
            circuit_breaker: CircuitBreaker::default(),
        }
    }

    #[test]
    fn jitter_is_at_most_a_tenth_of_the_interval() {
        let next = |chance| plan().next_start(Endpoint::Nodes, seconds(1), false, 1, chance);
        assert_eq!(next(0.0), seconds(30));
        assert_eq!(next(1.0), seconds(33));
    }

    #[test]
    fn slow_jobs_are_asked_for_ten_times_less() {
        let next = |took| plan().next_start(Endpoint::Jobs, seconds(took), false, 1, 0.0);
        assert_eq!(next(2), seconds(60));
        assert_eq!(next(20), seconds(200));
        assert_eq!(plan().stale_after(Endpoint::Jobs, seconds(20), 1), seconds(1000));
    }

    #[test]
    fn after_a_time_out_the_endpoint_rests_for_two_more() {
        assert_eq!(plan().next_start(Endpoint::Nodes, seconds(60), true, 1, 0.0), seconds(180));
        assert_eq!(plan().next_start(Endpoint::Jobs, seconds(300), true, 1, 0.0), seconds(900));
    }

    #[test]
    fn data_is_stale_after_five_intervals_unless_told_otherwise() {
        assert_eq!(plan().stale_after(Endpoint::Nodes, Duration::ZERO, 1), seconds(150));
        let mut told = plan();
        told.collection.stale_after = Some(seconds(40));
        assert_eq!(told.stale_after(Endpoint::Nodes, Duration::ZERO, 1), seconds(40));
        assert_eq!(told.stale_after(Endpoint::Jobs, seconds(20), 1), seconds(400));
    }

    #[test]
    fn stretched_intervals_keep_their_data_for_longer() {
        let plan = plan();
        assert_eq!(plan.next_start(Endpoint::Nodes, seconds(1), false, 4, 1.0), seconds(130));
        assert_eq!(plan.next_start(Endpoint::Jobs, seconds(20), false, 2, 0.0), seconds(400));
        assert_eq!(plan.stale_after(Endpoint::Nodes, Duration::ZERO, 4), seconds(600));
    }
}
