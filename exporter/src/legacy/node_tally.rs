//! Nodes counted and summed for a cluster or a partition, as the older exporters show them.
//! A node counts in every partition that it lists.

use std::collections::BTreeMap;

use crate::collectors::gpu;
use crate::exposition::Value;
use crate::model::state::{Word, node_base, node_flag};
use crate::model::{Node, Nodes, Symbol};

#[derive(Debug, Default)]
pub(super) struct NodeTally {
    pub(super) nodes: u64,
    bases: [u64; node_base::WORDS.len()],
    flags: [u64; node_flag::WORDS.len()],
    /// DRAIN without jobs, on an idle node or one that is down.
    pub(super) drained: u64,
    pub(super) draining: u64,
    /// Nodes that jobs hold.
    pub(super) working: u64,
    pub(super) cpus: u64,
    pub(super) cpus_allocated: u64,
    pub(super) cpus_effective: u64,
    pub(super) memory_bytes: u64,
    pub(super) memory_allocated_bytes: u64,
    pub(super) memory_effective_bytes: u64,
    pub(super) memory_free_bytes: u64,
    pub(super) gpus: u64,
    pub(super) gpus_allocated: u64,
    /// Times 100, as Slurm gives it.
    load_hundredths: u64,
    pub(super) weight: u64,
}

impl NodeTally {
    /// Nodes in this base state.
    pub(super) fn base(&self, base: u8) -> Option<Value> {
        Some(self.bases[usize::from(base)].into())
    }

    /// Nodes with this flag.
    pub(super) fn flag(&self, flag: u8) -> Option<Value> {
        Some(self.flags[usize::from(flag)].into())
    }

    pub(super) fn cpus_idle(&self) -> u64 {
        self.cpus_effective.saturating_sub(self.cpus_allocated)
    }

    /// Sum of the load averages.
    pub(super) fn load(&self) -> f64 {
        self.load_hundredths as f64 / 100.0
    }

    pub(super) fn add(&mut self, nodes: &Nodes, node: &Node) {
        self.nodes += 1;
        if let Word::Known(base) = node.state.base {
            self.bases[usize::from(base)] += 1;
        }
        let mut bits = node.state.flags;
        while bits != 0 {
            self.flags[bits.trailing_zeros() as usize] += 1;
            bits &= bits - 1;
        }
        self.drained += u64::from(node.is_drained());
        self.draining += u64::from(node.is_draining());
        let works = node.state.has_base(node_base::ALLOCATED) || node.state.has_base(node_base::MIXED);
        self.working += u64::from(works);
        self.cpus += u64::from(node.cpus_total);
        self.cpus_allocated += u64::from(node.cpus_allocated);
        self.cpus_effective += u64::from(node.cpus_effective);
        self.memory_bytes += node.memory_total_bytes;
        self.memory_allocated_bytes += node.memory_allocated_bytes;
        self.memory_effective_bytes += node.memory_effective_bytes;
        self.memory_free_bytes += node.memory_free_bytes.unwrap_or(0);
        for gres in gpu::of_node(nodes, node) {
            self.gpus += gres.total;
            self.gpus_allocated += gres.allocated;
        }
        self.load_hundredths += u64::from(node.cpu_load_hundredths.unwrap_or(0));
        self.weight += u64::from(node.weight.unwrap_or(0));
    }
}

/// All nodes together.
pub(super) fn all(nodes: &Nodes) -> NodeTally {
    let mut tally = NodeTally::default();
    for node in &nodes.rows {
        tally.add(nodes, node);
    }
    tally
}

pub(super) fn by_partition(nodes: &Nodes) -> BTreeMap<Symbol, NodeTally> {
    let mut tallies = BTreeMap::<Symbol, NodeTally>::new();
    for node in &nodes.rows {
        for partition in nodes.partitions(node) {
            tallies.entry(*partition).or_default().add(nodes, node);
        }
    }
    tallies
}

/// A tally of each node by itself.
pub(super) fn singles(nodes: &Nodes) -> BTreeMap<Symbol, NodeTally> {
    let single = |node| {
        let mut tally = NodeTally::default();
        tally.add(nodes, node);
        tally
    };
    nodes.rows.iter().map(|node| (node.name, single(node))).collect()
}

/// A tally of each partition, or node, beside its label.
pub(super) fn rows<'a>(
    nodes: &'a Nodes,
    tallies: &'a BTreeMap<Symbol, NodeTally>,
) -> Vec<(Vec<&'a str>, &'a NodeTally)> {
    tallies.iter().map(|(name, tally)| (vec![nodes.symbols.resolve(*name)], tally)).collect()
}
