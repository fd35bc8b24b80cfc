//! Integration tests of the exporter: one binary, a module per subject.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod config;
mod exposition;
mod golden;
mod page;
mod process;
mod real_slurm;
mod recordings;
mod server;
mod source;
