//! Histograms of the exporter's own durations. One kind is shared with the request path and never locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::exposition::Family;

/// Upper bounds in seconds: from a cached answer to the longest `/jobs`.
pub(super) const BOUNDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// A histogram of durations that any thread may record into.
#[derive(Debug)]
pub(super) struct Durations {
    /// Ascending.
    bounds: Arc<[f64]>,
    /// Per bound, and one for all that is longer; not cumulative.
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

impl Default for Durations {
    fn default() -> Self {
        Self::new(&BOUNDS.into())
    }
}

impl Durations {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds: Arc::clone(bounds), counts, sum_nanos: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let slot = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        self.counts[slot].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(super) fn write(&self, family: &mut Family, labels: &[&str]) {
        let mut total = 0;
        let cumulative: Vec<u64> = self
            .counts
            .iter()
            .map(|count| {
                total += count.load(Ordering::Relaxed);
                total
            })
            .collect();
        let sum = self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9;
        family.histogram(labels, &self.bounds, &cumulative, sum);
    }
}
