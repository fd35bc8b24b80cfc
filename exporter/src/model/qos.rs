//! Qualities of service as slurmdbd keeps them. Who uses them now stands in the jobs.

use super::limit::Limit;
use super::symbol::{Symbol, Symbols};

/// Every QOS of the database; they are the same for all its clusters.
#[derive(Clone, Debug, Default)]
pub struct QosTable {
    pub symbols: Symbols,
    pub rows: Vec<Qos>,
}

/// One QOS.
#[derive(Clone, Debug)]
pub struct Qos {
    pub name: Symbol,
    pub description: Symbol,
    /// Slurm's words, in its order, apart by commas.
    pub flags: Symbol,
    /// Likewise; empty for the cluster's own mode.
    pub preempt_mode: Symbol,
    pub priority: Option<u64>,
    pub limits: Vec<Limit>,
}
