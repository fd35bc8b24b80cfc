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
