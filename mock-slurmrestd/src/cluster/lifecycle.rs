//! The life of jobs: submitted, eligible, ended, cancelled, requeued, forgotten.
//! Not here: their start (scheduler.rs).

use super::Cluster;
use super::clock::{HOUR, MINUTE, Millis, SECOND};
use super::event::Event;
use super::het::MOST_COMPONENTS;
use super::inventory::CPU;
use super::job::{
    ArrayRole, Dependency, DependencyKind, Het, Job, JobFlag, JobState, Outcome, Request, StateReason,
};
use super::queue::Wall;
use super::stats::{Rpc, Sender};
use super::usage;
use crate::workload;
use rand::RngExt;

/// How long slurmctld lists a finished job: the default of `MinJobAge`.
pub(super) const MIN_JOB_AGE: Millis = 300 * SECOND;
pub(super) const HOUSEKEEPING_INTERVAL: Millis = 30 * SECOND;
/// Cancellations per submission.
const CANCELLED_SHARE: f64 = 0.02;
/// How long epilogs take.
const CLEANING: std::ops::Range<Millis> = SECOND / 2..5 * SECOND;
const SIGTERM: u8 = 15;

/// Why a new job may not start at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Obstacle {
    None,
    Held,
    HeldByAdmin,
    /// Held by its user for good.
    HeldUntilReleased,
    /// Starts when it did in the recording.
    Recorded,
    Begin(Millis),
    Dependency(Dependency),
    /// No node will ever do, or the partition never lets it run so long.
    Never(StateReason),
}

impl Cluster {
    pub(super) fn arrive(&mut self) {
        let missing =
            (f64::from(self.usual_records) - self.jobs.len() as f64) / f64::from(self.usual_records.max(20));
        // The queue keeps its length over hours: users submit more when they see that jobs start.
        let hunger = (1.0 + 10.0 * missing).clamp(0.1, 4.0);
        let interval = self.workload.clone().interval(&mut self.rng, self.now, hunger);
        self.agenda.plan(self.now + interval, Event::Arrival);
        let user = self.submit_drawn(self.now, u32::MAX);
        self.stats.count(Rpc::SubmitBatch, Sender::User(user), 1);
        self.request_schedule();
    }

    /// Submits whatever somebody wants, with at most `most` records; returns the user.
    pub(super) fn submit_drawn(&mut self, at: Millis, most: u32) -> u16 {
        let (request, role) = self.draw();
        let user = request.user;
        if self.usage.refused(&request, role.tasks(), &self.inventory).is_some() {
            return user;
        }
        let is_het = role == ArrayRole::None && self.rng.random_bool(workload::HET_SHARE);
        if is_het && most >= MOST_COMPONENTS.into() {
            self.submit_het(&request, at);
            return user;
        }
        let (request, obstacle) = self.draw_obstacle(request);
        self.submit(request, role, obstacle, at);
        user
    }

    pub(super) fn draw(&mut self) -> (Request, ArrayRole) {
        let workload = self.workload.clone();
        let array = workload.array(&mut self.rng);
        let mut request = workload.request(&mut self.rng, &self.inventory, array.is_some());
        self.draw_place(&mut request);
        let role = array.map_or(ArrayRole::None, |shape| ArrayRole::Waiting {
            tasks: shape.tasks,
            limit: shape.limit,
            running: 0,
        });
        (request, role)
    }

    /// Some want a certain node, and members of a project its reservation.
    fn draw_place(&mut self, request: &mut Request) {
        let account = self.inventory.associations[request.association as usize].account;
        let mine = self.reservations.iter().find(|reservation| {
            reservation.admits(request.user, account) && reservation.nodes.len() >= request.nodes as usize
        });
        if let Some(mine) = mine.filter(|_| usize::from(request.kind) == CPU) {
            if self.rng.random_bool(workload::RESERVATION_SHARE) {
                request.reservation = Some(mine.id);
            }
        } else if request.nodes == 1 && self.rng.random_bool(workload::NODE_LIST_SHARE) {
            let partition = &self.inventory.partitions[usize::from(request.partition)];
            let node = partition.nodes[self.rng.random_range(0..partition.nodes.len())];
            let (kind, state) = (self.inventory.nodes[node as usize].kind, &self.nodes[node as usize]);
            if kind == request.kind && state.reservation.is_none() {
                request.required_node = Some(node);
            }
        }
    }

