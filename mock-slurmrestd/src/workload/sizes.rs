//! How big jobs are: powers of two, many small and few large, so that the usual number of them fills the nodes.
//! Not here: whether they fit right now.

use super::lognormal;
use crate::cluster::inventory::{BIG, CPU, GPU, Inventory, NODE_TYPES};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The aimed use of the nodes by the running jobs.
const UTILISATION: f64 = 0.9;
/// Spread of sizes; about one job in twenty is ten times the median.
const SIGMA: f64 = 1.2;
const CPUS_PER_GPU: u16 = 12;

/// The jobs of one partition.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) partition: u16,
    /// Cumulative share of all submissions, up to 1.
    upto: f64,
    kind: usize,
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

/// One pool per partition, weighted by its machines; sizes such that `running` jobs fill the cluster, of
/// which the share `of_arrays` are tasks of arrays.
pub(super) fn pools(inventory: &Inventory, running: f64, of_arrays: f64) -> Vec<Pool> {
    let drafts: Vec<(u16, usize, f64, u32)> = inventory
        .partitions
        .iter()
        .enumerate()
        .map(|(index, partition)| {
            // The machines that its jobs are made for: the cheapest, which are filled first.
            let kind = usize::from(inventory.nodes[partition.nodes[0] as usize].kind);
            let able = partition
                .nodes
                .iter()
                .filter(|node| usize::from(inventory.nodes[**node as usize].kind) == kind);
            let nodes = able.count() as u32;
            let eagerness = match partition.name.as_str() {
                "all" if inventory.partitions.len() > 1 => 0.15,
                name if name.starts_with("dept") => 0.3,
                _ => 1.0,
            };
            let weight = f64::from(nodes) * f64::from(NODE_TYPES[kind].cpus) * eagerness;
            (index as u16, kind, weight, nodes)
        })
        .collect();
    let all: f64 = drafts.iter().map(|draft| draft.2).sum();
    let mut upto = 0.0;
    drafts
        .iter()
        .map(|(partition, kind, weight, nodes)| {
            upto += weight / all;
            let of_kind: f64 = drafts.iter().filter(|draft| draft.1 == *kind).map(|draft| draft.2).sum();
            let machines =
                inventory.nodes.iter().filter(|node| usize::from(node.kind) == *kind).count() as f64;
            let units = if *kind == GPU {
                f64::from(NODE_TYPES[GPU].gpus)
            } else {
                f64::from(NODE_TYPES[*kind].cpus)
            };
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

/// The pool at this point, 0 to 1, of the cumulative shares.
pub(super) fn pick(pools: &[Pool], at: f64) -> &Pool {
    &pools[pools.partition_point(|pool| pool.upto <= at).min(pools.len() - 1)]
}

impl Pool {
    pub(super) fn shape(&self, rng: &mut ChaCha8Rng, of_array: bool) -> Shape {
        let kind = &NODE_TYPES[self.kind];
        let (mean, max_nodes) = if of_array { (self.task_mean, 1) } else { (self.job_mean, self.max_nodes) };
        let units = power_of_two(lognormal(mean, SIGMA, rng));
        match self.kind {
            GPU => {
                let gpus = units.min(u32::from(kind.gpus)) as u16;
                Shape {
                    nodes: (units / u32::from(kind.gpus)).clamp(1, max_nodes),
                    cpus_per_node: (gpus * CPUS_PER_GPU).min(kind.cpus),
                    gpus_per_node: gpus as u8,
                    memory_mb_per_cpu: [4_096, 8_192][rng.random_range(0..2)],
                }
            }
            BIG | CPU => Shape {
                nodes: units.div_ceil(u32::from(kind.cpus)).clamp(1, max_nodes),
                cpus_per_node: units.min(u32::from(kind.cpus)) as u16,
                gpus_per_node: 0,
                memory_mb_per_cpu: match self.kind {
                    BIG => [16_384, 32_000][rng.random_range(0..2)],
                    _ => [1_024, 2_048, 2_048, 4_000][rng.random_range(0..4)],
                },
            },
            kind => unreachable!("node type {kind} has no job sizes"),
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
