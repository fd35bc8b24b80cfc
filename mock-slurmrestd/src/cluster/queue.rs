//! The jobs that may start, best first, a lane per partition.
//! Not here: jobs that wait for something other than nodes (holds, dependencies, begin times).

use super::job::Job;
use std::collections::BTreeSet;
use std::ops::Bound;

#[derive(Clone, Debug, Default)]
struct Lane {
    /// Rank and id.
    waiting: BTreeSet<(i64, u32)>,
    /// Whether the last cycle left a job for which there was no place.
    blocked: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Queue {
    lanes: Vec<Lane>,
}

impl Queue {
    pub(super) fn new(partitions: usize) -> Self {
        Self { lanes: vec![Lane::default(); partitions] }
    }

    /// In the lane of each of its partitions.
    pub(super) fn insert(&mut self, job: &Job) {
        for partition in job.request.partitions() {
            self.lanes[usize::from(partition)].waiting.insert((job.rank(), job.id));
        }
    }

    pub(super) fn remove(&mut self, job: &Job) {
        for partition in job.request.partitions() {
            self.lanes[usize::from(partition)].waiting.remove(&(job.rank(), job.id));
        }
    }

    /// Rank and id of all, by lane; the queue is empty until they are put back.
    pub(super) fn take(&mut self) -> Vec<Vec<(i64, u32)>> {
        self.lanes.iter_mut().map(|lane| std::mem::take(&mut lane.waiting).into_iter().collect()).collect()
    }

    pub(super) fn put_back(&mut self, waiting: Vec<Vec<(i64, u32)>>) {
        for (lane, waiting) in self.lanes.iter_mut().zip(waiting) {
            lane.waiting = waiting.into_iter().collect();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// Rank and id of the next `count` jobs of a partition after this one, or of the best.
    pub(super) fn after(&self, partition: usize, last: Option<(i64, u32)>, count: usize) -> Vec<(i64, u32)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.lanes[partition].waiting.range((from, Bound::Unbounded));
        next.take(count).copied().collect()
    }

    pub(super) fn is_blocked(&self, partition: u16) -> bool {
        self.lanes[usize::from(partition)].blocked
    }

    pub(super) fn set_blocked(&mut self, partition: usize, blocked: bool) {
        self.lanes[partition].blocked = blocked;
    }
}

#[cfg(test)]
mod tests {
    use super::super::job::ArrayRole;
    use super::super::job::tests::pending;
    use super::*;

    #[test]
    fn the_best_job_of_a_partition_comes_first() {
        let mut queue = Queue::new(2);
        let late = Job { id: 1, eligible: 600_000, ..pending(ArrayRole::None) };
        let early = Job { id: 2, eligible: 60_000, ..pending(ArrayRole::None) };
        let mut elsewhere = Job { id: 3, ..pending(ArrayRole::None) };
        elsewhere.request.partition = 1;
        for job in [&late, &early, &elsewhere] {
            queue.insert(job);
        }
        let best = |queue: &Queue, partition, count| -> Vec<u32> {
            queue.after(partition, None, count).into_iter().map(|(_, id)| id).collect()
        };
        assert_eq!(
            (best(&queue, 0, 9), best(&queue, 0, 1), best(&queue, 1, 9)),
            (vec![2, 1], vec![2], vec![3])
        );
        assert_eq!(queue.after(0, Some((early.rank(), 2)), 9), [(late.rank(), 1)]);
        queue.remove(&early);
        assert_eq!((best(&queue, 0, 9), queue.len()), (vec![1], 2));
    }
}
