//! A job record, as slurmctld keeps it: request, state, reason, times, allocation.
//! Not here: who decides when it starts (scheduler.rs) or ends (lifecycle.rs).

use super::array::TaskList;
use super::clock::{MINUTE, Millis};
use super::inventory::{Inventory, NODE_TYPES, NodeType};
use super::license::LicenseRequest;
use super::resources::Resources;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    Pending,
    Running,
    Suspended,
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
            Self::Suspended => "SUSPENDED",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Timeout => "TIMEOUT",
            Self::NodeFail => "NODE_FAIL",
            Self::OutOfMemory => "OUT_OF_MEMORY",
        }
    }

    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Suspended)
    }
}

/// What is said of a job beside its state, in the order in which slurmrestd lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobFlag {
    /// Put back into the queue; until it starts again or is held.
    Requeued,
    /// Put back and held because of its exit code.
    SpecialExit,
    /// Its nodes are being prepared. This and the next follow from the time, see [`Job::flags`].
    Configuring,
    /// It ended and its nodes are being cleaned; it still holds them.
    Completing,
    /// Its nodes are being powered up.
    PowerUpNode,
}

impl JobFlag {
    pub const ALL: [Self; 5] =
        [Self::Requeued, Self::SpecialExit, Self::Configuring, Self::Completing, Self::PowerUpNode];

    pub fn word(self) -> &'static str {
        match self {
            Self::Requeued => "REQUEUED",
            Self::SpecialExit => "SPECIAL_EXIT",
            Self::Configuring => "CONFIGURING",
            Self::Completing => "COMPLETING",
            Self::PowerUpNode => "POWER_UP_NODE",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
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
    JobHeldAdmin,
    JobArrayTaskLimit,
    Licenses,
    Reservation,
    ReqNodeNotAvail,
    BadConstraints,
    PartitionTimeLimit,
    AssocMaxWallLimit,
    QosMaxWallLimit,
    AssocMaxJobsLimit,
    AssocGrpJobsLimit,
    AssocGrpCpuLimit,
    AssocGrpGresLimit,
    QosMaxJobsPerUserLimit,
    QosMaxCpuPerUserLimit,
    QosGrpCpuLimit,
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
            Self::JobHeldAdmin => "JobHeldAdmin",
            Self::JobArrayTaskLimit => "JobArrayTaskLimit",
            Self::Licenses => "Licenses",
            Self::Reservation => "Reservation",
            Self::ReqNodeNotAvail => "ReqNodeNotAvail",
            Self::BadConstraints => "BadConstraints",
            Self::PartitionTimeLimit => "PartitionTimeLimit",
            Self::AssocMaxWallLimit => "AssocMaxWallDurationPerJobLimit",
            Self::QosMaxWallLimit => "QOSMaxWallDurationPerJobLimit",
            Self::AssocMaxJobsLimit => "AssocMaxJobsLimit",
            Self::AssocGrpJobsLimit => "AssocGrpJobsLimit",
            Self::AssocGrpCpuLimit => "AssocGrpCpuLimit",
            Self::AssocGrpGresLimit => "AssocGrpGRES",
            Self::QosMaxJobsPerUserLimit => "QOSMaxJobsPerUserLimit",
            Self::QosGrpCpuLimit => "QOSGrpCpuLimit",
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
    /// Ends with a code of `RequeueExitHold`: requeued, held and marked SPECIAL_EXIT.
    SpecialExit,
    /// Cancelled by its user when its time is up.
    Cancelled,
}

/// What a user asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Index into the users.
    pub user: u16,
    /// Index into the associations: whose limits and shares count, and the account.
    pub association: u32,
    /// Index into the partitions: the first, or the one in which it started.
    pub partition: u16,
    /// A second partition in which a waiting job may start.
    pub second_partition: Option<u16>,
    /// Index into the QOS.
    pub qos: u8,
    /// Index into [`crate::workload::NAMES`].
    pub name: u8,
    pub nodes: u32,
    pub cpus_per_node: u16,
    pub gpus_per_node: u8,
    /// Index into [`NODE_TYPES`]: the machines that it was made for.
    pub kind: u8,
    /// Whether the request names the model: `gres/gpu:h100:2` against `gres/gpu:2`.
    /// Then only nodes with that model will do.
    pub gpu_model_named: bool,
    pub memory_mb_per_cpu: u32,
    /// Whether memory was asked for per CPU (`--mem-per-cpu`) or per node (`--mem`).
    pub memory_per_cpu: bool,
    pub limit_minutes: u32,
    /// How long it would really run, in milliseconds of simulated time.
    pub run_time: Millis,
    pub outcome: Outcome,
    /// `--constraint`: a feature that every node must have.
    pub constraint: Option<&'static str>,
    /// `--nodelist`: a node that has to be among those that it gets.
    pub required_node: Option<u32>,
    pub licenses: Option<LicenseRequest>,
    /// The id of the reservation in which it wants to run.
    pub reservation: Option<u32>,
    /// Parts of the allocated CPU time and memory that it will really use, in percent.
    pub cpu_use: u8,
    pub memory_use: u8,
}

