//! The `loadtest` program against targets of known behaviour.
//! It measures nothing: what a run must say follows from what the stub does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod open;
mod programs;
mod stack;
mod stub;
mod target;
mod usage;
mod validity;
