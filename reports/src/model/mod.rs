//! Documents that one tool writes and another reads: runs, verdicts and plans.
//! Every document carries its format version as the first field, read before anything else.

pub mod format;
pub mod histogram;
pub mod plan;
pub mod run;
pub mod verdict;

pub use format::{Document, DocumentError, read, write};
pub use histogram::LatencyHistogram;
pub use plan::Plan;
pub use run::RunRecord;
pub use verdict::Verdict;
