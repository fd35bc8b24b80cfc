//! What the exporter knows of a cluster: compact rows in base units, read-only once decoded.
//! It knows neither JSON nor HTTP; `wire` fills it, `collectors` read it.

pub mod accounting;
pub mod association;
pub mod controller;
pub mod diag;
pub mod endpoint;
pub mod histogram;
pub mod job;
pub mod job_states;
pub mod job_totals;
pub mod license;
pub mod limit;
pub mod node;
pub mod node_totals;
pub mod partition;
pub mod polls;
pub mod qos;
pub mod reservation;
pub mod share;
pub mod state;
pub mod step;
pub mod symbol;
pub mod time;
pub mod tres;
pub mod visible;

use std::sync::Arc;

pub use accounting::Accounting;
pub use association::Associations;
pub use controller::{Controller, Controllers};
pub use diag::Diag;
pub use endpoint::Endpoint;
pub use job::{Job, Jobs};
pub use job_states::JobStates;
pub use job_totals::JobTotals;
pub use license::{License, Licenses};
pub use node::{Node, Nodes};
pub use node_totals::NodeTotals;
pub use partition::{Partition, Partitions};
pub use polls::Polls;
pub use qos::QosTable;
pub use reservation::{Reservation, Reservations};
pub use share::{Share, Shares};
pub use step::Steps;
pub use symbol::{Symbol, Symbols};
pub use time::Timestamp;
pub use visible::Visible;

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
            /// By endpoint; see [`Self::asked`].
            pub asked: [Timestamp; Endpoint::ALL.len()],
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
            /// Puts a reading in its place; the one before is dropped when its last reader is done. Arrays whose tasks
            /// Slurm did not list take their number from the states, whichever come first.
            pub fn set(&mut self, mut reading: Reading) {
                match (&mut reading, &self.job_states, &mut self.jobs) {
                    (Reading::Jobs(jobs), Some(states), _) => jobs.complete_arrays(states),
                    (Reading::JobStates(states), _, Some(jobs)) if jobs.can_be_completed(states) => {
                        Arc::make_mut(jobs).complete_arrays(states);
                    }
                    _ => {}
                }
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
    JobStates => job_states: JobStates,
    DatabasePing => databases: Controllers,
    Nodes => nodes: Nodes,
    Partitions => partitions: Partitions,
    Reservations => reservations: Reservations,
    Licenses => licenses: Licenses,
    Shares => shares: Shares,
    Jobs => jobs: Jobs,
    Qos => qos: QosTable,
    Associations => associations: Associations,
    Accounting => accounting: Accounting,
    Steps => steps: Steps,
}

impl Snapshot {
    /// Says when the reading of an endpoint was asked for, on the clock of this host, and again when Slurm said later that it still holds.
    pub fn confirm(&mut self, endpoint: Endpoint, asked: Timestamp) {
        self.asked[endpoint as usize] = asked;
    }

    /// As of when the reading of an endpoint holds.
    pub fn asked(&self, endpoint: Endpoint) -> Timestamp {
        self.asked[endpoint as usize]
    }

    /// What `update_time` may be asked against: when Slurm last changed what the reading tells.
    pub fn last_update(&self, endpoint: Endpoint) -> Timestamp {
        let known = match endpoint {
            Endpoint::Partitions => self.partitions.as_ref().map(|read| read.last_update),
            Endpoint::Reservations => self.reservations.as_ref().map(|read| read.last_update),
            Endpoint::Jobs => self.jobs.as_ref().map(|read| read.last_update),
            _ => None,
        };
        known.unwrap_or_default()
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
