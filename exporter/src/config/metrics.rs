//! Section `metrics`: which families are published, under which names, and how many series at most.
//! What a limit does to a family is said in `exposition::cardinality`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Key, Own, quantity};
use crate::collectors::SUBJECTS;
use crate::exposition;
use crate::legacy::SETS;

#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Replaces `slurm_` in the names of families about Slurm.
    pub prefix: String,
    pub max_series: Option<usize>,
    /// By label, at least 1.
    pub label_limits: BTreeMap<&'static str, usize>,
    /// Valid patterns for whole family names.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// Whether `levels` counts; otherwise every level is there.
    pub aggregated: bool,
    /// `cluster`, and levels of [`SUBJECTS`].
    pub levels: BTreeSet<&'static str>,
    /// Whether OpenMetrics pages have `_created` samples.
    pub created: bool,
    /// Published names of families that a full page gives up last.
    pub critical: BTreeSet<String>,
    /// Those that go by their detail, as do those in no list.
    pub important: BTreeSet<String>,
    /// Those that it gives up first.
    pub detailed: BTreeSet<String>,
    pub own: Own,
    pub hash_users: bool,
    pub hash_key_file: Option<PathBuf>,
    /// The sets of other exporters' names that have a page.
    pub legacy: BTreeSet<&'static str>,
}

/// The level of families about none of [`SUBJECTS`].
pub const CLUSTER_LEVEL: &str = "cluster";

/// What our names begin with.
pub const PREFIX: &str = "slurm_";

impl Default for Metrics {
    fn default() -> Self {
        Self {
            prefix: PREFIX.to_owned(),
            max_series: None,
            label_limits: BTreeMap::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            aggregated: true,
            levels: levels().collect(),
            created: false,
            critical: BTreeSet::new(),
            important: BTreeSet::new(),
            detailed: BTreeSet::new(),
            own: Own::default(),
            hash_users: false,
            hash_key_file: None,
            legacy: BTreeSet::new(),
        }
    }
}

fn levels() -> impl Iterator<Item = &'static str> {
    std::iter::once(CLUSTER_LEVEL).chain(SUBJECTS.iter().map(|(level, _)| *level))
}

const LABEL_LIMIT: Key = Key {
    path: "",
    flag: None,
    value: "NUMBER|none",
    help: "the most values of this label in a family, \"other\" included, which stands for those that are beyond it",
    default: "none",
    set: |_, _| Ok(()),
};

