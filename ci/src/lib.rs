//! The performance gate: run records in, a verdict out.
//! It measures nothing itself; `main` only parses arguments and turns the verdict into an exit code.

pub mod cli;
pub mod compare;
pub mod runs;
mod table;
pub mod thresholds;
mod verbs;

pub use verbs::{GateError, run};
