//! The state at the start: a cluster that has been busy for hours, with exactly the asked number of records.
//! Not here: what happens afterwards.

use super::Cluster;
use super::clock::{HOUR, MINUTE, Millis, SECOND};
use super::event::Event;
use super::fair_share;
use super::job::{Allocation, ArrayRole, JobState, Outcome, Request, StateReason};
use super::lifecycle::{HOUSEKEEPING_INTERVAL, MIN_JOB_AGE, Obstacle};
use super::node::{Node, NodeFlag};
use super::resources::Resources;
use super::scheduler::BACKFILL_INTERVAL;
use super::size::Size;
use super::stats::{Rpc, Sender};
use rand::RngExt;

/// No job that runs at the start was submitted before this.
const OLDEST_RUN: Millis = 6 * HOUR;
/// So many submissions in a row that find no place mean that the cluster is full.
const ENOUGH_MISSES: u32 = 100;

impl Cluster {
    pub(super) fn warm_up(&mut self, size: &Size) {
        self.boot_nodes();
        self.power_down_at_start();
        self.break_some_nodes();
        self.make_reservations();
        self.invent_usage();
        self.fill(size);
        self.calculate_priorities();
        self.measure_all_rooms();
        self.look();
        self.invent_history(size);
        self.plan_the_rest();
    }

    fn boot_nodes(&mut self) {
        for _ in 0..self.inventory.nodes.len() {
            let boot = self.now - self.rng.random_range(HOUR..90 * 24 * HOUR);
            self.nodes.push(Node::new(boot, boot + 2 * MINUTE));
        }
    }

    /// Healthy nodes without jobs, on which only the scheduler works.
    pub(super) fn start_empty(&mut self) {
        self.boot_nodes();
        self.measure_all_rooms();
        self.calculate_priorities();
        self.plan_cycles();
        self.plan_midnight();
    }

    fn fill(&mut self, size: &Size) {
        let (running, mut pending) = (size.running_jobs(), size.pending_records());
        let finished = size.finished_records();
        for number in 0..finished {
            self.add_finished(number, finished);
        }
        let (mut placed, mut misses) = (0, 0);
        while placed < running {
            let free = self.inventory.cpus - u64::from(self.usage.of_everybody().cpus);
            // Each leaves room for the others, or fewer than the asked number would run.
            let most_cpus = 3 * free / u64::from(running - placed);
            let started = self.add_running(running - placed, most_cpus, &mut pending);
            placed += started;
            misses = if started == 0 { misses + 1 } else { 0 };
            if misses == ENOUGH_MISSES {
                // The nodes are full: the rest waits.
                pending += running - placed;
                break;
            }
        }
        let all = self.jobs.len() + pending as usize;
        while self.jobs.len() < all {
            let left = (all - self.jobs.len()) as u32;
            let age = 3 * HOUR * Millis::from(left) / Millis::from(pending);
            self.submit_drawn(self.now - age, left);
        }
    }

    /// Places one job, or some tasks of one array whose rest waits; smaller until it fits.
    fn add_running(&mut self, most: u32, most_cpus: u64, pending: &mut u32) -> u32 {
        let (mut request, role) = self.draw();
        let role = if *pending > 0 { role } else { ArrayRole::None };
        let tasks = match &role {
            // At least one task has to be left for the waiting record.
            ArrayRole::Waiting { tasks, limit, .. } => {
                (tasks.len() - 1).min(most).min(if *limit == 0 { 16 } else { *limit })
            }
            _ => 1,
        };
        if !self.has_licenses(&request) {
            request.licenses = None;
        }
        let age = self.rng.random_range(2 * HOUR..OLDEST_RUN);
        let mut places = None;
        while places.is_none() {
            if u64::from(request.cpus()) <= most_cpus.max(1) {
                places = self.places_at_start(&request);
            }
            if places.is_none() && !halve(&mut request) {
                return 0;
            }
        }
        let is_array = role != ArrayRole::None;
        let index = self.submit(request, role, Obstacle::None, self.now - age);
        let mut started = 0;
        while let Some(at) = places.take() {
            for node in &at {
                self.nodes[*node as usize].set(NodeFlag::PoweredDown, false);
            }
            let partition = usize::from(self.jobs[index].request.partition);
            self.start(index, partition, &at);
            started += 1;
            let last = if is_array { self.jobs.len() - 1 } else { index };
            self.pretend_it_runs(last);
            if started < tasks && self.has_licenses(&self.jobs[index].request) {
                places = self.places_at_start(&self.jobs[index].request);
            }
        }
        if is_array {
            *pending -= 1;
        }
        started
    }

    /// First fit as the scheduler's; a cluster whose GPUs are full still has CPUs, and the other way round.
    fn places_at_start(&self, request: &Request) -> Option<Vec<u32>> {
        let partition = &self.inventory.partitions[usize::from(request.partition)];
        let fits = |node: &&u32| {
            let state = &self.nodes[**node as usize];
            // A node that was drained a short while ago still has its jobs.
            let drained_lately = state.is_responding()
                && state.has(NodeFlag::Drain)
                && state.reason.as_ref().is_some_and(|reason| reason.since + OLDEST_RUN > self.now);
            let is_reserved = state.reservation.is_some() || state.reserved_from != 0;
            (state.is_usable() || drained_lately) && !is_reserved && self.has_room(**node, request)
        };
        let found: Vec<u32> =
            partition.nodes.iter().filter(fits).take(request.nodes as usize).copied().collect();
        (found.len() == request.nodes as usize).then_some(found)
    }

