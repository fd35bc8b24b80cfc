//! Preemption, as with `PreemptType=preempt/partition_prio` and `PreemptMode=REQUEUE`: jobs in a partition of a lower
//! tier go back into the queue. Not here: suspension, or QOS that preempt.

use super::Cluster;
use super::clock::{MINUTE, Millis};
use super::job::JobState;
use std::collections::BTreeMap;

/// `PreemptExemptTime`.
const EXEMPT: Millis = 10 * MINUTE;

/// What a job would give back on a node.
#[derive(Clone, Copy)]
struct Victim {
    index: usize,
    cpus: u16,
    gpus: u8,
    memory_mb: u32,
}

impl Cluster {
    /// Tier and id of the jobs that have run long enough; looked for once in a cycle, as there are many.
    pub(super) fn preemptable(&self) -> Vec<(u16, u32)> {
        let lowest = self.inventory.partitions.iter().map(|partition| partition.tier).min();
        let highest = self.inventory.partitions.iter().map(|partition| partition.tier).max();
        if lowest == highest {
            return Vec::new();
        }
        let long = self.holding.iter().filter(|id| {
            self.jobs.index_of(**id).is_some_and(|index| {
                let job = &self.jobs[index];
                let runs = job.state == JobState::Running && job.settled <= self.now && job.het.is_none();
                runs && job.elapsed(self.now) >= EXEMPT
            })
        });
        let tier_of = |id: &u32| {
            let index = self.jobs.index_of(*id)?;
            Some((self.inventory.partitions[usize::from(self.jobs[index].request.partition)].tier, *id))
        };
        long.filter_map(tier_of).collect()
    }

    /// Requeues as many of these jobs as it takes for this one to start; returns its nodes, or nothing when that is not enough.
    pub(super) fn preempt_for(
        &mut self,
        index: usize,
        partition: usize,
        preemptable: &[u32],
    ) -> Option<Vec<u32>> {
        let wanted = self.jobs[index].request.nodes as usize;
        let mut nodes = Vec::with_capacity(wanted);
        let mut victims = Vec::new();
        for (node, on_it) in self.victims_of(partition, preemptable) {
            if nodes.len() == wanted {
                break;
            }
            if let Some(enough) = self.enough_of(&on_it, index, node) {
                nodes.push(node);
                victims.extend(enough);
            }
        }
        if nodes.len() < wanted {
            return None;
        }
        for victim in victims {
            // It may have been on two of the nodes.
            if self.jobs[victim].state == JobState::Running {
                self.requeue(victim);
            }
        }
        Some(nodes)
    }

    /// Those of them on nodes of this partition, by node.
    fn victims_of(&self, partition: usize, preemptable: &[u32]) -> BTreeMap<u32, Vec<Victim>> {
        let mut victims: BTreeMap<u32, Vec<Victim>> = BTreeMap::new();
        for index in preemptable.iter().filter_map(|id| self.jobs.index_of(*id)) {
            // Others may have preempted it in this cycle.
            let job = &self.jobs[index];
            for part in job.allocation.iter().filter(|_| job.state == JobState::Running) {
                if self.inventory.nodes[part.node as usize].partitions.contains(&(partition as u16)) {
                    victims.entry(part.node).or_default().push(Victim {
                        index,
                        cpus: part.cores.count_ones() as u16,
                        gpus: part.gpus.count_ones() as u8,
                        memory_mb: part.memory_mb,
                    });
                }
            }
        }
        victims
    }

    /// Those whose end makes room for a part of this job on the node.
    fn enough_of(&self, victims: &[Victim], index: usize, node: u32) -> Option<Vec<usize>> {
        let request = &self.jobs[index].request;
        let (state, kind) = (&self.nodes[node as usize], self.inventory.node_type(node));
        let reserved = state.reserved_from != 0 && self.now + request.limit() > state.reserved_from;
        if !state.is_usable_in(request.reservation) || reserved || !request.suits(kind) {
            return None;
        }
        let (mut cpus, mut gpus) = (state.free_cpus(kind), state.free_gpus(kind));
        let mut memory_mb = state.free_memory_mb(kind);
        let mut enough = Vec::new();
        for victim in victims {
            if self.is_enough(index, cpus, gpus, memory_mb) {
                break;
            }
            enough.push(victim.index);
            (cpus, gpus, memory_mb) = (cpus + victim.cpus, gpus + victim.gpus, memory_mb + victim.memory_mb);
        }
        self.is_enough(index, cpus, gpus, memory_mb).then_some(enough)
    }

    fn is_enough(&self, index: usize, cpus: u16, gpus: u8, memory_mb: u32) -> bool {
        let request = &self.jobs[index].request;
        cpus >= request.cpus_per_node
            && gpus >= request.gpus_per_node
            && memory_mb >= request.memory_mb_per_node()
    }
}
