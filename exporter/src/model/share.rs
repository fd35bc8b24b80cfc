//! Shares: what each account and user was promised, has used, and is worth to the scheduler for it.
//! Their limits are told by slurmdbd, and are not here.

use super::symbol::{Symbol, Symbols};

/// All associations of one reading.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    pub symbols: Symbols,
    pub rows: Vec<Share>,
    /// Whether the root of all accounts is there; without it we are shown only a part.
    pub has_root: bool,
    /// Whether priorities go without Fair Tree (`PriorityFlags=NO_FAIR_TREE`): then slurmrestd has 0 for every factor
    /// and level (24.11.5), which are not known.
    pub is_classic: bool,
}

/// One association.
#[derive(Clone, Debug)]
pub struct Share {
    pub account: Symbol,
    /// Empty for the account as a whole.
    pub user: Symbol,
    /// Empty where it is for all partitions.
    pub partition: Symbol,
    /// As configured; none for the root, and where it is the parent's (`Fairshare=parent`).
    pub raw: Option<u64>,
    /// Share of what the siblings have together, 0 to 1; without Fair Tree, of everything.
    pub normalized: Option<f64>,
    /// Share of the recent usage of the siblings, 0 to 1.
    pub usage_effective: Option<f64>,
    /// 0 to 1; only users have one.
    pub factor: Option<f64>,
    /// Normalized shares over effective usage: above 1 is served less than promised; infinite without usage.
    pub level: Option<f64>,
}
