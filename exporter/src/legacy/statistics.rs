//! Families that are a number of `/diag` under another name. They begin again with Slurm's own, as those exporters'
//! do; ours, which do not, are in `collectors::scheduler`.

use super::fact::desc;
use crate::exposition::{Batch, Desc, Value};
use crate::model::Diag;

/// One family.
#[derive(Debug)]
pub(super) struct Statistic {
    pub(super) desc: Desc,
    /// Slurm's name of the number, nested ones with a dot.
    field: &'static str,
    scale: f64,
}

/// A number as Slurm says it.
pub(super) const fn plain(name: &'static str, help: &'static str, field: &'static str) -> Statistic {
    Statistic { desc: desc(name, help, &[]), field, scale: 1.0 }
}

/// Microseconds that the other exporter shows as seconds.
pub(super) const fn seconds(name: &'static str, help: &'static str, field: &'static str) -> Statistic {
    Statistic { desc: desc(name, help, &[]), field, scale: 1e-6 }
}

/// Writes what this Slurm tells of the table.
pub(super) fn write(batch: &mut Batch, diag: &Diag, table: &'static [Statistic]) {
    for statistic in table {
        if let Some(number) = diag.said.get(statistic.field) {
            let value = if statistic.scale == 1.0 {
                Value::from(number)
            } else {
                Value::from(number as f64 * statistic.scale)
            };
            batch.family(&statistic.desc).sample(&[], value);
        }
    }
}

/// The declarations of a table.
pub(super) fn descs(table: &'static [Statistic]) -> impl Iterator<Item = &'static Desc> {
    table.iter().map(|statistic| &statistic.desc)
}
