//! slurmctld's own counters: what `sdiag` shows. They grow until midnight, when slurmctld resets them.
//! Not here: their JSON. Cycle times are made up from the work done, since the model has no CPU of its own.

use super::clock::Millis;
use std::collections::BTreeMap;

/// Messages that slurmctld counts: number and name as in Slurm's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rpc {
    Ping,
    NodeRegistration,
    JobInfo,
    JobState,
    NodeInfo,
    PartitionInfo,
    Stats,
    SubmitBatch,
    KillJob,
    CompleteBatch,
    StepCreate,
    UpdateNode,
}

impl Rpc {
    pub fn number_and_name(self) -> (u32, &'static str) {
        match self {
            Self::Ping => (1008, "REQUEST_PING"),
            Self::NodeRegistration => (1002, "MESSAGE_NODE_REGISTRATION_STATUS"),
            Self::JobInfo => (2003, "REQUEST_JOB_INFO"),
            Self::JobState => (2057, "REQUEST_JOB_STATE"),
            Self::NodeInfo => (2007, "REQUEST_NODE_INFO"),
            Self::PartitionInfo => (2009, "REQUEST_PARTITION_INFO"),
            Self::Stats => (2035, "REQUEST_STATS_INFO"),
            Self::SubmitBatch => (4003, "REQUEST_SUBMIT_BATCH_JOB"),
            Self::KillJob => (5032, "REQUEST_KILL_JOB"),
            Self::CompleteBatch => (5018, "REQUEST_COMPLETE_BATCH_SCRIPT"),
            Self::StepCreate => (5001, "REQUEST_JOB_STEP_CREATE"),
            Self::UpdateNode => (3002, "REQUEST_UPDATE_NODE"),
        }
    }

    /// About what slurmctld spends on one, in microseconds.
    fn cost(self) -> u64 {
        match self {
            Self::Ping => 90,
            Self::NodeRegistration => 75,
            Self::JobInfo => 4_200,
            Self::JobState => 900,
            Self::NodeInfo => 1_480,
            Self::PartitionInfo => 120,
            Self::Stats => 360,
            Self::SubmitBatch => 480,
            Self::KillJob => 216,
            Self::CompleteBatch => 404,
            Self::StepCreate => 275,
            Self::UpdateNode => 187,
        }
    }
}

/// Who sent a message: the cluster's own daemons and administrators, the REST user, or a user by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    Root,
    Rest,
    User(u16),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub count: u64,
    pub total_us: u64,
}

/// A series of cycles: last, longest, sum, number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cycles {
    pub last_us: u64,
    pub max_us: u64,
    pub sum_us: u64,
    pub count: u64,
    /// Jobs looked at, in all cycles together.
    pub depth_sum: u64,
}

impl Cycles {
    fn add(&mut self, us: u64, depth: u64) {
        self.last_us = us;
        self.max_us = self.max_us.max(us);
        self.sum_us += us;
        self.count += 1;
        self.depth_sum += depth;
    }

    pub fn mean_us(&self) -> u64 {
        self.sum_us / self.count.max(1)
    }

    pub fn mean_depth(&self) -> u64 {
        self.depth_sum / self.count.max(1)
    }
}

/// What one cycle did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CycleReport {
    pub(super) depth: u64,
    pub(super) tried: u64,
    pub(super) started: u64,
    pub(super) queue: u64,
    pub(super) reached_limit: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub since: Millis,
    pub schedule: Cycles,
    pub schedule_reached_limit: u64,
    pub schedule_queue: u64,
    pub backfill: Cycles,
    pub backfill_reached_limit: u64,
    pub backfill_at: Millis,
    pub backfill_depth: u64,
    pub backfill_tried: u64,
    pub backfill_tried_sum: u64,
    pub backfill_queue: u64,
    pub backfill_queue_sum: u64,
    pub backfill_table: u64,
    pub backfill_table_sum: u64,
    pub backfilled: u64,
    pub backfilled_last: u64,
    pub submitted: u64,
    pub started: u64,
    pub completed: u64,
    pub canceled: u64,
    pub failed: u64,
    /// Counts as of `job_states_at`, which lags behind.
    pub pending: u64,
    pub running: u64,
    pub job_states_at: Millis,
    pub by_type: BTreeMap<Rpc, Tally>,
    pub by_sender: BTreeMap<Sender, Tally>,
}

