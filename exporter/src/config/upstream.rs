//! Keys of section `slurm` that spare slurmrestd: the circuit breaker and the request rate.
//! What each of them does is in `schedule::breaker` and `source::rate_limit`.

use std::time::Duration;

use super::{Key, quantity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    pub enabled: bool,
    /// Failures in a row, over all endpoints of a daemon, that open the circuit; at least 1.
    pub failure_threshold: u32,
    /// How long only pings go out then.
    pub reset_timeout: Duration,
    /// Successes that close it again; at least 1.
    pub success_threshold: u32,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            enabled: true,
            failure_threshold: 5,
            reset_timeout: Duration::from_secs(30),
            success_threshold: 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// Above 0; no limit when it is not set.
    pub requests_per_second: Option<f64>,
    /// Requests that may go out at once; at least 1.
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests_per_second: None, burst: 10 }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "slurm.circuit_breaker.enabled",
        flag: None,
        value: "true|false",
        help: "whether a daemon that keeps failing is left alone but for pings",
        default: "true",
        set: |config, text| {
            config.slurm.circuit_breaker.enabled = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.circuit_breaker.failure_threshold",
        flag: None,
        value: "COUNT",
        help: "failures in a row that open the circuit",
        default: "5",
        set: |config, text| {
            config.slurm.circuit_breaker.failure_threshold = quantity::count(text, 1..=1000)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.circuit_breaker.reset_timeout",
        flag: None,
        value: "DURATION",
        help: "how long it stays open, unless a ping finds the daemon back earlier",
        default: "30s",
        set: |config, text| {
            config.slurm.circuit_breaker.reset_timeout = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.circuit_breaker.success_threshold",
        flag: None,
        value: "COUNT",
        help: "successes, one request at a time, that close it again",
        default: "3",
        set: |config, text| {
            config.slurm.circuit_breaker.success_threshold = quantity::count(text, 1..=1000)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.rate_limit.requests_per_second",
        flag: None,
        value: "RATE",
        help: "the most requests a second; none for no limit",
        default: "none",
        set: |config, text| {
            config.slurm.rate_limit.requests_per_second = match text {
                "none" => None,
                _ => Some(quantity::number(text, 0.001..=1000.0)?),
            };
            Ok(())
        },
    },
    Key {
        path: "slurm.rate_limit.burst",
        flag: None,
        value: "COUNT",
        help: "requests that may go out at once, with a limit",
        default: "10",
        set: |config, text| {
            config.slurm.rate_limit.burst = quantity::count(text, 1..=1000)?;
            Ok(())
        },
    },
];
