//! Job steps that run now, as slurmdbd keeps them: one compact row each.
//! Steps that are over are not kept, since a job may have had ten thousand of them.

use super::job::Gpus;
use super::symbol::{Pool, Run, Symbol, Symbols};
use super::time::Timestamp;

/// The running steps of one reading.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    pub symbols: Symbols,
    pub rows: Vec<Step>,
    pub gpu_lists: Pool<Gpus>,
}

/// One step of a running job.
#[derive(Clone, Debug)]
pub struct Step {
    pub cluster: Symbol,
    pub job_id: u32,
    /// `0`, `batch`, `extern`, `interactive`; of a heterogeneous job with its component before a dot, `1.0`.
    pub id: Symbol,
    /// Mostly that of the program.
    pub name: Symbol,
    pub tasks: u32,
    pub nodes: u32,
    pub cpus: u32,
    pub memory_bytes: Option<u64>,
    /// Where its GPUs lie in `gpu_lists`.
    pub gpus: Run,
    pub start_at: Timestamp,
}
