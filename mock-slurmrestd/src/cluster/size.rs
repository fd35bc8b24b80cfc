//! How big a cluster is at its start, in numbers only.
//! Not here: names, types of nodes, users (inventory.rs) or the presets' own numbers (presets/).

/// The size of a cluster. Every number is free; presets are just good ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// All nodes.
    pub nodes: u32,
    /// Nodes with 8 H100 each, out of `nodes`.
    pub gpu_nodes: u32,
    /// Nodes with 8 A100 each, out of `nodes`.
    pub dgx_nodes: u32,
    /// Nodes with 8 slices of A100 each, out of `nodes`.
    pub mig_nodes: u32,
    /// Large-memory nodes, out of `nodes`.
    pub bigmem_nodes: u32,
    /// Nodes that are powered up on demand and powered down when idle, out of `nodes`.
    pub cloud_nodes: u32,
    /// Whether idle nodes are powered down, too, other than cloud nodes.
    pub power_saving: bool,
    /// Whether nodes measure their power.
    pub power_readings: bool,
    /// Partitions, 1 to 64: batch, gpu, mig, bigmem, cloud, all, then departments.
    pub partitions: u16,
    pub users: u16,
    /// Job records at the start: what `/jobs` lists. A pending array is one record.
    pub jobs: u32,
    /// The part of `jobs` that is pending, 0 to 1.
    pub pending_share: f64,
    /// The part of `jobs` that has ended and is still listed, 0 to 1. The rest runs; what does not fit on the
    /// nodes waits too.
    pub finished_share: f64,
    /// Tasks that end and are replaced in an hour.
    pub jobs_per_hour: u32,
}

impl Size {
    /// A cluster of `nodes` nodes and `jobs` job records, 95 % of them pending and 5 % running:
    /// the usual proportion of a busy queue. No finished job, so that the numbers are exact.
    pub fn of(nodes: u32, jobs: u32) -> Self {
        Self {
            nodes,
            gpu_nodes: nodes / 10,
            dgx_nodes: 0,
            mig_nodes: 0,
            bigmem_nodes: nodes / 20,
            cloud_nodes: 0,
            power_saving: false,
            power_readings: false,
            partitions: 4,
            users: (nodes / 10).clamp(8, 500) as u16,
            jobs,
            pending_share: 0.95,
            finished_share: 0.0,
            jobs_per_hour: jobs.max(1),
        }
    }

    /// The same cluster with about `gpus` GPUs, all H100, in whole nodes of eight.
    pub fn with_gpus(mut self, gpus: u32) -> Self {
        self.gpu_nodes = gpus.div_ceil(8).min(self.nodes);
        (self.dgx_nodes, self.mig_nodes) = (0, 0);
        self.bigmem_nodes = self.bigmem_nodes.min(self.nodes - self.gpu_nodes);
        self.cloud_nodes = self.cloud_nodes.min(self.nodes - self.gpu_nodes - self.bigmem_nodes);
        self
    }

    /// The same proportions with `nodes` nodes.
    pub fn with_nodes(mut self, nodes: u32) -> Self {
        let before = u64::from(self.nodes.max(1));
        let scale = |part: u32| (u64::from(part) * u64::from(nodes) / before) as u32;
        for part in [
            &mut self.gpu_nodes,
            &mut self.dgx_nodes,
            &mut self.mig_nodes,
            &mut self.bigmem_nodes,
            &mut self.cloud_nodes,
        ] {
            *part = scale(*part);
        }
        self.nodes = nodes;
        self
    }

    /// The same proportions with `jobs` job records and as many of them an hour more or fewer.
    pub fn with_jobs(mut self, jobs: u32) -> Self {
        let rate = u64::from(self.jobs_per_hour) * u64::from(jobs) / u64::from(self.jobs.max(1));
        self.jobs_per_hour = (rate as u32).max(1);
        self.jobs = jobs;
        self
    }

    /// Jobs that run when the cluster is at its usual load; at least one.
    pub fn running_jobs(&self) -> u32 {
        self.jobs.saturating_sub(self.pending_records() + self.finished_records())
    }

    pub fn pending_records(&self) -> u32 {
        (f64::from(self.jobs) * self.pending_share).round() as u32
    }

    pub fn finished_records(&self) -> u32 {
        (f64::from(self.jobs) * self.finished_share).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_queue_add_up_to_it() {
        for jobs in [0, 1, 7, 100, 99_999] {
            let size = Size { finished_share: 0.013, ..Size::of(50, jobs) };
            assert_eq!(size.pending_records() + size.finished_records() + size.running_jobs(), jobs);
        }
    }

    #[test]
    fn overrides_keep_the_proportions() {
        let size = Size::of(1_000, 10_000).with_nodes(100).with_jobs(500).with_gpus(20);
        assert_eq!((size.nodes, size.gpu_nodes, size.bigmem_nodes), (100, 3, 5));
        assert_eq!((size.jobs, size.jobs_per_hour), (500, 500));
    }
}
