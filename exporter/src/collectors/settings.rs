//! What the configuration switches inside the collectors: the counterpart of their own config sections.
//! Whether a collector runs at all is not its business.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::lifecycle::Buckets;

/// Read by every collector, edited by none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Bounds of the histograms of jobs.
    pub job_buckets: Buckets,
    pub nodes: NodeSettings,
    pub jobs: JobSettings,
    pub users: Names,
    pub accounts: Names,
}

/// Which nodes have series of their own. Sums over nodes are always of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSettings {
    /// One of these is enough.
    pub partitions: Only,
    /// One of these words, base or flag, is enough.
    pub states: Only,
    /// Whether each node's features are series.
    pub include_features: bool,
}

/// Which series the collectors `jobs` and `single_jobs` write. Those of cluster, partitions and users are always of all
/// jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSettings {
    pub partitions: Only,
    /// Base states and flags.
    pub states: Only,
    /// Of the jobs that are over: since when at most, to have series of their own.
    pub max_age: Option<Duration>,
    /// The most jobs with series of their own.
    pub max_jobs: Option<usize>,
    pub sampling: Sampling,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            partitions: Only::default(),
            states: Only::default(),
            max_age: None,
            max_jobs: Some(10_000),
            sampling: Sampling::default(),
        }
    }
}

/// Which share of the jobs has series of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Above 0, at most 1.
    pub rate: f64,
    /// Whether each partition and state has at least one.
    pub stratified: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { rate: 1.0, stratified: false }
    }
}

/// Which names of users or accounts have series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Those beyond are put together as `other`.
    pub max: Option<usize>,
    pub exclude: BTreeSet<String>,
}

/// A choice of names; none chosen means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only(pub BTreeSet<String>);

impl Only {
    pub fn allows(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.contains(name)
    }

    /// Whether every name is allowed.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }
}
