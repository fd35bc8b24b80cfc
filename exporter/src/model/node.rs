//! Nodes: one compact row each, lists and names in the table's pools.

use super::state::{State, node_base, node_flag};
use super::symbol::{Pool, Run, Symbol, Symbols};
use super::time::Timestamp;

/// All nodes of one reading.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    pub symbols: Symbols,
    pub rows: Vec<Node>,
    pub partition_lists: Pool<Symbol>,
    pub gres_lists: Pool<Gres>,
    pub feature_lists: Pool<Symbol>,
    /// Flags that are not in `state::node_flag`: index of the row, lower-case word.
    pub other_flags: Vec<(u32, Symbol)>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub name: Symbol,
    pub state: State,
    /// Where its partitions lie in `partition_lists`.
    pub partitions: Run,
    /// Where its generic resources lie in `gres_lists`.
    pub gres: Run,
    /// Where its features lie in `feature_lists`: what it was configured with, active or not.
    pub features: Run,
    pub cpus_total: u32,
    pub cpus_allocated: u32,
    /// Without those that are kept for the system (CoreSpecCount).
    pub cpus_effective: u32,
    /// Load average x 100; none when the node does not answer.
    pub cpu_load_hundredths: Option<u32>,
    pub memory_total_bytes: u64,
    pub memory_allocated_bytes: u64,
    /// Without what is kept for the system (MemSpecLimit).
    pub memory_effective_bytes: u64,
    /// What the node's kernel calls free; none when the node does not answer.
    pub memory_free_bytes: Option<u64>,
    pub reason: Symbol,
    pub reason_user: Symbol,
    pub reason_at: Timestamp,
    pub boot_at: Timestamp,
    pub last_busy_at: Timestamp,
    /// Measured power; none without a sensor.
    pub power_watts: Option<u32>,
    pub weight: Option<u32>,
    pub architecture: Symbol,
    pub operating_system: Symbol,
    pub slurmd_version: Symbol,
}

/// A generic resource of a node, of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gres {
    /// `gpu`, `shard`, ...
    pub name: Symbol,
    /// `h100`; empty when untyped.
    pub kind: Symbol,
    pub total: u64,
    pub allocated: u64,
}

impl Node {
    /// DRAIN while nothing runs here.
    pub fn is_drained(&self) -> bool {
        self.state.has_flag(node_flag::DRAIN)
            && (self.state.has_base(node_base::IDLE) || self.state.has_base(node_base::DOWN))
    }

    /// DRAIN while jobs still run here.
    pub fn is_draining(&self) -> bool {
        self.state.has_flag(node_flag::DRAIN)
            && (self.state.has_base(node_base::ALLOCATED) || self.state.has_base(node_base::MIXED))
    }
}

impl Nodes {
    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        let lists =
            self.partition_lists.bytes() + self.gres_lists.bytes() + size_of_val(&self.other_flags[..]);
        self.symbols.bytes() + size_of_val(&self.rows[..]) + lists
    }

    /// The partitions of a node, in Slurm's order.
    pub fn partitions(&self, node: &Node) -> &[Symbol] {
        self.partition_lists.get(node.partitions)
    }

    /// The features of a node, in Slurm's order.
    pub fn features(&self, node: &Node) -> &[Symbol] {
        self.feature_lists.get(node.features)
    }

    /// The generic resources of a node, one entry per name and type.
    pub fn gres(&self, node: &Node) -> &[Gres] {
        self.gres_lists.get(node.gres)
    }
}
