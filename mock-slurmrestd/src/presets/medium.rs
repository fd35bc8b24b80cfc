//! The preset `medium`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "medium",
    summary: "A university's cluster.",
    size_in_words: "1,000 nodes, 10,000 jobs, 10,000 jobs/h",
    size: Size {
        nodes: 1_000,
        gpu_nodes: 100,
        dgx_nodes: 0,
        mig_nodes: 0,
        bigmem_nodes: 40,
        cloud_nodes: 20,
        power_saving: false,
        power_readings: true,
        partitions: 6,
        users: 100,
        jobs: 10_000,
        pending_share: 0.93,
        finished_share: 0.02,
        jobs_per_hour: 10_000,
    },
};
