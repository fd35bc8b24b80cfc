//! The simulator from outside: recordings, faults, the program itself.
//! Not here: units of the modules, which are tested beside their code.

#![allow(clippy::unwrap_used, reason = "a set-up that does not work has to fail the test")]

mod client;
mod connections;
mod conservation;
mod determinism;
mod errors;
mod faults;
mod layout;
mod oracle;
mod ordered;
mod orders;
mod program;
mod published;
mod queries;
mod replay;
mod shapes;
mod sources;
mod swf;
