//! Integration tests of the exporter: one binary, a module per subject.

mod recordings;
