//! Scheduler statistics, as `sdiag` shows them. Counters run since `reset_at`; cycle times are in microseconds.
//! A field that this API version lacks is `None`.

use super::time::Timestamp;

/// One reading of the scheduler's statistics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diag {
    /// The controller's clock when it answered.
    pub taken_at: Timestamp,
    /// Start of the counters: slurmctld's start, or its last reset (midnight UTC by default).
    pub reset_at: Timestamp,
    pub server_threads: Option<u64>,
    pub agent_queue_size: Option<u64>,
    pub agent_count: Option<u64>,
    pub agent_threads: Option<u64>,
    pub dbd_agent_queue_size: Option<u64>,
    pub jobs_submitted: Option<u64>,
    pub jobs_started: Option<u64>,
    pub jobs_completed: Option<u64>,
    pub jobs_canceled: Option<u64>,
    pub jobs_failed: Option<u64>,
    /// As of `job_states_at`, which may lag.
    pub jobs_pending: Option<u64>,
    pub jobs_running: Option<u64>,
    pub job_states_at: Timestamp,
    pub main: Cycle,
    pub backfill: Backfill,
    pub rpcs_by_type: Vec<RpcByType>,
    pub rpcs_by_user: Vec<RpcByUser>,
    pub said: Said,
}

/// The lists of RPCs in [`Said`], by Slurm's name.
pub const RPCS_BY_TYPE: &str = "rpcs_by_message_type";
pub const RPCS_BY_USER: &str = "rpcs_by_user";

/// Every number of the statistics as Slurm said it: its counters begin again at a reset, while those above may be
/// carried over. For the names of other exporters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// By Slurm's name, in order; nested ones with a dot: `bf_exit.end_job_queue`.
    numbers: Vec<(Box<str>, u64)>,
    /// List, name of the message type or user, calls and microseconds.
    rpcs: Vec<(&'static str, Box<str>, [u64; 2])>,
}

impl Said {
    /// From numbers in any order, and RPCs as `(list, name, [calls, microseconds])`.
    pub fn new(mut numbers: Vec<(Box<str>, u64)>, rpcs: Vec<(&'static str, Box<str>, [u64; 2])>) -> Self {
        numbers.sort_unstable();
        numbers.dedup_by(|next, kept| next.0 == kept.0);
        Self { numbers, rpcs }
    }

    /// The number of this name, if this version of Slurm says it.
    pub fn get(&self, field: &str) -> Option<u64> {
        let at = self.numbers.binary_search_by(|(name, _)| name.as_ref().cmp(field)).ok()?;
        Some(self.numbers[at].1)
    }

    /// Gives every user another name.
    pub fn rename_users(&mut self, name: impl Fn(&str) -> String) {
        for (_, user, _) in self.rpcs.iter_mut().filter(|(list, ..)| *list == RPCS_BY_USER) {
            *user = name(user).into();
        }
    }

    /// The RPCs of a list: name, calls and microseconds.
    pub fn rpcs<'a>(&'a self, list: &'a str) -> impl Iterator<Item = (&'a str, [u64; 2])> {
        self.rpcs
            .iter()
            .filter(move |(of, ..)| *of == list)
            .map(|(_, name, amounts)| (name.as_ref(), *amounts))
    }
}

/// The main scheduling loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    pub last_micros: Option<u64>,
    pub max_micros: Option<u64>,
    pub mean_micros: Option<u64>,
    pub cycles: Option<u64>,
    pub mean_depth: Option<u64>,
    pub queue_length: Option<u64>,
    /// Why cycles ended, with their number: `end_job_queue`, `licenses`, ... From v0.0.40.
    pub exits: Vec<(String, u64)>,
}

/// The backfill scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backfill {
    pub cycle: Cycle,
    pub active: Option<bool>,
    pub last_cycle_at: Timestamp,
    pub jobs: Option<u64>,
    pub het_jobs: Option<u64>,
    pub last_depth: Option<u64>,
    pub last_depth_tried: Option<u64>,
    pub mean_depth_tried: Option<u64>,
    pub table_size: Option<u64>,
}

/// RPCs of one message type that slurmctld has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcByType {
    /// `REQUEST_JOB_INFO`, ...
    pub message_type: String,
    pub count: u64,
    pub total_micros: u64,
    /// From v0.0.41.
    pub queued: Option<u64>,
    /// From v0.0.41.
    pub dropped: Option<u64>,
}

/// RPCs of one user that slurmctld has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcByUser {
    pub user: String,
    pub count: u64,
    pub total_micros: u64,
}
