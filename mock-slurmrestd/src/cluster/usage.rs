//! What users, accounts and QOS hold at this moment, and which of their limits keeps a job waiting.
//! Not here: what was used over time (fair_share.rs), or the limits' values (accounts.rs, qos.rs).

use super::inventory::Inventory;
use super::job::{Request, StateReason};
use super::queue::Wall;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) jobs: u32,
    pub(super) cpus: u32,
    pub(super) gpus: u32,
}

impl Held {
    fn change(&mut self, other: Self, takes: bool) {
        let change = |value: &mut u32, by: u32| {
            *value = if takes { *value + by } else { *value - by };
        };
        change(&mut self.jobs, other.jobs);
        change(&mut self.cpus, other.cpus);
        change(&mut self.gpus, other.gpus);
    }
}

/// Sums over running jobs.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    /// By association, with all below it.
    associations: Vec<Held>,
    /// By user and QOS: `user * qos + qos`.
    users: Vec<Held>,
    qos: Vec<Held>,
    /// Tasks that wait or run, by association alone and by user and QOS.
    submitted: Vec<u32>,
    submitted_in_qos: Vec<u32>,
}

impl Usage {
    pub(super) fn new(inventory: &Inventory) -> Self {
        let qos = inventory.qos.len();
        Self {
            associations: vec![Held::default(); inventory.associations.len()],
            users: vec![Held::default(); inventory.users.len() * qos],
            qos: vec![Held::default(); qos],
            submitted: vec![0; inventory.associations.len()],
            submitted_in_qos: vec![0; inventory.users.len() * qos],
        }
    }

    pub(super) fn take(&mut self, request: &Request, inventory: &Inventory) {
        self.change(request, inventory, true);
    }

    pub(super) fn give_back(&mut self, request: &Request, inventory: &Inventory) {
        self.change(request, inventory, false);
    }

    fn change(&mut self, request: &Request, inventory: &Inventory, takes: bool) {
        let held = held_by(request);
        let mut at = Some(request.association);
        while let Some(index) = at {
            self.associations[index as usize].change(held, takes);
            at = inventory.associations[index as usize].parent;
        }
        let slot = self.slot(request);
        self.users[slot].change(held, takes);
        self.qos[usize::from(request.qos)].change(held, takes);
    }

    /// Where limits may have kept others from starting, while a job of this kind ran.
    pub(super) fn walls_of(&self, request: &Request, inventory: &Inventory) -> impl Iterator<Item = Wall> {
        let own = Some(request.association);
        let above = std::iter::successors(own, |index| inventory.associations[*index as usize].parent);
        let of_user = Wall::UserInQos(self.slot(request) as u32);
        above.map(Wall::Association).chain([of_user, Wall::Qos(request.qos)])
    }

    fn slot(&self, request: &Request) -> usize {
        usize::from(request.user) * self.qos.len() + usize::from(request.qos)
    }

    /// The first limit that one more job of this kind would break. A job above the limit itself runs alone
    /// rather than never.
    pub(super) fn limit_reached(
        &self,
        request: &Request,
        inventory: &Inventory,
    ) -> Option<(StateReason, Wall)> {
        let job = held_by(request);
        let breaks = |held: u32, wants: u32, most: Option<u32>| {
            wants > 0 && held > 0 && most.is_some_and(|most| held + wants > most)
        };
        let qos = &inventory.qos[usize::from(request.qos)];
        let (slot, in_qos) = (self.slot(request), Wall::Qos(request.qos));
        let (user, of_user) = (self.users[slot], Wall::UserInQos(slot as u32));
        if breaks(user.jobs, 1, qos.max_jobs_per_user) {
            return Some((StateReason::QosMaxJobsPerUserLimit, of_user));
        }
        if breaks(user.cpus, job.cpus, qos.max_cpus_per_user) {
            return Some((StateReason::QosMaxCpuPerUserLimit, of_user));
        }
        if breaks(self.qos[usize::from(request.qos)].cpus, job.cpus, qos.grp_cpus) {
            return Some((StateReason::QosGrpCpuLimit, in_qos));
        }
        let own = &inventory.associations[request.association as usize].limits;
        if breaks(self.associations[request.association as usize].jobs, 1, own.max_jobs) {
            return Some((StateReason::AssocMaxJobsLimit, Wall::Association(request.association)));
        }
        let mut at = Some(request.association);
        while let Some(index) = at {
            let (association, held) =
                (&inventory.associations[index as usize], self.associations[index as usize]);
            let limits = &association.limits;
            if breaks(held.jobs, 1, limits.grp_jobs) {
                return Some((StateReason::AssocGrpJobsLimit, Wall::Association(index)));
            }
            if breaks(held.cpus, job.cpus, limits.grp_cpus) {
                return Some((StateReason::AssocGrpCpuLimit, Wall::Association(index)));
            }
            if breaks(held.gpus, job.gpus, limits.grp_gpus) {
                return Some((StateReason::AssocGrpGresLimit, Wall::Association(index)));
            }
            at = association.parent;
        }
        None
    }

    /// Counts tasks from their submission on.
    pub(super) fn submit(&mut self, request: &Request, tasks: u32) {
        let slot = self.slot(request);
        self.submitted[request.association as usize] += tasks;
        self.submitted_in_qos[slot] += tasks;
    }

    /// They neither wait nor run any more.
    pub(super) fn forget(&mut self, request: &Request, tasks: u32) {
        let slot = self.slot(request);
        self.submitted[request.association as usize] -= tasks;
        self.submitted_in_qos[slot] -= tasks;
    }

    /// The limit, in Slurm's word, for which sbatch would be refused.
    pub(super) fn refused(
        &self,
        request: &Request,
        tasks: u32,
        inventory: &Inventory,
    ) -> Option<&'static str> {
        let breaks =
            |held: u32, most: Option<u32>| most.is_some_and(|most| held.saturating_add(tasks) > most);
        let own = inventory.associations[request.association as usize].limits.max_submit_jobs;
        if breaks(self.submitted[request.association as usize], own) {
            return Some("AssocMaxSubmitJobLimit");
        }
        let qos = &inventory.qos[usize::from(request.qos)];
        breaks(self.submitted_in_qos[self.slot(request)], qos.max_submit_per_user)
            .then_some("QOSMaxSubmitJobPerUserLimit")
    }

    /// What the account root and all below it hold.
    pub(super) fn of_everybody(&self) -> Held {
        self.associations[0]
    }

    pub(super) fn of_association(&self, association: u32) -> Held {
        self.associations[association as usize]
    }
}

/// A time limit above `MaxWall`, for which a job waits until it is changed.
pub(super) fn wall_exceeded(request: &Request, inventory: &Inventory) -> Option<StateReason> {
    let exceeds = |most: Option<u32>| most.is_some_and(|most| request.limit_minutes > most);
    if exceeds(inventory.qos[usize::from(request.qos)].max_wall_minutes) {
        return Some(StateReason::QosMaxWallLimit);
    }
    let own = &inventory.associations[request.association as usize].limits;
    exceeds(own.max_wall_minutes).then_some(StateReason::AssocMaxWallLimit)
}

fn held_by(request: &Request) -> Held {
    Held { jobs: 1, cpus: request.cpus(), gpus: request.gpus() }
}
