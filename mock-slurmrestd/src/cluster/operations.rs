//! What happens to nodes: they break, are drained by administrators, and come back.
//! Not here: what the scheduler makes of it.

use super::Cluster;
use super::clock::{HOUR, Millis};
use super::event::Event;
use super::job::{JobState, StateReason};
use super::node::{NodeFlag, Reason};
use super::stats::{Rpc, Sender};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The part of the nodes that is drained, and that is down, on average.
const DRAINED_SHARE: f64 = 0.02;
const DOWN_SHARE: f64 = 0.015;
const MEAN_REPAIR_HOURS: f64 = 4.0;

const DRAIN_REASONS: [&str; 8] = [
    "disk failing",
    "bad dimm",
    "gpu xid 79",
    "kernel update",
    "ib link flapping",
    "firmware/bios update",
    "psu",
    "\"hot\" cpu, see ticket #4711",
];
const DOWN_REASON: &str = "Not responding";
const INVALID_REASON: &str = "Low RealMemory (reported:245760 < 100.00% of configured:256000)";
/// Drains because of an invalid registration.
const INVALID_SHARE: f64 = 0.1;

/// Breakdowns and drains such that the usual share of nodes is out.
pub(super) fn faults_per_hour(nodes: usize) -> f64 {
    nodes as f64 * DOWN_SHARE / MEAN_REPAIR_HOURS
}

impl Cluster {
    /// The state of the nodes at the start: a few are out, one of each kind on clusters of 20 and more.
    pub(super) fn break_some_nodes(&mut self) {
        let count = self.nodes.len();
        if count < 10 {
            return;
        }
        let share = |part: f64| ((count as f64 * part).round() as usize).max(1);
        let mut left: Vec<u32> = (0..count as u32).collect();
        let mut take = |rng: &mut ChaCha8Rng| left.swap_remove(rng.random_range(0..left.len()));
        for _ in 0..share(DRAINED_SHARE) {
            let node = take(&mut self.rng);
            let since = self.now - self.rng.random_range(0..18 * HOUR);
            self.set_drained(node, since);
        }
        for number in 0..share(DOWN_SHARE) {
            let node = take(&mut self.rng);
            let since = self.now - self.rng.random_range(0..12 * HOUR);
            self.set_down(node, since);
            self.nodes[node as usize].set(NodeFlag::Fail, number % 4 == 1);
            self.nodes[node as usize].set(NodeFlag::Drain, number % 4 == 2);
        }
        if count >= 50 {
            let node = take(&mut self.rng);
            let since = self.now - HOUR;
            self.set_invalid(node, since);
            // Lost contact a moment ago: still IDLE, but slurmctld no longer hears from it.
            let node = take(&mut self.rng);
            let back = self.now + HOUR / 6;
            self.nodes[node as usize].set(NodeFlag::NotResponding, true);
            self.nodes[node as usize].repaired_at = back;
            self.agenda.plan(back, Event::Repair { node });
        }
    }

    pub(super) fn plan_operations(&mut self) {
        let (fault, drain) = (self.next_operation(1.0), self.next_operation(DRAINED_SHARE / DOWN_SHARE));
        self.agenda.plan(fault, Event::Fault);
        self.agenda.plan(drain, Event::Drain);
        self.plan_holdup();
        self.plan_midnight();
    }

    fn next_operation(&mut self, times: f64) -> Millis {
        let mean = HOUR as f64 / (self.faults_per_hour * times).max(1e-3);
        let exponential = -(1.0 - self.rng.random::<f64>()).ln();
        self.now + ((mean * exponential) as Millis).max(1)
    }

    fn repair_time(&mut self) -> Millis {
        (MEAN_REPAIR_HOURS * HOUR as f64 * self.rng.random_range(0.1..1.9)) as Millis
    }

    fn healthy_node(&mut self) -> Option<u32> {
        let node = self.rng.random_range(0..self.nodes.len().max(1) as u32);
        self.nodes.get(node as usize).filter(|state| state.is_usable() && state.is_responding()).map(|_| node)
    }

