//! The making, start and end of advance reservations: maintenance, a project's nodes, licenses for a course.
//! Not here: their data (reservation.rs).

use super::Cluster;
use super::clock::{HOUR, MINUTE, Millis};
use super::event::Event;
use super::hostlist;
use super::inventory::CPU;
use super::license::LicenseRequest;
use super::node::NodeFlag;
use super::queue::Wall;
use super::reservation::{Reservation, ReservationFlag};
use rand::RngExt;

/// Clusters below this size have no reservations.
const LEAST_NODES: usize = 50;
/// The parts of the nodes under maintenance, about to be, and kept for a project.
const MAINTAINED_SHARE: f64 = 0.003;
const COMING_SHARE: f64 = 0.01;
const PROJECT_SHARE: f64 = 0.005;

impl Cluster {
    /// Those that exist at the start.
    pub(super) fn make_reservations(&mut self) {
        if self.nodes.len() < LEAST_NODES {
            return;
        }
        let now = self.now;
        self.maintain(now - HOUR, now + 2 * HOUR, MAINTAINED_SHARE);
        self.maintain(now + 3 * HOUR, now + 7 * HOUR, COMING_SHARE);
        self.keep_for_project(0, now - 24 * HOUR, now + 6 * 24 * HOUR);
        self.keep_for_project(1, now + 2 * HOUR, now + 26 * HOUR);
        self.keep_licenses(now - HOUR, now + 3 * HOUR);
    }

    fn maintain(&mut self, start: Millis, end: Millis, share: f64) {
        let root = self.inventory.ordinary_users() as u16;
        let nodes = self.free_stretch(share);
        let flags = vec![ReservationFlag::Maint, ReservationFlag::IgnoreJobs, ReservationFlag::SpecNodes];
        self.reserve("maint", nodes, (start, end), flags, (Vec::new(), vec![root]), None);
    }

    /// For the project of this user.
    fn keep_for_project(&mut self, user: usize, start: Millis, end: Millis) {
        let nodes = self.free_stretch(PROJECT_SHARE);
        let account = self.inventory.users[user % self.inventory.ordinary_users()].account;
        let flags = vec![ReservationFlag::IgnoreJobs, ReservationFlag::SpecNodes];
        self.reserve("proj", nodes, (start, end), flags, (vec![account], Vec::new()), None);
    }

    fn keep_licenses(&mut self, start: Millis, end: Millis) {
        let count = (self.licenses[0].total / 10).max(1) as u16;
        let licenses = Some(LicenseRequest { license: 0, count });
        let users = (0..self.inventory.ordinary_users().min(3) as u16).collect();
        self.reserve("course", Vec::new(), (start, end), vec![], (Vec::new(), users), licenses);
    }

    /// Neighbours among the CPU nodes, as an administrator would name them, that no reservation has.
    fn free_stretch(&mut self, share: f64) -> Vec<u32> {
        let count = ((self.nodes.len() as f64 * share).round() as usize).max(1);
        let able: Vec<u32> = (0..self.nodes.len() as u32)
            .filter(|node| {
                let taken = self.reservations.iter().any(|other| other.nodes.contains(node));
                usize::from(self.inventory.nodes[*node as usize].kind) == CPU && !taken
            })
            .collect();
        if able.len() < count {
            return Vec::new();
        }
        let first = self.rng.random_range(0..=able.len() - count);
        able[first..first + count].to_vec()
    }

    fn reserve(
        &mut self,
        name: &str,
        nodes: Vec<u32>,
        (start, end): (Millis, Millis),
        flags: Vec<ReservationFlag>,
        (accounts, users): (Vec<u16>, Vec<u16>),
        licenses: Option<LicenseRequest>,
    ) {
        if nodes.is_empty() && licenses.is_none() {
            return;
        }
        let id = self.next_reservation;
        self.next_reservation += 1;
        let inventory = &self.inventory;
        for node in &nodes {
            self.nodes[*node as usize].reserved_from = start;
        }
        let name = if id <= 1 { name.to_owned() } else { format!("{name}_{id}") };
        self.reservations.push(Reservation {
            id,
            name,
            hostlist: hostlist::compress(
                nodes.iter().map(|node| inventory.nodes[*node as usize].name.as_str()),
            ),
            cores: nodes.iter().map(|node| u64::from(inventory.node_type(*node).cpus)).sum(),
            nodes,
            start,
            end,
            flags,
            accounts,
            users,
            licenses,
        });
        if start <= self.now {
            self.start_reservation(id);
        } else {
            self.agenda.plan(start, Event::ReservationStarts { id });
        }
        self.agenda.plan(end, Event::ReservationEnds { id });
    }

    pub(super) fn start_reservation(&mut self, id: u32) {
        self.mark_reserved(id, true);
    }

    /// Gives everything back; another of its kind follows some time later.
    pub(super) fn end_reservation(&mut self, id: u32) {
        self.mark_reserved(id, false);
        let Some(at) = self.reservations.iter().position(|reservation| reservation.id == id) else { return };
        let ended = self.reservations.remove(at);
        for index in 0..self.jobs.len() {
            let job = &self.jobs[index];
            if job.request.reservation == Some(id) && !job.state.is_finished() {
                // slurmctld would refuse to start it; here its user takes the wish back.
                self.jobs[index].request.reservation = None;
            }
        }
        self.queue.lower(Wall::Reservation(id));
        let start = self.now + self.rng.random_range(30 * MINUTE..12 * HOUR);
        let end = start + (ended.end - ended.start);
        if ended.licenses.is_some() {
            self.keep_licenses(start, end);
        } else if ended.has(ReservationFlag::Maint) {
            self.maintain(start, end, ended.nodes.len() as f64 / self.nodes.len() as f64);
        } else {
            let user = self.rng.random_range(0..self.inventory.ordinary_users());
            self.keep_for_project(user, start, end);
        }
        self.request_schedule();
    }

    fn mark_reserved(&mut self, id: u32, on: bool) {
        let Some(at) = self.reservations.iter().position(|reservation| reservation.id == id) else { return };
        let reservation = &self.reservations[at];
        self.queue.lower(Wall::Reservation(id));
        let maintains = reservation.has(ReservationFlag::Maint);
        for node in &reservation.nodes {
            let state = &mut self.nodes[*node as usize];
            state.reservation = on.then_some(id);
            state.reserved_from = 0;
            state.set(NodeFlag::Reserved, on);
            state.set(NodeFlag::Maintenance, on && maintains);
        }
        if let Some(kept) = reservation.licenses {
            let license = &mut self.licenses[usize::from(kept.license)];
            license.reserved = if on { u32::from(kept.count).min(license.free()) } else { 0 };
            self.queue.lower(Wall::License(kept.license));
        }
    }
}
