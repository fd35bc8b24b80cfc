//! Trackable resources as slurmdbd's answers list them: `[{"type": "gres", "name": "gpu", "id": 1001, "count": 8}]`.
//! slurmctld's answers write them as one string, see `model::tres`.

use std::borrow::Cow;

use serde::Deserialize;

use super::no_val::{Number, Text};

#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    name: Text<'a>,
    /// 22.05 lets NO_VAL64 through as -2.
    #[serde(default)]
    pub(super) count: Number,
}

impl<'a> Item<'a> {
    /// As in a TRES string: `cpu`, `mem`, `gres/gpu:h100`.
    pub(super) fn name(&self) -> Cow<'a, str> {
        if self.name.0.is_empty() {
            self.kind.0.clone()
        } else {
            format!("{}/{}", self.kind.0, self.name.0).into()
        }
    }

    pub(super) fn is_cpu(&self) -> bool {
        self.kind.0 == "cpu"
    }

    pub(super) fn is_memory(&self) -> bool {
        self.kind.0 == "mem"
    }

    /// The count of a limit or an allocation, where memory is in MiB; what steps used of it is in bytes.
    pub(super) fn in_base_units(&self) -> Option<u64> {
        let unit = if self.is_memory() { 1 << 20 } else { 1 };
        self.count.get().map(|count| count.saturating_mul(unit))
    }
}
