//! The parameters of a query: which are known, what they mean, and what slurmrestd says to the others.
//! Not here: acting on them (service.rs, lookup.rs).

use super::refusal::{BAD_QUERY, Refusal};
use super::router::Route;
use super::when;
use crate::wire::{ApiVersion, Endpoint, Problem, Release, Warning};
use hyper::StatusCode;

#[derive(Debug, Default)]
pub(super) struct Query {
    /// Unix seconds: only what changed since is wanted.
    pub(super) update_time: Option<u64>,
    /// Unix seconds: jobs that ran in between.
    pub(super) start_time: Option<u64>,
    pub(super) end_time: Option<u64>,
    /// The known parameters with their values.
    pub(super) values: Vec<(String, String)>,
    /// Errors beside data.
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Query {
    /// The values of a parameter, separated by commas; empty when it is not given.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let given = self.values.iter().filter(|(key, _)| key == name);
        given.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
    }
}

const UNREADABLE: (i32, &str) = (9202, "Unable to convert Data type");

/// Parameters of slurmdb's `/jobs`; those that the simulator acts on are in lookup.rs.
const JOB_CONDITIONS: &[&str] = &[
    "account",
    "association",
    "cluster",
    "constraints",
    "scheduler_unset",
    "scheduled_on_submit",
    "scheduled_by_main",
    "scheduled_by_backfill",
    "job_started",
    "exit_code",
    "show_duplicates",
    "skip_steps",
    "disable_truncate_usage_time",
    "whole_hetjob",
    "disable_whole_hetjob",
    "disable_wait_for_result",
    "usage_time_as_submit_time",
    "show_batch_script",
    "show_job_environment",
    "format",
    "groups",
    "job_name",
    "partition",
    "qos",
    "reason",
    "reservation",
    "reservation_id",
    "state",
    "step",
    "end_time",
    "start_time",
    "node",
    "users",
    "wckey",
];
const ASSOCIATION_CONDITIONS: &[&str] = &[
    "account",
    "cluster",
    "default_qos",
    "format",
    "id",
    "parent_account",
    "partition",
    "qos",
    "usage_end",
    "usage_start",
    "user",
    "with_deleted",
];
const USER_CONDITIONS: &[&str] = &[
    "admin_level",
    "default_account",
    "default_wckey",
    "with_assocs",
    "with_coords",
    "with_deleted",
    "with_wckeys",
    "without_defaults",
];

/// The parameters that an endpoint knows.
pub(super) fn parameters(endpoint: Endpoint) -> &'static [&'static str] {
    known(endpoint).map_or(&[], |(names, _)| names)
}

/// The endpoint's own parameters and the name of their parser; `None` where the query is not even read.
fn known(endpoint: Endpoint) -> Option<(&'static [&'static str], &'static str)> {
    Some(match endpoint {
        Endpoint::Nodes => (&["update_time", "flags"], "OPENAPI_NODES_QUERY"),
        Endpoint::Node => (&["update_time", "flags"], "OPENAPI_NODES_QUERY"),
        Endpoint::Jobs => (&["update_time", "flags"], "OPENAPI_JOB_INFO_QUERY"),
        Endpoint::Job => (&["update_time", "flags"], "OPENAPI_JOB_INFO_QUERY"),
        Endpoint::JobsState => (&["job_id"], "OPENAPI_JOB_STATE_QUERY"),
        Endpoint::Partitions => (&["update_time", "flags"], "OPENAPI_PARTITIONS_QUERY"),
        Endpoint::Partition => (&["update_time", "flags"], "OPENAPI_PARTITIONS_QUERY"),
        Endpoint::Reservations => (&["update_time"], "OPENAPI_RESERVATION_QUERY"),
        Endpoint::Reservation => (&["update_time"], "OPENAPI_RESERVATION_QUERY"),
        Endpoint::Shares => (&["accounts", "users"], "SHARES_REQ_MSG"),
        Endpoint::DbJobs => (JOB_CONDITIONS, "JOB_CONDITION"),
        Endpoint::DbAssociations => (ASSOCIATION_CONDITIONS, "ASSOC_CONDITION"),
        Endpoint::DbUsers => (USER_CONDITIONS, "USER_CONDITION"),
        Endpoint::DbAccounts => (&["description", "with_assocs", "with_coords"], "ACCOUNT_CONDITION"),
        Endpoint::DbQos => (&["description", "format", "id", "name", "preempt_mode"], "QOS_CONDITION"),
        _ => return None,
    })
}