impl Request {
    pub fn cpus(&self) -> u32 {
        self.nodes * u32::from(self.cpus_per_node)
    }

    pub fn gpus(&self) -> u32 {
        self.nodes * u32::from(self.gpus_per_node)
    }

    pub fn partitions(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.partition).chain(self.second_partition)
    }

    /// The model of the GPUs, where it is named.
    pub fn gpu_model(&self) -> Option<&'static str> {
        (self.gpus_per_node > 0 && self.gpu_model_named)
            .then_some(NODE_TYPES[usize::from(self.kind)].gpu_model)
    }

    /// Whether a node of this type will do, empty.
    pub(super) fn suits(&self, kind: &NodeType) -> bool {
        self.gpu_model().is_none_or(|model| model == kind.gpu_model)
            && self.constraint.is_none_or(|feature| kind.features.contains(&feature))
    }

    /// What it asks for in all.
    pub fn resources(&self) -> Resources {
        Resources {
            cpus: self.cpus().into(),
            memory_mb: u64::from(self.memory_mb_per_node()) * u64::from(self.nodes),
            nodes: self.nodes.into(),
            billing: self.cpus().into(),
            gpus: self.gpus().into(),
        }
    }

    pub fn memory_mb_per_node(&self) -> u32 {
        self.memory_mb_per_cpu * u32::from(self.cpus_per_node)
    }

    pub fn limit(&self) -> Millis {
        Millis::from(self.limit_minutes) * MINUTE
    }
}

/// The part that a record plays in a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayRole {
    None,
    /// The tasks that have not started, at most `limit` at a time (0: no limit).
    Waiting {
        tasks: TaskList,
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

impl ArrayRole {
    /// How many tasks such a record stands for.
    pub(super) fn tasks(&self) -> u32 {
        match self {
            Self::Waiting { tasks, .. } => tasks.len(),
            Self::None | Self::Task { .. } => 1,
        }
    }
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
    AfterNotOk,
}

impl DependencyKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::AfterOk => "afterok",
            Self::AfterAny => "afterany",
            Self::AfterNotOk => "afternotok",
        }
    }

    /// Whether the end of the other job lets this one start.
    pub(super) fn is_met_by(self, ok: bool) -> bool {
        match self {
            Self::AfterOk => ok,
            Self::AfterAny => true,
            Self::AfterNotOk => !ok,
        }
    }
}

/// The part of a record in a heterogeneous job. The components' ids follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Het {
    /// The id of the first component, which names the whole.
    pub leader: u32,
    /// 0 for the leader.
    pub offset: u8,
    pub components: u8,
}

impl Het {
    /// The ids of all components.
    pub fn ids(self) -> std::ops::Range<u32> {
        self.leader..self.leader + u32::from(self.components)
    }
}

/// `afterok:13`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub kind: DependencyKind,
    pub on: u32,
    pub failed: bool,
}

/// `PriorityMaxAge=7-0` with a weight of one a minute.
const MAX_AGE_PRIORITY: u64 = 7 * 24 * 60;

