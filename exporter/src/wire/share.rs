//! One association of `/shares`, which from v0.0.40 on differs only in how its numbers are written.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Fraction, Number, Text};
use super::stream::read_value;
use crate::model::{Share, Shares, Symbol};

/// `SLURMDB_FS_USE_PARENT` (slurmdb.h): the share is the parent's. It comes as a plain number (24.11.5).
const PARENT: u64 = 0x7fff_ffff;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    parent: Option<Text<'a>>,
    #[serde(default, borrow)]
    partition: Text<'a>,
    /// `USER`, or `ASSOCIATION` for an account.
    #[serde(borrow)]
    r#type: Option<Vec<Text<'a>>>,
    #[serde(default)]
    shares: Number,
    #[serde(default)]
    shares_normalized: Fraction,
    #[serde(default)]
    effective_usage: Fraction,
    #[serde(default)]
    fairshare: Fairshare,
}

#[derive(Default, Deserialize)]
struct Fairshare {
    #[serde(default)]
    factor: Fraction,
    #[serde(default)]
    level: Fraction,
}

/// Reads one association into the table.
pub(super) fn read(bytes: &[u8], table: &mut Shares) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let name = wire.name.ok_or(ValueError::Missing("name"))?;
    let parent = wire.parent.ok_or(ValueError::Missing("parent"))?;
    let kinds = wire.r#type.ok_or(ValueError::Missing("type"))?;
    let is_user = kinds.iter().any(|kind| kind.0 == "USER");
    let symbols = &mut table.symbols;
    let (account, user) = match is_user {
        true => (symbols.intern(&parent.0), symbols.intern(&name.0)),
        false => (symbols.intern(&name.0), Symbol::EMPTY),
    };
    let level = match wire.fairshare.level {
        Fraction::Infinite => Some(f64::INFINITY),
        level => level.get(),
    };
    if parent.0.is_empty() {
        // With Fair Tree the root has no level: it has no siblings.
        (table.has_root, table.is_classic) = (true, level.is_some());
    }
    // Where there are no shares of its own, sshare shows neither what they would be nor a level.
    let raw = wire.shares.get().filter(|shares| *shares != PARENT);
    table.rows.push(Share {
        account,
        user,
        partition: symbols.intern(&wire.partition.0),
        raw,
        normalized: wire.shares_normalized.get().filter(|_| wire.shares.get().is_some()),
        usage_effective: wire.effective_usage.get(),
        factor: wire.fairshare.factor.get().filter(|_| is_user),
        level: level.filter(|_| raw.is_some()),
    });
    Ok(len)
}
