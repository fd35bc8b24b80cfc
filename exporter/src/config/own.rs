//! Section `metrics.exporter`: what the exporter says of itself, as far as it is a matter of taste.
//! The families are declared in `telemetry`; any other is left out by `metrics.filter.exclude`.

use std::collections::BTreeSet;

use super::inside::bounds;
use super::{Key, quantity};
use crate::telemetry::Buckets;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Names of families that are not published.
    pub off: BTreeSet<&'static str>,
    pub buckets: Buckets,
}

/// `metrics.exporter.NAME.enabled`.
macro_rules! enabled {
    ($name:literal) => {
        Key {
            path: concat!("metrics.exporter.", $name, ".enabled"),
            flag: None,
            value: "true|false",
            help: concat!("whether slurm_exporter_", $name, " is published"),
            default: "true",
            set: |config, text| {
                let (name, off) = (concat!("slurm_exporter_", $name), &mut config.metrics.own.off);
                if quantity::switch(text)? {
                    off.remove(name);
                } else {
                    off.insert(name);
                }
                Ok(())
            },
        }
    };
}

const BUCKETS: Key = Key {
    path: "",
    flag: None,
    value: "SECONDS,...",
    help: "upper bounds of this histogram",
    default: "0.0005,0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,30,60,300",
    set: |_, _| Ok(()),
};

pub(super) const KEYS: &[Key] = &[
    enabled!("collection_duration_seconds"),
    Key {
        path: "metrics.exporter.collection_duration_seconds.buckets",
        set: |config, text| {
            config.metrics.own.buckets.collections = bounds(text)?.into();
            Ok(())
        },
        ..BUCKETS
    },
    enabled!("api_request_duration_seconds"),
    Key {
        path: "metrics.exporter.api_request_duration_seconds.buckets",
        set: |config, text| {
            config.metrics.own.buckets.requests = bounds(text)?.into();
            Ok(())
        },
        ..BUCKETS
    },
    enabled!("memory_usage_bytes"),
    enabled!("cache_hit_ratio"),
    enabled!("collection_errors_total"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::FAMILIES;

    #[test]
    fn every_switch_is_of_a_family() {
        for key in KEYS {
            let name = key.path.split('.').nth(2).unwrap();
            let family = format!("slurm_exporter_{name}");
            assert!(FAMILIES.iter().any(|known| known.name == family), "{}", key.path);
        }
    }
}
