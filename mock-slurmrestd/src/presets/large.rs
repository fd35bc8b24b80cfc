//! The preset `large`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "large",
    summary: "A national centre.",
    size_in_words: "5,000 nodes, 50,000 jobs, 50,000 jobs/h",
    size: Size {
        nodes: 5_000,
        gpu_nodes: 500,
        dgx_nodes: 0,
        mig_nodes: 0,
        bigmem_nodes: 100,
        cloud_nodes: 100,
        power_saving: false,
        power_readings: true,
        partitions: 12,
        users: 400,
        jobs: 50_000,
        pending_share: 0.94,
        finished_share: 0.01,
        jobs_per_hour: 50_000,
    },
};
