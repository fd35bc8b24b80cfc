//! One association of `/slurmdb/associations`, as v0.0.38 and v0.0.40 to v0.0.45 write it.

use std::collections::HashSet;

use serde::Deserialize;

use super::error::ValueError;
use super::limits::{Form, Limits, Rule, Rules};
use super::no_val::Text;
use super::stream::read_value;
use crate::model::association::{Association, Associations};
use crate::model::limit::{GRP_JOBS, GRP_SUBMIT_JOBS, GRP_TRES, MAX_JOBS, MAX_SUBMIT_JOBS};
use crate::model::{Symbol, Symbols};

/// The rows so far, and who they are.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) associations: Associations,
    known: HashSet<[Symbol; 4]>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(default, borrow)]
    cluster: Text<'a>,
    #[serde(borrow)]
    account: Option<Text<'a>>,
    #[serde(default, borrow)]
    user: Text<'a>,
    #[serde(default, borrow)]
    partition: Text<'a>,
    #[serde(default, borrow)]
    parent_account: Text<'a>,
    #[serde(default, borrow)]
    max: Limits<'a, Max>,
    #[serde(default, borrow)]
    min: Limits<'a, Min>,
}

struct Max;

/// Seen by setting each limit to a number of its own with `sacctmgr` and reading it back, on 22.05.8, 24.11.5 and 26.05.5.
impl Rules for Max {
    const RULES: &'static [Rule] = &[
        Rule("jobs/per/count", GRP_JOBS, Form::Number),
        Rule("jobs/per/accruing", "grp_jobs_accrue", Form::Number),
        Rule("jobs/per/submitted", GRP_SUBMIT_JOBS, Form::Number),
        Rule("jobs/per/wall_clock", "max_wall_seconds_per_job", Form::Minutes),
        Rule("jobs/active", MAX_JOBS, Form::Number),
        Rule("jobs/accruing", "max_jobs_accrue", Form::Number),
        Rule("jobs/total", MAX_SUBMIT_JOBS, Form::Number),
        Rule("tres/total", GRP_TRES, Form::Tres),
        Rule("tres/group/minutes", "grp_tres_seconds", Form::TresMinutes),
        Rule("tres/group/active", "grp_tres_run_seconds", Form::TresMinutes),
        Rule("tres/minutes/total", "max_tres_run_seconds", Form::TresMinutes),
        Rule("tres/minutes/per/job", "max_tres_seconds_per_job", Form::TresMinutes),
        Rule("tres/per/job", "max_tres_per_job", Form::Tres),
        Rule("tres/per/node", "max_tres_per_node", Form::Tres),
        Rule("per/account/wall_clock", "grp_wall_seconds", Form::Minutes),
    ];
}

struct Min;

impl Rules for Min {
    const RULES: &'static [Rule] = &[Rule("priority_threshold", "min_priority_threshold", Form::Number)];
}

/// Reads one association into the table.
pub(super) fn read(bytes: &[u8], table: &mut Table) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let account = wire.account.filter(|name| !name.0.is_empty()).ok_or(ValueError::Missing("account"))?;
    let symbols: &mut Symbols = &mut table.associations.symbols;
    let mut limits = wire.max.intern(symbols);
    limits.extend(wire.min.intern(symbols));
    let row = Association {
        cluster: symbols.intern(&wire.cluster.0),
        account: symbols.intern(&account.0),
        user: symbols.intern(&wire.user.0),
        partition: symbols.intern(&wire.partition.0),
        parent: symbols.intern(&wire.parent_account.0),
        limits,
    };
    if !table.known.insert([row.cluster, row.account, row.user, row.partition]) {
        let value = format!("{} {} {}", account.0, wire.user.0, wire.partition.0).trim_end().to_owned();
        return Err(ValueError::Repeated { field: "account, user and partition", value });
    }
    table.associations.rows.push(row);
    Ok(len)
}
