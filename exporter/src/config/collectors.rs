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
        help: "whether the collector runs; controller and partitions need /nodes too, which is read until all three are off",
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
        help: "whether the collector runs; controller and jobs need /partitions too, which is read until all three are off",
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
        help: "whether the collector runs; controller and partitions need /jobs too, which is read until all three are off",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::COLLECTORS;

    #[test]
    fn a_switch_names_the_other_collectors_that_keep_its_endpoint_polled() {
        let example = include_str!("../../config.example.yaml");
        for endpoint in [Endpoint::Nodes, Endpoint::Partitions, Endpoint::Jobs] {
            let name = endpoint.to_string();
            let needs = |collector: &&&crate::collectors::Collector| collector.needs.contains(&endpoint);
            let others: Vec<_> = COLLECTORS
                .iter()
                .filter(needs)
                .map(|other| other.name)
                .filter(|other| *other != name)
                .collect();
            let sentence = format!("{} need /{name} too", others.join(" and "));
            let key = KEYS.iter().find(|key| key.path == format!("collectors.{name}.enabled")).unwrap();
            assert!(key.help.contains(&sentence), "{}: no {sentence:?} in {:?}", key.path, key.help);
            assert!(example.contains(&format!("# {sentence}")), "no {sentence:?} in the example");
        }
        let scheduler = COLLECTORS.iter().filter(|collector| collector.needs.contains(&Endpoint::Diag));
        assert_eq!(scheduler.map(|collector| collector.name).collect::<Vec<_>>(), ["scheduler"]);
    }
}
