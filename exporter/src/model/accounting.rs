//! Finished jobs as slurmdbd keeps them, with what they held and what they used of it.
//! How often a job was seen and which time was asked for is `lifecycle`'s business.

use std::collections::BTreeMap;
use std::time::Duration;

use super::histogram::Histograms;
use super::symbol::{Symbol, Symbols};
use super::time::Timestamp;

/// The most that one request asks for. A longer time that was missed is read in slices of this length, one a poll.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// The end of the longest window that begins at `from`, both in Unix seconds.
pub fn window_end(from: u32) -> u32 {
    from.saturating_add(u32::try_from(LONGEST_WINDOW.as_secs()).unwrap_or(u32::MAX))
}

/// From slurmdbd the jobs of one window; in a snapshot what they add up to, and no jobs.
#[derive(Clone, Debug, Default)]
pub struct Accounting {
    pub symbols: Symbols,
    pub jobs: Vec<FinishedJob>,
    /// What the jobs of the last window held and used, by partition and account.
    pub window: BTreeMap<[Symbol; 2], Usage>,
    /// Sums over all jobs that ended since the first poll, by partition and account.
    pub waste: BTreeMap<[Symbol; 2], Waste>,
    /// Of the same jobs, by partition.
    pub cpu_efficiency: Histograms<1>,
    pub memory_efficiency: Histograms<1>,
    /// Bytes at the peak.
    pub memory_usage: Histograms<1>,
    /// How far reading is behind, or how late the latest job came.
    pub lag_seconds: u64,
}

impl Accounting {
    /// About how much memory the jobs of a window take.
    pub fn bytes(&self) -> usize {
        self.symbols.bytes() + size_of_val(&self.jobs[..])
    }
}

/// One run of a job that is over. A requeued job has one for each run.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedJob {
    pub cluster: Symbol,
    pub id: u32,
    pub submit_at: Timestamp,
    /// None for a job that never ran.
    pub start_at: Timestamp,
    pub end_at: Timestamp,
    pub partition: Symbol,
    pub account: Symbol,
    /// Without the time in which it was suspended.
    pub elapsed_seconds: u64,
    /// Allocated.
    pub cpus: u64,
    /// Allocated on all its nodes.
    pub memory_bytes: Option<u64>,
    /// User and system time of all its steps; none for a job without steps.
    pub cpu_used_micros: Option<u64>,
    /// Of the step that used most: the sum of its tasks' largest resident sets. None where Slurm gathered nothing.
    pub memory_used_bytes: Option<u64>,
}

/// What jobs held, and what they used of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub cpu_seconds_used: f64,
    pub memory_byte_seconds: f64,
    pub memory_byte_seconds_used: f64,
}

/// What jobs held and did not use; none before a job that says so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waste {
    pub cpu_seconds: Option<f64>,
    pub memory_byte_seconds: Option<f64>,
}

impl FinishedJob {
    /// CPU-seconds that it held and used; none where nothing was held or nothing is known.
    pub fn cpu(&self) -> Option<(f64, f64)> {
        let held = self.cpus as f64 * self.elapsed_seconds as f64;
        let used = self.cpu_used_micros? as f64 / 1e6;
        (held > 0.0).then_some((held, used))
    }

    /// The same in byte-seconds. Its peak counts for all of the time, so that waste is what a smaller request would have
    /// saved.
    pub fn memory(&self) -> Option<(f64, f64)> {
        let seconds = self.elapsed_seconds as f64;
        let held = self.memory_bytes? as f64 * seconds;
        let used = self.memory_used_bytes? as f64 * seconds;
        (held > 0.0).then_some((held, used))
    }
}
