//! A job record, as slurmctld keeps it: request, state, reason, times, allocation.
//! Not here: who decides when it starts (scheduler.rs) or ends (lifecycle.rs).

use super::clock::Millis;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    Pending,
    Running,
    Completed,
    Cancelled,
    Failed,
    Timeout,
    NodeFail,
    OutOfMemory,
}

impl JobState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Timeout => "TIMEOUT",
            Self::NodeFail => "NODE_FAIL",
            Self::OutOfMemory => "OUT_OF_MEMORY",
        }
    }

    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// Slurm's short words for why a job waits or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateReason {
    None,
    Priority,
    Resources,
    Dependency,
    DependencyNeverSatisfied,
    BeginTime,
    JobHeldUser,
    JobArrayTaskLimit,
    QosMaxCpuPerUserLimit,
    NonZeroExitCode,
    TimeLimit,
    NodeDown,
    OutOfMemory,
}

impl StateReason {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Priority => "Priority",
            Self::Resources => "Resources",
            Self::Dependency => "Dependency",
            Self::DependencyNeverSatisfied => "DependencyNeverSatisfied",
            Self::BeginTime => "BeginTime",
            Self::JobHeldUser => "JobHeldUser",
            Self::JobArrayTaskLimit => "JobArrayTaskLimit",
            Self::QosMaxCpuPerUserLimit => "QOSMaxCpuPerUserLimit",
            Self::NonZeroExitCode => "NonZeroExitCode",
            Self::TimeLimit => "TimeLimit",
            Self::NodeDown => "NodeDown",
            Self::OutOfMemory => "OutOfMemory",
        }
    }
}

/// How a job will end when nothing happens to it. Drawn with the job, known only to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// Ends with this exit code.
    Failure(u8),
    OutOfMemory,
}

/// What a user asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Index into the users.
    pub user: u16,
    /// Index into the partitions.
    pub partition: u16,
    /// Index into [`super::inventory::QOS`].
    pub qos: u8,
    /// Index into [`crate::workload::NAMES`].
    pub name: u8,
    pub nodes: u32,
    pub cpus_per_node: u16,
    pub gpus_per_node: u8,
    /// Whether the request names the model: `gres/gpu:h100:2` against `gres/gpu:2`.
    pub gpu_model_named: bool,
    pub memory_mb_per_cpu: u32,
    /// Whether memory was asked for per CPU (`--mem-per-cpu`) or per node (`--mem`).
    pub memory_per_cpu: bool,
    pub limit_minutes: u32,
    /// How long it would really run, in milliseconds of simulated time.
    pub run_time: Millis,
    pub outcome: Outcome,
}

impl Request {
    pub fn cpus(&self) -> u32 {
        self.nodes * u32::from(self.cpus_per_node)
    }

    pub fn memory_mb_per_node(&self) -> u32 {
        self.memory_mb_per_cpu * u32::from(self.cpus_per_node)
    }

    pub fn limit(&self) -> Millis {
        Millis::from(self.limit_minutes) * super::clock::MINUTE
    }
}

/// The part that a record plays in a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayRole {
    None,
    /// The tasks that have not started: `next`, `next + step`, ... `last`, at most `limit` at a time (0: no limit).
    Waiting {
        next: u32,
        last: u32,
        step: u32,
        limit: u32,
        running: u32,
    },
    /// One task that has started, with the record of the waiting ones.
    Task {
        array_id: u32,
        index: u32,
        limit: u32,
    },
}

/// What a job holds on one node.
#[derive(Clone, Copy, Debug)]
pub struct Allocation {
    pub node: u32,
    pub cores: u128,
    pub gpus: u8,
    pub memory_mb: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    AfterOk,
    AfterAny,
}

/// `afterok:13`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub kind: DependencyKind,
    pub on: u32,
    pub failed: bool,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: u32,
    pub request: Request,
    pub role: ArrayRole,
    pub state: JobState,
    pub reason: StateReason,
    pub held: bool,
    pub dependency: Option<Dependency>,
    pub submit: Millis,
    /// 0 as long as the job may not start.
    pub eligible: Millis,
    /// Start of the run; for a pending job the scheduler's estimate, or 0.
    pub start: Millis,
    pub end: Millis,
    pub last_evaluated: Millis,
    pub backfill_attempted: bool,
    /// The static part of its priority; age is added when it is shown.
    pub base_priority: u32,
    pub restarts: u16,
    pub exit_code: u8,
    /// The signal that ended it, or 0.
    pub signal: u8,
    /// What it holds, or held when it ended.
    pub allocation: Vec<Allocation>,
    /// The first node that is planned for it, while it is pending.
    pub planned_node: Option<u32>,
}

