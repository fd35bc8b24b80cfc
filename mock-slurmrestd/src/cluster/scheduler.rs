//! Who starts, where and when: a priority queue per partition and an EASY-style backfill.
//! Not here: priorities (priority.rs), limits (usage.rs), who is preempted (preempt.rs).
//!
//! The quick cycle starts jobs in order and stops a partition at the first job that does not fit, unless that job
//! wants certain nodes. The backfill cycle plans nodes for it, at the time by which their jobs must have ended, and
//! lets later jobs pass that fit elsewhere or end before it. That gives the reasons and the planned start times of
//! a real queue.

use super::Cluster;
use super::clock::{Millis, SECOND};
use super::event::Event;
use super::job::{Allocation, ArrayRole, Job, JobFlag, JobState, Request, StateReason};
use super::node::NodeFlag;
use super::places::Search;
use super::queue::Wall;
use super::stats::CycleReport;
use rand::RngExt;

pub(super) const BACKFILL_INTERVAL: Millis = 30 * SECOND;
/// How long the quick cycle waits for more to change: the default of `batch_sched_delay`.
pub(super) const SCHEDULE_DELAY: Millis = 3 * SECOND;
/// Jobs looked at per partition and cycle: `default_queue_depth` by its default, and for backfill what a site with
/// deep queues sets with `bf_max_job_part`.
const QUEUE_DEPTH: usize = 100;
const BACKFILL_DEPTH: usize = 100;
/// How long prologs take.
const PREPARATION: std::ops::Range<Millis> = SECOND / 2..3 * SECOND;
/// Jobs per partition for which nodes are planned.
const PLANS: u32 = 2;
/// Jobs that may pass a wall which gave way, per cycle, and how many that may not are tried before.
const PASSING: usize = 4;
const NOT_PASSING: usize = 2;
/// How many jobs are taken from the queue at a time.
const AT_A_TIME: usize = 16;

#[derive(Clone, Copy, PartialEq)]
enum Cycle {
    Quick,
    Backfill,
    /// Finds reasons and plans, but starts nothing.
    Look,
}

/// One partition in one cycle.
struct Lane {
    partition: usize,
    cycle: Cycle,
    /// Whether a job was left for which there was no place.
    blocked: bool,
    /// Jobs for which nodes were planned.
    planned: u32,
    /// Ids of those that it may still preempt, once, for the job that is next.
    preemptable: Vec<u32>,
    misfits: Vec<Misfit>,
}

/// A request that found no place in this cycle; a larger one needs no second look.
struct Misfit {
    nodes: u32,
    cpus: u16,
    gpus: u8,
    memory_mb: u32,
    limit_minutes: u32,
    /// What narrows its choice of nodes.
    choice: Choice,
}

type Choice = (Option<&'static str>, Option<&'static str>, Option<u32>, Option<u32>);

fn choice(request: &Request) -> Choice {
    (request.gpu_model(), request.constraint, request.required_node, request.reservation)
}

impl Misfit {
    fn of(request: &Request) -> Self {
        Self {
            nodes: request.nodes,
            cpus: request.cpus_per_node,
            gpus: request.gpus_per_node,
            memory_mb: request.memory_mb_per_node(),
            limit_minutes: request.limit_minutes,
            choice: choice(request),
        }
    }

    fn rules_out(&self, request: &Request) -> bool {
        self.nodes <= request.nodes
            && self.cpus <= request.cpus_per_node
            && self.gpus <= request.gpus_per_node
            && self.memory_mb <= request.memory_mb_per_node()
            && self.limit_minutes <= request.limit_minutes
            && (self.choice == (None, None, None, None) && request.reservation.is_none()
                || self.choice == choice(request))
    }
}

impl Cluster {
    pub(super) fn schedule(&mut self) {
        let report = self.cycle(Cycle::Quick, QUEUE_DEPTH);
        self.stats.scheduled(report);
    }

