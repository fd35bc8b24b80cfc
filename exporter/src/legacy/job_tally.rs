//! Jobs counted and summed for a cluster, a partition, an account or a user, as the older exporters show them.
//! Every amount is multiplied by the tasks of its row.

use std::collections::BTreeMap;

use super::fact::Fact;
use crate::exposition::{Batch, Value};
use crate::model::state::{Word, job_base, job_flag};
use crate::model::{Job, Jobs, Symbol};

#[derive(Debug, Default)]
pub(super) struct JobTally {
    pub(super) jobs: u64,
    /// Rows of `/jobs`, where a waiting array is one.
    pub(super) rows: u64,
    bases: [u64; job_base::WORDS.len()],
    flags: [u64; job_flag::WORDS.len()],
    /// Waiting with priority 0.
    pub(super) held: u64,
    pub(super) waiting_for_partition_limit: u64,
    /// Held by running jobs.
    pub(super) cpus: u64,
    pub(super) memory_bytes: u64,
    pub(super) gpus: u64,
    /// Kept by suspended jobs.
    pub(super) suspended_cpus: u64,
    pub(super) suspended_memory_bytes: u64,
    /// The most nodes that a waiting job takes, and the most that one needs.
    pub(super) most_nodes: Widest,
    pub(super) least_nodes: Widest,
}

/// A maximum over the waiting jobs.
#[derive(Debug, Default)]
pub(super) struct Widest {
    pub(super) of_all: u32,
    pub(super) of_those_not_held: u32,
}

impl Widest {
    fn add(&mut self, nodes: u32, is_held: bool) {
        self.of_all = self.of_all.max(nodes);
        if !is_held {
            self.of_those_not_held = self.of_those_not_held.max(nodes);
        }
    }
}

impl JobTally {
    /// Tasks in this base state.
    pub(super) fn base(&self, base: u8) -> Option<Value> {
        Some(self.count(base).into())
    }

    /// Tasks with this flag.
    pub(super) fn flag(&self, flag: u8) -> Option<Value> {
        Some(self.flagged(flag).into())
    }

    pub(super) fn count(&self, base: u8) -> u64 {
        self.bases[usize::from(base)]
    }

    pub(super) fn flagged(&self, flag: u8) -> u64 {
        self.flags[usize::from(flag)]
    }

    /// Tasks that wait no longer, whether they ever held resources or not: native's "started".
    pub(super) fn started(&self) -> u64 {
        self.jobs - self.count(job_base::PENDING)
    }

    /// Tasks that have ended.
    pub(super) fn finished(&self) -> u64 {
        let unfinished = [job_base::PENDING, job_base::RUNNING, job_base::SUSPENDED];
        self.jobs - unfinished.iter().map(|base| self.count(*base)).sum::<u64>()
    }

    fn add(&mut self, jobs: &Jobs, job: &Job) {
        let tasks = u64::from(job.tasks);
        self.jobs += tasks;
        self.rows += 1;
        if let Word::Known(base) = job.state.base {
            self.bases[usize::from(base)] += tasks;
        }
        let mut bits = job.state.flags;
        while bits != 0 {
            self.flags[bits.trailing_zeros() as usize] += tasks;
            bits &= bits - 1;
        }
        if job.is_pending() {
            self.held += if job.is_held { tasks } else { 0 };
            if jobs.symbols.resolve(job.reason) == "PartitionNodeLimit" {
                self.waiting_for_partition_limit += tasks;
            }
            self.most_nodes.add(job.max_nodes.max(job.nodes), job.is_held);
            self.least_nodes.add(job.nodes, job.is_held);
        } else if job.is_running() {
            self.cpus = self.cpus.saturating_add(u64::from(job.cpus));
            self.memory_bytes = self.memory_bytes.saturating_add(job.memory_bytes);
            self.gpus += jobs.gpus(job).iter().map(|gpus| gpus.count).sum::<u64>();
        } else if job.state.has_base(job_base::SUSPENDED) {
            self.suspended_cpus = self.suspended_cpus.saturating_add(u64::from(job.cpus));
            self.suspended_memory_bytes = self.suspended_memory_bytes.saturating_add(job.memory_bytes);
        }
    }
}

/// All jobs together.
pub(super) fn all(jobs: &Jobs) -> JobTally {
    let mut tally = JobTally::default();
    for job in &jobs.rows {
        tally.add(jobs, job);
    }
    tally
}

/// One tally for each value of a key; an empty key is none.
pub(super) fn by<K: Ord>(jobs: &Jobs, key: impl Fn(&Job) -> K) -> BTreeMap<K, JobTally> {
    let mut tallies = BTreeMap::<K, JobTally>::new();
    for job in &jobs.rows {
        tallies.entry(key(job)).or_default().add(jobs, job);
    }
    tallies
}

/// A job that waits for one of several partitions is in each of them.
pub(super) fn by_partition(jobs: &Jobs) -> BTreeMap<Symbol, JobTally> {
    let mut tallies = BTreeMap::<Symbol, JobTally>::new();
    for job in &jobs.rows {
        for partition in jobs.partitions(job) {
            tallies.entry(*partition).or_default().add(jobs, job);
        }
    }
    tallies
}

/// Writes a table for tallies by name.
pub(super) fn write(
    batch: &mut Batch,
    jobs: &Jobs,
    table: &'static [Fact<JobTally>],
    tallies: &BTreeMap<Symbol, JobTally>,
) {
    let named = tallies.iter().filter(|(name, _)| !name.is_empty());
    let rows: Vec<_> = named.map(|(name, tally)| (vec![jobs.symbols.resolve(*name)], tally)).collect();
    super::fact::write(batch, table, &rows);
}
