//! A family that takes one number from a tally, and the writer of whole tables of them.
//! What is tallied is the business of the tallies.

use crate::exposition::{Batch, Desc, Kind, Level, Unit, Value};

/// One family of a set.
#[derive(Debug)]
pub(super) struct Fact<T: 'static> {
    pub(super) desc: Desc,
    /// None where this Slurm does not tell.
    value: fn(&T) -> Option<Value>,
}

/// A gauge, which is what nearly all of the older exporters call everything.
pub(super) const fn fact<T>(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    value: fn(&T) -> Option<Value>,
) -> Fact<T> {
    Fact { desc: desc(name, help, labels), value }
}

/// The declaration of a gauge.
pub(super) const fn desc(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    Desc { name, help, kind: Kind::Gauge, unit: Unit::None, labels, level: Level::Detailed }
}

/// Writes every family of the table for every tally.
pub(super) fn write<T>(batch: &mut Batch, table: &'static [Fact<T>], tallies: &[(Vec<&str>, &T)]) {
    for fact in table {
        let family = batch.family(&fact.desc);
        for (labels, tally) in tallies {
            if let Some(value) = (fact.value)(tally) {
                family.sample(labels, value);
            }
        }
    }
}

/// The declarations of a table.
pub(super) fn descs<T>(table: &'static [Fact<T>]) -> impl Iterator<Item = &'static Desc> {
    table.iter().map(|fact| &fact.desc)
}
