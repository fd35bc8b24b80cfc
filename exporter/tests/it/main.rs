//! Integration tests of the exporter: one binary, a module per subject.

mod config;
mod exposition;
mod golden;
mod page;
mod process;
mod real_slurm;
mod recordings;
mod server;
mod source;
