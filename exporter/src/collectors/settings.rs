//! What the configuration switches inside the collectors: the counterpart of their own config sections.
//! Whether a collector runs at all is not its business.

use crate::lifecycle::Buckets;

/// Read by every collector, edited by none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Bounds of the histograms of jobs.
    pub job_buckets: Buckets,
}
