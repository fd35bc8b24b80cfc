//! The endpoints that the exporter polls: who answers, under which path, by which command, and at what cost.
//! Which of them an API version lacks is told in `wire`, how a URL begins in `source`.

use std::fmt;
use std::str::FromStr;

/// One thing to ask Slurm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    Ping,
    Diag,
    JobStates,
    DatabasePing,
    Nodes,
    Partitions,
    Reservations,
    Licenses,
    Shares,
    Jobs,
    Qos,
    Associations,
    /// Jobs that are over, by time.
    Accounting,
    /// Steps of the jobs that run.
    Steps,
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

/// The daemon behind slurmrestd that knows the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Daemon {
    Slurmctld,
    Slurmdbd,
}

/// What is fixed about an endpoint.
struct Facts {
    endpoint: Endpoint,
    /// In configuration, labels and logs.
    name: &'static str,
    daemon: Daemon,
    /// In a URL, behind the API version.
    path: &'static str,
    cost: Cost,
    /// Prints the same with `--json`; words with blanks between them.
    command: &'static str,
    /// The same for Slurm 22.05, where most commands have no `--json` (tried on 22.05.8).
    command_of_22_05: Option<&'static str>,
}

const fn ctld(
    endpoint: Endpoint,
    name: &'static str,
    path: &'static str,
    cost: Cost,
    command: &'static str,
) -> Facts {
    Facts { endpoint, name, daemon: Daemon::Slurmctld, path, cost, command, command_of_22_05: None }
}

impl Facts {
    const fn in_22_05(self, command: &'static str) -> Self {
        Self { command_of_22_05: Some(command), ..self }
    }
}

const fn dbd(
    endpoint: Endpoint,
    name: &'static str,
    path: &'static str,
    cost: Cost,
    command: &'static str,
) -> Facts {
    Facts { daemon: Daemon::Slurmdbd, ..ctld(endpoint, name, path, cost, command) }
}

/// Which ones and of when is said in further words.
const FINISHED_JOBS: &str = "sacct --allusers --duplicates";

const RUNNING_JOBS: &str = "sacct --allusers --state=RUNNING";

/// Every endpoint, in the order of the variants.
const FACTS: [Facts; 14] = [
    ctld(Endpoint::Ping, "ping", "ping", Cost::Critical, "scontrol ping"),
    ctld(Endpoint::Diag, "diag", "diag", Cost::Critical, "sdiag"),
    ctld(Endpoint::JobStates, "job_states", "jobs/state", Cost::Critical, "squeue --only-job-state"),
    dbd(Endpoint::DatabasePing, "database_ping", "ping", Cost::Critical, "sacctmgr ping"),
    ctld(Endpoint::Nodes, "nodes", "nodes", Cost::Important, "scontrol show nodes").in_22_05("sinfo --all"),
    ctld(Endpoint::Partitions, "partitions", "partitions", Cost::Important, "scontrol --all show partitions"),
    ctld(
        Endpoint::Reservations,
        "reservations",
        "reservations",
        Cost::Important,
        "scontrol show reservations",
    ),
    ctld(Endpoint::Licenses, "licenses", "licenses", Cost::Important, "scontrol show licenses"),
    ctld(Endpoint::Shares, "shares", "shares", Cost::Detailed, "sshare --all"),
    ctld(Endpoint::Jobs, "jobs", "jobs", Cost::Detailed, "squeue --all --states=all").in_22_05("squeue"),
    dbd(Endpoint::Qos, "qos", "qos", Cost::Detailed, "sacctmgr show qos"),
    dbd(Endpoint::Associations, "associations", "associations", Cost::Detailed, "sacctmgr show associations"),
    dbd(Endpoint::Accounting, "accounting", "jobs", Cost::Detailed, FINISHED_JOBS).in_22_05(FINISHED_JOBS),
    dbd(Endpoint::Steps, "steps", "jobs?state=RUNNING", Cost::Detailed, RUNNING_JOBS).in_22_05(RUNNING_JOBS),
];

impl Endpoint {
    /// Every endpoint, in the order in which the first polls are started.
    pub const ALL: [Self; FACTS.len()] = {
        let mut all = [Self::Ping; FACTS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = FACTS[at].endpoint;
            at += 1;
        }
        all
    };

    /// The name in configuration, labels and logs.
    pub fn name(self) -> &'static str {
        FACTS[self as usize].name
    }

    pub fn daemon(self) -> Daemon {
        FACTS[self as usize].daemon
    }

    /// Behind the API version in a URL.
    pub fn path(self) -> &'static str {
        FACTS[self as usize].path
    }

    pub fn cost(self) -> Cost {
        FACTS[self as usize].cost
    }

    /// The command that prints it with `--json`; words with blanks between them.
    pub fn command(self) -> &'static str {
        FACTS[self as usize].command
    }

    /// The same in Slurm 22.05, where there is one.
    pub fn command_of_22_05(self) -> Option<&'static str> {
        FACTS[self as usize].command_of_22_05
    }
}

impl Cost {
    pub const ALL: [Self; 3] = [Self::Critical, Self::Important, Self::Detailed];

    /// The name of the level in labels and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Important => "important",
            Self::Detailed => "detailed",
        }
    }
}

impl Daemon {
    pub const ALL: [Self; 2] = [Self::Slurmctld, Self::Slurmdbd];

    /// The name in labels and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slurmctld => "slurmctld",
            Self::Slurmdbd => "slurmdbd",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_stand_in_the_order_of_the_variants() {
        for (at, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, at);
            assert_eq!(endpoint.name().parse(), Ok(endpoint));
        }
    }
}