    pub(super) fn backfill(&mut self) {
        self.clear_plans();
        let report = self.cycle(Cycle::Backfill, BACKFILL_DEPTH);
        self.stats.backfilled(self.now, report);
    }

    /// Gives every waiting job its reason without starting any.
    pub(super) fn look(&mut self) {
        self.clear_plans();
        self.cycle(Cycle::Look, usize::MAX);
    }

    fn clear_plans(&mut self) {
        for node in self.rooms.take_planned() {
            self.nodes[node].planned_for = 0;
            self.nodes[node].set(NodeFlag::Planned, false);
        }
    }

    fn cycle(&mut self, cycle: Cycle, depth: usize) -> CycleReport {
        let mut report = CycleReport { queue: self.queue.len() as u64, ..CycleReport::default() };
        self.open_walls();
        let preemptable = if cycle == Cycle::Backfill { self.preemptable() } else { Vec::new() };
        for partition in 0..self.inventory.partitions.len() {
            let tier = self.inventory.partitions[partition].tier;
            let below = preemptable.iter().filter(|(other, _)| *other < tier);
            let mut lane = Lane {
                partition,
                cycle,
                blocked: false,
                planned: 0,
                preemptable: below.map(|(_, id)| *id).collect(),
                misfits: Vec::new(),
            };
            let passed_over = self.cycle_of_partition(&mut lane, depth, &mut report);
            for id in self.queue.set_blocked(partition, passed_over) {
                self.explain_by_priority(id);
            }
        }
        report
    }

    /// Lets those that may have come below a limit try again.
    fn open_walls(&mut self) {
        for wall in self.queue.take_lowered() {
            let (mut passing, mut left) = (0, NOT_PASSING);
            for id in self.queue.stopped_by(wall, PASSING + NOT_PASSING) {
                let Some(index) = self.index_of(id) else { continue };
                if left == 0 || passing == PASSING {
                    break;
                }
                if self.obstacle(index).is_some_and(|(_, other)| other == Some(wall)) {
                    left -= 1;
                } else {
                    passing += 1;
                    self.jobs[index].reason = StateReason::None;
                    self.queue.let_go(&self.jobs[index]);
                }
            }
            if passing > 0 {
                // The next ones in the next cycle.
                self.queue.lower(wall);
            }
        }
    }

    /// True when a job was left for which there was no place, or no time.
    fn cycle_of_partition(&mut self, lane: &mut Lane, depth: usize, report: &mut CycleReport) -> bool {
        let end = report.tried.saturating_add(depth as u64);
        let mut last = None;
        loop {
            let next = self.queue.after(lane.partition, last, AT_A_TIME);
            if next.is_empty() {
                return lane.blocked;
            }
            last = next.last().copied();
            for (_, id) in next {
                report.reached_limit |= report.tried >= end;
                if report.tried >= end || (lane.blocked && lane.cycle == Cycle::Quick) {
                    return true;
                }
                report.depth += 1;
                if let Some(index) = self.index_of(id) {
                    self.consider(index, lane, report);
                }
            }
        }
    }

    /// Starts a job, plans it, or says why it waits.
    fn consider(&mut self, index: usize, lane: &mut Lane, report: &mut CycleReport) {
        if let Some((reason, wall)) = self.obstacle(index) {
            return self.stop_at(index, reason, wall, lane.cycle);
        }
        if lane.blocked && lane.cycle == Cycle::Look {
            return self.wait_for(index, StateReason::Priority, lane.cycle);
        }
        report.tried += 1;
        match self.start_what_fits(index, lane, report) {
            Fit::All => {}
            Fit::Limit(reason, wall) => self.stop_at(index, reason, wall, lane.cycle),
            Fit::NoPlace if self.preempts(index, lane, report) => {}
            Fit::NoPlace => {
                let reason = if lane.blocked { StateReason::Priority } else { StateReason::Resources };
                let is_choosy = self.is_choosy(index);
                lane.blocked |= !is_choosy;
                self.stop_at(index, reason, self.wall_of_place(index), lane.cycle);
                if lane.cycle != Cycle::Quick && lane.planned < PLANS && !is_choosy {
                    lane.planned += 1;
                    self.plan_nodes(index, lane.partition);
                }
            }
        }
    }

