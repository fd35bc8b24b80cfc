//! One partition of `/partitions`, as v0.0.40 to v0.0.45 write it: nested.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use super::words::Words;
use crate::model::{Partition, Partitions};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    partition: Option<Nested<'a>>,
    #[serde(default)]
    nodes: Totals,
    #[serde(default)]
    cpus: Totals,
    #[serde(default)]
    maximums: Maximums,
    #[serde(default)]
    priority: Priority,
    /// From v0.0.45.
    #[serde(borrow)]
    flags: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(borrow)]
    state: Option<Words<'a>>,
}

#[derive(Default, Deserialize)]
struct Totals {
    #[serde(default)]
    total: Number,
}

#[derive(Default, Deserialize)]
struct Maximums {
    /// Minutes.
    #[serde(default)]
    time: Number,
}

#[derive(Default, Deserialize)]
struct Priority {
    #[serde(default)]
    tier: Number,
}

/// Reads one partition into the table.
pub(super) fn read(bytes: &[u8], table: &mut Partitions) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let state =
        wire.partition.and_then(|nested| nested.state).ok_or(ValueError::Missing("partition.state"))?;
    add(
        table,
        Partition {
            name: wire.name.ok_or(ValueError::Missing("name"))?.0.into_owned(),
            state: state.first().to_ascii_lowercase(),
            nodes_configured: wire.nodes.total.get(),
            cpus_configured: wire.cpus.total.get(),
            max_time_seconds: wire.maximums.time.get().map(minutes_to_seconds),
            max_time_unlimited: wire.maximums.time == Number::Infinite,
            priority_tier: wire.priority.tier.get(),
            is_default: wire
                .flags
                .map(|flags| flags.iter().any(|flag| flag.0.eq_ignore_ascii_case("default"))),
        },
    )?;
    Ok(len)
}

/// Adds a row whose name no other has.
pub(super) fn add(table: &mut Partitions, row: Partition) -> Result<(), ValueError> {
    if table.rows.iter().any(|known| known.name == row.name) {
        return Err(ValueError::Repeated { field: "name", value: row.name });
    }
    table.rows.push(row);
    Ok(())
}

pub(super) fn minutes_to_seconds(minutes: u64) -> u64 {
    minutes.saturating_mul(60)
}
