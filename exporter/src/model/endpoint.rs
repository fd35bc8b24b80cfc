//! The endpoints that the exporter polls, and what each costs.
//! How they are spelt in a URL is the source's business.

use std::fmt;
use std::str::FromStr;

/// One thing to ask Slurm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    Ping,
    Diag,
    Nodes,
    Partitions,
    Jobs,
}

/// How much depends on an endpoint and how dear it is; gives the default interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Cheap, and the first thing to know in an outage.
    Critical,
    /// Grows with the cluster.
    Important,
    /// Grows with the queue, or asks the database.
    Detailed,
}

impl Endpoint {
    /// Every endpoint, in the order in which the first polls are started.
    pub const ALL: [Self; 5] = [Self::Ping, Self::Diag, Self::Nodes, Self::Partitions, Self::Jobs];

    /// The name in configuration, labels and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Diag => "diag",
            Self::Nodes => "nodes",
            Self::Partitions => "partitions",
            Self::Jobs => "jobs",
        }
    }

    pub fn cost(self) -> Cost {
        match self {
            Self::Ping | Self::Diag => Cost::Critical,
            Self::Nodes | Self::Partitions => Cost::Important,
            Self::Jobs => Cost::Detailed,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|endpoint| endpoint.name()).collect();
            format!("unknown endpoint \"{name}\", expected one of {}", known.join(", "))
        })
    }
}
