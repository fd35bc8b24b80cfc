//! Power saving: cloud nodes, and where wanted others, are powered up for jobs and powered down when idle.
//! Not here: how much power they draw (node.rs).

use super::Cluster;
use super::clock::{MINUTE, Millis, SECOND};
use super::event::Event;
use super::job::{JobFlag, JobState};
use super::node::NodeFlag;
use rand::RngExt;

/// `SuspendTime`: idle so long, a node is powered down.
const SUSPEND_AFTER: Millis = 5 * MINUTE;
const POWER_DOWN: Millis = 30 * SECOND;
const BOOT: std::ops::Range<Millis> = MINUTE..150 * SECOND;

impl Cluster {
    /// Cloud nodes do not run before somebody needs them.
    pub(super) fn power_down_at_start(&mut self) {
        for node in &self.inventory.powered_on_demand {
            let state = &mut self.nodes[*node as usize];
            state.set(NodeFlag::Cloud, self.inventory.nodes[*node as usize].is_cloud());
            state.set(NodeFlag::PoweredDown, true);
        }
    }

    /// Begins to power up what the job was given. It starts anew, and its time counts, once all are there.
    pub(super) fn power_up_for(&mut self, index: usize) {
        let now = self.now;
        let mut ready = now;
        for part in &self.jobs[index].allocation {
            let state = &mut self.nodes[part.node as usize];
            if state.has(NodeFlag::PoweredDown) {
                state.set(NodeFlag::PoweredDown, false);
                state.set(NodeFlag::PoweringUp, true);
                state.power_changes = now + self.rng.random_range(BOOT);
                self.agenda.plan(state.power_changes, Event::PowerChanges { node: part.node });
            }
            if state.has(NodeFlag::PoweringUp) {
                ready = ready.max(state.power_changes);
            }
        }
        if ready == now {
            return;
        }
        let job = &mut self.jobs[index];
        job.set(JobFlag::PowerUpNode, true);
        job.settled = ready;
        job.run += 1;
        let (id, run) = (job.id, job.run);
        self.agenda.plan(ready, Event::PoweredUp { job: id, run });
    }

    /// All nodes of the job are there: slurmctld sets its start to now.
    pub(super) fn begin_powered_up(&mut self, id: u32, run: u16) {
        let now = self.now;
        let Some(index) = self.index_of(id) else { return };
        let job = &mut self.jobs[index];
        if job.state != JobState::Running || job.run != run {
            return;
        }
        job.set(JobFlag::PowerUpNode, false);
        job.start = now;
        job.end = now + job.request.limit();
        let ends_at = now + job.request.run_time.min(job.request.limit());
        self.agenda.plan(ends_at, Event::End { job: id, run });
        self.jobs_changed = now;
    }

    pub(super) fn change_power(&mut self, node: u32) {
        let now = self.now;
        let state = &mut self.nodes[node as usize];
        if state.power_changes != now {
            return;
        }
        if state.has(NodeFlag::PoweringUp) {
            state.set(NodeFlag::PoweringUp, false);
            state.restart(now);
        } else if state.has(NodeFlag::PoweringDown) {
            state.set(NodeFlag::PoweringDown, false);
            state.set(NodeFlag::PoweredDown, true);
            self.room_changes(node);
            self.request_schedule();
        }
    }

    pub(super) fn power_down_idle_nodes(&mut self) {
        let now = self.now;
        for node in &self.inventory.powered_on_demand {
            let kind = self.inventory.node_type(*node);
            let state = &mut self.nodes[*node as usize];
            let is_idle = state.cores == 0 && state.last_busy + SUSPEND_AFTER <= now;
            if is_idle && state.is_usable() && state.is_responding() && state.planned_for == 0 {
                state.meter(kind, now);
                state.set(NodeFlag::PoweringDown, true);
                self.rooms.measure(*node as usize, state, kind);
                state.power_changes = now + POWER_DOWN;
                self.agenda.plan(state.power_changes, Event::PowerChanges { node: *node });
            }
        }
    }
}
