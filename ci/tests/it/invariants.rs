//! Rules that hold for the whole workspace. Each is a function over text or paths that returns what breaks it, and
//! each is shown to find a bad example.

mod boundaries;
mod dependencies;
mod layout;
mod licences;
mod registries;
mod rust_text;
mod tree;

/// Fails with one line for each violation.
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}
