//! What is done to jobs on the way: suspended and resumed, requeued, held because of how they ended.
//! Not here: their ordinary life (lifecycle.rs).

use super::Cluster;
use super::clock::{HOUR, MINUTE, Millis, SECOND};
use super::event::Event;
use super::job::{ArrayRole, JobFlag, JobState, Outcome, StateReason};
use rand::RngExt;

/// Out of the jobs that run, so many are suspended or requeued in an hour.
const TOUCHED_SHARE: f64 = 0.02;
/// Looks for a job that runs, before somebody gives up.
const TRIES: u32 = 50;
/// slurmctld waits a little, so that a job does not land on the same broken node.
const REQUEUE_DELAY: Millis = 120 * SECOND;

impl Cluster {
    pub(super) fn plan_holdup(&mut self) {
        let running = f64::from(self.usage.of_everybody().jobs.max(1));
        let mean = HOUR as f64 / (running * TOUCHED_SHARE);
        let next = (mean * self.rng.random_range(0.5..1.5)) as Millis;
        self.agenda.plan(self.now + next.clamp(SECOND, 12 * HOUR), Event::Holdup);
    }

    /// An administrator suspends a job, or somebody requeues one.
    pub(super) fn hold_up_somebody(&mut self) {
        self.plan_holdup();
        if self.jobs.is_empty() {
            return;
        }
        for _ in 0..TRIES {
            let index = self.rng.random_range(0..self.jobs.len());
            let job = &self.jobs[index];
            if job.state == JobState::Running && job.settled <= self.now && job.het.is_none() && !job.by_hand
            {
                if self.rng.random_bool(0.7) {
                    self.suspend(index);
                } else {
                    self.requeue(index);
                }
                return;
            }
        }
    }

    /// The job keeps what it holds; nobody else gets its CPUs.
    fn suspend(&mut self, index: usize) {
        let now = self.now;
        let resumed = now + self.rng.random_range(2 * MINUTE..HOUR);
        let job = &mut self.jobs[index];
        job.state = JobState::Suspended;
        self.running_jobs -= 1;
        job.suspended_at = now;
        // Its end is no longer known.
        job.run += 1;
        let (id, run) = (job.id, job.run);
        self.jobs_changed = now;
        self.agenda.plan(resumed, Event::Resume { job: id, run });
    }

    pub(super) fn resume(&mut self, id: u32, run: u16) {
        let now = self.now;
        let Some(index) = self.index_of(id) else { return };
        let job = &mut self.jobs[index];
        if job.state != JobState::Suspended || job.run != run {
            return;
        }
        let done = job.elapsed(now);
        let slept = now - job.suspended_at;
        job.state = JobState::Running;
        self.running_jobs += 1;
        job.suspended_for += slept;
        job.suspended_at = now;
        job.end += slept;
        let left = job.request.run_time.min(job.request.limit()).saturating_sub(done);
        let busy_until = job.end;
        for part in &job.allocation {
            let node = &mut self.nodes[part.node as usize];
            node.busy_until = node.busy_until.max(busy_until);
        }
        self.jobs_changed = now;
        self.agenda.plan(now + left, Event::End { job: id, run });
    }

    /// Puts a job back into the queue, as `JobRequeue=1` does when its node dies.
    pub(super) fn requeue(&mut self, index: usize) {
        self.give_up_run(index);
        let now = self.now;
        let job = &mut self.jobs[index];
        job.set(JobFlag::Requeued, true);
        job.reason = StateReason::BeginTime;
        job.eligible = now + REQUEUE_DELAY;
        job.start = job.eligible;
        job.end = job.eligible + job.request.limit();
        let (id, eligible) = (job.id, job.eligible);
        self.agenda.plan(eligible, Event::Eligible { job: id });
    }

    /// `RequeueExitHold`: back into the queue, held until its user has looked at it.
    pub(super) fn requeue_and_hold(&mut self, index: usize) {
        self.give_up_run(index);
        let release = self.now + self.rng.random_range(10 * MINUTE..4 * HOUR);
        let job = &mut self.jobs[index];
        job.set(JobFlag::SpecialExit, true);
        job.held = true;
        job.reason = StateReason::JobHeldUser;
        job.request.outcome = Outcome::Success;
        (job.eligible, job.start, job.end) = (0, 0, 0);
        let id = job.id;
        self.agenda.plan(release, Event::Eligible { job: id });
    }

    /// The part of both: the run ends, the record waits again.
    fn give_up_run(&mut self, index: usize) {
        self.charge_rest(index);
        self.release(index);
        let job = &mut self.jobs[index];
        self.running_jobs -= u64::from(job.state == JobState::Running);
        self.pending_tasks += 1;
        job.state = JobState::Pending;
        job.restarts += 1;
        job.run += 1;
        job.allocation.clear();
        (job.settled, job.suspended_at, job.suspended_for) = (0, 0, 0);
        job.set(JobFlag::PowerUpNode, false);
        let id = job.id;
        let array = match job.role {
            ArrayRole::Task { array_id, .. } => Some(array_id),
            _ => None,
        };
        self.jobs_changed = self.now;
        self.leave_array(id, array);
    }
}
