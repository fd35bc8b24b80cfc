//! The Slurm exporter as a library: `main` wires these parts together, tests and benchmarks use them one by one.

pub mod exposition;
pub mod model;
pub mod server;
pub mod wire;