    pub(super) fn draw_obstacle(&mut self, mut request: Request) -> (Request, Obstacle) {
        let shares = [
            workload::HELD_SHARE,
            workload::HELD_BY_ADMIN_SHARE,
            workload::BEGIN_LATER_SHARE,
            workload::IMPOSSIBLE_SHARE,
            workload::DEPENDENT_SHARE,
        ];
        let dice: f64 = self.rng.random();
        let mut upto = 0.0;
        let drawn = shares.iter().position(|share| {
            upto += share;
            dice < upto
        });
        let before = self.last_job[usize::from(request.user)];
        let obstacle = match drawn {
            Some(0) => Obstacle::Held,
            Some(1) => Obstacle::HeldByAdmin,
            Some(2) => Obstacle::Begin(self.now + self.rng.random_range(10 * MINUTE..6 * HOUR)),
            Some(3) if self.rng.random_bool(0.5) => {
                request.constraint = Some(workload::UNKNOWN_FEATURE);
                Obstacle::Never(StateReason::BadConstraints)
            }
            Some(3) => {
                let partition = &self.inventory.partitions[usize::from(request.partition)];
                request.limit_minutes = 2 * partition.max_minutes;
                Obstacle::Never(StateReason::PartitionTimeLimit)
            }
            Some(4) if self.is_alive(before) => {
                let ok = self.rng.random_bool(0.7);
                let kind = if ok { DependencyKind::AfterOk } else { DependencyKind::AfterAny };
                Obstacle::Dependency(Dependency { kind, on: before, failed: false })
            }
            _ => Obstacle::None,
        };
        (request, obstacle)
    }

    /// A single job that waits or runs; arrays are not waited for.
    fn is_alive(&self, id: u32) -> bool {
        self.index_of(id).is_some_and(|index| {
            !self.jobs[index].state.is_finished() && self.jobs[index].role == ArrayRole::None
        })
    }

    pub(super) fn submit(
        &mut self,
        request: Request,
        role: ArrayRole,
        obstacle: Obstacle,
        at: Millis,
    ) -> usize {
        self.submit_as(request, role, None, obstacle, at)
    }

    pub(super) fn submit_as(
        &mut self,
        request: Request,
        role: ArrayRole,
        het: Option<Het>,
        obstacle: Obstacle,
        at: Millis,
    ) -> usize {
        let too_long = usage::wall_exceeded(&request, &self.inventory).filter(|_| !self.replays());
        let obstacle = match (obstacle, too_long) {
            (Obstacle::None, Some(reason)) if het.is_none() => Obstacle::Never(reason),
            (obstacle, _) => obstacle,
        };
        let id = self.take_id();
        let base_priority = self.base_priority(&request);
        self.last_job[usize::from(request.user)] = id;
        let mut job = Job {
            id,
            role,
            het,
            state: JobState::Pending,
            flags: 0,
            reason: StateReason::None,
            held: matches!(obstacle, Obstacle::Held | Obstacle::HeldByAdmin | Obstacle::HeldUntilReleased),
            dependency: None,
            submit: at,
            eligible: 0,
            start: 0,
            end: 0,
            settled: 0,
            suspended_at: 0,
            suspended_for: 0,
            last_evaluated: at,
            backfill_attempted: false,
            base_priority,
            restarts: 0,
            run: 0,
            by_hand: false,
            exit_code: 0,
            signal: 0,
            allocation: Vec::new(),
            planned_node: None,
            request,
        };
        match obstacle {
            Obstacle::None => {
                job.eligible = at;
                job.reason = self.reason_in_line(job.request.partition);
                // The leader waits for all components.
                if het.is_none_or(|het| het.offset == 0) {
                    self.queue.insert(&job);
                }
            }
            Obstacle::Held | Obstacle::HeldByAdmin => {
                let by_user = obstacle == Obstacle::Held;
                job.reason = if by_user { StateReason::JobHeldUser } else { StateReason::JobHeldAdmin };
                let release = self.now + self.rng.random_range(10 * MINUTE..4 * HOUR);
                self.agenda.plan(release, Event::Eligible { job: id });
            }
            Obstacle::Recorded => {
                job.eligible = at;
                job.reason = StateReason::Priority;
            }
            Obstacle::HeldUntilReleased => job.reason = StateReason::JobHeldUser,
            Obstacle::Begin(begin) => {
                job.reason = StateReason::BeginTime;
                job.eligible = begin;
                job.start = begin;
                job.end = begin + job.request.limit();
                self.agenda.plan(begin, Event::Eligible { job: id });
            }
            Obstacle::Dependency(dependency) => {
                job.reason = StateReason::Dependency;
                job.dependency = Some(dependency);
                self.dependents.entry(dependency.on).or_default().push(id);
            }
            Obstacle::Never(reason) => {
                job.reason = reason;
                job.eligible = at;
                let give_up = self.now + self.rng.random_range(10 * MINUTE..12 * HOUR);
                self.agenda.plan(give_up, Event::Abandon { job: id });
            }
        }
        self.stats.submitted += u64::from(job.tasks());
        self.pending_tasks += u64::from(job.tasks());
        self.usage.submit(&job.request, job.tasks());
        self.jobs_changed = self.now;
        self.jobs.push(job)
    }

