//! The parameters of a query: which are known, what they mean, and what slurmrestd says to the others.
//! Not here: acting on them (service.rs, lookup.rs).

use super::parameters::parameters;
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
    /// As they were asked for, `12` or `12_3`.
    pub(super) job_ids: Vec<String>,
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

const UNKNOWN_FLAG: (i32, &str) = (9207, "Data parser unable to parse invalid flag");
const UNREADABLE: (i32, &str) = (9202, "Unable to convert Data type");

/// The name of the parser behind an endpoint's query, empty where it does not tell what it ignores; `None` where the
/// query is not even read.
fn parser(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Nodes | Endpoint::Node => "OPENAPI_NODES_QUERY",
        Endpoint::Jobs | Endpoint::Job => "OPENAPI_JOB_INFO_QUERY",
        Endpoint::JobsState => "OPENAPI_JOB_STATE_QUERY",
        Endpoint::Partitions | Endpoint::Partition => "OPENAPI_PARTITIONS_QUERY",
        Endpoint::Reservations | Endpoint::Reservation => "OPENAPI_RESERVATION_QUERY",
        Endpoint::Shares | Endpoint::DbQos => "",
        Endpoint::DbJobs => "JOB_CONDITION",
        Endpoint::DbAssociations => "ASSOC_CONDITION",
        Endpoint::DbUsers => "USER_CONDITION",
        Endpoint::DbAccounts => "ACCOUNT_CONDITION",
        Endpoint::DbClusters => "CLUSTER_CONDITION",
        Endpoint::DbWckeys => "WCKEY_CONDITION",
        _ => return None,
    })
}

/// What `flags` may hold.
const FLAGS: [&str; 7] = ["ALL", "DETAIL", "MIXED", "LOCAL", "SIBLING", "FEDERATION", "FUTURE"];

pub(super) fn understand(route: &Route, now: u64) -> Result<Query, Refusal> {
    let mut query = Query::default();
    let Some(parser) = parser(route.endpoint) else { return Ok(query) };
    let names = parameters(route.endpoint, route.face.api);
    let old = route.face.release == Release::S22_05;
    for (key, value) in &route.query {
        let is_known = names.contains(&key.as_str());
        if old && !is_known && is_strict_in_22_05(route.endpoint) {
            match refused_by_22_05(route.endpoint) {
                Some(refusal) => return Err(refusal),
                None => query.problems.push(unknown_field("Unknown query field")),
            }
        }
        if !is_known {
            if !old && !parser.is_empty() {
                query.warnings.push(ignored(key, parser));
            }
            continue;
        }
        if !old && !value.is_empty() && key.starts_with("with_") {
            query.warnings.push(no_boolean(key, value));
        }
        let time = |text: &str| read_time(route, key, text, now);
        match key.as_str() {
            // Seen: one node or job of 22.05 comes whatever the time.
            "update_time" if old && matches!(route.endpoint, Endpoint::Node | Endpoint::Job) => {}
            "update_time" => query.update_time = Some(time(value)?),
            "start_time" => query.start_time = Some(time(value)?),
            "end_time" => query.end_time = Some(time(value)?),
            "flags" if !old => query.problems.extend(unknown_flag(value)),
            "job_id" => {
                let ids = value.split('_').next().and_then(|id| id.parse::<u32>().ok());
                query.job_ids.push(ids.map(|_| value.clone()).ok_or_else(no_job_id)?);
            }
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

/// What is taken for a flag as well as for a word, and yet is told about.
fn no_boolean(key: &str, value: &str) -> Warning {
    Warning {
        description: format!(
            "Expected OpenAPI type=boolean (Slurm type=boolean) but got OpenAPI type=string (Slurm type=string): \
             \"{value}\""
        ),
        source: format!("#/{key}/"),
    }
}

/// A word that is no flag is an error, and yet the data comes. Several words are one that is unknown.
fn unknown_flag(value: &str) -> Option<Problem> {
    let is_known = FLAGS.contains(&value.to_ascii_uppercase().as_str());
    let (number, error) = UNKNOWN_FLAG;
    let description = format!("Unknown flag \"{value}\"");
    (!is_known).then_some(Problem { description, number, error, source: "#/flags[0]/" })
}

fn no_job_id() -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Rejecting request. Failure parsing query",
        BAD_QUERY,
        "op_handler_job_states",
    )
}

/// Where 22.05 has something to say to a parameter that it does not know.
fn is_strict_in_22_05(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::DbUsers | Endpoint::DbQos | Endpoint::DbAccounts | Endpoint::DbJobs)
}

/// What it says instead of data; accounts come with an error beside them.
fn refused_by_22_05(endpoint: Endpoint) -> Option<Refusal> {
    let (status, description) = match endpoint {
        Endpoint::DbAccounts => return None,
        Endpoint::DbJobs => (StatusCode::INTERNAL_SERVER_ERROR, "Unknown Query field"),
        _ => (StatusCode::BAD_REQUEST, "Unknown query field"),
    };
    Some(Refusal::new(status, description, BAD_QUERY, ""))
}

fn unknown_field(description: &str) -> Problem {
    Problem { description: description.to_owned(), number: BAD_QUERY.0, error: BAD_QUERY.1, source: "" }
}

fn read_time(route: &Route, key: &str, value: &str, now: u64) -> Result<u64, Refusal> {
    let read = when::parse(value, now);
    // The time stamps of v0.0.40 and v0.0.41 have 32 bits.
    let is_short = [ApiVersion::V0_0_40, ApiVersion::V0_0_41].contains(&route.face.api);
    let fits = |time: &u64| !is_short || *time <= i32::MAX as u64;
    read.filter(fits).ok_or_else(|| bad_time(route, key, value))
}

const FAILURE: &str = "Rejecting request. Failure parsing query";
const FAILURE_AND_STOP: &str = "Rejecting request. Failure parsing query.";

/// The function behind partitions and reservations, which has another name since 26.05.
pub(super) fn query_function(release: Release, endpoint: Endpoint) -> &'static str {
    match (release, endpoint) {
        (Release::S26_05, Endpoint::Partitions) => "_partitions_get",
        (Release::S26_05, Endpoint::Partition) => "_partition_get",
        (Release::S26_05, Endpoint::Reservations) => "_get_reservations",
        (Release::S26_05, _) => "_get_single_reservation",
        (_, Endpoint::Partitions) => "op_handler_partitions",
        (_, Endpoint::Partition) => "op_handler_partition",
        (_, Endpoint::Reservations) => "op_handler_reservations",
        _ => "op_handler_reservation",
    }
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
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    let (status, description, source) = match route.endpoint {
        _ if accounting => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Rejecting request. Failure parsing query parameters",
            "op_handler_jobs",
        ),
        Endpoint::Jobs => (StatusCode::UNPROCESSABLE_ENTITY, FAILURE_AND_STOP, "op_handler_jobs"),
        Endpoint::Job => (failed, FAILURE_AND_STOP, "_handle_job_get"),
        Endpoint::Nodes | Endpoint::Node => (failed, FAILURE_AND_STOP, "_dump_nodes"),
        endpoint => (failed, FAILURE, query_function(route.face.release, endpoint)),
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
