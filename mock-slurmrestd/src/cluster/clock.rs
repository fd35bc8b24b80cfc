//! How simulated time follows real time: at a speed, or only when told.
//! Not here: reading a clock. Whoever drives the cluster measures and passes the elapsed time.

use std::time::Duration;

/// Milliseconds since the Unix epoch, simulated.
pub type Millis = u64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const HOUR: Millis = 60 * MINUTE;

/// The start of time for a cluster that is not told otherwise: fixed, so that a seed fixes every byte.
pub const DEFAULT_START_UNIX: u64 = 1_795_000_000;

/// Which time the cluster lives in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// Simulated time runs `speed` times as fast as real time.
    Auto { speed: f64 },
    /// Simulated time stands still until someone advances it.
    Explicit,
}

impl Clock {
    /// How much simulated time passes in `elapsed` of real time.
    pub fn simulated(self, elapsed: Duration) -> Duration {
        match self {
            Self::Auto { speed } => elapsed.mul_f64(speed),
            Self::Explicit => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_time_runs_at_its_speed_and_explicit_time_stands_still() {
        let second = Duration::from_secs(1);
        assert_eq!(Clock::Auto { speed: 60.0 }.simulated(second), Duration::from_secs(60));
        assert_eq!(Clock::Explicit.simulated(second), Duration::ZERO);
    }
}
