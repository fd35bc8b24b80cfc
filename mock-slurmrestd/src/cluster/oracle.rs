//! The cluster's own counts: what an exporter that reads the same cluster has to find.
//! Not here: rates or anything that needs two looks.

use super::Cluster;
use super::job::{Job, JobState};
use super::license::License;
use std::collections::BTreeMap;
use std::sync::Arc;

type Words = BTreeMap<&'static str, u64>;

/// Something that can be used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub total: u64,
    pub allocated: u64,
}

/// One license.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LicenseCounts {
    pub total: u64,
    pub used: u64,
    pub reserved: u64,
}

/// One partition; its nodes may belong to others too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionCounts {
    pub nodes: u64,
    pub nodes_by_base: Words,
    pub cpus: Amount,
    pub memory_bytes: Amount,
    pub gpus: Amount,
    pub running: u64,
    /// A job that may start in two partitions counts in both. Tasks: a waiting array counts all of its tasks that have not started.
    pub pending_by_reason: Words,
}

/// Everything counted at one moment. Jobs are counted in tasks, as `squeue -r` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oracle {
    pub now_unix: u64,
    pub nodes: u64,
    pub nodes_by_base: Words,
    /// A node with two flags counts in both.
    pub nodes_by_flag: Words,
    pub cpus: Amount,
    pub memory_bytes: Amount,
    pub gpus: Amount,
    /// By base state.
    pub jobs_by_state: Words,
    /// A job with two flags counts in both.
    pub jobs_by_flag: Words,
    pub pending_by_reason: Words,
    /// Records in `/jobs`, where a waiting array is one.
    pub job_records: u64,
    pub licenses: BTreeMap<&'static str, LicenseCounts>,
    pub reservations: u64,
    pub reservations_active: u64,
    /// Finished jobs that slurmdbd knows.
    pub history: u64,
    pub partitions: BTreeMap<String, PartitionCounts>,
}

impl Cluster {
    pub fn oracle(&self) -> Oracle {
        let mut oracle = Oracle {
            now_unix: self.now_unix(),
            nodes: self.nodes.len() as u64,
            job_records: self.jobs.len() as u64,
            licenses: self.licenses.iter().map(license_counts).collect(),
            reservations: self.reservations.len() as u64,
            reservations_active: self.reservations.iter().filter(|one| one.is_active(self.now)).count()
                as u64,
            history: self.history.jobs().len() as u64,
            ..Oracle::default()
        };
        let mut partitions = vec![PartitionCounts::default(); self.inventory.partitions.len()];
        self.count_nodes(&mut oracle, &mut partitions);
        for job in self.jobs() {
            *oracle.jobs_by_state.entry(job.state.word()).or_default() += u64::from(job.tasks());
            for flag in job.flags(self.now) {
                *oracle.jobs_by_flag.entry(flag.word()).or_default() += u64::from(job.tasks());
            }
            match job.state {
                JobState::Running => partitions[usize::from(job.request.partition)].running += 1,
                JobState::Pending => {
                    let (reason, tasks) = (job.reason.word(), u64::from(job.tasks()));
                    *oracle.pending_by_reason.entry(reason).or_default() += tasks;
                    for partition in job.request.partitions() {
                        let reasons = &mut partitions[usize::from(partition)].pending_by_reason;
                        *reasons.entry(reason).or_default() += tasks;
                    }
                }
                _ => {}
            }
        }
        let names = self.inventory.partitions.iter().map(|partition| partition.name.clone());
        oracle.partitions = names.zip(partitions).collect();
        oracle
    }

    fn count_nodes(&self, oracle: &mut Oracle, partitions: &mut [PartitionCounts]) {
        const MIB: u64 = 1 << 20;
        for (spec, node) in self.inventory.nodes.iter().zip(&self.nodes) {
            let kind = spec.kind();
            let base = node.base(kind).word();
            let cpus = Amount { total: kind.cpus.into(), allocated: node.allocated_cpus().into() };
            let memory = Amount {
                total: u64::from(kind.memory_mb) * MIB,
                allocated: u64::from(node.allocated_memory_mb) * MIB,
            };
            let gpus = Amount { total: kind.gpus.into(), allocated: node.allocated_gpus().into() };
            *oracle.nodes_by_base.entry(base).or_default() += 1;
            for flag in node.flags() {
                *oracle.nodes_by_flag.entry(flag.word()).or_default() += 1;
            }
            oracle.cpus.add(cpus);
            oracle.memory_bytes.add(memory);
            oracle.gpus.add(gpus);
            for index in &spec.partitions {
                let partition = &mut partitions[usize::from(*index)];
                partition.nodes += 1;
                *partition.nodes_by_base.entry(base).or_default() += 1;
                partition.cpus.add(cpus);
                partition.memory_bytes.add(memory);
                partition.gpus.add(gpus);
            }
        }
    }

    /// The records whose state is this one.
    pub fn jobs_in(&self, state: JobState) -> impl Iterator<Item = &Job> {
        self.jobs().iter().map(Arc::as_ref).filter(move |job| job.state == state)
    }
}

fn license_counts(license: &License) -> (&'static str, LicenseCounts) {
    let License { name, total, used, reserved } = *license;
    (name, LicenseCounts { total: total.into(), used: used.into(), reserved: reserved.into() })
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.allocated += other.allocated;
    }
}