#[derive(Clone, Debug)]
pub struct Job {
    pub id: u32,
    pub request: Request,
    pub role: ArrayRole,
    pub het: Option<Het>,
    pub state: JobState,
    pub(super) flags: u8,
    pub reason: StateReason,
    pub held: bool,
    pub dependency: Option<Dependency>,
    pub submit: Millis,
    /// 0 as long as the job may not start.
    pub eligible: Millis,
    /// Start of the run; for a pending job the scheduler's estimate, or 0.
    pub start: Millis,
    pub end: Millis,
    /// Until then its nodes are being prepared, or after its end cleaned.
    pub settled: Millis,
    /// When it was suspended or went on last; 0: never.
    pub suspended_at: Millis,
    /// How long it has been suspended in all, up to `suspended_at` if it is now.
    pub suspended_for: Millis,
    pub last_evaluated: Millis,
    pub backfill_attempted: bool,
    /// Its priority as of the last calculation, without age, which is added when it is shown.
    pub base_priority: u32,
    pub restarts: u16,
    /// Counts starts and resumptions, so that what was planned before is known to be void.
    pub(super) run: u16,
    /// Ordered from outside: no invented user or administrator touches it.
    pub(super) by_hand: bool,
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
        self.role.tasks()
    }

    /// `1-9:2,20%4`, `7`, or nothing.
    pub fn array_task_string(&self) -> String {
        match &self.role {
            ArrayRole::Waiting { tasks, limit: 0, .. } => tasks.text(),
            ArrayRole::Waiting { tasks, limit, .. } => format!("{}%{limit}", tasks.text()),
            ArrayRole::None | ArrayRole::Task { .. } => String::new(),
        }
    }

    /// What is said of it beside its state at this time.
    pub fn flags(&self, now: Millis) -> impl Iterator<Item = JobFlag> + '_ {
        let prepares = self.state == JobState::Running && now < self.settled;
        JobFlag::ALL.into_iter().filter(move |flag| match flag {
            JobFlag::Configuring => prepares,
            JobFlag::Completing => self.is_completing(now),
            JobFlag::PowerUpNode => prepares && self.has(JobFlag::PowerUpNode),
            flag => self.has(*flag),
        })
    }

    pub(super) fn has(&self, flag: JobFlag) -> bool {
        self.flags & flag.bit() != 0
    }

    pub(super) fn set(&mut self, flag: JobFlag, on: bool) {
        if on {
            self.flags |= flag.bit();
        } else {
            self.flags &= !flag.bit();
        }
    }

    /// Whether it has ended and its nodes are still being cleaned.
    pub fn is_completing(&self, now: Millis) -> bool {
        self.state.is_finished() && now < self.settled
    }

    /// Whether its allocation is its own now, and not just what it held.
    pub fn holds_resources(&self, now: Millis) -> bool {
        matches!(self.state, JobState::Running | JobState::Suspended) || self.is_completing(now)
    }

    /// How long it has run, without the time in which it was suspended.
    pub fn elapsed(&self, now: Millis) -> Millis {
        let until = match self.state {
            JobState::Pending => return 0,
            JobState::Running => now,
            JobState::Suspended => self.suspended_at,
            _ => self.end,
        };
        until.saturating_sub(self.start).saturating_sub(self.suspended_for)
    }

    /// CPU time that its steps have used, in milliseconds: in user mode and in the kernel.
    pub fn used_cpu(&self, now: Millis) -> (Millis, Millis) {
        let cpus = u64::from(self.request.cpus());
        let used = self.elapsed(now) * cpus * u64::from(self.request.cpu_use) / 100;
        (used - used / 25, used / 25)
    }

    /// The most memory that its steps have used on a node.
    pub fn peak_memory_mb(&self) -> u64 {
        u64::from(self.request.memory_mb_per_node()) * u64::from(self.request.memory_use) / 100
    }

    /// GPUs that it holds or held, by model.
    pub fn gpu_models(&self, inventory: &Inventory) -> Vec<(&'static str, u64)> {
        let mut models: Vec<(&'static str, u64)> = Vec::new();
        for part in self.allocation.iter().filter(|part| part.gpus != 0) {
            let (model, count) = (inventory.node_type(part.node).gpu_model, part.gpus.count_ones().into());
            match models.iter_mut().find(|(known, _)| *known == model) {
                Some((_, sum)) => *sum += count,
                None => models.push((model, count)),
            }
        }
        models
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

    /// Higher runs first. Age counts one a minute up to a week, the same for all, so that the order of waiting
    /// jobs changes only when fair shares are calculated.
    pub fn priority(&self, now: Millis) -> u32 {
        if self.held {
            return 0;
        }
        let since = if self.eligible == 0 { now } else { self.eligible.min(now) };
        let until = if self.state == JobState::Pending { now } else { self.start };
        self.base_priority + (until.saturating_sub(since) / MINUTE).min(MAX_AGE_PRIORITY) as u32
    }

    /// Sorts the queue: smaller comes first, and time does not change it.
    pub fn rank(&self) -> i64 {
        (self.eligible / MINUTE) as i64 - i64::from(self.base_priority)
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
            association: 0,
            second_partition: None,
            kind: 1,
            constraint: None,
            required_node: None,
            licenses: None,
            reservation: None,
            cpu_use: 90,
            memory_use: 50,
        }
    }

    pub(crate) fn pending(role: ArrayRole) -> Job {
        Job {
            id: 10,
            request: request(),
            role,
            het: None,
            state: JobState::Pending,
            flags: 0,
            reason: StateReason::None,
            held: false,
            dependency: None,
            submit: 0,
            eligible: 0,
            start: 0,
            end: 0,
            settled: 0,
            suspended_at: 0,
            suspended_for: 0,
            last_evaluated: 0,
            backfill_attempted: false,
            base_priority: 1_000,
            restarts: 0,
            run: 0,
            by_hand: false,
            exit_code: 0,
            signal: 0,
            allocation: Vec::new(),
            planned_node: None,
        }
    }

    #[test]
    fn the_task_string_names_the_limit() {
        let cases = [("4-500", 4, "4-500%4"), ("1-9:2,20,30-33", 2, "1-9:2,20,30-33%2"), ("7", 0, "7")];
        for (tasks, limit, text) in cases {
            let tasks: TaskList = tasks.parse().unwrap();
            let job = pending(ArrayRole::Waiting { tasks: tasks.clone(), limit, running: 0 });
            assert_eq!((job.array_task_string().as_str(), job.tasks()), (text, tasks.len()));
        }
        assert_eq!(pending(ArrayRole::None).tasks(), 1);
    }

    #[test]
    fn configuring_ends_with_its_time_and_time_suspended_is_not_elapsed() {
        let mut job = Job { settled: 3_000, start: 1_000, ..pending(ArrayRole::None) };
        job.state = JobState::Running;
        assert_eq!(job.flags(2_000).collect::<Vec<_>>(), [JobFlag::Configuring]);
        assert_eq!(job.flags(3_000).count(), 0);
        job.suspended_for = 5_000;
        assert_eq!(job.elapsed(10_000), 4_000);
        assert_eq!(job.used_cpu(10_000), (13_824, 576));
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
