//! The job records that slurmctld lists, ascending by id, each shared with those who look at an older moment.
//! Not here: the order in which they start (queue.rs).

use super::job::Job;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Ids lie apart from the jobs, so that a search touches little memory. Changing a job copies it only when
/// somebody else still looks at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    ids: Vec<u32>,
    jobs: Vec<Arc<Job>>,
}

impl Records {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { ids: Vec::with_capacity(capacity), jobs: Vec::with_capacity(capacity) }
    }

    /// Adds a job whose id is above all others; returns its index.
    pub(super) fn push(&mut self, job: Job) -> usize {
        debug_assert!(self.ids.last().is_none_or(|last| *last < job.id));
        self.ids.push(job.id);
        self.jobs.push(Arc::new(job));
        self.jobs.len() - 1
    }

    pub(super) fn index_of(&self, id: u32) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn as_slice(&self) -> &[Arc<Job>] {
        &self.jobs
    }

    pub(super) fn shared(&self, index: usize) -> Arc<Job> {
        Arc::clone(&self.jobs[index])
    }

    /// Forgets the jobs with these ids, which ascend.
    pub(super) fn remove(&mut self, ids: &[u32]) {
        let mut gone = ids.iter().copied().peekable();
        let mut kept = 0;
        for index in 0..self.ids.len() {
            let id = self.ids[index];
            while gone.next_if(|gone| *gone < id).is_some() {}
            if gone.next_if_eq(&id).is_none() {
                self.ids.swap(kept, index);
                self.jobs.swap(kept, index);
                kept += 1;
            }
        }
        self.ids.truncate(kept);
        self.jobs.truncate(kept);
    }
}

impl Index<usize> for Records {
    type Output = Job;

    fn index(&self, index: usize) -> &Job {
        &self.jobs[index]
    }
}

impl IndexMut<usize> for Records {
    fn index_mut(&mut self, index: usize) -> &mut Job {
        Arc::make_mut(&mut self.jobs[index])
    }
}

#[cfg(test)]
mod tests {
    use super::super::job::tests::pending;
    use super::super::job::{ArrayRole, Job};
    use super::Records;

    #[test]
    fn what_is_removed_is_no_longer_found_and_the_rest_is() {
        let mut records = Records::default();
        for id in [3, 5, 8, 9, 12] {
            records.push(Job { id, ..pending(ArrayRole::None) });
        }
        records.remove(&[3, 4, 9]);
        let ids: Vec<u32> = records.as_slice().iter().map(|job| job.id).collect();
        assert_eq!(ids, [5, 8, 12]);
        assert_eq!((records.index_of(8), records.index_of(9)), (Some(1), None));
    }
}
