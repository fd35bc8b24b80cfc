//! What nodes have, what of it is allocated, and what of the rest a job could really get.
//! Sums of node rows only; what a partition claims to have configured is told apart.

use std::collections::BTreeMap;

use super::gpu;
use crate::model::state::{mask, node_base, node_flag};
use crate::model::{Node, Nodes, Partitions, Symbol};

/// The resources of a set of nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Capacity {
    pub(super) nodes: u64,
    pub(super) cpus_total: u64,
    pub(super) cpus_allocated: u64,
    /// Total less allocated, on any node.
    pub(super) cpus_idle: u64,
    /// The part of `cpus_idle` that a job could get now.
    pub(super) cpus_usable_idle: u64,
    pub(super) memory_total_bytes: u64,
    pub(super) memory_allocated_bytes: u64,
    /// By type.
    pub(super) gpus: BTreeMap<Symbol, GpuCapacity>,
}

/// GPUs of one type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GpuCapacity {
    pub(super) total: u64,
    pub(super) allocated: u64,
    pub(super) usable_idle: u64,
    /// Idle on nodes that are powered down: a job gets them after a boot.
    pub(super) usable_resumable: u64,
}

/// What a job could do with a node's idle resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Availability {
    Unusable,
    Usable,
    /// Usable once the node is powered up.
    Resumable,
}

/// Flags that keep new jobs away from a node. PLANNED and COMPLETING do not.
const UNUSABLE: u32 = mask(&[
    node_flag::DRAIN,
    node_flag::FAIL,
    node_flag::NOT_RESPONDING,
    node_flag::RESERVED,
    node_flag::MAINTENANCE,
    node_flag::INVALID_REG,
    node_flag::BLOCKED,
    node_flag::REBOOT_REQUESTED,
    node_flag::REBOOT_CANCELED,
    node_flag::REBOOT_ISSUED,
    node_flag::POWERING_DOWN,
    node_flag::POWER_DOWN,
    node_flag::POWER_DOWN_ASAP,
    node_flag::POWER_DOWN_FORCE,
    // Drained only to be powered down.
    node_flag::POWER_DRAIN,
]);

impl Availability {
    /// What the node itself allows; whether a partition is UP comes on top.
    pub(super) fn of(node: &Node) -> Self {
        let takes_jobs = node.state.has_base(node_base::IDLE) || node.state.has_base(node_base::MIXED);
        let memory_left = node.memory_total_bytes > node.memory_allocated_bytes;
        if !takes_jobs || node.state.has_any(UNUSABLE) || !memory_left {
            Self::Unusable
        } else if node.state.has_flag(node_flag::POWERED_DOWN) {
            Self::Resumable
        } else {
            Self::Usable
        }
    }

    /// The same, seen through partitions of which one must be UP.
    pub(super) fn through(self, is_up: bool) -> Self {
        if is_up { self } else { Self::Unusable }
    }
}

impl Capacity {
    pub(super) fn add(&mut self, nodes: &Nodes, node: &Node, availability: Availability) {
        let idle = u64::from(node.cpus_total.saturating_sub(node.cpus_allocated));
        self.nodes += 1;
        self.cpus_total += u64::from(node.cpus_total);
        self.cpus_allocated += u64::from(node.cpus_allocated);
        self.cpus_idle += idle;
        if availability == Availability::Usable {
            self.cpus_usable_idle += idle;
        }
        self.memory_total_bytes = self.memory_total_bytes.saturating_add(node.memory_total_bytes);
        self.memory_allocated_bytes = self.memory_allocated_bytes.saturating_add(node.memory_allocated_bytes);
        for gpus in gpu::of_node(nodes, node) {
            let idle = gpus.total.saturating_sub(gpus.allocated);
            let sum = self.gpus.entry(gpus.kind).or_default();
            sum.total = sum.total.saturating_add(gpus.total);
            sum.allocated = sum.allocated.saturating_add(gpus.allocated);
            match availability {
                Availability::Unusable => {}
                Availability::Usable => sum.usable_idle = sum.usable_idle.saturating_add(idle),
                Availability::Resumable => sum.usable_resumable = sum.usable_resumable.saturating_add(idle),
            }
        }
    }
}

/// Which of the partitions that node rows name are known to be UP.
#[derive(Debug)]
pub(super) struct UpPartitions(Vec<bool>);

impl UpPartitions {
    pub(super) fn new(nodes: &Nodes, partitions: &Partitions) -> Self {
        let mut up = vec![false; nodes.symbols.len()];
        for partition in partitions.rows.iter().filter(|partition| partition.is_up()) {
            if let Some(symbol) = nodes.symbols.get(&partition.name) {
                up[symbol.index()] = true;
            }
        }
        Self(up)
    }

    pub(super) fn contains(&self, partition: Symbol) -> bool {
        self.0[partition.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::NodesBuilder;

    fn availability(state: &str) -> Availability {
        let nodes = NodesBuilder::default().node("n1", state, "batch", |_| {}).build();
        Availability::of(&nodes.rows[0])
    }

    #[test]
    fn idle_and_mixed_nodes_are_usable_also_when_planned_or_completing() {
        for state in ["idle", "mixed", "idle planned", "mixed completing", "idle cloud", "idle powering_up"] {
            assert_eq!(availability(state), Availability::Usable, "{state}");
        }
    }

    #[test]
    fn other_bases_are_not_usable() {
        for base in node_base::WORDS.iter().filter(|base| !["idle", "mixed"].contains(base)) {
            assert_eq!(availability(base), Availability::Unusable, "{base}");
        }
        assert_eq!(availability("dozing"), Availability::Unusable);
    }

    #[test]
    fn each_excluding_flag_alone_makes_a_node_unusable() {
        for flag in [
            "drain",
            "fail",
            "not_responding",
            "reserved",
            "maintenance",
            "invalid_reg",
            "blocked",
            "reboot_requested",
            "reboot_canceled",
            "reboot_issued",
            "powering_down",
            "power_down",
            "power_down_asap",
            "power_down_force",
            "power_drain",
        ] {
            assert_eq!(availability(&format!("idle {flag}")), Availability::Unusable, "{flag}");
            assert_eq!(availability(&format!("mixed powered_down {flag}")), Availability::Unusable, "{flag}");
        }
    }

    #[test]
    fn a_powered_down_node_is_resumable() {
        assert_eq!(availability("idle cloud powered_down"), Availability::Resumable);
        assert_eq!(availability("mixed cloud powered_down"), Availability::Resumable);
    }

    #[test]
    fn without_unallocated_memory_idle_cpus_are_not_usable() {
        let full = NodesBuilder::default()
            .node("n1", "mixed", "batch", |node| node.memory_allocated_bytes = node.memory_total_bytes)
            .build();
        assert_eq!(Availability::of(&full.rows[0]), Availability::Unusable);
    }
}
