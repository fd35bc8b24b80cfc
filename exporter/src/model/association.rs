//! Associations: which user may use which account, in which partition, up to which limits.
//! What they use now is counted from the jobs.

use super::limit::Limit;
use super::symbol::{Symbol, Symbols};

/// The associations of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Associations {
    pub symbols: Symbols,
    pub rows: Vec<Association>,
}

/// One association. That of an account itself has no user.
#[derive(Clone, Debug)]
pub struct Association {
    pub cluster: Symbol,
    pub account: Symbol,
    pub user: Symbol,
    /// Empty unless it is for one partition alone.
    pub partition: Symbol,
    /// Of an account: the one above it; else empty.
    pub parent: Symbol,
    /// slurmdbd fills in what a row inherits (observed on 22.05, 24.11 and 26.05: a user's `max_*` are those of the account
    /// unless it has its own).
    pub limits: Vec<Limit>,
}
