//! What a QOS or an association may use at most, in base units: bytes, seconds, CPU-seconds.
//! What is used of it is counted from the jobs.

use super::symbol::Symbol;

/// One limit that is set. One that is not set, or unlimited, is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Slurm's name in lower case, with `seconds` where Slurm counts in minutes: `grp_tres`, `max_wall_seconds_per_job`.
    pub name: &'static str,
    /// `cpu`, `mem`, `gres/gpu:h100`; empty where jobs or time are limited.
    pub tres: Symbol,
    pub value: u64,
}

/// The group limits of which jobs show how much is used.
pub const GRP_JOBS: &str = "grp_jobs";
pub const GRP_SUBMIT_JOBS: &str = "grp_submit_jobs";
pub const GRP_TRES: &str = "grp_tres";
/// Limits of an association of a user: its own jobs.
pub const MAX_JOBS: &str = "max_jobs";
pub const MAX_SUBMIT_JOBS: &str = "max_submit_jobs";
