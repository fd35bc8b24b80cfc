//! The integration tests of the crate: documents, reports and the program, from outside.
//! One binary; the subjects stand beside this file.

mod browser;
mod documents;
mod golden;
mod program;
mod rendering;
mod synthetic;