impl Stats {
    /// Everything that counts starts again; what tells of a moment stays.
    pub(super) fn reset(&mut self, now: Millis) {
        *self = Self {
            since: now,
            schedule_queue: self.schedule_queue,
            backfill_at: self.backfill_at,
            pending: self.pending,
            running: self.running,
            job_states_at: self.job_states_at,
            ..Self::default()
        };
    }

    pub(super) fn scheduled(&mut self, cycle: CycleReport) {
        self.schedule.add(120 + 18 * cycle.tried + 95 * cycle.started, cycle.depth);
        self.schedule_queue = cycle.queue;
        self.schedule_reached_limit += u64::from(cycle.reached_limit);
    }

    pub(super) fn backfilled(&mut self, now: Millis, cycle: CycleReport) {
        self.backfill.add(900 + 140 * cycle.tried + 210 * cycle.started, cycle.depth);
        self.backfill_reached_limit += u64::from(cycle.reached_limit);
        self.backfill_at = now;
        self.backfill_depth = cycle.depth;
        self.backfill_tried = cycle.tried;
        self.backfill_tried_sum += cycle.tried;
        self.backfill_queue = cycle.queue;
        self.backfill_queue_sum += cycle.queue;
        self.backfill_table = 1 + cycle.tried.min(200);
        self.backfill_table_sum += self.backfill_table;
        self.backfilled += cycle.started;
        self.backfilled_last = cycle.started;
    }

    pub(super) fn count(&mut self, rpc: Rpc, sender: Sender, times: u64) {
        if times == 0 {
            return;
        }
        // A drift by count keeps averages from looking computed.
        let us = times * (rpc.cost() + (self.by_type.get(&rpc).map_or(0, |tally| tally.count) % 17));
        for tally in [self.by_type.entry(rpc).or_default(), self.by_sender.entry(sender).or_default()] {
            tally.count += times;
            tally.total_us += us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_counts_once_by_type_and_once_by_sender() {
        let mut stats = Stats::default();
        stats.count(Rpc::SubmitBatch, Sender::User(1), 3);
        stats.count(Rpc::Ping, Sender::Root, 2);
        let sum = |tallies: Vec<&Tally>| {
            tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.count, sum.1 + tally.total_us))
        };
        let by_type = sum(stats.by_type.values().collect());
        assert_eq!(by_type, sum(stats.by_sender.values().collect()));
        assert_eq!(by_type.0, 5);
    }

    #[test]
    fn midnight_resets_counters_and_keeps_what_is_of_the_moment() {
        let mut stats = Stats { submitted: 7, pending: 3, ..Stats::default() };
        stats.count(Rpc::Ping, Sender::Root, 2);
        stats.backfilled(5, CycleReport { started: 2, ..CycleReport::default() });
        stats.reset(9);
        assert_eq!((stats.submitted, stats.backfilled, stats.by_type.len()), (0, 0, 0));
        assert_eq!((stats.since, stats.pending, stats.backfill_at), (9, 3, 5));
    }

    #[test]
    fn the_longest_cycle_is_kept_and_the_mean_is_of_all() {
        let mut cycles = Cycles::default();
        cycles.add(10, 1);
        cycles.add(30, 3);
        cycles.add(20, 2);
        assert_eq!((cycles.last_us, cycles.max_us, cycles.mean_us(), cycles.mean_depth()), (20, 30, 20, 2));
    }
}
