//! Partitions as configured. What they hold now is counted from the nodes and jobs.

use super::Timestamp;

/// The partitions of a cluster, in Slurm's order.
#[derive(Clone, Debug, Default)]
pub struct Partitions {
    /// When slurmctld last changed any of them; none in answers that do not tell.
    pub last_update: Timestamp,
    pub rows: Vec<Partition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub name: String,
    /// `up`, `down`, `drain`, `inactive` or a word that is new to us, in lower case.
    pub state: String,
    /// What the partition claims; 22.05 leaves powered-down cloud nodes out of the node list.
    pub nodes_configured: Option<u64>,
    pub cpus_configured: Option<u64>,
    /// `None` when unlimited or unknown; see `max_time_unlimited`.
    pub max_time_seconds: Option<u64>,
    pub max_time_unlimited: bool,
    pub priority_tier: Option<u64>,
    /// Whether jobs that name no partition come here; unknown in v0.0.40 to v0.0.44.
    pub is_default: Option<bool>,
}

impl Partition {
    pub fn is_up(&self) -> bool {
        self.state == "up"
    }
}
