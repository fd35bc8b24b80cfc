//! Section `collectors`: which subjects are exported, and interval and time-out of what each reads.
//! What a collector does stands in the module of its name.

use std::collections::BTreeSet;

use super::{Key, quantity};
use crate::model::Endpoint;

/// The collector that `collectors.jobs.per_job` switches on.
pub(super) const SINGLE_JOBS: &str = "single_jobs";

/// The collector that `collectors.jobs.include_steps` switches on.
pub(super) const JOB_STEPS: &str = "job_steps";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collectors {
    /// The names of those that are switched off.
    off: BTreeSet<&'static str>,
}

impl Default for Collectors {
    fn default() -> Self {
        Self { off: BTreeSet::from([SINGLE_JOBS, JOB_STEPS]) }
    }
}

impl Collectors {
    /// Whether the collector of this name runs; one that has no switch always does.
    pub fn is_enabled(&self, name: &str) -> bool {
        !self.off.contains(name)
    }

    pub(super) fn switch(&mut self, name: &'static str, text: &str) -> Result<(), String> {
        if quantity::switch(text)? {
            self.off.remove(name);
        } else {
            self.off.insert(name);
        }
        Ok(())
    }
}

/// `collectors.NAME.interval` and the key of the same thing; only one of each pair may be set in one place.
pub(super) const SAME_INTERVAL: &[(&str, &str)] = &[
    ("collectors.controller.interval", "collection.intervals.ping"),
    ("collectors.scheduler.interval", "collection.intervals.diag"),
    ("collectors.nodes.interval", "collection.intervals.nodes"),
    ("collectors.partitions.interval", "collection.intervals.partitions"),
    ("collectors.reservations.interval", "collection.intervals.reservations"),
    ("collectors.licenses.interval", "collection.intervals.licenses"),
    ("collectors.fairshare.interval", "collection.intervals.shares"),
    ("collectors.jobs.interval", "collection.intervals.jobs"),
    ("collectors.qos.interval", "collection.intervals.qos"),
    ("collectors.associations.interval", "collection.intervals.associations"),
    ("collectors.accounting.interval", "collection.intervals.accounting"),
];

/// `collectors.NAME.enabled`.
macro_rules! enabled {
    ($name:literal) => {
        Key {
            path: concat!("collectors.", $name, ".enabled"),
            flag: None,
            value: "true|false",
            help: "whether the collector runs; what it reads is polled as long as another one needs it",
            default: "true",
            set: |config, text| config.collectors.switch($name, text),
        }
    };
}

/// `collectors.NAME.interval`.
macro_rules! interval {
    ($name:literal, $endpoint:ident) => {
        Key {
            path: concat!("collectors.", $name, ".interval"),
            flag: None,
            value: "DURATION",
            help: "another name of the interval of the endpoint that the collector reads",
            default: "",
            set: |config, text| config.collection.intervals.set(Endpoint::$endpoint, text),
        }
    };
}

/// `collectors.NAME.timeout`.
macro_rules! timeout {
    ($name:literal, $endpoint:ident) => {
        Key {
            path: concat!("collectors.", $name, ".timeout"),
            flag: None,
            value: "DURATION",
            help: "how long a request for the endpoint that the collector reads may take, before slurm.request_timeout",
            default: "",
            set: |config, text| {
                config.slurm.timeouts[Endpoint::$endpoint as usize] = Some(quantity::some_time(text)?);
                Ok(())
            },
        }
    };
}

pub(super) const KEYS: &[Key] = &[
    enabled!("controller"),
    interval!("controller", Ping),
    timeout!("controller", Ping),
    enabled!("nodes"),
    interval!("nodes", Nodes),
    timeout!("nodes", Nodes),
    enabled!("partitions"),
    interval!("partitions", Partitions),
    timeout!("partitions", Partitions),
    enabled!("jobs"),
    interval!("jobs", Jobs),
    timeout!("jobs", Jobs),
    enabled!("job_life"),
    enabled!("users"),
    enabled!("accounts"),
    enabled!("reservations"),
    interval!("reservations", Reservations),
    timeout!("reservations", Reservations),
    enabled!("licenses"),
    interval!("licenses", Licenses),
    timeout!("licenses", Licenses),
    enabled!("fairshare"),
    interval!("fairshare", Shares),
    timeout!("fairshare", Shares),
    enabled!("scheduler"),
    interval!("scheduler", Diag),
    timeout!("scheduler", Diag),
    enabled!("qos"),
    interval!("qos", Qos),
    timeout!("qos", Qos),
    enabled!("associations"),
    interval!("associations", Associations),
    timeout!("associations", Associations),
    enabled!("accounting"),
    interval!("accounting", Accounting),
    timeout!("accounting", Accounting),
];
