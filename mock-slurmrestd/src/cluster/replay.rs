//! A recorded trace instead of an invented workload: its jobs arrive, start, run and end as they did.
//! Not here: the format (workload/swf.rs). Nothing breaks, and no limit holds a job back, in a replay.

use super::Cluster;
use super::clock::SECOND;
use super::event::Event;
use super::inventory::{CPU, NODE_TYPES};
use super::job::{ArrayRole, JobState, Outcome, Request, StateReason};
use super::lifecycle::Obstacle;
use super::places::Search;
use super::qos;
use super::size::Size;
use super::stats::{Rpc, Sender};
use crate::workload::swf::{Ending, Trace, TraceJob};
use std::sync::Arc;

/// Everything is in the partition of all nodes.
const PARTITION: usize = 0;

impl Trace {
    /// The machine of a trace, out of nodes with 64 cores; another number of nodes if wanted.
    pub fn size(&self, nodes: Option<u32>) -> Size {
        let needed = self.processors().div_ceil(NODE_TYPES[CPU].cpus.into());
        Size {
            gpu_nodes: 0,
            bigmem_nodes: 0,
            partitions: 1,
            users: self.users,
            jobs_per_hour: 1,
            ..Size::of(nodes.unwrap_or(needed), 0)
        }
    }
}

impl Cluster {
    /// An empty cluster in which the jobs of a trace arrive from now on.
    pub fn replaying(trace: Trace, size: &Size, seed: u64, start_unix: u64, name: &str) -> Self {
        let mut cluster = Self::idle_at(size, seed, start_unix, name);
        cluster.trace = Some(Arc::new(trace));
        cluster.start_empty();
        cluster.plan_recorded(0);
        cluster
    }

    pub(super) fn replays(&self) -> bool {
        self.trace.is_some()
    }

    fn plan_recorded(&mut self, index: usize) {
        let Some(job) = self.trace.as_ref().and_then(|trace| trace.jobs.get(index)) else { return };
        let at = self.started + job.submit * SECOND;
        self.agenda.plan(at, Event::Recorded { index: index as u32 });
    }

    /// The next job of the trace is submitted.
    pub(super) fn submit_recorded(&mut self, index: u32) {
        let Some(job) = self.trace.as_ref().map(|trace| trace.jobs[index as usize].clone()) else { return };
        self.plan_recorded(index as usize + 1);
        let request = self.request_recorded(&job);
        let user = Sender::User(request.user);
        let obstacle = if job.wait.is_some() { Obstacle::Recorded } else { Obstacle::None };
        let at = self.submit(request, ArrayRole::None, obstacle, self.now);
        self.request_schedule();
        self.stats.count(Rpc::SubmitBatch, user, 1);
        let id = self.jobs[at].id;
        match job.wait {
            Some(wait) => {
                let event = Event::StartRecorded { job: id, tried: false };
                self.agenda.plan(self.now + wait * SECOND, event);
            }
            // It never ran, and nobody knows when it was given up.
            None if job.run == 0 => self.cancel(id),
            None => {}
        }
    }

    /// Processors become cores of as few nodes as hold them, the same number on each, rounded up.
    fn request_recorded(&self, job: &TraceJob) -> Request {
        let kind = &NODE_TYPES[CPU];
        let partition = &self.inventory.partitions[PARTITION];
        let most = partition.nodes.len() as u32 * u32::from(kind.cpus);
        let processors = job.processors.min(most);
        let nodes = processors.div_ceil(kind.cpus.into());
        let cpus_per_node = processors.div_ceil(nodes) as u16;
        let memory_mb_per_cpu = job.memory_kb_per_processor.map_or(1_024, |memory| memory / 1_024);
        // They ran as long as they ran: a limit below that was not enforced.
        let limit = job.time_limit.unwrap_or(0).max(job.run).max(1);
        Request {
            user: job.user,
            association: self.inventory.users[usize::from(job.user)].association,
            partition: PARTITION as u16,
            second_partition: None,
            qos: qos::NORMAL,
            name: (job.number % crate::workload::NAMES.len() as u64) as u8,
            nodes,
            cpus_per_node,
            gpus_per_node: 0,
            kind: CPU as u8,
            gpu_model_named: false,
            memory_mb_per_cpu: memory_mb_per_cpu.clamp(1, (kind.memory_mb / u32::from(kind.cpus)).into())
                as u32,
            memory_per_cpu: true,
            limit_minutes: limit.div_ceil(60) as u32,
            run_time: job.run * SECOND,
            outcome: match job.ending {
                Ending::Completed => Outcome::Success,
                Ending::Failed => Outcome::Failure(1),
                Ending::Cancelled => Outcome::Cancelled,
            },
            constraint: None,
            required_node: None,
            licenses: None,
            reservation: None,
            cpu_use: 90,
            memory_use: 50,
        }
    }

    /// The recorded wait is over: it starts, or as soon as there is room. A job that never ran is cancelled.
    pub(super) fn start_recorded(&mut self, id: u32, tried: bool) {
        let Some(index) = self.index_of(id) else { return };
        if self.jobs[index].state != JobState::Pending {
            return;
        }
        if self.jobs[index].request.run_time == 0 {
            return self.cancel(id);
        }
        if let Search::Found(places) = self.places(index, PARTITION, &[]) {
            self.start(index, PARTITION, &places);
        } else if !tried {
            // Others that end in this very moment make room first.
            self.agenda.plan(self.now, Event::StartRecorded { job: id, tried: true });
        } else {
            let job = &mut self.jobs[index];
            job.reason = StateReason::Resources;
            self.queue.insert(job);
            self.request_schedule();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::DEFAULT_START_UNIX;
    use super::*;
    use std::time::Duration;

    #[test]
    fn processors_become_cores_of_as_few_nodes_as_hold_them() {
        for (processors, nodes, cpus) in [(1, 1, 1), (64, 1, 64), (65, 2, 66), (100, 2, 100), (129, 3, 129)] {
            let line = format!("1 0 0 60 {processors} -1 -1 -1 -1 -1 1 1 1 -1 1 1 -1 -1");
            let trace = Trace::parse(&line, "t.swf").unwrap();
            let size = trace.size(None);
            assert_eq!(size.nodes, nodes);
            let mut cluster = Cluster::replaying(trace, &size, 1, DEFAULT_START_UNIX, "sim");
            cluster.advance(Duration::from_secs(30));
            let job = &cluster.jobs()[0];
            assert_eq!((job.state, job.allocation.len() as u32), (JobState::Running, nodes));
            assert_eq!(cluster.oracle().cpus.allocated, cpus);
        }
    }
}
