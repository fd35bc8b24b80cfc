//! One license of `/licenses`, whose keys are capitalised in all versions.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use crate::model::license::{License, Licenses};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire<'a> {
    #[serde(borrow)]
    license_name: Option<Text<'a>>,
    total: Option<Number>,
    #[serde(default)]
    used: Number,
    #[serde(default)]
    free: Number,
    #[serde(default)]
    reserved: Number,
    #[serde(default)]
    last_consumed: Number,
    #[serde(default)]
    last_deficit: Number,
}

/// Reads one license into the table. From v0.0.44 a license may be counted per group of nodes, as several rows of one
/// name: they are added up.
pub(super) fn read(bytes: &[u8], table: &mut Licenses) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let row = License {
        name: wire.license_name.ok_or(ValueError::Missing("LicenseName"))?.0.into_owned(),
        total: wire.total.and_then(Number::get).ok_or(ValueError::Missing("Total"))?,
        used: wire.used.get(),
        free: wire.free.get(),
        reserved: wire.reserved.get(),
        last_consumed: wire.last_consumed.get(),
        last_deficit: wire.last_deficit.get(),
    };
    match table.rows.iter_mut().find(|known| known.name == row.name) {
        Some(known) => {
            known.total = known.total.saturating_add(row.total);
            known.used = sum(known.used, row.used);
            known.free = sum(known.free, row.free);
            known.reserved = sum(known.reserved, row.reserved);
            known.last_consumed = sum(known.last_consumed, row.last_consumed);
            known.last_deficit = sum(known.last_deficit, row.last_deficit);
        }
        None => table.rows.push(row),
    }
    Ok(len)
}

/// Unknown as soon as one part is.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_name_are_added_up() {
        let mut table = Licenses::default();
        for row in [
            r#"{"LicenseName":"a","Total":5,"Used":1,"Free":4,"Reserved":0,"Nodes":"n[1-4]"}"#,
            r#"{"LicenseName":"b","Total":7}"#,
            r#"{"LicenseName":"a","Total":3,"Used":2,"Free":1,"Nodes":"n[5-8]"}"#,
        ] {
            assert_eq!(read(row.as_bytes(), &mut table).unwrap(), row.len());
        }
        let [a, b] = &table.rows[..] else { panic!("{table:?}") };
        assert_eq!((a.total, a.used, a.free, a.reserved), (8, Some(3), Some(5), None));
        assert_eq!((b.total, b.used), (7, None));
    }

    #[test]
    fn a_license_without_a_total_is_refused() {
        let error = read(br#"{"LicenseName":"a","Total":4294967294}"#, &mut Licenses::default());
        assert!(matches!(error, Err(ValueError::Missing("Total"))));
    }
}
