//! The integration tests of `capacity`.
//! One binary, so that it links once.

// Everything here is a test, also the functions that clippy does not recognise as one.
#![allow(clippy::unwrap_used)]

mod recommend;
mod records;
