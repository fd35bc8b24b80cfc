//! What the readings of a cluster mean as series: one file per collector, each a pure function of the snapshot.
//! No polling, no encoding, no memory between two readings.
//!
//! To add a collector: write one file with its family declarations and a `pub(super) const COLLECTOR`, then add
//! two lines here, `mod` and an entry of [`COLLECTORS`]; `UPDATE_GOLDEN=1 cargo test -p exporter` renews METRICS.md.

mod accounting;
mod accounts;
mod associations;
mod by_partition;
mod capacity;
mod controller;
mod fairshare;
pub(crate) mod gpu;
mod held;
mod in_use;
mod job_choice;
mod job_life;
mod job_steps;
mod jobs;
mod licenses;
mod node_states;
mod nodes;
mod partitions;
mod qos;
mod reservations;
mod scheduler;
pub mod settings;
mod single_jobs;
#[cfg(test)]
pub(crate) mod test_cluster;
mod users;
mod word_counts;

pub use settings::Settings;

use crate::exposition::{Batch, Desc, Kind, Level, Unit};
use crate::model::{Endpoint, Snapshot};

/// One subject's families and how to count them.
#[derive(Clone, Copy, Debug)]
pub struct Collector {
    /// The name in configuration, `collect[]` and the `collector` label.
    pub name: &'static str,
    /// A new reading of any of these runs it again. Families whose input is missing are left out.
    pub needs: &'static [Endpoint],
    /// Every family that it may write; each belongs to one collector.
    pub families: &'static [&'static Desc],
    pub collect: fn(&Snapshot, &Settings, &mut Batch),
}

/// Every collector, in the order of the reference.
pub const COLLECTORS: &[&Collector] = &[
    &controller::COLLECTOR,
    &nodes::COLLECTOR,
    &partitions::COLLECTOR,
    &jobs::COLLECTOR,
    &job_life::COLLECTOR,
    &single_jobs::COLLECTOR,
    &job_steps::COLLECTOR,
    &users::COLLECTOR,
    &accounts::COLLECTOR,
    &reservations::COLLECTOR,
    &licenses::COLLECTOR,
    &fairshare::COLLECTOR,
    &scheduler::COLLECTOR,
    &qos::COLLECTOR,
    &associations::COLLECTOR,
    &accounting::COLLECTOR,
];

/// Gauges that keep the `_total` which the field's dashboards know them by: the one exception to the naming lint.
pub const GAUGES_NAMED_TOTAL: &[&str] = &[
    "slurm_cluster_cpus_total",
    "slurm_cluster_gpus_total",
    "slurm_cluster_nodes_total",
    "slurm_jobs_total",
    "slurm_license_total",
    "slurm_node_cpus_total",
    "slurm_node_gpus_total",
    "slurm_node_gres_total",
    "slurm_nodes_total",
    "slurm_partition_cpus_total",
    "slurm_partition_gpus_total",
    "slurm_partition_nodes_total",
];

/// Endings of gauges whose values mean nothing when added up, so that a limit on a label leaves them out instead.
const PROPERTY_ENDINGS: &[&str] = &[
    "_active",
    "_factor",
    "_info",
    "_latency_seconds",
    "_level",
    "_limit",
    "_limit_seconds",
    "_max_time_seconds",
    "_mean",
    "_priority",
    "_ratio",
    "_state",
    "_tier",
    "_timestamp_seconds",
    "_up",
    "_weight",
];

/// What series are about, from few values to many: the level in `metrics.aggregation.levels`, and the label that tells
/// it. A family is about the last one whose label it has, and about the cluster without any.
pub const SUBJECTS: &[(&str, &str)] = &[
    ("partition", "partition"),
    ("account", "account"),
    ("user", "user"),
    ("node", "node"),
    ("job", "job_id"),
];

/// A declaration of a gauge, or of a property where the name says so.
const fn gauge(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    level: Level,
) -> Desc {
    let kind = if is_property(name) { Kind::Property } else { Kind::Gauge };
    Desc { name, help, kind, unit, labels, level }
}