/// What `flags` may hold.
const FLAGS: [&str; 7] = ["ALL", "DETAIL", "MIXED", "LOCAL", "SIBLING", "FEDERATION", "FUTURE"];

pub(super) fn understand(route: &Route, now: u64) -> Result<Query, Refusal> {
    let mut query = Query::default();
    let Some((names, parser)) = known(route.endpoint) else { return Ok(query) };
    let old = route.face.release == Release::S22_05;
    for (key, value) in &route.query {
        if !names.contains(&key.as_str()) {
            if !old {
                query.warnings.push(ignored(key, parser));
            }
            continue;
        }
        let time = |text: &str| read_time(route, key, text, now);
        match key.as_str() {
            "update_time" => query.update_time = Some(time(value)?),
            "start_time" => query.start_time = Some(time(value)?),
            "end_time" => query.end_time = Some(time(value)?),
            "flags" if !old => query.problems.extend(unknown_flag(route.endpoint, value)),
            _ => {}
        }
        query.values.push((key.clone(), value.clone()));
    }
    Ok(query)
}

fn ignored(key: &str, parser: &str) -> Warning {
    Warning {
        description: format!("Ignoring unknown field \"{key}\" of type string in DATA_PARSER_{parser}"),
        source: format!("#/{key}/"),
    }
}

/// A word that is no flag is an error, and yet the data comes.
fn unknown_flag(endpoint: Endpoint, value: &str) -> Option<Problem> {
    let bad = value.split(',').find(|word| !FLAGS.contains(&word.to_ascii_uppercase().as_str()))?;
    let source = match endpoint {
        Endpoint::Jobs | Endpoint::Job => "op_handler_jobs",
        Endpoint::Partitions | Endpoint::Partition => "op_handler_partitions",
        _ => "_dump_nodes",
    };
    let description = format!("Parsing of \"{bad}\" for flag failed");
    Some(Problem { description, number: UNREADABLE.0, error: UNREADABLE.1, source })
}

fn read_time(route: &Route, key: &str, value: &str, now: u64) -> Result<u64, Refusal> {
    let read = when::parse(value, now);
    // Its time stamps have 32 bits.
    let fits = |time: &u64| route.face.api != ApiVersion::V0_0_40 || *time <= i32::MAX as u64;
    read.filter(fits).ok_or_else(|| bad_time(route, key, value))
}

fn bad_time(route: &Route, key: &str, value: &str) -> Refusal {
    let accounting = route.endpoint.is_accounting();
    if route.face.release == Release::S22_05 {
        return match accounting {
            true => Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Unable to parse time format",
                BAD_QUERY,
                if key == "end_time" { "end_time" } else { "start_time" },
            ),
            // Recorded: 400 with an empty list of errors.
            false => {
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, "", BAD_QUERY, "");
                Refusal { problems: Vec::new(), ..refusal }
            }
        };
    }
    let (status, description, source) = match route.endpoint {
        _ if accounting => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Rejecting request. Failure parsing query parameters",
            "op_handler_jobs",
        ),
        Endpoint::Jobs | Endpoint::Job => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Rejecting request. Failure parsing query.", "op_handler_jobs")
        }
        Endpoint::Partitions | Endpoint::Partition => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Rejecting request. Failure parsing query",
            "op_handler_partitions",
        ),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Rejecting request. Failure parsing query.", "_dump_nodes"),
    };
    let mut refusal = Refusal::new(status, description, BAD_QUERY, source);
    refusal.problems.insert(
        0,
        Problem {
            description: format!("Parsing of {value} for timestamp failed"),
            number: UNREADABLE.0,
            error: UNREADABLE.1,
            source: if key == "update_time" { "#/update_time/" } else { "#/start_time/" },
        },
    );
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        refusal.said = UNREADABLE.1;
    }
    refusal
}

pub(super) fn no_job_changes(since: u64) -> Warning {
    Warning {
        description: format!("No job changes since update_time[{since}]={}", when::iso(since)),
        source: "op_handler_jobs".to_owned(),
    }
}
