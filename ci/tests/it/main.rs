//! The integration tests of `perf-gate`, and the rules that hold for the whole workspace.
//! One binary, so that it links once.

// Everything here is a test, also the functions that clippy does not recognise as one.
#![allow(clippy::unwrap_used)]

mod compare;
mod false_alarms;
mod invariants;
mod records;
mod sla;