    /// The first job for which a partition has no place may take that of others, once per cycle.
    fn preempts(&mut self, index: usize, lane: &mut Lane, report: &mut CycleReport) -> bool {
        let job = &self.jobs[index];
        if lane.preemptable.is_empty() || lane.blocked || job.role != ArrayRole::None || self.is_choosy(index)
        {
            return false;
        }
        let preemptable = std::mem::take(&mut lane.preemptable);
        let Some(nodes) = self.preempt_for(index, lane.partition, &preemptable) else { return false };
        report.started += 1;
        self.start(index, lane.partition, &nodes);
        true
    }

    /// Whether it wants certain nodes, or several things at once: then those behind it need not wait for it.
    fn is_choosy(&self, index: usize) -> bool {
        let job = &self.jobs[index];
        let request = &job.request;
        let wants_some = request.required_node.is_some() || request.reservation.is_some();
        wants_some || request.constraint.is_some() || job.het.is_some()
    }

    /// The nodes without which it cannot start.
    fn wall_of_place(&self, index: usize) -> Option<Wall> {
        let request = &self.jobs[index].request;
        request.required_node.map(Wall::Node).or(request.reservation.map(Wall::Reservation))
    }

    /// A job that was not looked at because of those ahead of it.
    fn explain_by_priority(&mut self, id: u32) {
        let Some(index) = self.index_of(id) else { return };
        let job = &self.jobs[index];
        if job.state == JobState::Pending && job.reason == StateReason::None && job.eligible != 0 {
            self.jobs[index].reason = StateReason::Priority;
            self.jobs_changed = self.now;
        }
    }

    /// What keeps the job waiting apart from room on the nodes.
    fn obstacle(&self, index: usize) -> Option<(StateReason, Option<Wall>)> {
        let job = &self.jobs[index];
        let request = &job.request;
        if let ArrayRole::Waiting { limit, running, .. } = job.role
            && limit > 0
            && running >= limit
        {
            return Some((StateReason::JobArrayTaskLimit, Some(Wall::Array(job.id))));
        }
        if let Some(wanted) = request.licenses.filter(|_| !self.has_licenses(request)) {
            return Some((StateReason::Licenses, Some(Wall::License(wanted.license))));
        }
        if let Some(id) = request.reservation
            && !self.reservation(id).is_some_and(|reservation| reservation.is_active(self.now))
        {
            return Some((StateReason::Reservation, Some(Wall::Reservation(id))));
        }
        if let Some(node) = request.required_node
            && !self.nodes[node as usize].is_usable_in(request.reservation)
        {
            return Some((StateReason::ReqNodeNotAvail, Some(Wall::Node(node))));
        }
        if self.replays() {
            return None;
        }
        let reached = self.usage.limit_reached(request, &self.inventory);
        reached.map(|(reason, wall)| (reason, Some(wall)))
    }

    pub(super) fn has_licenses(&self, request: &Request) -> bool {
        let licenses = &self.licenses;
        request
            .licenses
            .is_none_or(|wanted| licenses[usize::from(wanted.license)].free() >= wanted.count.into())
    }

    /// The job waits for something else than nodes, and stands aside when it is clear what for.
    fn stop_at(&mut self, index: usize, reason: StateReason, wall: Option<Wall>, cycle: Cycle) {
        self.wait_for(index, reason, cycle);
        if let Some(wall) = wall {
            self.queue.stop(&self.jobs[index], wall);
        }
    }

