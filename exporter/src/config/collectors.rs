//! Section `collectors`: which subjects are exported, and the interval of what each reads.
//! What a collector does stands in the module of its name.

use super::{Key, quantity};
use crate::model::Endpoint;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collectors {
    pub controller: bool,
    pub nodes: bool,
    pub partitions: bool,
    pub jobs: bool,
    pub scheduler: bool,
}

impl Default for Collectors {
    fn default() -> Self {
        Self { controller: true, nodes: true, partitions: true, jobs: true, scheduler: true }
    }
}

impl Collectors {
    /// Whether the collector of this name runs; one that has no switch always does.
    pub fn is_enabled(&self, name: &str) -> bool {
        match name {
            "controller" => self.controller,
            "nodes" => self.nodes,
            "partitions" => self.partitions,
            "jobs" => self.jobs,
            "scheduler" => self.scheduler,
            _ => true,
        }
    }
}

/// `collectors.NAME.interval` and the key of the same thing; only one of each pair may be set in one place.
pub(super) const SAME_INTERVAL: [(&str, &str); 5] = [
    ("collectors.controller.interval", "collection.intervals.ping"),
    ("collectors.scheduler.interval", "collection.intervals.diag"),
    ("collectors.nodes.interval", "collection.intervals.nodes"),
    ("collectors.partitions.interval", "collection.intervals.partitions"),
    ("collectors.jobs.interval", "collection.intervals.jobs"),
];

const ENABLED: Key = Key {
    path: "",
    flag: None,
    value: "true|false",
    help: "whether the collector runs",
    default: "true",
    set: |_, _| Ok(()),
};

const INTERVAL: Key = Key {
    path: "",
    flag: None,
    value: "DURATION",
    help: "another name of the interval of the endpoint that the collector reads",
    default: "",
    set: |_, _| Ok(()),
};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "collectors.controller.enabled",
        set: |config, text| enable(&mut config.collectors.controller, text),
        ..ENABLED
    },
    Key {
        path: "collectors.controller.interval",
        set: |config, text| config.collection.intervals.set(Endpoint::Ping, text),
        ..INTERVAL
    },
    Key {
        path: "collectors.nodes.enabled",
        set: |config, text| enable(&mut config.collectors.nodes, text),
        ..ENABLED
    },
    Key {
        path: "collectors.nodes.interval",
        set: |config, text| config.collection.intervals.set(Endpoint::Nodes, text),
        ..INTERVAL
    },
    Key {
        path: "collectors.partitions.enabled",
        set: |config, text| enable(&mut config.collectors.partitions, text),
        ..ENABLED
    },
    Key {
        path: "collectors.partitions.interval",
        set: |config, text| config.collection.intervals.set(Endpoint::Partitions, text),
        ..INTERVAL
    },
    Key {
        path: "collectors.jobs.enabled",
        set: |config, text| enable(&mut config.collectors.jobs, text),
        ..ENABLED
    },
    Key {
        path: "collectors.jobs.interval",
        set: |config, text| config.collection.intervals.set(Endpoint::Jobs, text),
        ..INTERVAL
    },
    Key {
        path: "collectors.scheduler.enabled",
        set: |config, text| enable(&mut config.collectors.scheduler, text),
        ..ENABLED
    },
    Key {
        path: "collectors.scheduler.interval",
        set: |config, text| config.collection.intervals.set(Endpoint::Diag, text),
        ..INTERVAL
    },
];

fn enable(collector: &mut bool, text: &str) -> Result<(), String> {
    *collector = quantity::switch(text)?;
    Ok(())
}
