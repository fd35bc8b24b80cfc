//! What became of jobs since this process began: counters and histograms that only grow.
//! How they are counted is the business of `lifecycle`.

use std::collections::BTreeMap;

use super::histogram::Histograms;
use super::state::job_base;
use super::symbol::{Symbol, Symbols};
use super::time::Timestamp;

/// Sums over every reading so far. Label values are symbols of its own table, since each reading has another.
#[derive(Clone, Debug, Default)]
pub struct JobTotals {
    pub symbols: Symbols,
    /// The controller's clock up to which everything is counted.
    pub as_of: Timestamp,
    pub submitted: u64,
    /// Every run counts, also that of a job which was requeued.
    pub started: u64,
    pub requeued: u64,
    /// Left the list before an end was seen.
    pub vanished: u64,
    /// By partition, account and final state.
    pub finished: BTreeMap<[Symbol; 3], u64>,
    /// By partition, account and user.
    pub failed: BTreeMap<[Symbol; 3], u64>,
    /// Seconds from eligible to start, by partition and QOS.
    pub wait: Histograms<2>,
    /// Seconds from start to end, by partition and final state.
    pub run: Histograms<2>,
    /// Run time over time limit, by partition.
    pub limit_used: Histograms<1>,
    /// By account and user.
    pub usage: BTreeMap<[Symbol; 2], Usage>,
}

/// What jobs held, times how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub cpu_seconds: u64,
    /// A large cluster passes 2^64 within months.
    pub memory_byte_seconds: u128,
    /// By type; empty when untyped.
    pub gpu_seconds: BTreeMap<Symbol, u64>,
}

impl JobTotals {
    /// Jobs that ended with state COMPLETED, with partition and account.
    pub fn completed(&self) -> impl Iterator<Item = ([Symbol; 2], u64)> {
        let completed = self.symbols.get(job_base::WORDS[usize::from(job_base::COMPLETED)]);
        let of_state = self.finished.iter().filter(move |([.., state], _)| Some(*state) == completed);
        of_state.map(|([partition, account, _], count)| ([*partition, *account], *count))
    }
}
