//! The preset `enterprise`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "enterprise",
    summary: "The largest sites; some nodes in a cloud.",
    size_in_words: "10,000 nodes, 100,000 jobs, 100,000 jobs/h",
    size: Size {
        nodes: 10_000,
        gpu_nodes: 800,
        dgx_nodes: 400,
        mig_nodes: 100,
        bigmem_nodes: 200,
        cloud_nodes: 500,
        power_saving: false,
        power_readings: true,
        partitions: 16,
        users: 1_000,
        jobs: 100_000,
        pending_share: 0.94,
        finished_share: 0.01,
        jobs_per_hour: 100_000,
    },
};