const fn is_property(name: &str) -> bool {
    let mut at = 0;
    while at < PROPERTY_ENDINGS.len() {
        if ends_with(name.as_bytes(), PROPERTY_ENDINGS[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn ends_with(name: &[u8], ending: &[u8]) -> bool {
    let mut from_end = 1;
    while from_end <= ending.len() {
        if from_end > name.len() || name[name.len() - from_end] != ending[ending.len() - from_end] {
            return false;
        }
        from_end += 1;
    }
    true
}

/// A declaration of a counter.
const fn counter(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    level: Level,
) -> Desc {
    Desc { name, help, kind: Kind::Counter, unit, labels, level }
}

/// A declaration of a histogram.
const fn histogram(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    level: Level,
) -> Desc {
    Desc { name, help, kind: Kind::Histogram, unit, labels, level }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn families() -> impl Iterator<Item = &'static Desc> {
        COLLECTORS.iter().flat_map(|collector| collector.families).copied()
    }

    #[test]
    fn gauges_that_end_in_total_are_exactly_the_listed_ones() {
        let found: BTreeSet<_> = families()
            .filter(|family| family.kind == Kind::Gauge && family.name.ends_with("_total"))
            .map(|family| family.name)
            .collect();
        assert_eq!(found, GAUGES_NAMED_TOTAL.iter().copied().collect());
    }

    #[test]
    fn a_family_belongs_to_one_collector_and_a_collector_has_one_name() {
        let mut seen = BTreeSet::new();
        for family in families() {
            assert!(seen.insert(family.name), "{} is declared twice", family.name);
        }
        let names: BTreeSet<_> = COLLECTORS.iter().map(|collector| collector.name).collect();
        assert_eq!(names.len(), COLLECTORS.len());
    }

    #[test]
    fn what_does_not_add_up_is_a_property() {
        let kind = |name: &str| families().find(|family| family.name == name).map(|family| family.kind);
        for name in
            ["slurm_node_info", "slurm_node_weight", "slurm_node_state", "slurm_node_boot_timestamp_seconds"]
        {
            assert_eq!(kind(name), Some(Kind::Property), "{name}");
        }
        for name in ["slurm_node_cpus_total", "slurm_node_cpu_load", "slurm_jobs_pending_reason"] {
            assert_eq!(kind(name), Some(Kind::Gauge), "{name}");
        }
        assert!(!is_property("up"), "shorter than the ending");
    }

    #[test]
    fn no_name_is_another_counter_s_without_total() {
        // In OpenMetrics a counter's family goes by that.
        let names: BTreeSet<_> = families().map(|family| family.name).collect();
        for counter in families().filter(|family| family.kind == Kind::Counter) {
            let stem = counter.name.strip_suffix("_total").unwrap();
            assert!(!names.contains(stem), "{stem}");
        }
    }

    #[test]
    fn names_say_their_kind_and_unit() {
        for family in families() {
            let name = family.name;
            let stem = name.strip_suffix("_total").unwrap_or(name);
            assert!(name.starts_with("slurm_"), "{name}");
            assert!(family.kind != Kind::Counter || name.ends_with("_total"), "{name} is a counter");
            assert_eq!(family.unit == Unit::Seconds, stem.ends_with("_seconds"), "{name}");
            assert_eq!(family.unit == Unit::Bytes, stem.ends_with("_bytes"), "{name}");
            assert_eq!(family.unit == Unit::Ratio, stem.ends_with("_ratio"), "{name}");
            assert!(family.level != Level::Own, "{name} is Slurm's");
        }
    }

    #[test]
    fn help_is_one_sentence() {
        for Desc { name, help, .. } in families() {
            assert!(help.ends_with('.') && !help.contains(". ") && !help.contains('\n'), "{name}: {help}");
            assert!(help.starts_with(|letter: char| letter.is_ascii_uppercase()), "{name}: {help}");
        }
    }

    #[test]
    fn labels_are_neither_repeated_nor_those_of_the_batch() {
        for Desc { name, labels, .. } in families() {
            let unique: BTreeSet<_> = labels.iter().collect();
            assert_eq!(unique.len(), labels.len(), "{name}");
            assert!(!labels.contains(&"cluster") && !labels.contains(&"le"), "{name}");
        }
    }

    #[test]
    fn without_readings_there_are_no_series() {
        for collector in COLLECTORS {
            assert!(!collector.needs.is_empty());
            let lines = test_cluster::lines(collector, &Snapshot::default());
            assert_eq!(lines, Vec::<String>::new(), "{}", collector.name);
        }
    }
}
