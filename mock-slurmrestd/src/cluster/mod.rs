//! The truth that is served: a deterministic discrete-event model of a Slurm cluster.
//! Not here: HTTP, JSON, the wall clock. Time arrives as a duration and chance as a seed.
//!
//! The same size, seed and sequence of `advance` calls give the same cluster, to the last core. A cluster is
//! cheap to clone (its fixed part and its jobs are shared), so a reader can keep one while the original moves on.
//!
//! What a face may show, and where it is:
//! - fixed, from [`Cluster::inventory`]: `nodes` (types in [`inventory::NODE_TYPES`]), `partitions`, `users`,
//!   `accounts`, `associations` (with `limits`, [`accounts`]), `wckeys`, `qos` ([`qos`]), `tres` ([`tres`]);
//! - moving: [`Cluster::nodes`], [`Cluster::jobs`], [`Cluster::licenses`], [`Cluster::reservations`],
//!   [`Cluster::shares`] (in the order of the associations, [`fair_share`]), [`Cluster::stats`];
//! - finished jobs as slurmdbd keeps them: [`Cluster::history`]; with those that wait or run it is
//!   [`Cluster::accounted_between`]. A job tells what it used: `elapsed`, `used_cpu`, `peak_memory_mb`.

pub mod accounts;
pub mod array;
pub mod clock;
mod event;
pub mod fair_share;
mod het;
pub mod history;
mod holdups;
pub mod hostlist;
pub mod inventory;
pub mod job;
pub mod license;
mod lifecycle;
pub mod node;
mod operations;
pub mod oracle;
pub mod orders;
mod places;
mod power;
mod preempt;
mod priority;
pub mod qos;
mod queue;
mod records;
mod replay;
pub mod reservation;
mod reservations;
pub mod resources;
mod rooms;
mod scheduler;
pub mod size;
pub mod stats;
pub mod tres;
mod usage;
mod warm;

pub use clock::Clock;
pub use oracle::Oracle;
pub use orders::JobOrder;
pub use size::Size;

use crate::workload::Workload;
use crate::workload::swf::Trace;
use clock::{Millis, SECOND};
use event::{Agenda, Event};
use fair_share::{FairShare, Share};
use history::History;
use inventory::Inventory;
use job::{ArrayRole, Job};
use license::License;
use node::Node;
use queue::Queue;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use records::Records;
use reservation::Reservation;
use rooms::Rooms;
use stats::{Rpc, Sender, Stats};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use usage::Usage;

/// Finished jobs that are kept for slurmdbd's answers.
const MOST_HISTORY: usize = 200_000;

/// A cluster at one moment.
#[derive(Clone, Debug)]
pub struct Cluster {
    now: Millis,
    started: Millis,
    inventory: Arc<Inventory>,
    workload: Arc<Workload>,
    nodes: Vec<Node>,
    jobs: Records,
    /// Ids of jobs that hold resources.
    holding: BTreeSet<u32>,
    /// Ends and ids of the listed jobs that have finished, in order of time.
    finished: VecDeque<(Millis, u32)>,
    history: History,
    next_id: u32,
    queue: Queue,
    usage: Usage,
    rooms: Rooms,
    fair_share: FairShare,
    licenses: Vec<License>,
    reservations: Vec<Reservation>,
    next_reservation: u32,
    /// Jobs that wait for the key's end.
    dependents: BTreeMap<u32, Vec<u32>>,
    /// The last job of each user, for dependencies.
    last_job: Vec<u32>,
    /// Records in an ordinary hour.
    usual_records: u32,
    faults_per_hour: f64,
    schedule_planned: bool,
    /// Of all records, with arrays expanded.
    pending_tasks: u64,
    running_jobs: u64,
    jobs_changed: Millis,
    stats: Stats,
    agenda: Agenda,
    rng: ChaCha8Rng,
    /// What is replayed, if anything is.
    trace: Option<Arc<Trace>>,
}

impl Cluster {
    /// A cluster that has been busy for a while, at a fixed time, called `sim`.
    pub fn new(size: &Size, seed: u64) -> Self {
        Self::starting_at(size, seed, clock::DEFAULT_START_UNIX, "sim")
    }

    /// The same with a start in seconds since the Unix epoch and a name.
    pub fn starting_at(size: &Size, seed: u64, start_unix: u64, name: &str) -> Self {
        let mut cluster = Self::idle_at(size, seed, start_unix, name);
        cluster.warm_up(size);
        cluster
    }

    /// The same before anything has happened.
    fn idle_at(size: &Size, seed: u64, start_unix: u64, name: &str) -> Self {
        let licenses = license::list(size.running_jobs());
        let inventory = Inventory::new(size, name, &licenses);
        let workload = Workload::new(size, &inventory);
        let now = start_unix * SECOND;
        let users = inventory.users.len();
        Self {
            now,
            started: now,
            workload: Arc::new(workload),
            nodes: Vec::with_capacity(inventory.nodes.len()),
            jobs: Records::with_capacity(size.jobs as usize + size.jobs as usize / 8),
            holding: BTreeSet::new(),
            finished: VecDeque::new(),
            history: History::new(MOST_HISTORY),
            next_id: 1_000,
            queue: Queue::new(inventory.partitions.len()),
            usage: Usage::new(&inventory),
            rooms: Rooms::new(inventory.nodes.len()),
            fair_share: FairShare::new(&inventory.associations, now),
            licenses,
            reservations: Vec::new(),
            next_reservation: 1,
            dependents: BTreeMap::new(),
            last_job: vec![0; users],
            usual_records: size.jobs,
            faults_per_hour: operations::faults_per_hour(inventory.nodes.len()),
            inventory: Arc::new(inventory),
            schedule_planned: false,
            pending_tasks: 0,
            running_jobs: 0,
            jobs_changed: now,
            stats: Stats { since: now, ..Stats::default() },
            agenda: Agenda::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            trace: None,
        }
    }

