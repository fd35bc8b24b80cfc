//! Section `collection`: how often each endpoint is polled, and when a reading is too old to be served.
//! When a poll starts within these bounds is the schedule's business.

use std::time::Duration;

use super::{Key, quantity};
use crate::model::Endpoint;
use crate::model::endpoint::Cost;

#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    pub intervals: Intervals,
    /// The most that a poll is put off, from the second on; the schedule keeps it within a tenth of the interval.
    pub jitter: Duration,
    /// For every endpoint, but see [`Collection::stale_after`]; otherwise five intervals.
    pub stale_after: Option<Duration>,
    pub retry: Retry,
    /// Collections under way at once, over all clusters; at least 1.
    pub max_workers: usize,
    /// Share of CPU periods cut short by the quota, from which on intervals grow.
    pub cpu_throttle_threshold: f64,
    /// Whether they grow.
    pub backoff_on_throttle: bool,
    pub caching: Caching,
}

/// What is kept of an answer, to ask only for what changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caching {
    pub enabled: bool,
    /// How long a list may count as unchanged before it is read in full again.
    pub default_ttl: Option<Duration>,
}

impl Caching {
    /// Whether "unchanged" is an answer, given the age of the last full one.
    pub fn allows(&self, age: Duration) -> bool {
        self.enabled && self.default_ttl.is_none_or(|ttl| age < ttl)
    }
}

impl Default for Caching {
    fn default() -> Self {
        Self { enabled: true, default_ttl: None }
    }
}

/// What is done about a failed poll before the next one is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Retries after one poll.
    pub attempts: u32,
    /// The longest delay before the first one.
    pub delay: Duration,
    /// How much longer the delay of each further one may be; at least 1.
    pub backoff: f64,
}

/// One interval per endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervals([Interval; Endpoint::ALL.len()]);

/// How often an endpoint is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// At least a second.
    pub every: Duration,
    /// Whether it grows to ten times the duration of the last poll where that is longer: jobs, unless it is set.
    pub grows: bool,
}

impl Interval {
    const fn fixed(every: Duration) -> Self {
        Self { every, grows: false }
    }
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            intervals: Intervals::default(),
            jitter: Duration::from_secs(10),
            stale_after: None,
            retry: Retry::default(),
            max_workers: 4,
            cpu_throttle_threshold: 0.8,
            backoff_on_throttle: true,
            caching: Caching::default(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, delay: Duration::from_secs(10), backoff: 2.0 }
    }
}

impl Default for Intervals {
    fn default() -> Self {
        Self(Endpoint::ALL.map(|endpoint| match (endpoint, endpoint.cost()) {
            (Endpoint::Jobs, _) => Self::JOBS_AUTO,
            (Endpoint::Nodes, _) => Interval::fixed(Duration::from_secs(30)),
            (_, Cost::Critical) => Interval::fixed(Duration::from_secs(15)),
            (_, Cost::Important) => Interval::fixed(Duration::from_secs(60)),
            (_, Cost::Detailed) => Interval::fixed(Duration::from_secs(300)),
        }))
    }
}

impl Intervals {
    const JOBS_AUTO: Interval = Interval { every: Duration::from_secs(60), grows: true };

    pub fn of(&self, endpoint: Endpoint) -> Interval {
        self.0[endpoint as usize]
    }

    /// Sets one interval from its text; `auto` is for jobs alone.
    pub(super) fn set(&mut self, endpoint: Endpoint, text: &str) -> Result<(), String> {
        self.0[endpoint as usize] = match (endpoint, text) {
            (Endpoint::Jobs, "auto") => Self::JOBS_AUTO,
            _ => Interval::fixed(at_least_a_second(text)?),
        };
        Ok(())
    }
}

impl Collection {
    /// The same for whoever only stands by: no interval is shorter than this, except that of pings.
    pub fn slowed(&self, every: Duration) -> Self {
        let slowed = |endpoint: Endpoint| {
            let interval = self.intervals.of(endpoint);
            match endpoint {
                Endpoint::Ping => interval,
                _ => Interval { every: interval.every.max(every), ..interval },
            }
        };
        Self { intervals: Intervals(Endpoint::ALL.map(slowed)), stale_after: None, ..self.clone() }
    }

    /// The age at which a reading of the endpoint is withdrawn, given the interval that it has now. An interval that
    /// has grown may outgrow what is configured, and one that is a default may be longer; then it is two of them, so that
    /// data does not go before the next comes.
    pub fn stale_after(&self, endpoint: Endpoint, every: Duration) -> Duration {
        match self.stale_after {
            None => every * 5,
            Some(configured) if every > self.intervals.of(endpoint).every || configured <= every => {
                configured.max(every * 2)
            }
            Some(configured) => configured,
        }
    }
}

