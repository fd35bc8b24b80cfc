//! The cluster as slurmrestd writes it: JSON per endpoint and API version, field by field as recorded.
//! Not here: status codes, headers, authentication, latency (http/).
//!
//! To learn an API version: one variant in [`ApiVersion`], and `if api >= ...` or `if api < ...` at the fields
//! that came or went. The recordings in tests/fixtures hold the order and the types of every version.

mod diag;
mod job;
mod job_resources;
pub(crate) mod json;
mod meta;
mod node;
mod partition;
mod ping;
mod tres;
mod version;

pub use json::Style;
pub use version::{ApiVersion, Release, UnknownVersion};

use crate::cluster::Cluster;
pub(crate) use json::Count;
use json::{Json, Layout, Sink, key};
pub(crate) use meta::{Problem, Warning};
use std::fmt;
use std::str::FromStr;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    Ping,
    Diag,
    Nodes,
    Jobs,
    JobsState,
    Partitions,
}

impl Endpoint {
    pub const ALL: [Self; 6] =
        [Self::Ping, Self::Diag, Self::Nodes, Self::Jobs, Self::JobsState, Self::Partitions];

    /// The path below `/slurm/v0.0.NN/`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Diag => "diag",
            Self::Nodes => "nodes",
            Self::Jobs => "jobs",
            Self::JobsState => "jobs/state",
            Self::Partitions => "partitions",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown endpoint {0:?}, expected one of ping, diag, nodes, jobs, jobs/state, partitions")]
pub struct UnknownEndpoint(String);

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == text)
            .ok_or_else(|| UnknownEndpoint(text.to_owned()))
    }
}

/// Appends the whole answer to `out`: exactly the bytes of the body.
pub fn write(cluster: &Cluster, api: ApiVersion, endpoint: Endpoint, style: Style, out: &mut Vec<u8>) {
    Page::new(api, endpoint, style).write(cluster, out);
}

/// One answer that can be written in pieces, or only counted.
#[derive(Debug)]
pub(crate) struct Page {
    api: ApiVersion,
    endpoint: Endpoint,
    layout: Layout,
    cores: job_resources::CoreTexts,
    pub(crate) warnings: Vec<Warning>,
    /// What `/ping` says about slurmctld when it does not answer.
    pub(crate) controller_trouble: Option<&'static str>,
    /// Whether a second controller has taken over from the first, which is down.
    pub(crate) failed_over: bool,
}

impl Page {
    pub(crate) fn new(api: ApiVersion, endpoint: Endpoint, style: Style) -> Self {
        let layout = Layout::new(style);
        let cores = job_resources::CoreTexts::new(&layout);
        Self {
            api,
            endpoint,
            cores,
            layout,
            warnings: Vec::new(),
            controller_trouble: None,
            failed_over: false,
        }
    }

    /// How many elements the answer's list has, in records of the cluster.
    pub(crate) fn elements(&self, cluster: &Cluster) -> usize {
        match self.endpoint {
            Endpoint::Ping | Endpoint::Diag => 0,
            Endpoint::Nodes => cluster.nodes().len(),
            Endpoint::Jobs | Endpoint::JobsState => cluster.jobs().len(),
            Endpoint::Partitions => cluster.inventory().partitions.len(),
        }
    }

    pub(crate) fn head(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        match self.endpoint {
            Endpoint::Ping if self.failed_over => ping::write_failed_over(&mut json, cluster, self.api),
            Endpoint::Ping => ping::write(&mut json, cluster, self.api, self.controller_trouble),
            Endpoint::Diag => diag::write(&mut json, cluster, self.api),
            Endpoint::Nodes => json.open_list(key!("nodes")),
            Endpoint::Jobs | Endpoint::JobsState => json.open_list(key!("jobs")),
            Endpoint::Partitions => json.open_list(key!("partitions")),
        }
    }

    pub(crate) fn element(&self, cluster: &Cluster, index: usize, sink: &mut impl Sink) {
        let mut json = Json::resume(sink, &self.layout, 2, index == 0);
        match self.endpoint {
            Endpoint::Ping | Endpoint::Diag => {}
            Endpoint::Nodes => node::write(&mut json, cluster, index, self.api),
            Endpoint::Jobs => job::write(&mut json, cluster, &cluster.jobs()[index], self.api, &self.cores),
            Endpoint::JobsState => job::write_states(&mut json, cluster, &cluster.jobs()[index], self.api),
            Endpoint::Partitions => {
                partition::write(&mut json, &cluster.inventory().partitions[index], self.api);
            }
        }
    }

    pub(crate) fn tail(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let depth = if matches!(self.endpoint, Endpoint::Ping | Endpoint::Diag) { 1 } else { 2 };
        let empty = depth == 2 && self.elements(cluster) == 0;
        let mut json = Json::resume(sink, &self.layout, depth, empty);
        let now = cluster.now_unix();
        match self.endpoint {
            Endpoint::Ping | Endpoint::Diag => {}
            Endpoint::Nodes | Endpoint::Partitions => {
                json.close_list();
                json.set(key!("last_update"), now);
            }
            Endpoint::Jobs => {
                json.close_list();
                json.set(key!("last_backfill"), cluster.stats().backfill_at / 1_000);
                json.set(key!("last_update"), now);
            }
            Endpoint::JobsState => json.close_list(),
        }
        meta::close(&mut json, cluster, self.api, &[], &self.warnings);
    }

    pub(crate) fn write(&self, cluster: &Cluster, sink: &mut impl Sink) {
        self.head(cluster, sink);
        for index in 0..self.elements(cluster) {
            self.element(cluster, index, sink);
        }
        self.tail(cluster, sink);
    }

    /// The exact length of what `write` would write.
    pub(crate) fn len(&self, cluster: &Cluster) -> u64 {
        let mut count = Count::default();
        self.write(cluster, &mut count);
        count.0
    }

    /// `/jobs` when nothing changed since `update_time`: an empty list, no times and a warning.
    pub(crate) fn write_unchanged_jobs(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        json.empty_list(key!("jobs"));
        json.set(key!("last_backfill"), 0u64);
        json.set(key!("last_update"), 0u64);
        meta::close(&mut json, cluster, self.api, &[], &self.warnings);
    }

    /// The body of an error answer, whose shape depends on the endpoint.
    pub(crate) fn write_problems(
        &self,
        cluster: &Cluster,
        problems: &[Problem],
        refused: bool,
        sink: &mut impl Sink,
    ) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        match self.endpoint {
            // The query was refused before slurmctld was asked: errors first, as for the other endpoints.
            _ if refused => {}
            Endpoint::Jobs => {
                json.empty_list(key!("jobs"));
                json.set(key!("last_backfill"), 0u64);
                json.set(key!("last_update"), 0u64);
                return meta::close(&mut json, cluster, self.api, problems, &self.warnings);
            }
            Endpoint::JobsState => {
                json.null(key!("jobs"));
                return meta::close(&mut json, cluster, self.api, problems, &self.warnings);
            }
            _ => {}
        }
        meta::close_problems_first(&mut json, cluster, self.api, problems, &self.warnings);
    }
}
