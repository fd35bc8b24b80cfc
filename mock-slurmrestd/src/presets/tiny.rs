//! The preset `tiny`.
//! Not a benchmark of anything: numbers of a believable site.

use super::Preset;
use crate::cluster::Size;

pub(super) const PRESET: Preset = Preset {
    name: "tiny",
    summary: "A department's cluster.",
    size_in_words: "20 nodes, 100 jobs, 120 jobs/h",
    size: Size {
        nodes: 20,
        gpu_nodes: 2,
        dgx_nodes: 0,
        mig_nodes: 0,
        bigmem_nodes: 1,
        cloud_nodes: 0,
        power_saving: false,
        power_readings: false,
        partitions: 4,
        users: 8,
        jobs: 100,
        pending_share: 0.75,
        finished_share: 0.05,
        jobs_per_hour: 120,
    },
};
