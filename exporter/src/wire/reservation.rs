//! One reservation of `/reservations`, the same in all versions but for how its times are written.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use crate::model::Timestamp;
use crate::model::reservation::{Reservation, Reservations};
use crate::model::tres::Tres;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    flags: Vec<Text<'a>>,
    #[serde(default, borrow)]
    partition: Text<'a>,
    #[serde(default, borrow)]
    accounts: Text<'a>,
    #[serde(default, borrow)]
    users: Text<'a>,
    start_time: Option<Number>,
    end_time: Option<Number>,
    #[serde(default)]
    node_count: Number,
    #[serde(default)]
    core_count: Number,
    #[serde(default, borrow)]
    tres: Text<'a>,
}

/// Reads one reservation into the table.
pub(super) fn read(bytes: &[u8], table: &mut Reservations) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let name = wire.name.ok_or(ValueError::Missing("name"))?.0.into_owned();
    if table.rows.iter().any(|known| known.name == name) {
        return Err(ValueError::Repeated { field: "name", value: name });
    }
    let start = wire.start_time.ok_or(ValueError::Missing("start_time"))?;
    let end = wire.end_time.ok_or(ValueError::Missing("end_time"))?;
    // Cores are not CPUs where a core has several threads; only the absence of both is the same.
    let without = (wire.core_count == Number::Value(0)).then_some(0);
    table.rows.push(Reservation {
        name,
        flags: wire.flags.iter().map(|flag| flag.0.to_ascii_lowercase()).collect(),
        partition: wire.partition.0.into_owned(),
        accounts: wire.accounts.0.into_owned(),
        users: wire.users.0.into_owned(),
        start_at: Timestamp::from_unix(start.get()),
        end_at: Timestamp::from_unix(end.get()),
        nodes: wire.node_count.get(),
        cpus: Tres::parse(&wire.tres.0).cpus.or(without),
    });
    Ok(len)
}
