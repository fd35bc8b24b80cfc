//! What can only be known by comparing one reading with those before it.
//! It polls nothing and writes no series.

mod diag_totals;
mod pseudonyms;

pub use diag_totals::DiagTotals;
pub use pseudonyms::Pseudonyms;