    pub(super) fn fault(&mut self) {
        let next = self.next_operation(1.0);
        self.agenda.plan(next, Event::Fault);
        if let Some(node) = self.healthy_node() {
            self.set_down(node, self.now);
            self.lose_jobs_on(node);
        }
    }

    pub(super) fn drain(&mut self) {
        let next = self.next_operation(DRAINED_SHARE / DOWN_SHARE);
        self.agenda.plan(next, Event::Drain);
        if let Some(node) = self.healthy_node() {
            if self.rng.random_bool(INVALID_SHARE) {
                self.set_invalid(node, self.now);
            } else {
                self.set_drained(node, self.now);
            }
            self.stats.count(Rpc::UpdateNode, Sender::Root, 1);
        }
    }

    fn set_drained(&mut self, node: u32, since: Millis) {
        let text = DRAIN_REASONS[self.rng.random_range(0..DRAIN_REASONS.len())];
        let repaired = self.now + self.repair_time();
        let state = &mut self.nodes[node as usize];
        state.set(NodeFlag::Drain, true);
        state.reason = Some(Reason { text: text.into(), set_by: "root", since });
        state.repaired_at = repaired;
        self.room_changes(node);
        self.agenda.plan(repaired, Event::Repair { node });
    }

    /// slurmd reports less than is configured: slurmctld drains the node.
    fn set_invalid(&mut self, node: u32, since: Millis) {
        self.set_drained(node, since);
        let state = &mut self.nodes[node as usize];
        state.set(NodeFlag::InvalidReg, true);
        state.reason = Some(Reason { text: INVALID_REASON.into(), set_by: "slurm", since });
    }

    fn set_down(&mut self, node: u32, since: Millis) {
        let repaired = self.now + self.repair_time();
        let kind = self.inventory.node_type(node);
        let state = &mut self.nodes[node as usize];
        state.meter(kind, self.now);
        state.down = true;
        state.set(NodeFlag::NotResponding, true);
        state.reason = Some(Reason { text: DOWN_REASON.into(), set_by: "slurm", since });
        state.repaired_at = repaired;
        self.room_changes(node);
        self.agenda.plan(repaired, Event::Repair { node });
    }

    pub(super) fn repair(&mut self, node: u32) {
        let now = self.now;
        let state = &mut self.nodes[node as usize];
        if state.repaired_at != now {
            return;
        }
        if state.down {
            state.restart(now);
        }
        state.down = false;
        for flag in [NodeFlag::Drain, NodeFlag::NotResponding, NodeFlag::Fail, NodeFlag::InvalidReg] {
            state.set(flag, false);
        }
        state.reason = None;
        self.room_changes(node);
        self.stats.count(Rpc::UpdateNode, Sender::Root, 1);
        self.request_schedule();
    }

    /// Most jobs on a dead node are requeued; those that ask for no requeue end as NODE_FAIL. There is nothing to
    /// clean on it.
    fn lose_jobs_on(&mut self, node: u32) {
        if self.nodes[node as usize].cores == 0 {
            return;
        }
        let holding = self.holding.iter().filter_map(|id| self.jobs.index_of(*id));
        let is_on = |index: &usize| self.jobs[*index].allocation.iter().any(|part| part.node == node);
        let lost: Vec<usize> = holding.filter(is_on).collect();
        for index in lost {
            // The end of a component ends the others.
            if !self.jobs[index].holds_resources(self.now) {
                continue;
            }
            if self.jobs[index].state.is_finished() {
                self.clean_now(index);
            } else if self.jobs[index].het.is_none() && self.rng.random_bool(0.8) {
                self.requeue(index);
            } else {
                self.fail_with_node(index);
            }
        }
    }

    /// A heterogeneous job fails as a whole.
    fn fail_with_node(&mut self, index: usize) {
        for component in self.components(index) {
            match self.jobs[component].state {
                JobState::Running | JobState::Suspended => {
                    self.finish(component, JobState::NodeFail, StateReason::NodeDown, 0, 0);
                    self.clean_now(component);
                }
                _ => {}
            }
        }
    }

    fn clean_now(&mut self, index: usize) {
        self.jobs[index].settled = self.now;
        self.clean(self.jobs[index].id);
    }
}
