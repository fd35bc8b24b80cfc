//! What jobs use now of what a QOS or an association limits, added up by any key.
//! Nodes are left out: jobs may share one, and which ones they do is not known.

use super::gpu;
use crate::model::{Job, Jobs, Symbol};

/// Sums over jobs that are not over.
#[derive(Clone, Debug, Default)]
pub(super) struct InUse {
    /// Running.
    pub(super) jobs: u64,
    /// Running or waiting, each task once.
    pub(super) submitted: u64,
    cpus: u64,
    memory_bytes: u64,
    /// By type, as the jobs name it.
    gpus: Vec<(Symbol, u64)>,
}

impl InUse {
    pub(super) fn add(&mut self, jobs: &Jobs, job: &Job) {
        if job.is_pending() || job.is_running() {
            self.submitted = self.submitted.saturating_add(job.tasks.into());
        }
        if !job.is_running() {
            return;
        }
        let tasks = u64::from(job.tasks);
        self.jobs = self.jobs.saturating_add(tasks);
        self.cpus = self.cpus.saturating_add(tasks * u64::from(job.cpus));
        self.memory_bytes = self.memory_bytes.saturating_add(tasks.saturating_mul(job.memory_bytes));
        for gpus in gpu::of_job(jobs, job) {
            let count = tasks.saturating_mul(gpus.count);
            match self.gpus.iter_mut().find(|(kind, _)| *kind == gpus.kind) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => self.gpus.push((gpus.kind, count)),
            }
        }
    }

    /// How much of a resource of this name is used; none for one that jobs do not tell.
    pub(super) fn of(&self, jobs: Option<&Jobs>, tres: &str) -> Option<u64> {
        match tres {
            "cpu" => Some(self.cpus),
            "mem" => Some(self.memory_bytes),
            "gres/gpu" => Some(self.gpus.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))),
            _ => {
                let kind = tres.strip_prefix("gres/gpu:")?;
                let used = self
                    .gpus
                    .iter()
                    .find(|(of, _)| jobs.is_some_and(|jobs| jobs.symbols.resolve(*of) == kind));
                Some(used.map_or(0, |(_, count)| *count))
            }
        }
    }

    /// The types of GPUs in use that have a name.
    pub(super) fn gpu_types(&self) -> impl Iterator<Item = Symbol> {
        self.gpus.iter().map(|(kind, _)| *kind).filter(|kind| !kind.is_empty())
    }
}
