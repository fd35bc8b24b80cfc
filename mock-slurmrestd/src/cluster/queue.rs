//! The jobs that may start, best first, a lane per partition; those at a limit stand aside.
//! Not here: jobs that wait for something else than nodes or a limit (holds, dependencies, begin times).

use super::job::Job;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Rank and id, with the association.
type Waiting = BTreeMap<(i64, u32), u32>;

/// What keeps a job from starting until another one ends, wherever there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wall {
    /// A limit of an association, by its index.
    Association(u32),
    /// A limit of a user in a QOS, by its slot in the usage.
    UserInQos(u32),
    Qos(u8),
    License(u8),
    /// The limit of an array, by its id.
    Array(u32),
    /// The nodes of a reservation, by its id.
    Reservation(u32),
    /// A node that it has to have.
    Node(u32),
}

#[derive(Clone, Debug, Default)]
struct Lane {
    waiting: Waiting,
    /// Whether the last cycle left a job for which there was no place.
    blocked: bool,
    /// Ids of those that have come since the last cycle and do not know yet why they wait.
    new: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    lanes: Vec<Lane>,
    /// Jobs that are in no lane until their wall gives way.
    walls: BTreeMap<Wall, Waiting>,
    /// The same by id.
    stopped: BTreeMap<u32, Wall>,
    /// Walls at which something was given back.
    lowered: BTreeSet<Wall>,
}

impl Queue {
    pub(super) fn new(partitions: usize) -> Self {
        Self { lanes: vec![Lane::default(); partitions], ..Self::default() }
    }

    /// In the lane of each of its partitions.
    pub(super) fn insert(&mut self, job: &Job) {
        for partition in job.request.partitions() {
            let lane = &mut self.lanes[usize::from(partition)];
            lane.waiting.insert((job.rank(), job.id), job.request.association);
            lane.new.push(job.id);
        }
    }

    pub(super) fn remove(&mut self, job: &Job) {
        let at = (job.rank(), job.id);
        if let Some(wall) = self.stopped.remove(&job.id) {
            if let Some(waiting) = self.walls.get_mut(&wall) {
                waiting.remove(&at);
                if waiting.is_empty() {
                    self.walls.remove(&wall);
                }
            }
            return;
        }
        for partition in job.request.partitions() {
            self.lanes[usize::from(partition)].waiting.remove(&at);
        }
    }

    /// Puts a job aside.
    pub(super) fn stop(&mut self, job: &Job, wall: Wall) {
        self.remove(job);
        self.walls.entry(wall).or_default().insert((job.rank(), job.id), job.request.association);
        self.stopped.insert(job.id, wall);
    }

    /// Puts a job that stood aside back into its lanes.
    pub(super) fn let_go(&mut self, job: &Job) {
        self.remove(job);
        self.insert(job);
    }

    /// Something was given back, so that somebody may pass.
    pub(super) fn lower(&mut self, wall: Wall) {
        if self.walls.contains_key(&wall) {
            self.lowered.insert(wall);
        }
    }

    pub(super) fn take_lowered(&mut self) -> BTreeSet<Wall> {
        std::mem::take(&mut self.lowered)
    }

    /// Ids of the best that stand before this wall.
    pub(super) fn stopped_by(&self, wall: Wall, count: usize) -> Vec<u32> {
        let waiting = self.walls.get(&wall).into_iter().flatten();
        waiting.take(count).map(|((_, id), _)| *id).collect()
    }

    /// Ranks those anew whose association is among these.
    pub(super) fn rank_again(&mut self, associations: &[bool], mut rank: impl FnMut(u32) -> Option<i64>) {
        let lanes = self.lanes.iter_mut().map(|lane| &mut lane.waiting);
        for place in lanes.chain(self.walls.values_mut()) {
            let mut waiting: Vec<_> = std::mem::take(place).into_iter().collect();
            for ((old, id), association) in &mut waiting {
                if associations[*association as usize] {
                    *old = rank(*id).unwrap_or(*old);
                }
            }
            *place = waiting.into_iter().collect();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum::<usize>() + self.stopped.len()
    }

    /// Rank and id of the next `count` jobs of a partition after this one, or of the best.
    pub(super) fn after(&self, partition: usize, last: Option<(i64, u32)>, count: usize) -> Vec<(i64, u32)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.lanes[partition].waiting.range((from, Bound::Unbounded));
        next.take(count).map(|(job, _)| *job).collect()
    }

    pub(super) fn is_blocked(&self, partition: u16) -> bool {
        self.lanes[usize::from(partition)].blocked
    }

    /// The end of a cycle: returns the new jobs if it passed some over.
    pub(super) fn set_blocked(&mut self, partition: usize, blocked: bool) -> Vec<u32> {
        let lane = &mut self.lanes[partition];
        lane.blocked = blocked;
        let new = std::mem::take(&mut lane.new);
        if blocked { new } else { Vec::new() }
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

    #[test]
    fn a_job_before_a_wall_is_in_no_lane_until_it_is_let_go() {
        let mut queue = Queue::new(1);
        let (one, other) = (pending(ArrayRole::None), Job { id: 11, ..pending(ArrayRole::None) });
        let wall = Wall::Association(3);
        for job in [&one, &other] {
            queue.insert(job);
        }
        queue.lower(wall);
        assert!(queue.take_lowered().is_empty(), "nobody stands there");
        queue.stop(&one, wall);
        assert_eq!((queue.after(0, None, 9).len(), queue.len()), (1, 2));
        queue.lower(wall);
        assert_eq!((queue.take_lowered().len(), queue.stopped_by(wall, 9)), (1, vec![one.id]));
        queue.let_go(&one);
        assert_eq!((queue.after(0, None, 9).len(), queue.len()), (2, 2));
        queue.stop(&other, wall);
        queue.remove(&other);
        assert_eq!((queue.stopped_by(wall, 9), queue.len()), (vec![], 1));
    }
}
