//! Finished jobs as slurmdbd would know them, the newest of them only.
//! Not here: jobs that wait or run, which slurmdbd also lists: they are in the cluster's records.

use super::clock::Millis;
use super::job::Job;
use std::collections::VecDeque;
use std::sync::Arc;

/// The last finished runs, in order of their end; older ones are forgotten.
#[derive(Clone, Debug)]
pub struct History {
    jobs: VecDeque<Arc<Job>>,
    most: usize,
}

impl History {
    pub(super) fn new(most: usize) -> Self {
        Self { jobs: VecDeque::new(), most }
    }

    /// Takes a job that has ended, after all that it took before.
    pub(super) fn add(&mut self, job: Arc<Job>) {
        if self.jobs.len() == self.most {
            self.jobs.pop_front();
        }
        self.jobs.push_back(job);
    }

    /// Oldest first.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = &Arc<Job>> + ExactSizeIterator {
        self.jobs.iter()
    }

    /// Jobs that were in any state but finished at some time from `from` to `until`: submitted by then and not
    /// ended before. That is slurmdbd's meaning of `start_time` and `end_time` without a state.
    pub fn between(&self, from: Millis, until: Millis) -> impl Iterator<Item = &Arc<Job>> {
        let first = self.jobs.partition_point(|job| job.end < from);
        self.jobs.range(first..).filter(move |job| job.submit <= until)
    }
}
