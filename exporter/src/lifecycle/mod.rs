//! What can only be known by comparing one reading with those before it.
//! It polls nothing and writes no series.

mod buckets;
mod diag_totals;
mod job_life;
mod ledger;
mod node_life;
mod pseudonyms;

pub use buckets::Buckets;
pub use diag_totals::DiagTotals;
pub use job_life::JobLife;
pub use ledger::Ledger;
pub use node_life::NodeLife;
pub use pseudonyms::Pseudonyms;
