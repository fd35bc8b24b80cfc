//! Integration tests of the exporter: one binary, a module per subject.

mod config;
mod exposition;
mod recordings;
mod server;