    /// Moves the start of a job that was just placed into the past, somewhere within its run.
    fn pretend_it_runs(&mut self, index: usize) {
        let now = self.now;
        let job = &mut self.jobs[index];
        let length = job.request.run_time.min(job.request.limit());
        let done = self.rng.random_range(0..length.max(1)).min(now - job.submit);
        job.start = now - done;
        job.end = job.start + job.request.limit();
        job.last_evaluated = job.start;
        job.settled = job.start;
        let (ends_at, id, run) = (job.start + length, job.id, job.run);
        self.agenda.plan(ends_at.max(now + 1), Event::End { job: id, run });
    }

    fn add_finished(&mut self, number: u32, of: u32) {
        let (mut request, _) = self.draw();
        request.nodes = 1;
        let age = self.rng.random_range(2 * HOUR..OLDEST_RUN);
        let index = self.submit(request, ArrayRole::None, Obstacle::None, self.now - age);
        // In order of their ends, as they would have been remembered.
        let span = MIN_JOB_AGE - 30 * SECOND;
        let ended = self.now - span + span * Millis::from(number) / Millis::from(of);
        let job = &mut self.jobs[index];
        self.queue.remove(job);
        self.pending_tasks -= 1;
        let partition = &self.inventory.partitions[usize::from(job.request.partition)];
        let place = partition.nodes[number as usize % partition.nodes.len()];
        let kind = self.inventory.node_type(place);
        let mut node = Node::new(0, 0);
        job.allocation = vec![Allocation {
            node: place,
            cores: node.take_cores(kind, job.request.cpus_per_node.min(kind.cpus)),
            gpus: node.take_gpus(kind, job.request.gpus_per_node.min(kind.gpus)),
            memory_mb: job.request.memory_mb_per_node(),
        }];
        (job.state, job.reason) = match job.request.outcome {
            Outcome::Success => (JobState::Completed, StateReason::None),
            Outcome::Failure(code) => {
                job.exit_code = code;
                (JobState::Failed, StateReason::NonZeroExitCode)
            }
            Outcome::OutOfMemory => {
                job.signal = 125;
                (JobState::OutOfMemory, StateReason::OutOfMemory)
            }
            Outcome::SpecialExit | Outcome::Cancelled => {
                job.signal = 15;
                (JobState::Cancelled, StateReason::None)
            }
        };
        job.end = ended;
        job.start = (ended - job.request.run_time.min(HOUR)).max(job.submit);
        job.request.second_partition = None;
        self.remember_end(index);
        self.stats.started += 1;
        self.stats.completed += 1;
    }

    /// Usage of the weeks before: heavy users (low indices) have used more, and each a bit by chance.
    fn invent_usage(&mut self) {
        let users = self.inventory.ordinary_users();
        let week = (7 * 24 * HOUR / SECOND) as f64;
        for user in 0..users {
            let rank = (user + 1) as f64;
            let share = self.rng.random_range(0.2..1.8) / rank.powf(0.7) / (users as f64).powf(0.3);
            let resources = Resources {
                cpus: self.inventory.cpus,
                memory_mb: self.inventory.cpus * 2_048,
                nodes: self.nodes.len() as u64,
                billing: self.inventory.cpus,
                gpus: self.inventory.gpus,
            };
            let association = self.inventory.users[user].association;
            self.fair_share.charge(association, resources.for_seconds(week * share / 3.0));
        }
        self.calculate_priorities();
    }

    /// Counters as after some hours of work.
    fn invent_history(&mut self, size: &Size) {
        let hours = 6;
        self.started = self.now - hours * HOUR;
        // Counters were reset at midnight.
        self.stats.since = self.started.max(self.now / (24 * HOUR) * 24 * HOUR);
        let before = u64::from(size.jobs_per_hour) * (self.now - self.stats.since) / HOUR;
        self.stats.submitted += before;
        self.stats.started += before;
        self.stats.completed += before * 90 / 100;
        self.stats.failed += before * 8 / 100;
        self.stats.canceled += before * 2 / 100;
        let users = self.inventory.ordinary_users() as u64;
        for user in 0..users.min(1_000) {
            self.stats.count(Rpc::SubmitBatch, Sender::User(user as u16), 1 + before / users);
        }
        self.stats.count(Rpc::StepCreate, Sender::Root, before);
        self.stats.count(Rpc::CompleteBatch, Sender::Root, before);
        self.stats.count(Rpc::Ping, Sender::Root, hours * 120);
        self.stats.count(Rpc::NodeRegistration, Sender::Root, self.nodes.len() as u64);
        self.stats.backfill_at = self.now - BACKFILL_INTERVAL;
        self.count_job_states();
    }

    fn plan_cycles(&mut self) {
        self.agenda.plan(self.now + BACKFILL_INTERVAL / 6, Event::Backfill);
        self.agenda.plan(self.now + HOUSEKEEPING_INTERVAL, Event::Housekeeping);
        self.agenda.plan(self.now + fair_share::CALCULATION_INTERVAL, Event::Priorities);
    }

    fn plan_the_rest(&mut self) {
        let arrival = self.workload.clone().interval(&mut self.rng, self.now, 1.0);
        self.agenda.plan(self.now + arrival, Event::Arrival);
        self.agenda.plan(self.now + 10 * SECOND, Event::Cancellation);
        self.plan_cycles();
        self.plan_operations();
        self.request_schedule();
    }
}

/// Makes a request smaller; false when it cannot be.
fn halve(request: &mut Request) -> bool {
    if request.nodes > 1 {
        request.nodes /= 2;
    } else if request.cpus_per_node > 1 {
        request.cpus_per_node /= 2;
        request.gpus_per_node /= 2;
    } else {
        return false;
    }
    true
}