    fn wait_for(&mut self, index: usize, reason: StateReason, cycle: Cycle) {
        let now = self.now;
        let job = &mut self.jobs[index];
        job.last_evaluated = now;
        job.backfill_attempted |= cycle == Cycle::Backfill;
        if job.planned_node.is_some() && cycle == Cycle::Backfill {
            job.planned_node = None;
            job.start = 0;
            job.end = 0;
        }
        if job.reason != reason {
            job.reason = reason;
            let is_het = job.het.is_some();
            self.jobs_changed = now;
            if is_het {
                self.share_reason(index, reason);
            }
        }
    }

    /// Starts the job, or as many tasks of an array as fit.
    fn start_what_fits(&mut self, index: usize, lane: &mut Lane, report: &mut CycleReport) -> Fit {
        loop {
            let job = &self.jobs[index];
            if lane.misfits.iter().any(|misfit| misfit.rules_out(&job.request)) || lane.cycle == Cycle::Look {
                return Fit::NoPlace;
            }
            if job.het.is_some() {
                return self.start_het(index, report);
            }
            let places = match self.places(index, lane.partition, &[]) {
                Search::Found(places) => places,
                Search::Reserved => return Fit::Limit(StateReason::ReqNodeNotAvail, None),
                Search::Full => {
                    lane.misfits.push(Misfit::of(&self.jobs[index].request));
                    return Fit::NoPlace;
                }
            };
            report.started += 1;
            if !self.start(index, lane.partition, &places) {
                return Fit::All;
            }
            if let Some((reason, wall)) = self.obstacle(index) {
                return Fit::Limit(reason, wall);
            }
        }
    }

    /// All components or none.
    fn start_het(&mut self, index: usize, report: &mut CycleReport) -> Fit {
        let Some(places) = self.places_of_het(index) else { return Fit::NoPlace };
        for (component, partition, nodes) in places {
            report.started += 1;
            self.start(component, partition, &nodes);
        }
        Fit::All
    }

    /// Plans the nodes that will be free first for the job that is next in its partition.
    fn plan_nodes(&mut self, index: usize, partition: usize) {
        let request = &self.jobs[index].request;
        let (wanted, limit) = (request.nodes as usize, request.limit());
        let partition = &self.inventory.partitions[partition];
        let mut able: Vec<(Millis, u32)> = partition
            .nodes
            .iter()
            .filter(|node| {
                let kind = self.inventory.node_type(**node);
                self.nodes[**node as usize].is_usable_in(request.reservation)
                    && self.nodes[**node as usize].planned_for == 0
                    && request.suits(kind)
                    && kind.cpus >= request.cpus_per_node
                    && kind.gpus >= request.gpus_per_node
                    && kind.memory_mb >= request.memory_mb_per_node()
            })
            .map(|node| (self.nodes[*node as usize].busy_until.max(self.now), *node))
            .collect();
        if able.len() < wanted || wanted == 0 {
            return;
        }
        able.select_nth_unstable(wanted - 1);
        able.truncate(wanted);
        let start = able.iter().map(|(free_at, _)| *free_at).max().unwrap_or(self.now) + SECOND;
        for (_, node) in &able {
            self.rooms.plan(*node as usize, start);
            let state = &mut self.nodes[*node as usize];
            state.planned_for = start;
            state.set(NodeFlag::Planned, true);
        }
        let job = &mut self.jobs[index];
        job.planned_node = able.iter().map(|(_, node)| *node).min();
        job.start = start;
        job.end = start + limit;
        self.jobs_changed = self.now;
    }