    pub(super) fn become_eligible(&mut self, id: u32) {
        let now = self.now;
        let Some(index) = self.index_of(id) else { return };
        let job = &mut self.jobs[index];
        let waits_for_time = matches!(
            job.reason,
            StateReason::JobHeldUser | StateReason::JobHeldAdmin | StateReason::BeginTime
        );
        if job.state != JobState::Pending || !waits_for_time {
            return;
        }
        job.held = false;
        job.set(JobFlag::Requeued, false);
        job.set(JobFlag::SpecialExit, false);
        self.enqueue(index, now);
    }

    /// A job behind others knows at once why it waits; with nobody ahead, the next cycle will tell.
    fn reason_in_line(&self, partition: u16) -> StateReason {
        if self.queue.is_blocked(partition) { StateReason::Priority } else { StateReason::None }
    }

    fn enqueue(&mut self, index: usize, eligible: Millis) {
        let reason = self.reason_in_line(self.jobs[index].request.partition);
        // Fair shares have changed while it was not in the queue.
        let base_priority = self.base_priority(&self.jobs[index].request);
        let job = &mut self.jobs[index];
        job.base_priority = base_priority;
        job.eligible = eligible;
        job.reason = reason;
        job.start = 0;
        job.end = 0;
        self.queue.insert(job);
        self.jobs_changed = self.now;
        self.request_schedule();
    }

    pub(super) fn end_by_itself(&mut self, id: u32, run: u16) {
        let Some(index) = self.index_of(id) else { return };
        let job = &self.jobs[index];
        if job.state != JobState::Running || job.run != run {
            return;
        }
        let user = Sender::User(job.request.user);
        let (state, reason, exit_code, signal) = if job.request.run_time > job.request.limit() {
            (JobState::Timeout, StateReason::TimeLimit, 0, 0)
        } else {
            match job.request.outcome {
                Outcome::Success => (JobState::Completed, StateReason::None, 0, 0),
                Outcome::Failure(code) => (JobState::Failed, StateReason::NonZeroExitCode, code, 0),
                // slurmd reports the out-of-memory event as signal 125.
                Outcome::OutOfMemory => (JobState::OutOfMemory, StateReason::OutOfMemory, 0, 125),
                Outcome::SpecialExit => return self.requeue_and_hold(index),
                Outcome::Cancelled => (JobState::Cancelled, StateReason::None, 0, SIGTERM),
            }
        };
        self.stats.count(Rpc::StepCreate, user, 1);
        self.stats.count(Rpc::CompleteBatch, Sender::Root, 1);
        self.finish(index, state, reason, exit_code, signal);
    }

    /// Ends a job that runs; epilogs clean its nodes, then its record stays for MinJobAge.
    pub(super) fn finish(
        &mut self,
        index: usize,
        state: JobState,
        reason: StateReason,
        exit_code: u8,
        signal: u8,
    ) {
        self.charge_rest(index);
        let cleaning = if self.replays() { 0 } else { self.rng.random_range(CLEANING) };
        let cleaned = self.now + cleaning;
        let job = &mut self.jobs[index];
        self.running_jobs -= u64::from(job.state == JobState::Running);
        job.settled = cleaned;
        job.state = state;
        job.reason = reason;
        job.exit_code = exit_code;
        job.signal = signal;
        job.end = self.now;
        let id = job.id;
        let array = match job.role {
            ArrayRole::Task { array_id, .. } => Some(array_id),
            _ => None,
        };
        for part in &self.jobs[index].allocation {
            self.nodes[part.node as usize].change_completing(true);
        }
        if cleaned > self.now {
            self.agenda.plan(cleaned, Event::Cleaned { job: id });
        }
        match state {
            JobState::Cancelled => self.stats.canceled += 1,
            JobState::Failed | JobState::NodeFail => self.stats.failed += 1,
            _ => self.stats.completed += 1,
        }
        self.jobs_changed = self.now;
        self.remember_end(index);
        self.leave_array(id, array);
        self.settle_dependents(id, state == JobState::Completed);
        if cleaned == self.now {
            self.clean(id);
        }
    }

