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
    /// From the one of the first id on.
    blocks: Vec<Block>,
    first_block: usize,
}

/// Which of 64 ids in a row are there.
#[derive(Clone, Copy, Debug)]
struct Block {
    present: u64,
    /// The index of the first that is.
    index: u32,
}

const BLOCK: usize = u64::BITS as usize;

impl Records {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { ids: Vec::with_capacity(capacity), jobs: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// Adds a job whose id is above all others; returns its index.
    pub(super) fn push(&mut self, job: Job) -> usize {
        debug_assert!(self.ids.last().is_none_or(|last| *last < job.id));
        self.find_at(job.id, self.jobs.len());
        self.ids.push(job.id);
        self.jobs.push(Arc::new(job));
        self.jobs.len() - 1
    }

    pub(super) fn index_of(&self, id: u32) -> Option<usize> {
        let (block, bit) = (id as usize / BLOCK, 1 << (id as usize % BLOCK));
        let block = self.blocks.get(block.checked_sub(self.first_block)?)?;
        let before = block.present & (bit - 1);
        (block.present & bit != 0).then_some(block.index as usize + before.count_ones() as usize)
    }

    /// From now on an id above all others is found at this index.
    fn find_at(&mut self, id: u32, index: usize) {
        let block = id as usize / BLOCK;
        if self.blocks.is_empty() {
            self.first_block = block;
        }
        let missing = Block { present: 0, index: index as u32 };
        let count = block + 1 - self.first_block;
        self.blocks.resize(self.blocks.len().max(count), missing);
        self.blocks[count - 1].present |= 1 << (id as usize % BLOCK);
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
        self.blocks.clear();
        for index in 0..kept {
            self.find_at(self.ids[index], index);
        }
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

    #[test]
    fn every_job_is_found_by_its_id_however_far_they_lie_apart() {
        let ids = [1_000, 1_001, 1_023, 1_024, 1_090, 1_500, 5_000];
        let mut records = Records::default();
        for id in ids {
            records.push(Job { id, ..pending(ArrayRole::None) });
        }
        for gone in [&[][..], &[1_000, 1_001], &[1_500], &[5_000]] {
            records.remove(gone);
            for (index, job) in records.as_slice().iter().enumerate() {
                assert_eq!(records.index_of(job.id), Some(index));
            }
            let found = (0..6_000).filter(|id| records.index_of(*id).is_some());
            assert_eq!(found.count(), records.len());
        }
    }
}
