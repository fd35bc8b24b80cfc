//! What can be asked for: the paths below `/slurm/VERSION/` and `/slurmdb/VERSION/`, and who serves them.
//! Not here: queries, or what the answers hold.

use super::version::{ApiVersion, Face};
use std::fmt;
use std::str::FromStr;

/// A path; those in the singular take the name or number of one thing as their last part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    Ping,
    Diag,
    Nodes,
    Node,
    Jobs,
    Job,
    JobsState,
    Partitions,
    Partition,
    Reservations,
    Reservation,
    Licenses,
    Shares,
    DbPing,
    DbDiag,
    DbConfig,
    DbJobs,
    DbJob,
    DbUsers,
    DbAccounts,
    DbAssociations,
    DbQos,
    DbTres,
    DbClusters,
    DbWckeys,
    DbInstances,
    OpenApi,
}

impl Endpoint {
    pub const ALL: [Self; 27] = [
        Self::Ping,
        Self::Diag,
        Self::Nodes,
        Self::Node,
        Self::Jobs,
        Self::Job,
        Self::JobsState,
        Self::Partitions,
        Self::Partition,
        Self::Reservations,
        Self::Reservation,
        Self::Licenses,
        Self::Shares,
        Self::DbPing,
        Self::DbDiag,
        Self::DbConfig,
        Self::DbJobs,
        Self::DbJob,
        Self::DbUsers,
        Self::DbAccounts,
        Self::DbAssociations,
        Self::DbQos,
        Self::DbTres,
        Self::DbClusters,
        Self::DbWckeys,
        Self::DbInstances,
        Self::OpenApi,
    ];

    /// The path without the version: below `/slurm/v0.0.NN/`, or `slurmdb/...` for what slurmdbd answers.
    pub fn path(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Diag => "diag",
            Self::Nodes => "nodes",
            Self::Node => "node",
            Self::Jobs => "jobs",
            Self::Job => "job",
            Self::JobsState => "jobs/state",
            Self::Partitions => "partitions",
            Self::Partition => "partition",
            Self::Reservations => "reservations",
            Self::Reservation => "reservation",
            Self::Licenses => "licenses",
            Self::Shares => "shares",
            Self::DbPing => "slurmdb/ping",
            Self::DbDiag => "slurmdb/diag",
            Self::DbConfig => "slurmdb/config",
            Self::DbJobs => "slurmdb/jobs",
            Self::DbJob => "slurmdb/job",
            Self::DbUsers => "slurmdb/users",
            Self::DbAccounts => "slurmdb/accounts",
            Self::DbAssociations => "slurmdb/associations",
            Self::DbQos => "slurmdb/qos",
            Self::DbTres => "slurmdb/tres",
            Self::DbClusters => "slurmdb/clusters",
            Self::DbWckeys => "slurmdb/wckeys",
            Self::DbInstances => "slurmdb/instances",
            Self::OpenApi => "openapi/v3",
        }
    }

    /// Whether slurmdbd answers, not slurmctld.
    pub fn is_accounting(self) -> bool {
        self.path().starts_with("slurmdb/")
    }

    /// Whether the last part of the path is a name or a number.
    pub(crate) fn takes_name(self) -> bool {
        matches!(self, Self::Node | Self::Job | Self::Partition | Self::Reservation | Self::DbJob)
    }

    /// Whether that release has the path in that version.
    pub fn is_served_by(self, face: impl Into<Face>) -> bool {
        let face = face.into();
        match self {
            Self::DbPing => face.api >= ApiVersion::V0_0_42,
            Self::JobsState | Self::Shares | Self::DbInstances => face.api >= ApiVersion::V0_0_40,
            _ => true,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown endpoint {asked:?}, expected one of {}", Endpoint::ALL.map(Endpoint::path).join(", "))]
pub struct UnknownEndpoint {
    asked: String,
}

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == text)
            .ok_or_else(|| UnknownEndpoint { asked: text.to_owned() })
    }
}