    /// Lets simulated time pass.
    pub fn advance(&mut self, by: Duration) {
        let until = self.now + by.as_millis() as Millis;
        while let Some((at, event)) = self.agenda.next(until) {
            self.now = at;
            self.handle(event);
        }
        self.now = until;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival => self.arrive(),
            Event::Recorded { index } => self.submit_recorded(index),
            Event::StartRecorded { job, tried } => self.start_recorded(job, tried),
            Event::Schedule => {
                self.schedule_planned = false;
                self.schedule();
            }
            Event::Backfill => {
                self.backfill();
                self.agenda.plan(self.now + scheduler::BACKFILL_INTERVAL, Event::Backfill);
            }
            Event::End { job, run } => self.end_by_itself(job, run),
            Event::Cleaned { job } => self.clean(job),
            Event::Eligible { job } => self.become_eligible(job),
            Event::Cancellation => self.cancel_somebody(),
            Event::Abandon { job } => self.cancel(job),
            Event::Holdup => self.hold_up_somebody(),
            Event::Resume { job, run } => self.resume(job, run),
            Event::PoweredUp { job, run } => self.begin_powered_up(job, run),
            Event::PowerChanges { node } => self.change_power(node),
            Event::Midnight => {
                self.stats.reset(self.now);
                self.plan_midnight();
            }
            Event::Fault => self.fault(),
            Event::Drain => self.drain(),
            Event::Repair { node } => self.repair(node),
            Event::ReservationStarts { id } => self.start_reservation(id),
            Event::ReservationEnds { id } => self.end_reservation(id),
            Event::Priorities => {
                self.calculate_priorities();
                self.agenda.plan(self.now + fair_share::CALCULATION_INTERVAL, Event::Priorities);
            }
            Event::Housekeeping => self.housekeeping(),
        }
    }

    /// Asks for a quick scheduling cycle soon, once.
    fn request_schedule(&mut self) {
        if !self.schedule_planned {
            self.schedule_planned = true;
            self.agenda.plan(self.now + scheduler::SCHEDULE_DELAY, Event::Schedule);
        }
    }

    /// slurmctld resets its counters at midnight, here of UTC.
    fn plan_midnight(&mut self) {
        let day = 24 * clock::HOUR;
        self.agenda.plan((self.now / day + 1) * day, Event::Midnight);
    }

    /// Counts messages that reach slurmctld from outside the model.
    pub fn record(&mut self, rpc: Rpc, sender: Sender, times: u64) {
        self.stats.count(rpc, sender, times);
    }

    /// Seconds since the Unix epoch, simulated.
    pub fn now_unix(&self) -> u64 {
        self.now / SECOND
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    /// When slurmctld started, in seconds since the Unix epoch: also the last change of partitions.
    pub fn started_unix(&self) -> u64 {
        self.started / SECOND
    }

    /// When any job changed last, in seconds since the Unix epoch.
    pub fn jobs_changed_unix(&self) -> u64 {
        self.jobs_changed / SECOND
    }

    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// In the order of [`Inventory::nodes`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every record that slurmctld still lists, ascending by id.
    pub fn jobs(&self) -> &[Arc<Job>] {
        self.jobs.as_slice()
    }

    /// Finished jobs, also those that slurmctld no longer lists.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What slurmdbd knows of the time from `from` to `until`: finished jobs by their end, then those that wait or
    /// run, by id.
    pub fn accounted_between(&self, from: Millis, until: Millis) -> impl Iterator<Item = &Arc<Job>> {
        let alive = self.jobs().iter().filter(move |job| !job.state.is_finished() && job.submit <= until);
        self.history.between(from, until).chain(alive)
    }

    pub fn licenses(&self) -> &[License] {
        &self.licenses
    }

    /// Ascending by id: those that are active, and those that are to come.
    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// The reservation with this id.
    pub fn reservation(&self, id: u32) -> Option<&Reservation> {
        let at = self.reservations.binary_search_by_key(&id, |reservation| reservation.id);
        at.ok().map(|at| &self.reservations[at])
    }

    /// Fair shares as of the last calculation, in the order of [`Inventory::associations`].
    pub fn shares(&self) -> &[Share] {
        self.fair_share.shares()
    }

    /// Tasks that wait, and jobs that run: what slurmctld's statistics will say next.
    pub fn pending_and_running(&self) -> (u64, u64) {
        (self.pending_tasks, self.running_jobs)
    }

    /// Jobs that an association and all below it run now.
    pub fn jobs_running_in(&self, association: u32) -> u32 {
        self.usage.of_association(association).jobs
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    fn index_of(&self, id: u32) -> Option<usize> {
        self.jobs.index_of(id)
    }

    fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// The record that holds the tasks of this array which have not started, if any is left.
    fn waiting_part(&self, array_id: u32) -> Option<usize> {
        self.index_of(array_id).filter(|index| matches!(self.jobs[*index].role, ArrayRole::Waiting { .. }))
    }
}
