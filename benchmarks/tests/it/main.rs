//! The tests of `bench-report` as a program, on a recorded folder of criterion.
//! Not here: the benchmarks themselves, which `cargo test` only compiles.

#![allow(clippy::unwrap_used, reason = "a test that cannot get its input has failed")]

mod program;
mod recording;
