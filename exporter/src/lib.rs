//! The Slurm exporter as a library: `main` wires these parts together, tests and benchmarks use them one by one.

pub mod cli;
pub mod collectors;
pub mod config;
pub mod doctor;
pub mod exposition;
pub mod ha;
pub mod legacy;
pub mod lifecycle;
pub mod manual;
pub mod model;
pub mod process;
pub mod reference;
pub mod schedule;
pub mod server;
pub mod source;
pub mod task;
pub mod telemetry;
pub mod wire;
