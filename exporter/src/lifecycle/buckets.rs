//! The bounds of the histograms of jobs: of waiting, of running, and of memory.
//! Where they are configured is `config`'s business.

use crate::model::JobTotals;

/// Upper bounds, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// In seconds.
    pub job_wait: Vec<f64>,
    /// In seconds.
    pub job_duration: Vec<f64>,
    /// In bytes.
    pub memory_usage: Vec<f64>,
}

/// Shares of the time limit; a job that reaches it is over 1 by the seconds that it takes to end.
const LIMIT_USED: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];

impl Default for Buckets {
    fn default() -> Self {
        Self {
            job_wait: vec![
                1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0,
            ],
            job_duration: vec![
                1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0,
            ],
            memory_usage: vec![1e6, 1e7, 1e8, 1e9, 1e10, 1e11],
        }
    }
}

impl Buckets {
    /// Gives the histograms these bounds.
    pub(super) fn apply(&self, totals: &mut JobTotals) {
        totals.wait.set_bounds(&self.job_wait);
        totals.run.set_bounds(&self.job_duration);
        totals.limit_used.set_bounds(LIMIT_USED);
    }
}