impl Job {
    /// How many tasks this record stands for: `squeue -r` shows as many lines.
    pub fn tasks(&self) -> u32 {
        match self.role {
            ArrayRole::Waiting { next, last, step, .. } => (last - next) / step + 1,
            ArrayRole::None | ArrayRole::Task { .. } => 1,
        }
    }

    /// `4-500%4`, `2-10:2`, `7`, or nothing.
    pub fn array_task_string(&self) -> String {
        let ArrayRole::Waiting { next, last, step, limit, .. } = self.role else {
            return String::new();
        };
        let mut text = next.to_string();
        if next != last {
            text.push_str(&format!("-{last}"));
            if step > 1 {
                text.push_str(&format!(":{step}"));
            }
        }
        if limit > 0 {
            text.push_str(&format!("%{limit}"));
        }
        text
    }

    pub fn array_id(&self) -> u32 {
        match self.role {
            ArrayRole::None => 0,
            ArrayRole::Waiting { .. } => self.id,
            ArrayRole::Task { array_id, .. } => array_id,
        }
    }

    pub fn array_limit(&self) -> u32 {
        match self.role {
            ArrayRole::None => 0,
            ArrayRole::Waiting { limit, .. } | ArrayRole::Task { limit, .. } => limit,
        }
    }

    /// Higher runs first. Age counts one a minute, the same for all, so the order never changes while jobs wait.
    pub fn priority(&self, now: Millis) -> u32 {
        if self.held {
            return 0;
        }
        let since = if self.eligible == 0 { now } else { self.eligible.min(now) };
        let until = if self.state == JobState::Pending { now } else { self.start };
        self.base_priority + (until.saturating_sub(since) / super::clock::MINUTE) as u32
    }

    /// Sorts the queue: smaller comes first, and time does not change it.
    pub fn rank(&self) -> i64 {
        (self.eligible / super::clock::MINUTE) as i64 - i64::from(self.base_priority)
    }

    pub fn allocated_memory_mb(&self) -> u64 {
        self.allocation.iter().map(|part| u64::from(part.memory_mb)).sum()
    }

    pub fn allocated_gpus(&self) -> u32 {
        self.allocation.iter().map(|part| part.gpus.count_ones()).sum()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn request() -> Request {
        Request {
            user: 0,
            partition: 0,
            qos: 0,
            name: 0,
            nodes: 1,
            cpus_per_node: 4,
            gpus_per_node: 0,
            gpu_model_named: false,
            memory_mb_per_cpu: 1_024,
            memory_per_cpu: false,
            limit_minutes: 60,
            run_time: 60_000,
            outcome: Outcome::Success,
        }
    }

    pub(crate) fn pending(role: ArrayRole) -> Job {
        Job {
            id: 10,
            request: request(),
            role,
            state: JobState::Pending,
            reason: StateReason::None,
            held: false,
            dependency: None,
            submit: 0,
            eligible: 0,
            start: 0,
            end: 0,
            last_evaluated: 0,
            backfill_attempted: false,
            base_priority: 1_000,
            restarts: 0,
            exit_code: 0,
            signal: 0,
            allocation: Vec::new(),
            planned_node: None,
        }
    }

    #[test]
    fn the_task_string_and_the_task_count_agree() {
        let cases = [
            ((4, 500, 1, 4), "4-500%4", 497),
            ((2, 10, 2, 0), "2-10:2", 5),
            ((7, 7, 1, 0), "7", 1),
            ((9, 9, 3, 2), "9%2", 1),
        ];
        for ((next, last, step, limit), text, tasks) in cases {
            let job = pending(ArrayRole::Waiting { next, last, step, limit, running: 0 });
            assert_eq!((job.array_task_string().as_str(), job.tasks()), (text, tasks));
        }
        assert_eq!(pending(ArrayRole::None).tasks(), 1);
    }

    #[test]
    fn the_order_of_the_queue_agrees_with_the_shown_priority() {
        let old = Job { eligible: 60_000, ..pending(ArrayRole::None) };
        let new = Job { eligible: 600_000, ..pending(ArrayRole::None) };
        let urgent = Job { base_priority: 50_000, ..new.clone() };
        let now = 6_000_000;
        assert!(urgent.priority(now) > old.priority(now) && old.priority(now) > new.priority(now));
        assert!(urgent.rank() < old.rank() && old.rank() < new.rank());
    }
}
