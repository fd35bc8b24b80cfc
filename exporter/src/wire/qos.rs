//! One QOS of `/slurmdb/qos`, as v0.0.38 and v0.0.40 to v0.0.45 write it.

use serde::Deserialize;

use super::error::ValueError;
use super::limits::{Form, Limits, Rule, Rules};
use super::no_val::{Number, Text};
use super::stream::read_value;
use super::words::Words;
use crate::model::limit::{GRP_JOBS, GRP_SUBMIT_JOBS, GRP_TRES};
use crate::model::qos::{Qos, QosTable};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(default, borrow)]
    description: Text<'a>,
    #[serde(default, borrow)]
    flags: Words<'a>,
    #[serde(default)]
    priority: Number,
    #[serde(default, borrow)]
    preempt: Preempt<'a>,
    #[serde(default, borrow)]
    limits: Limits<'a, OfQos>,
}

#[derive(Default, Deserialize)]
struct Preempt<'a> {
    #[serde(default, borrow)]
    mode: Words<'a>,
}

struct OfQos;

/// Seen by setting each limit to a number of its own with `sacctmgr` and reading it back, on 22.05.8 (all but
/// `MaxTRESRunMins*` and `*Accrue`), 24.11.5 and 26.05.5. v0.0.38 and v0.0.40 leave out `GrpSubmitJobs` and
/// `GrpTRESMins`: there is no series then. `MinPrioThreshold` is placed by its name in the answer.
impl Rules for OfQos {
    const RULES: &'static [Rule] = &[
        Rule("max/active_jobs/count", GRP_JOBS, Form::Number),
        Rule("max/active_jobs/accruing", "grp_jobs_accrue", Form::Number),
        Rule("max/jobs/count", GRP_SUBMIT_JOBS, Form::Number),
        Rule("max/tres/total", GRP_TRES, Form::Tres),
        Rule("max/tres/minutes/total", "grp_tres_seconds", Form::TresMinutes),
        Rule("max/tres/minutes/per/qos", "grp_tres_run_seconds", Form::TresMinutes),
        Rule("max/wall_clock/per/qos", "grp_wall_seconds", Form::Minutes),
        Rule("max/jobs/active_jobs/per/user", "max_jobs_per_user", Form::Number),
        Rule("max/jobs/active_jobs/per/account", "max_jobs_per_account", Form::Number),
        Rule("max/jobs/per/user", "max_submit_jobs_per_user", Form::Number),
        Rule("max/jobs/per/account", "max_submit_jobs_per_account", Form::Number),
        Rule("max/accruing/per/user", "max_jobs_accrue_per_user", Form::Number),
        Rule("max/accruing/per/account", "max_jobs_accrue_per_account", Form::Number),
        Rule("max/tres/per/job", "max_tres_per_job", Form::Tres),
        Rule("max/tres/per/node", "max_tres_per_node", Form::Tres),
        Rule("max/tres/per/user", "max_tres_per_user", Form::Tres),
        Rule("max/tres/per/account", "max_tres_per_account", Form::Tres),
        Rule("max/tres/minutes/per/job", "max_tres_seconds_per_job", Form::TresMinutes),
        Rule("max/tres/minutes/per/user", "max_tres_run_seconds_per_user", Form::TresMinutes),
        Rule("max/tres/minutes/per/account", "max_tres_run_seconds_per_account", Form::TresMinutes),
        Rule("max/wall_clock/per/job", "max_wall_seconds_per_job", Form::Minutes),
        Rule("min/tres/per/job", "min_tres_per_job", Form::Tres),
        Rule("min/priority_threshold", "min_priority_threshold", Form::Number),
    ];
}

/// Reads one QOS into the table.
pub(super) fn read(bytes: &[u8], table: &mut QosTable) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let symbols = &mut table.symbols;
    let name = wire.name.filter(|name| !name.0.is_empty()).ok_or(ValueError::Missing("name"))?;
    let qos = Qos {
        name: symbols.intern(&name.0),
        description: symbols.intern(&wire.description.0),
        flags: symbols.intern(&wire.flags.iter().collect::<Vec<_>>().join(",")),
        preempt_mode: symbols.intern(&wire.preempt.mode.iter().collect::<Vec<_>>().join(",")),
        priority: wire.priority.get(),
        limits: wire.limits.intern(symbols),
    };
    if table.rows.iter().any(|known| known.name == qos.name) {
        return Err(ValueError::Repeated { field: "name", value: name.0.into_owned() });
    }
    table.rows.push(qos);
    Ok(len)
}