    /// Starts a job, or the next task of an array, on these nodes. True when tasks are left to start.
    pub(super) fn start(&mut self, index: usize, partition: usize, places: &[u32]) -> bool {
        let now = self.now;
        let record = &mut self.jobs[index];
        let id = record.id;
        let mut more = false;
        let mut started = index;
        if let ArrayRole::Waiting { tasks, limit, running } = &mut record.role {
            let limit = *limit;
            if let Some(task) = tasks.take_first() {
                *running += 1;
                more = true;
                (record.planned_node, record.start, record.end) = (None, 0, 0);
                let role = ArrayRole::Task { array_id: id, index: task, limit };
                let task = Job { role, ..record.clone() };
                let id = self.take_id();
                started = self.jobs.push(Job { id, ..task });
            } else {
                // The last task takes over the record of the array, and its id.
                record.role = ArrayRole::Task { array_id: id, index: tasks.first(), limit };
            }
        }
        if started == index {
            self.queue.remove(&self.jobs[index]);
        }
        let job = &mut self.jobs[started];
        job.request.partition = partition as u16;
        job.request.second_partition = None;
        self.pending_tasks -= 1;
        self.running_jobs += 1;
        job.state = JobState::Running;
        job.reason = StateReason::None;
        job.set(JobFlag::Requeued, false);
        job.start = now;
        job.end = now + job.request.limit();
        // Prologs run within the time of the job.
        job.settled = now + self.rng.random_range(PREPARATION);
        job.last_evaluated = now;
        job.planned_node = None;
        let ends_at = now + job.request.run_time.min(job.request.limit());
        self.agenda.plan(ends_at, Event::End { job: job.id, run: job.run });
        self.allocate(started, places);
        self.power_up_for(started);
        self.stats.started += 1;
        self.jobs_changed = now;
        more
    }

    /// Takes what the job asks for on these nodes, in its name and its user's.
    fn allocate(&mut self, index: usize, places: &[u32]) {
        let now = self.now;
        let job = &mut self.jobs[index];
        let (request, busy_until) = (&job.request, job.end);
        let memory_mb = request.memory_mb_per_node();
        let mut allocation: Vec<Allocation> = places
            .iter()
            .map(|place| {
                let kind = self.inventory.node_type(*place);
                let node = &mut self.nodes[*place as usize];
                node.meter(kind, now);
                node.allocated_memory_mb += memory_mb;
                node.busy_until = node.busy_until.max(busy_until);
                node.last_busy = now;
                let cores = node.take_cores(kind, request.cpus_per_node);
                let gpus = node.take_gpus(kind, request.gpus_per_node);
                self.rooms.measure(*place as usize, node, kind);
                Allocation { node: *place, cores, gpus, memory_mb }
            })
            .collect();
        allocation.sort_unstable_by_key(|part| part.node);
        self.usage.take(request, &self.inventory);
        if let Some(taken) = request.licenses {
            self.licenses[usize::from(taken.license)].used += u32::from(taken.count);
        }
        job.allocation = allocation;
        self.holding.insert(job.id);
    }

    /// Gives back what a job held on its nodes; the record keeps showing it.
    pub(super) fn release(&mut self, index: usize) {
        let now = self.now;
        let job = &self.jobs[index];
        for part in &job.allocation {
            let kind = self.inventory.node_type(part.node);
            let node = &mut self.nodes[part.node as usize];
            node.meter(kind, now);
            node.cores &= !part.cores;
            node.gpus &= !part.gpus;
            node.allocated_memory_mb -= part.memory_mb;
            node.last_busy = now;
            if node.cores == 0 {
                node.busy_until = 0;
            }
            self.rooms.measure(part.node as usize, node, kind);
        }
        self.holding.remove(&job.id);
        self.usage.give_back(&job.request, &self.inventory);
        for wall in self.usage.walls_of(&job.request, &self.inventory) {
            self.queue.lower(wall);
        }
        if let Some(taken) = job.request.licenses {
            self.licenses[usize::from(taken.license)].used -= u32::from(taken.count);
            self.queue.lower(Wall::License(taken.license));
        }
        for part in &job.allocation {
            self.queue.lower(Wall::Node(part.node));
        }
        if let Some(id) = job.request.reservation {
            self.queue.lower(Wall::Reservation(id));
        }
    }
}

enum Fit {
    All,
    Limit(StateReason, Option<Wall>),
    NoPlace,
}
