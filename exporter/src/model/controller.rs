//! What each slurmctld, or each slurmdbd, answered to a ping.

/// The controllers of a cluster, or its database daemons, in Slurm's order.
#[derive(Clone, Debug, Default)]
pub struct Controllers {
    pub rows: Vec<Controller>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    pub hostname: String,
    /// `primary`, `backup`, `backup1`, ... as Slurm says it.
    pub role: String,
    pub up: bool,
    /// Round trip of the ping; unknown before v0.0.40.
    pub latency_micros: Option<u64>,
}
