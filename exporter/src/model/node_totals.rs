//! How long nodes were in which base state, and how often they went from one to another, since this process began.
//! How that is counted is the business of `lifecycle`.

use std::collections::BTreeMap;

/// Sums over all nodes; the words are those of labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeTotals {
    pub state_seconds: BTreeMap<String, f64>,
    /// By the state before and after.
    pub transitions: BTreeMap<(String, String), u64>,
}
