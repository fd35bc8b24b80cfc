//! Integration tests of the exporter: one binary, a module per subject.

// Everything here is a test, also the functions that clippy does not recognise as one.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod clusters;
mod command;
mod config;
mod deploy;
mod doctor;
mod exposition;
mod facts;
mod fault_matrix;
mod golden;
mod ha;
mod job_life;
mod kubernetes;
mod life;
mod memory_limit;
mod metrics;
mod old_names;
mod once;
mod outage;
mod page;
mod process;
mod profile;
mod prometheus;
mod real_slurm;
mod record;
mod recordings;
mod recordings_special;
mod reload;
mod replay;
mod schedule;
mod schema_drift;
mod secret;
mod server;
mod shares;
mod simulator;
mod slow_clients;
mod source;
mod web_config;
mod whole_pages;
