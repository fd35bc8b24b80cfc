//! The integration tests of the crate: documents, reports and the program, from outside.
//! One binary; the subjects stand beside this file.

#![allow(clippy::unwrap_used, reason = "a test that cannot get its input has failed")]

mod browser;
mod documents;
mod golden;
mod program;
mod rendering;
mod synthetic;