    /// The epilogs are over: now others can have the nodes.
    pub(super) fn clean(&mut self, id: u32) {
        let Some(index) = self.index_of(id).filter(|index| self.jobs[*index].settled == self.now) else {
            return;
        };
        self.release(index);
        for part in &self.jobs[index].allocation {
            self.nodes[part.node as usize].change_completing(false);
        }
        self.jobs_changed = self.now;
        self.request_schedule();
    }

    /// A job that has ended is known to slurmdbd for long and listed by slurmctld for a while.
    pub(super) fn remember_end(&mut self, index: usize) {
        let job = self.jobs.shared(index);
        self.usage.forget(&job.request, job.tasks());
        self.finished.push_back((job.end, job.id));
        self.history.add(job);
    }

    /// The waiting part of its array may start another.
    pub(super) fn leave_array(&mut self, id: u32, array: Option<u32>) {
        if let Some(array) = array.filter(|array| *array != id)
            && let Some(waiting) = self.waiting_part(array)
            && let ArrayRole::Waiting { running, .. } = &mut self.jobs[waiting].role
        {
            *running = running.saturating_sub(1);
            self.queue.lower(Wall::Array(array));
        }
    }

    fn settle_dependents(&mut self, id: u32, ok: bool) {
        for dependent in self.dependents.remove(&id).unwrap_or_default() {
            let Some(index) = self.index_of(dependent) else { continue };
            let job = &mut self.jobs[index];
            let Some(dependency) = job.dependency.filter(|_| job.state == JobState::Pending) else {
                continue;
            };
            if dependency.kind.is_met_by(ok) {
                job.dependency = None;
                self.enqueue(index, self.now);
            } else {
                job.dependency = Some(Dependency { failed: true, ..dependency });
                job.reason = StateReason::DependencyNeverSatisfied;
                let give_up = self.now + self.rng.random_range(10 * MINUTE..3 * HOUR);
                self.agenda.plan(give_up, Event::Abandon { job: dependent });
            }
        }
    }

    pub(super) fn cancel_somebody(&mut self) {
        let per_hour = self.workload.records_per_hour() * CANCELLED_SHARE;
        let interval = (HOUR as f64 / per_hour.max(0.01) * self.rng.random_range(0.5..1.5)) as Millis;
        self.agenda.plan(self.now + interval.max(1), Event::Cancellation);
        if self.jobs.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.jobs.len());
        let job = &self.jobs[index];
        if !matches!(job.role, ArrayRole::Waiting { .. }) && !job.state.is_finished() && !job.by_hand {
            self.cancel(job.id);
        }
    }

    /// Cancels a job that waits or runs, with all components of a heterogeneous one.
    pub(super) fn cancel(&mut self, id: u32) {
        let Some(index) = self.index_of(id) else { return };
        let user = Sender::User(self.jobs[index].request.user);
        if self.jobs[index].state.is_finished() {
            return;
        }
        for component in self.components(index) {
            match self.jobs[component].state {
                JobState::Pending => self.cancel_waiting(component),
                JobState::Running | JobState::Suspended => {
                    self.finish(component, JobState::Cancelled, StateReason::None, 0, SIGTERM);
                }
                _ => {}
            }
        }
        self.stats.count(Rpc::KillJob, user, 1);
    }

    fn cancel_waiting(&mut self, index: usize) {
        let now = self.now;
        let job = &mut self.jobs[index];
        self.queue.remove(job);
        self.pending_tasks -= u64::from(job.tasks());
        job.state = JobState::Cancelled;
        // A job cancelled before it started has its end as its start, and keeps its reason.
        job.start = now;
        job.end = now;
        job.planned_node = None;
        let id = job.id;
        self.stats.canceled += 1;
        self.jobs_changed = now;
        self.remember_end(index);
        self.settle_dependents(id, false);
    }

    pub(super) fn housekeeping(&mut self) {
        let now = self.now;
        let old = self.finished.partition_point(|(end, _)| end + MIN_JOB_AGE <= now);
        let mut gone: Vec<u32> = self.finished.drain(..old).map(|(_, id)| id).collect();
        gone.sort_unstable();
        if !gone.is_empty() {
            self.jobs.remove(&gone);
            self.jobs_changed = now;
        }
        self.power_down_idle_nodes();
        self.stats.count(Rpc::Ping, Sender::Root, 1);
        self.stats.count(Rpc::NodeRegistration, Sender::Root, self.nodes.len() as u64 / 40);
        self.count_job_states();
        self.agenda.plan(now + HOUSEKEEPING_INTERVAL, Event::Housekeeping);
    }

    pub(super) fn count_job_states(&mut self) {
        (self.stats.pending, self.stats.running) = (self.pending_tasks, self.running_jobs);
        self.stats.job_states_at = self.now;
    }
}
