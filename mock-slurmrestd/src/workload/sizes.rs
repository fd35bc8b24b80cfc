//! How big jobs are: powers of two, many small and few large, so that the usual number of them fills the nodes.
//! Not here: whether they fit right now.

use super::lognormal;
use crate::cluster::inventory::{BIG, Inventory, NODE_TYPES};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The aimed use of the nodes by the running jobs.
const UTILISATION: f64 = 0.86;
/// Spread of sizes; about one job in twenty is ten times the median.
const SIGMA: f64 = 1.2;

/// The jobs of one partition.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) partition: u16,
    /// Cumulative share of all submissions, up to 1.
    upto: f64,
    pub(super) kind: usize,
    /// Mean size in the pool's unit, GPUs in a GPU partition and CPUs elsewhere: of a task of an array, which
    /// stays within half a node, and of a job of its own, which makes up for that.
    task_mean: f64,
    job_mean: f64,
    max_nodes: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) nodes: u32,
    pub(super) cpus_per_node: u16,
    pub(super) gpus_per_node: u8,
    pub(super) memory_mb_per_cpu: u32,
}

/// A pool per partition and kind of machine in it, weighted by these machines; sizes such that `running` jobs fill
/// the cluster, of which the share `of_arrays` are tasks of arrays.
pub(super) fn pools(inventory: &Inventory, running: f64, of_arrays: f64) -> Vec<Pool> {
    let mut drafts: Vec<(u16, usize, f64, u32)> = Vec::new();
    for (index, partition) in inventory.partitions.iter().enumerate() {
        let eagerness = match partition.name.as_str() {
            "all" if inventory.partitions.len() > 1 => 0.15,
            name if name.starts_with("dept") => 0.3,
            _ => 1.0,
        };
        let kind_of = |node: &u32| usize::from(inventory.nodes[*node as usize].kind);
        let cheapest = kind_of(&partition.nodes[0]);
        for (kind, machine) in NODE_TYPES.iter().enumerate() {
            // The partition of everything is for those who want the cheapest, which is filled first.
            if partition.name == "all" && kind != cheapest {
                continue;
            }
            let nodes = partition.nodes.iter().filter(|node| kind_of(node) == kind).count() as u32;
            let weight = f64::from(nodes) * f64::from(machine.cpus) * eagerness;
            if nodes > 0 {
                drafts.push((index as u16, kind, weight, nodes));
            }
        }
    }
    let all: f64 = drafts.iter().map(|draft| draft.2).sum();
    let mut upto = 0.0;
    drafts
        .iter()
        .map(|(partition, kind, weight, nodes)| {
            upto += weight / all;
            let of_kind: f64 = drafts.iter().filter(|draft| draft.1 == *kind).map(|draft| draft.2).sum();
            let machines =
                inventory.nodes.iter().filter(|node| usize::from(node.kind) == *kind).count() as f64;
            let units = f64::from(units(*kind));
            let mean = (UTILISATION * machines * units / (running * of_kind / all)).max(1.0);
            let task_mean = mean.min(units / 2.0);
            Pool {
                partition: *partition,
                upto,
                kind: *kind,
                task_mean,
                job_mean: (mean - of_arrays * task_mean) / (1.0 - of_arrays),
                max_nodes: (nodes / 10).max(1),
            }
        })
        .collect()
}

/// What jobs on such a machine count in: its GPUs, or its CPUs where it has none.
fn units(kind: usize) -> u32 {
    let kind = &NODE_TYPES[kind];
    if kind.gpus > 0 { kind.gpus.into() } else { kind.cpus.into() }
}

/// The pool at this point, 0 to 1, of the cumulative shares.
pub(super) fn pick(pools: &[Pool], at: f64) -> &Pool {
    &pools[pools.partition_point(|pool| pool.upto <= at).min(pools.len() - 1)]
}

impl Pool {
    pub(super) fn shape(&self, rng: &mut ChaCha8Rng, of_array: bool) -> Shape {
        let kind = &NODE_TYPES[self.kind];
        let (mean, max_nodes) = if of_array { (self.task_mean, 1) } else { (self.job_mean, self.max_nodes) };
        let units = power_of_two(lognormal(mean, SIGMA, rng));
        let whole = self::units(self.kind);
        if kind.gpus > 0 {
            let gpus = units.min(whole) as u16;
            return Shape {
                nodes: (units / whole).clamp(1, max_nodes),
                cpus_per_node: gpus * (kind.cpus / u16::from(kind.gpus)),
                gpus_per_node: gpus as u8,
                memory_mb_per_cpu: [4_096, 8_000][rng.random_range(0..2)],
            };
        }
        Shape {
            nodes: units.div_ceil(whole).clamp(1, max_nodes),
            cpus_per_node: units.min(whole) as u16,
            gpus_per_node: 0,
            memory_mb_per_cpu: match self.kind {
                BIG => [16_384, 32_000][rng.random_range(0..2)],
                _ => [1_024, 2_048, 2_048, 4_000][rng.random_range(0..4)],
            },
        }
    }
}

/// The nearest power of two, at least 1.
fn power_of_two(size: f64) -> u32 {
    2u32.pow(size.max(1.0).log2().round().min(20.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::power_of_two;

    #[test]
    fn sizes_are_rounded_to_the_nearest_power_of_two() {
        for (size, expected) in [(0.1, 1), (1.4, 1), (1.5, 2), (3.1, 4), (90.0, 64), (1e12, 1 << 20)] {
            assert_eq!(power_of_two(size), expected);
        }
    }
}