pub(super) fn at_least_a_second(text: &str) -> Result<Duration, String> {
    let every = quantity::duration(text)?;
    if every < Duration::from_secs(1) {
        Err(format!("expected an interval of at least 1s, got \"{text}\""))
    } else if every > Duration::from_secs(86_400) {
        Err(format!("expected an interval of at most 1d, got \"{text}\""))
    } else {
        Ok(every)
    }
}

pub(super) const KEYS: &[Key] = &[
    // Before ping and diag, which are more exact and win.
    Key {
        path: "collection.intervals.cluster",
        flag: None,
        value: "DURATION",
        help: "ping and diag together",
        default: "",
        set: |config, text| {
            config.collection.intervals.set(Endpoint::Ping, text)?;
            config.collection.intervals.set(Endpoint::Diag, text)
        },
    },
    Key {
        path: "collection.intervals.ping",
        flag: Some("collection.intervals.ping"),
        value: "DURATION",
        help: "how often the controllers are asked whether they live",
        default: "15s",
        set: |config, text| config.collection.intervals.set(Endpoint::Ping, text),
    },
    Key {
        path: "collection.intervals.diag",
        flag: Some("collection.intervals.diag"),
        value: "DURATION",
        help: "how often the scheduler's statistics are read",
        default: "15s",
        set: |config, text| config.collection.intervals.set(Endpoint::Diag, text),
    },
    Key {
        path: "collection.intervals.job_states",
        flag: Some("collection.intervals.job-states"),
        value: "DURATION",
        help: "how often the states of jobs are read, without the jobs; not in Slurm 22.05",
        default: "15s",
        set: |config, text| config.collection.intervals.set(Endpoint::JobStates, text),
    },
    Key {
        path: "collection.intervals.database_ping",
        flag: None,
        value: "DURATION",
        help: "how often slurmdbd is asked whether it lives; from v0.0.42 on",
        default: "15s",
        set: |config, text| config.collection.intervals.set(Endpoint::DatabasePing, text),
    },
    Key {
        path: "collection.intervals.nodes",
        flag: Some("collection.intervals.nodes"),
        value: "DURATION",
        help: "how often the nodes are read",
        default: "30s",
        set: |config, text| config.collection.intervals.set(Endpoint::Nodes, text),
    },
    Key {
        path: "collection.intervals.partitions",
        flag: Some("collection.intervals.partitions"),
        value: "DURATION",
        help: "how often the partitions are read",
        default: "60s",
        set: |config, text| config.collection.intervals.set(Endpoint::Partitions, text),
    },
    // Before jobs, which win.
    Key {
        path: "collection.intervals.users",
        flag: None,
        value: "DURATION",
        help: "another name of the interval of jobs, which users are counted from",
        default: "",
        set: |config, text| config.collection.intervals.set(Endpoint::Jobs, text),
    },
    Key {
        path: "collection.intervals.reservations",
        flag: None,
        value: "DURATION",
        help: "how often the reservations are read",
        default: "60s",
        set: |config, text| config.collection.intervals.set(Endpoint::Reservations, text),
    },
    Key {
        path: "collection.intervals.licenses",
        flag: None,
        value: "DURATION",
        help: "how often the licenses are read",
        default: "60s",
        set: |config, text| config.collection.intervals.set(Endpoint::Licenses, text),
    },
    Key {
        path: "collection.intervals.shares",
        flag: None,
        value: "DURATION",
        help: "how often fair shares are read; not in Slurm 22.05",
        default: "300s",
        set: |config, text| config.collection.intervals.set(Endpoint::Shares, text),
    },
    Key {
        path: "collection.intervals.jobs",
        flag: Some("collection.intervals.jobs"),
        value: "DURATION",
        help: "how often the jobs are read; auto is 60s, or ten times what the last poll took if that is longer",
        default: "auto",
        set: |config, text| config.collection.intervals.set(Endpoint::Jobs, text),
    },
    Key {
        path: "collection.intervals.qos",
        flag: Some("collection.intervals.qos"),
        value: "DURATION",
        help: "how often the qualities of service are read from slurmdbd",
        default: "300s",
        set: |config, text| config.collection.intervals.set(Endpoint::Qos, text),
    },
    Key {
        path: "collection.intervals.associations",
        flag: Some("collection.intervals.associations"),
        value: "DURATION",
        help: "how often the limits of accounts and users are read from slurmdbd",
        default: "300s",
        set: |config, text| config.collection.intervals.set(Endpoint::Associations, text),
    },
    Key {
        path: "collection.intervals.accounting",
        flag: Some("collection.intervals.accounting"),
        value: "DURATION",
        help: "how often the jobs that have ended since are read from slurmdbd",
        default: "300s",
        set: |config, text| config.collection.intervals.set(Endpoint::Accounting, text),
    },
    Key {
        path: "collection.intervals.steps",
        flag: Some("collection.intervals.steps"),
        value: "DURATION",
        help: "how often the steps of running jobs are read from slurmdbd, where they are wanted",
        default: "300s",
        set: |config, text| config.collection.intervals.set(Endpoint::Steps, text),
    },
    Key {
        path: "collection.jitter",
        flag: None,
        value: "DURATION",
        help: "the most that a poll is put off, at most a tenth of its interval",
        default: "10s",
        set: |config, text| {
            config.collection.jitter = quantity::duration(text)?;
            Ok(())
        },
    },
    Key {
        path: "collection.stale_after",
        flag: Some("collection.stale-after"),
        value: "DURATION",
        help: "age at which a reading is withdrawn; auto is five intervals; where the interval is not set, a reading is \
               kept until the next one is due",
        default: "auto",
        set: |config, text| {
            config.collection.stale_after = match text {
                "auto" => None,
                _ => Some(at_least_a_second(text)?),
            };
            Ok(())
        },
    },
    Key {
        path: "collection.timeout",
        flag: None,
        value: "DURATION",
        help: "how long a request may take where slurm.request_timeout is auto; auto is 60s, and 300s for jobs",
        default: "auto",
        set: |config, text| {
            config.slurm.poll_timeout = match text {
                "auto" => None,
                _ => Some(quantity::some_time(text)?),
            };
            Ok(())
        },
    },
    Key {
        path: "collection.retry_attempts",
        flag: None,
        value: "COUNT",
        help: "how often a poll that failed is tried again before the next one is due",
        default: "3",
        set: |config, text| {
            config.collection.retry.attempts = quantity::count(text, 0..=100)?;
            Ok(())
        },
    },
    Key {
        path: "collection.retry_delay",
        flag: None,
        value: "DURATION",
        help: "the longest wait before the first retry; each is drawn anew",
        default: "10s",
        set: |config, text| {
            config.collection.retry.delay = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "collection.retry_backoff",
        flag: None,
        value: "FACTOR",
        help: "how much longer the wait before each further retry may be",
        default: "2.0",
        set: |config, text| {
            config.collection.retry.backoff = quantity::number(text, 1.0..=100.0)?;
            Ok(())
        },
    },
    Key {
        path: "collection.max_workers",
        flag: None,
        value: "COUNT",
        help: "readings turned into samples at once, over all clusters",
        default: "4",
        set: |config, text| {
            config.collection.max_workers = quantity::count(text, 1..=64)?;
            Ok(())
        },
    },
    Key {
        path: "collection.backoff_on_throttle",
        flag: None,
        value: "true|false",
        help: "whether intervals grow while the CPU quota throttles the exporter",
        default: "true",
        set: |config, text| {
            config.collection.backoff_on_throttle = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "collection.cpu_throttle_threshold",
        flag: None,
        value: "SHARE",
        help: "share of its CPU periods that the quota cuts short, from which on intervals grow",
        default: "0.8",
        set: |config, text| {
            config.collection.cpu_throttle_threshold = quantity::number(text, 0.01..=1.0)?;
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_pings_as_often_and_reads_all_else_slowly() {
        let seconds = Duration::from_secs;
        let fast = Collection { stale_after: Some(seconds(150)), ..Collection::default() };
        let slow = fast.slowed(seconds(300));
        assert_eq!(slow.intervals.of(Endpoint::Ping), fast.intervals.of(Endpoint::Ping));
        assert_eq!(slow.intervals.of(Endpoint::Nodes).every, seconds(300));
        assert_eq!(slow.stale_after(Endpoint::Nodes, seconds(300)), seconds(1500));
        assert_eq!(fast.slowed(seconds(1)).intervals, fast.intervals);
    }

    #[test]
    fn a_list_is_unchanged_for_its_time_to_live() {
        let seconds = Duration::from_secs;
        assert!(Caching::default().allows(seconds(1_000_000)));
        let caching = Caching { default_ttl: Some(seconds(60)), ..Caching::default() };
        assert_eq!([59, 60].map(|age| caching.allows(seconds(age))), [true, false]);
        assert!(!Caching { enabled: false, ..caching }.allows(Duration::ZERO));
    }

    #[test]
    fn a_reading_outlives_an_interval_that_has_grown() {
        let seconds = Duration::from_secs;
        let mut collection = Collection::default();
        assert_eq!(collection.stale_after(Endpoint::Jobs, seconds(200)), seconds(1000));
        collection.stale_after = Some(seconds(150));
        assert_eq!(collection.stale_after(Endpoint::Jobs, seconds(60)), seconds(150));
        assert_eq!(collection.stale_after(Endpoint::Jobs, seconds(200)), seconds(400));
        assert_eq!(collection.stale_after(Endpoint::Nodes, seconds(30)), seconds(150));
        assert_eq!(collection.stale_after(Endpoint::Licenses, seconds(300)), seconds(600));
        // Fixed intervals grow only for want of CPU; otherwise `check` has compared them with stale_after.
        collection.intervals.set(Endpoint::Jobs, "100s").unwrap();
        assert_eq!(collection.stale_after(Endpoint::Jobs, seconds(100)), seconds(150));
        assert_eq!(collection.stale_after(Endpoint::Jobs, seconds(400)), seconds(800));
    }
}
