//! The preset `gpu`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "gpu",
    summary: "A cluster for machine learning: H100, A100 and divided A100.",
    size_in_words: "500 nodes, 3,440 GPUs, 5,000 jobs, 2,500 jobs/h",
    size: Size {
        nodes: 500,
        gpu_nodes: 300,
        dgx_nodes: 100,
        mig_nodes: 30,
        bigmem_nodes: 5,
        cloud_nodes: 10,
        power_saving: true,
        power_readings: true,
        partitions: 7,
        users: 150,
        jobs: 5_000,
        pending_share: 0.85,
        finished_share: 0.01,
        jobs_per_hour: 2_500,
    },
};
