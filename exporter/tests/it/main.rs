//! Integration tests of the exporter: one binary, a module per subject.

mod promtool;
mod recordings;
mod server;