const FAMILIES: Key =
    Key { path: "", flag: None, value: "NAME,...", help: "", default: "", set: |_, _| Ok(()) };

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "metrics.prefix",
        flag: Some("metrics.prefix"),
        value: "PREFIX",
        help: "what the names of families about Slurm begin with; the exporter's own keep theirs",
        default: "slurm_",
        set: |config, text| {
            config.metrics.prefix = prefix(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.max_series",
        flag: Some("metrics.max-series"),
        value: "NUMBER|none",
        help: "the most series of the whole page; beyond it the finest families fold or go",
        default: "none",
        set: |config, text| {
            config.metrics.max_series = limit(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.label_limits.partition",
        set: |config, text| label_limit(&mut config.metrics, "partition", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.account",
        set: |config, text| label_limit(&mut config.metrics, "account", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.user",
        set: |config, text| label_limit(&mut config.metrics, "user", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.qos",
        set: |config, text| label_limit(&mut config.metrics, "qos", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.node",
        set: |config, text| label_limit(&mut config.metrics, "node", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.reason",
        set: |config, text| label_limit(&mut config.metrics, "reason", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.label_limits.job_name",
        set: |config, text| label_limit(&mut config.metrics, "name", text),
        ..LABEL_LIMIT
    },
    Key {
        path: "metrics.filter.include",
        flag: None,
        value: "REGEX,...",
        help: "families about Slurm that are published, by whole name; all if there is none",
        default: "",
        set: |config, text| {
            config.metrics.include = patterns(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.filter.exclude",
        flag: None,
        value: "REGEX,...",
        help: "families that are not published, by whole name, the exporter's own too",
        default: "",
        set: |config, text| {
            config.metrics.exclude = patterns(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.aggregation.enabled",
        flag: None,
        value: "true|false",
        help: "whether metrics.aggregation.levels counts; without it every level is published",
        default: "true",
        set: |config, text| {
            config.metrics.aggregated = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.aggregation.levels",
        flag: None,
        value: "LEVEL,...",
        help: "what families may be about: cluster, partition, account, user, node, job",
        default: "cluster,partition,account,user,node,job",
        set: |config, text| {
            let known: Vec<_> = levels().map(|level| (level, level)).collect();
            let levels = quantity::list(text).map(|level| quantity::one_of(level, &known));
            config.metrics.levels = levels.collect::<Result<_, _>>()?;
            match config.metrics.levels.is_empty() {
                true => Err("expected at least one level".to_owned()),
                false => Ok(()),
            }
        },
    },
    Key {
        path: "metrics.levels.critical",
        help: "families, by whole name, that a page which reaches metrics.max_series gives up last",
        set: |config, text| {
            config.metrics.critical = quantity::names(text);
            Ok(())
        },
        ..FAMILIES
    },
    Key {
        path: "metrics.levels.important",
        help: "families that it gives up by their detail, like those in no list",
        set: |config, text| {
            config.metrics.important = quantity::names(text);
            Ok(())
        },
        ..FAMILIES
    },
    Key {
        path: "metrics.levels.detailed",
        help: "families that it gives up first",
        set: |config, text| {
            config.metrics.detailed = quantity::names(text);
            Ok(())
        },
        ..FAMILIES
    },
    Key {
        path: "metrics.created",
        flag: None,
        value: "true|false",
        help: "whether OpenMetrics pages tell since when counters count; Prometheus keeps each as a series of its own",
        default: "false",
        set: |config, text| {
            config.metrics.created = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.hash_users",
        flag: Some("metrics.hash-users"),
        value: "true|false",
        help: "whether keyed hashes stand for the names of users and jobs",
        default: "false",
        set: |config, text| {
            config.metrics.hash_users = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.hash_key_file",
        flag: None,
        value: "FILE",
        help: "holds the key of metrics.hash_users; without it the hashes change with each start",
        default: "",
        set: |config, text| {
            config.metrics.hash_key_file = Some(quantity::path(text)?);
            Ok(())
        },
    },
    Key {
        path: "metrics.legacy",
        flag: Some("metrics.legacy"),
        value: "SET,...",
        help: "names of other exporters that are served on /metrics/legacy/SET: vpenso, rivosinc, slinky, native",
        default: "",
        set: |config, text| {
            let known: Vec<_> = SETS.iter().map(|set| (set.name, set.name)).collect();
            let sets = quantity::list(text).map(|set| quantity::one_of(set, &known));
            config.metrics.legacy = sets.collect::<Result<_, _>>()?;
            Ok(())
        },
    },
];

/// Reads what a family's name may begin with, without a clash with the exporter's own.
fn prefix(text: &str) -> Result<String, String> {
    let is_name = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_name {
        return Err(format!("expected letters, digits and \"_\", no digit first, got \"{text}\""));
    }
    match ["slurm_exporter_", "process_"].iter().find(|own| text.starts_with(**own) || own.starts_with(text))
    {
        Some(_) if text == PREFIX => Ok(text.to_owned()),
        Some(own) => {
            Err(format!("\"{text}\" may give names that begin with {own}, which are the exporter's own"))
        }
        None => Ok(text.to_owned()),
    }
}

pub(super) fn limit(text: &str) -> Result<Option<usize>, String> {
    match text {
        "none" => Ok(None),
        _ => match text.parse() {
            Ok(limit) if limit > 0 => Ok(Some(limit)),
            _ => Err(format!("expected a number of at least 1, or none, got \"{text}\"")),
        },
    }
}

fn label_limit(metrics: &mut Metrics, label: &'static str, text: &str) -> Result<(), String> {
    match limit(text)? {
        Some(limit) => drop(metrics.label_limits.insert(label, limit)),
        None => drop(metrics.label_limits.remove(label)),
    }
    Ok(())
}

fn patterns(text: &str) -> Result<Vec<String>, String> {
    let checked = quantity::list(text).map(|pattern| match exposition::anchored(pattern) {
        Ok(_) => Ok(pattern.to_owned()),
        Err(error) => Err(format!("expected a regular expression, got \"{pattern}\": {error}")),
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_start_of_a_name_and_not_of_our_own() {
        for good in ["slurm_", "slurm_cluster_", "hpc_", "_x9_"] {
            assert_eq!(prefix(good), Ok(good.to_owned()));
        }
        for bad in ["", "9_", "a-b", "slurm_exporter_", "slurm_exporter_x_", "process_", "proc"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!((limit("none"), limit("5")), (Ok(None), Ok(Some(5))));
        assert!(limit("0").is_err() && limit("-1").is_err() && limit("").is_err());
    }
}
