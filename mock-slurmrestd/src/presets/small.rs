//! The preset `small`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "small",
    summary: "A group's cluster.",
    size_in_words: "100 nodes, 1,000 jobs, 1,000 jobs/h",
    size: Size {
        nodes: 100,
        gpu_nodes: 10,
        dgx_nodes: 0,
        mig_nodes: 0,
        bigmem_nodes: 5,
        cloud_nodes: 0,
        power_saving: false,
        power_readings: false,
        partitions: 4,
        users: 20,
        jobs: 1_000,
        pending_share: 0.85,
        finished_share: 0.03,
        jobs_per_hour: 1_000,
    },
};
