//! A simulated Slurm cluster behind the HTTP face of slurmrestd.
//! Not a Slurm: it schedules nothing real; the limits of its fidelity are in the README.

pub mod cluster;
pub mod http;
pub mod presets;
pub mod wire;
pub mod workload;
