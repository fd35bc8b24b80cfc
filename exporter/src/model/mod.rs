//! What the exporter knows of a cluster: compact rows in base units, read-only once decoded.
//! It knows neither JSON nor HTTP; `wire` fills it, `collectors` read it.

pub mod controller;
pub mod diag;
pub mod endpoint;
pub mod histogram;
pub mod job;
pub mod job_totals;
pub mod node;
pub mod node_totals;
pub mod partition;
pub mod polls;
pub mod state;
pub mod symbol;
pub mod time;
pub mod tres;

use std::sync::Arc;

pub use controller::{Controller, Controllers};
pub use diag::Diag;
pub use endpoint::Endpoint;
pub use job::{Job, Jobs};
pub use job_totals::JobTotals;
pub use node::{Node, Nodes};
pub use node_totals::NodeTotals;
pub use partition::{Partition, Partitions};
pub use polls::Polls;
pub use symbol::{Symbol, Symbols};
pub use time::Timestamp;

/// Makes [`Snapshot`] and [`Reading`] from one line per endpoint: `Variant => field: Type`.
macro_rules! readings {
    ($($endpoint:ident => $field:ident: $rows:ident),* $(,)?) => {
        /// The newest good reading of each endpoint; `None` before the first one, when it was withdrawn as stale,
        /// and where the site lacks the endpoint. Readings are shared: a new one replaces its `Arc`, nothing is
        /// edited.
        #[derive(Clone, Debug, Default)]
        pub struct Snapshot {
            pub release: Option<Arc<Release>>,
            pub polls: Polls,
            /// What became of jobs up to the newest whole reading; kept while jobs are withdrawn.
            pub job_totals: Arc<JobTotals>,
            /// How nodes fared up to the newest reading; kept while nodes are withdrawn.
            pub node_totals: Arc<NodeTotals>,
            $(pub $field: Option<Arc<$rows>>,)*
        }

        /// One endpoint's answer, decoded.
        #[derive(Debug)]
        pub enum Reading {
            $($endpoint(Box<$rows>),)*
        }

        impl Reading {
            /// What an endpoint gives that has nothing to tell.
            pub fn empty(endpoint: Endpoint) -> Self {
                match endpoint {
                    $(Endpoint::$endpoint => Self::$endpoint(Box::default()),)*
                }
            }

            /// The endpoint that gives this reading.
            pub fn endpoint(&self) -> Endpoint {
                match self {
                    $(Self::$endpoint(_) => Endpoint::$endpoint,)*
                }
            }
        }

        impl Snapshot {
            /// Puts a reading in its place; the one before is dropped when its last reader is done.
            pub fn set(&mut self, reading: Reading) {
                match reading {
                    $(Reading::$endpoint(read) => self.$field = Some(Arc::from(read)),)*
                }
            }

            /// Withdraws the reading of an endpoint: its series disappear rather than grow old unseen.
            pub fn clear(&mut self, endpoint: Endpoint) {
                match endpoint {
                    $(Endpoint::$endpoint => self.$field = None,)*
                }
                if !Endpoint::ALL.into_iter().any(|endpoint| self.has(endpoint)) {
                    self.release = None;
                }
            }

            /// Whether there is a reading of this endpoint.
            pub fn has(&self, endpoint: Endpoint) -> bool {
                match endpoint {
                    $(Endpoint::$endpoint => self.$field.is_some(),)*
                }
            }
        }
    };
}

readings! {
    Ping => controllers: Controllers,
    Diag => diag: Diag,
    Nodes => nodes: Nodes,
    Partitions => partitions: Partitions,
    Jobs => jobs: Jobs,
}

impl Snapshot {
    /// What a reading says of its last change, where Slurm can then be asked for what changed since.
    pub fn last_update(&self, endpoint: Endpoint) -> Timestamp {
        match endpoint {
            Endpoint::Jobs => self.jobs.as_ref().map(|jobs| jobs.last_update),
            Endpoint::Partitions => self.partitions.as_ref().map(|partitions| partitions.last_update),
            _ => None,
        }
        .unwrap_or_default()
    }
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
