//! The parameters of a query: which are known, what they mean, and what slurmrestd says to the others.
//! Not here: acting on them (service.rs).

use super::router::Route;
use crate::wire::{Endpoint, Problem, Warning};
use hyper::StatusCode;

#[derive(Debug, Default)]
pub(super) struct Query {
    /// Unix seconds: only what changed since is wanted.
    pub(super) update_time: Option<u64>,
    pub(super) warnings: Vec<Warning>,
}

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) problems: Vec<Problem>,
}

/// The endpoint's own parameters and the name of their parser; `None` where the query is not even read.
fn known(endpoint: Endpoint) -> Option<(&'static [&'static str], &'static str)> {
    Some(match endpoint {
        Endpoint::Ping | Endpoint::Diag => return None,
        Endpoint::Nodes => (&["update_time", "flags"], "OPENAPI_NODES_QUERY"),
        Endpoint::Jobs => (&["update_time", "flags"], "OPENAPI_JOB_INFO_QUERY"),
        Endpoint::JobsState => (&["job_id"], "OPENAPI_JOB_STATE_QUERY"),
        Endpoint::Partitions => (&["update_time", "flags"], "OPENAPI_PARTITIONS_QUERY"),
    })
}

pub(super) fn understand(route: &Route) -> Result<Query, Refusal> {
    let mut query = Query::default();
    let Some((names, parser)) = known(route.endpoint) else { return Ok(query) };
    for (key, value) in &route.query {
        if !names.contains(&key.as_str()) {
            query.warnings.push(Warning {
                description: format!(
                    "Ignoring unknown field \"{key}\" of type string in DATA_PARSER_{parser}"
                ),
                source: format!("#/{key}/"),
            });
        } else if key == "update_time" {
            query.update_time = Some(value.parse().map_err(|_| bad_time(route.endpoint, value))?);
        }
    }
    Ok(query)
}

fn bad_time(endpoint: Endpoint, value: &str) -> Refusal {
    let (status, description, source) = match endpoint {
        Endpoint::Jobs => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Rejecting request. Failure parsing query.", "op_handler_jobs")
        }
        Endpoint::Partitions => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Rejecting request. Failure parsing query",
            "op_handler_partitions",
        ),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Rejecting request. Failure parsing query.", "_dump_nodes"),
    };
    let problem = |description: String, number, error, source| Problem { description, number, error, source };
    Refusal {
        status,
        problems: vec![
            problem(
                format!("Parsing of {value} for timestamp failed"),
                9202,
                "Unable to convert Data type",
                "#/update_time/",
            ),
            problem(description.to_owned(), 9000, "Query empty or not RFC7320 compliant", source),
        ],
    }
}

pub(super) fn no_job_changes(since: u64) -> Warning {
    Warning {
        description: format!("No job changes since update_time[{since}]={}", iso(since)),
        source: "op_handler_jobs".to_owned(),
    }
}

/// `2096-10-02T07:06:40`, UTC; the civil calendar by Howard Hinnant's algorithm.
fn iso(unix: u64) -> String {
    let (days, second) = (unix / 86_400, unix % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn times_are_written_as_in_the_recorded_warnings() {
        for (unix, expected) in [
            (4_000_000_000, "2096-10-02T07:06:40"),
            (2_000_000_000, "2033-05-18T03:33:20"),
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
        ] {
            assert_eq!(iso(unix), expected);
        }
    }
}
