//! What the exporter knows of a cluster: compact rows in base units, read-only once decoded.
//! It knows neither JSON nor HTTP; `wire` fills it, `collectors` read it.

pub mod controller;
pub mod diag;
pub mod endpoint;
pub mod job;
pub mod node;
pub mod partition;
pub mod state;
pub mod symbol;
pub mod time;
pub mod tres;

use std::sync::Arc;

pub use controller::{Controller, Controllers};
pub use diag::Diag;
pub use endpoint::Endpoint;
pub use job::{Job, Jobs};
pub use node::{Node, Nodes};
pub use partition::{Partition, Partitions};
pub use symbol::{Symbol, Symbols};
pub use time::Timestamp;

/// The newest good reading of each endpoint; `None` before the first one, when it was withdrawn as stale,
/// and where the site lacks the endpoint. Readings are shared: a new one replaces its `Arc`, nothing is edited.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub release: Option<Arc<Release>>,
    pub controllers: Option<Arc<Controllers>>,
    pub diag: Option<Arc<Diag>>,
    pub nodes: Option<Arc<Nodes>>,
    pub partitions: Option<Arc<Partitions>>,
    pub jobs: Option<Arc<Jobs>>,
}

/// Which Slurm answered, in which API version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// `ClusterName`; slurmrestd 22.05 does not send it.
    pub cluster: Option<String>,
    /// Such as `24.11.5`; empty when the answer did not tell.
    pub slurm_version: String,
    /// Such as `v0.0.42`.
    pub api_version: &'static str,
}

/// One endpoint's answer, decoded.
#[derive(Debug)]
pub enum Reading {
    Controllers(Controllers),
    Diag(Box<Diag>),
    Nodes(Nodes),
    Partitions(Partitions),
    Jobs(Jobs),
}

impl Reading {
    /// The endpoint that gives this reading.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Controllers(_) => Endpoint::Ping,
            Self::Diag(_) => Endpoint::Diag,
            Self::Nodes(_) => Endpoint::Nodes,
            Self::Partitions(_) => Endpoint::Partitions,
            Self::Jobs(_) => Endpoint::Jobs,
        }
    }

    /// Whether the reading carries no row at all (an error answer with an empty list).
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Controllers(read) => read.rows.is_empty(),
            Self::Diag(_) => false,
            Self::Nodes(read) => read.rows.is_empty(),
            Self::Partitions(read) => read.rows.is_empty(),
            Self::Jobs(read) => read.rows.is_empty(),
        }
    }
}

impl Snapshot {
    /// Puts a reading in its place; the one before is dropped when its last reader is done.
    pub fn set(&mut self, reading: Reading) {
        match reading {
            Reading::Controllers(read) => self.controllers = Some(Arc::new(read)),
            Reading::Diag(read) => self.diag = Some(Arc::from(read)),
            Reading::Nodes(read) => self.nodes = Some(Arc::new(read)),
            Reading::Partitions(read) => self.partitions = Some(Arc::new(read)),
            Reading::Jobs(read) => self.jobs = Some(Arc::new(read)),
        }
    }

    /// Withdraws the reading of an endpoint: its series disappear rather than grow old unseen.
    pub fn clear(&mut self, endpoint: Endpoint) {
        match endpoint {
            Endpoint::Ping => self.controllers = None,
            Endpoint::Diag => self.diag = None,
            Endpoint::Nodes => self.nodes = None,
            Endpoint::Partitions => self.partitions = None,
            Endpoint::Jobs => self.jobs = None,
        }
        if !Endpoint::ALL.into_iter().any(|endpoint| self.has(endpoint)) {
            self.release = None;
        }
    }

    /// Whether there is a reading of this endpoint.
    pub fn has(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Ping => self.controllers.is_some(),
            Endpoint::Diag => self.diag.is_some(),
            Endpoint::Nodes => self.nodes.is_some(),
            Endpoint::Partitions => self.partitions.is_some(),
            Endpoint::Jobs => self.jobs.is_some(),
        }
    }
}
