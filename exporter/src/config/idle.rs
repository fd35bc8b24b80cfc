//! Keys that were set to something else than their default and do nothing while another one is off: a line at start.
//! What is wrong, and not only idle, is for `check`.

use std::collections::BTreeMap;

use super::load::Origins;
use super::{Config, keys};

/// Some keys, the one that they count with, and whether they do.
struct Condition {
    keys: &'static [&'static str],
    needs: &'static str,
    is_met: fn(&Config) -> bool,
}

const CONDITIONS: &[Condition] = &[
    Condition {
        keys: &["slurm.max_idle_connections", "slurm.connection_lifetime"],
        needs: "slurm.keep_alive",
        // Of several clusters one may keep its connections.
        is_met: |config| config.clusters().iter().any(|slurm| slurm.connections.keep_alive),
    },
    Condition {
        keys: &["slurm.rate_limit.burst"],
        needs: "slurm.rate_limit.requests_per_second",
        is_met: |config| config.clusters().iter().any(|slurm| slurm.rate_limit.requests_per_second.is_some()),
    },
    Condition {
        keys: &[
            "collectors.jobs.max_jobs",
            "collectors.jobs.max_age",
            "metrics.sampling.rate",
            "metrics.sampling.stratified",
        ],
        needs: "collectors.jobs.per_job",
        is_met: |config| config.slurm.job_details,
    },
    Condition {
        keys: &["metrics.levels.critical", "metrics.levels.important", "metrics.levels.detailed"],
        needs: "metrics.max_series",
        is_met: |config| config.metrics.max_series.is_some(),
    },
    Condition {
        keys: &["metrics.aggregation.levels"],
        needs: "metrics.aggregation.enabled",
        is_met: |config| config.metrics.aggregated,
    },
    Condition {
        keys: &["metrics.hash_key_file"],
        needs: "metrics.hash_users",
        is_met: |config| config.metrics.hash_users,
    },
    Condition {
        keys: &["collection.cpu_throttle_threshold"],
        needs: "collection.backoff_on_throttle",
        is_met: |config| config.collection.backoff_on_throttle,
    },
    Condition {
        keys: &["performance.caching.default_ttl"],
        needs: "performance.caching.enabled",
        is_met: |config| config.collection.caching.enabled,
    },
];

/// A line for each key that is idle. `texts` is what was written.
pub(super) fn told(config: &Config, origins: &Origins, texts: &BTreeMap<String, String>) -> Vec<String> {
    let is_default = |path: &str| {
        keys().any(|key| key.path == path && texts.get(path).is_some_and(|text| text == key.default))
    };
    let idle = CONDITIONS.iter().filter(|condition| !(condition.is_met)(config));
    let lines = idle.flat_map(|condition| {
        let set = condition.keys.iter().filter(|key| origins.contains_key(**key) && !is_default(key));
        set.map(move |key| (key, condition.needs))
    });
    lines.map(|(key, needs)| format!("{}: {key} has no effect without {needs}", origins[*key])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn every_condition_is_about_keys_that_exist() {
        for condition in CONDITIONS {
            for path in condition.keys.iter().chain([&condition.needs]) {
                assert!(keys().any(|key| key.path == *path), "{path}");
            }
        }
    }

    #[test]
    fn a_key_that_waits_for_another_is_told_with_its_place() {
        let path = "slurm.connection_lifetime";
        let origins = Origins::from([(path.to_owned(), Origin::Flag("slurm.connection-lifetime"))]);
        let mut config = Config::default();
        let written = |text: &str| BTreeMap::from([(path.to_owned(), text.to_owned())]);
        assert_eq!(
            told(&config, &origins, &written("1m")),
            ["--slurm.connection-lifetime: slurm.connection_lifetime has no effect without slurm.keep_alive"]
        );
        assert!(told(&config, &origins, &written("5m")).is_empty(), "the default");
        config.slurm.connections.keep_alive = true;
        assert!(told(&config, &origins, &written("1m")).is_empty());
    }
}
