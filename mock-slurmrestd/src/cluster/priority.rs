//! Multifactor priority: fair share, size, partition and QOS, each with a weight; age comes on top as time passes.
//! Not here: age (job.rs) and the calculation of fair share itself (fair_share.rs).

use super::Cluster;
use super::clock::SECOND;
use super::job::{Job, Request};
use super::resources::Resources;

const FAIR_SHARE_WEIGHT: f64 = 10_000.0;
const SIZE_WEIGHT: f64 = 1_000.0;
const PARTITION_WEIGHT: f64 = 1_000.0;
/// No job that may start has less.
const LEAST: f64 = 1.0;

impl Cluster {
    /// The priority of a request as of now, without age.
    pub(super) fn base_priority(&self, request: &Request) -> u32 {
        let inventory = &self.inventory;
        let partition = &inventory.partitions[usize::from(request.partition)];
        let size = f64::from(request.cpus()) / inventory.cpus.max(1) as f64;
        // QOS priorities are their weighted factors already.
        let qos = f64::from(inventory.qos[usize::from(request.qos)].priority);
        let sum = LEAST
            + FAIR_SHARE_WEIGHT * self.fair_share.factor(request.association)
            + SIZE_WEIGHT * size.min(1.0)
            + PARTITION_WEIGHT * f64::from(partition.job_factor) / f64::from(inventory.most_job_factor)
            + qos;
        sum as u32
    }

    /// Books what running jobs used, ranks the fair shares again, and puts the queue into its new order.
    pub(super) fn calculate_priorities(&mut self) {
        let now = self.now;
        let mut run_seconds = vec![Resources::default(); self.inventory.associations.len()];
        for index in self.holding.iter().filter_map(|id| self.jobs.index_of(*id)) {
            let job = &self.jobs[index];
            if job.state.is_finished() {
                continue;
            }
            let left = (job.end.saturating_sub(now) / SECOND) as f64;
            run_seconds[job.request.association as usize].add(job.request.resources().for_seconds(left));
            charge(&mut self.fair_share, job, now);
        }
        let inventory = self.inventory.clone();
        let before: Vec<f64> = self.fair_share.factors().collect();
        self.fair_share.calculate(&inventory.associations, run_seconds, now);
        // Nothing else in the priority of a job changes while it waits.
        let changed: Vec<bool> =
            self.fair_share.factors().zip(before).map(|(factor, before)| factor != before).collect();
        let mut queue = std::mem::take(&mut self.queue);
        queue.rank_again(&changed, |id| {
            let index = self.jobs.index_of(id)?;
            let priority = self.base_priority(&self.jobs[index].request);
            if self.jobs[index].base_priority != priority {
                self.jobs[index].base_priority = priority;
            }
            Some(self.jobs[index].rank())
        });
        self.queue = queue;
    }

    /// Books what a job used since the last calculation, when it stops.
    pub(super) fn charge_rest(&mut self, index: usize) {
        charge(&mut self.fair_share, &self.jobs[index], self.now);
    }
}

fn charge(fair_share: &mut super::fair_share::FairShare, job: &Job, now: u64) {
    let since = now.saturating_sub(job.start.max(fair_share.calculated_at));
    let seconds = since as f64 / SECOND as f64;
    fair_share.charge(job.request.association, job.request.resources().for_seconds(seconds));
}
