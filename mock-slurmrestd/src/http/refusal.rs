//! What slurmrestd says instead of data: status, numbers, words and sources, by endpoint and release as recorded.
//! Not here: when it says so (service.rs, query.rs, lookup.rs), or the JSON around it (wire/).

use super::answer::{self, Again, Answer, AnswerBody};
use super::query::query_function;
use super::router::Route;
use crate::cluster::Cluster;
use crate::wire::{ApiVersion, Endpoint, Face, Page, Problem, Release, Stage, Style, Warning};
use hyper::StatusCode;

/// An answer without data.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    pub(super) stage: Stage,
    /// What a release that answers errors twice says the second time.
    pub(super) said: &'static str,
}

/// Why no data came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Anything, without a reason.
    Unspecified,
    /// slurmctld or slurmdbd refuses the token.
    BadToken,
    /// slurmctld does not answer.
    NoController,
    /// slurmdbd does not answer.
    NoDatabase,
}

const UNSPECIFIED: (i32, &str) = (-1, "Unspecified error");
const BAD_TOKEN: (i32, &str) = (1007, "Protocol authentication error");
const NO_CONTROLLER: (i32, &str) = (1800, "Unable to contact slurm controller (connect failure)");
const NO_DATABASE: (i32, &str) = (7000, "Unable to connect to database");
const NO_RESERVATION: (i32, &str) = (2053, "Requested reservation is invalid");
const UNPARSED_PATH: &str = "Unable to parse URL path.";
const UNPARSED_QUERY: &str = "Unable to parse query.";
pub(super) const BAD_QUERY: (i32, &str) = (9000, "Query empty or not RFC7320 compliant");

impl Trouble {
    /// What `/ping` says about slurmctld then; only from 24.11 on, where it succeeds.
    pub(super) fn of_ping(self) -> &'static str {
        match self {
            Self::BadToken => BAD_TOKEN.1,
            _ => NO_CONTROLLER.1,
        }
    }
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        description: impl Into<String>,
        (number, error): (i32, &'static str),
        source: &'static str,
    ) -> Self {
        let description = description.into();
        Self {
            status,
            problems: vec![Problem { description, number, error, source }],
            warnings: Vec::new(),
            stage: Stage::Query,
            said: error,
        }
    }

    /// After slurmctld or slurmdbd was asked.
    pub(super) fn of_answer(self) -> Self {
        Self { stage: Stage::Answer, ..self }
    }

    /// The answer to what was asked for in this trouble.
    pub(super) fn because(route: &Route, trouble: Trouble) -> Self {
        let name = route.name.as_deref().unwrap_or("");
        let (face, endpoint) = (route.face, route.endpoint);
        let refusal = match (face.release, endpoint.is_accounting()) {
            (Release::S22_05, true) => old_database_trouble(endpoint, trouble),
            (Release::S22_05, false) => old_trouble(endpoint, name, trouble),
            (_, true) => database_trouble(face.release, trouble),
            (_, false) => controller_trouble(face, endpoint, name, trouble),
        };
        refusal.of_answer()
    }

    pub(super) fn answer(self, cluster: &Cluster, face: Face, endpoint: Endpoint, style: Style) -> Answer {
        let mut body = Vec::new();
        let mut page = Page::new(face, endpoint, style);
        page.warnings = self.warnings;
        page.write_problems(cluster, &self.problems, self.stage, &mut body);
        let mut answer = answer::json(self.status, AnswerBody::whole(body));
        if !self.status.is_success() {
            answer.extensions_mut().insert(Again(self.said.to_owned()));
        }
        answer
    }
}

fn controller_trouble(face: Face, endpoint: Endpoint, name: &str, trouble: Trouble) -> Refusal {
    let (status, problem) = match trouble {
        // Seen: shares tell no reason.
        _ if endpoint == Endpoint::Shares => (StatusCode::INTERNAL_SERVER_ERROR, UNSPECIFIED),
        Trouble::BadToken => (StatusCode::NETWORK_AUTHENTICATION_REQUIRED, BAD_TOKEN),
        Trouble::NoController => (StatusCode::BAD_GATEWAY, NO_CONTROLLER),
        Trouble::Unspecified | Trouble::NoDatabase => (StatusCode::INTERNAL_SERVER_ERROR, UNSPECIFIED),
    };
    let one = |text: &str| format!("{text}{name}");
    let (description, source) = match endpoint {
        Endpoint::Nodes => (one("Failure to query nodes"), "_dump_nodes"),
        Endpoint::Node => (one("Failure to query node "), "_dump_nodes"),
        Endpoint::Jobs => (one("Unable to query jobs"), "slurm_load_jobs()"),
        Endpoint::Job => (one("Unable to query JobId="), "_handle_job_get"),
        Endpoint::JobsState => (one("Unable to query job states"), "slurm_load_job_state()"),
        Endpoint::Diag => {
            (one("slurm_get_statistics() failed to get slurmctld statistics"), "op_handler_diag")
        }
        Endpoint::Partition => {
            ("Unable to query partitions".to_owned(), query_function(face.release, endpoint))
        }
        Endpoint::Reservations | Endpoint::Reservation => {
            ("Unable to query reservations".to_owned(), "slurm_load_reservations()")
        }
        Endpoint::Licenses => {
            (one("slurm_load_licenses() was unable to load licenses"), "op_handler_licenses")
        }
        Endpoint::Shares => (one("slurm_associations_get_shares() failed: GET"), "_dump_shares"),
        Endpoint::Ping => (one("Unable to ping slurmctld"), "op_handler_ping"),
        // Recorded: /partitions fails with an empty list of errors.
        _ => {
            let refusal = Refusal::new(status, "", problem, "");
            return Refusal { problems: Vec::new(), ..refusal };
        }
    };
    Refusal::new(status, description, problem, source)
}

fn database_trouble(release: Release, trouble: Trouble) -> Refusal {
    if trouble == Trouble::Unspecified {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "", UNSPECIFIED, "openapi_get_db_conn");
    }
    let description = match trouble {
        Trouble::BadToken if release < Release::S26_05 => {
            "Failed to open slurmdbd connection, authentication error"
        }
        _ => "Failed to open slurmdbd connection",
    };
    Refusal::new(StatusCode::BAD_GATEWAY, description, NO_DATABASE, "openapi_get_db_conn")
}

/// 22.05 knows one error for everything about slurmctld.
fn old_trouble(endpoint: Endpoint, name: &str, trouble: Trouble) -> Refusal {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let (description, source) = match endpoint {
        Endpoint::Jobs => ("Failed while looking for jobs".to_owned(), "slurm_load_jobs"),
        Endpoint::Job => (format!("Unable to find JobId={name}"), "slurm_load_job"),
        Endpoint::Diag => ("request failed".to_owned(), "slurm_get_statistics"),
        Endpoint::Ping => ("slurmctld config is unable to load".to_owned(), "slurm_load_ctl_conf"),
        Endpoint::Licenses => ("slurmctld unable to load licenses".to_owned(), "slurm_load_licenses"),
        // It asks for all of them and finds none.
        Endpoint::Reservation if trouble == Trouble::BadToken => {
            return Refusal::new(status, "", NO_RESERVATION, "");
        }
        _ => (String::new(), ""),
    };
    Refusal::new(status, description, UNSPECIFIED, source)
}

/// 22.05 asks slurmdbd for several things in turn, and the first that fails is told; not all see a failure in it.
fn old_database_trouble(endpoint: Endpoint, trouble: Trouble) -> Refusal {
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    let (status, source) = match endpoint {
        Endpoint::DbJobs | Endpoint::DbJob => (StatusCode::OK, "slurmdb_jobs_get"),
        Endpoint::DbTres => (StatusCode::OK, "slurmdb_tres_get"),
        Endpoint::DbUsers => (failed, "slurmdb_users_get"),
        Endpoint::DbAssociations => (failed, "slurmdb_associations_get"),
        Endpoint::DbQos => (failed, "slurmdb_qos_get"),
        Endpoint::DbWckeys => (failed, "slurmdb_wckeys_get"),
        Endpoint::DbDiag => (failed, "slurmdb_get_stats"),
        _ => (failed, "slurmdb_tres_get"),
    };
    let problem = match trouble {
        Trouble::BadToken if endpoint != Endpoint::DbDiag => BAD_TOKEN,
        Trouble::NoDatabase => NO_DATABASE,
        _ => UNSPECIFIED,
    };
    Refusal::new(status, "", problem, source)
}

/// What partitions come with while slurmdbd does not answer.
pub(super) fn no_tres() -> (Problem, Warning) {
    let source = "slurmdb_tres_get";
    let description = "Slurmdb query failed".to_owned();
    let warning = "dump: Unable to query TRES from Slurm accounting storage. Could not query the following [TRES]: \
                   Connection refused";
    (
        Problem { description, number: 111, error: "Connection refused", source },
        Warning { description: warning.to_owned(), source: source.to_owned() },
    )
}

/// A path that nobody serves.
pub(super) fn not_found(release: Release) -> Answer {
    answer::text(
        StatusCode::NOT_FOUND,
        match release {
            Release::S26_05 => {
                "Unable to find requested URL endpoint. Please query the '/openapi/v3' endpoint or visit \
                 'https://slurm.schedmd.com/rest_api.html' for the OpenAPI specification which includes a list \
                 of all possible slurmrestd endpoints."
            }
            _ => "Unable find requested URL. Please view /openapi/v3 for API reference.",
        },
    )
}

/// A known path with another method than GET: only 22.05 tells it from an unknown path.
pub(super) fn wrong_method(release: Release) -> Answer {
    match release {
        Release::S22_05 => answer::text(
            StatusCode::METHOD_NOT_ALLOWED,
            "Requested REST method is not defined at URL. Please view /openapi/v3 for API reference.",
        ),
        _ => not_found(release),
    }
}

pub(super) fn unknown_kind(release: Release) -> Answer {
    answer::once(match release {
        Release::S26_05 => answer::text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "HTTP Accept header content type is unknown or unsupported",
        ),
        _ => answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Accept content type is unknown"),
    })
}

/// A path with signs that have to be encoded.
pub(super) fn bad_path(release: Release) -> Answer {
    match release {
        Release::S26_05 => answer::text(StatusCode::NOT_FOUND, "Invalid or unknown URL path"),
        _ => answer::text(StatusCode::BAD_REQUEST, UNPARSED_PATH),
    }
}

/// A query with signs that have to be encoded, or a body that is no form.
pub(super) fn bad_query(release: Release) -> Answer {
    match release {
        Release::S26_05 => answer::text(StatusCode::INTERNAL_SERVER_ERROR, UNSPECIFIED.1),
        _ => answer::text(StatusCode::BAD_REQUEST, UNPARSED_QUERY),
    }
}

/// A body that says it is JSON.
pub(super) fn bad_json(release: Release) -> Answer {
    let text = if release == Release::S26_05 { "Failure during parsing" } else { UNPARSED_QUERY };
    answer::text(StatusCode::BAD_REQUEST, text)
}

/// A body of a kind that no release reads.
pub(super) fn unknown_body(release: Release) -> Answer {
    match release {
        Release::S26_05 => {
            answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MIME type is unknown to any loaded plugins")
        }
        _ => answer::text(StatusCode::BAD_REQUEST, UNPARSED_QUERY),
    }
}

pub(super) fn no_token() -> Answer {
    answer::text(StatusCode::UNAUTHORIZED, "Authentication failure")
}

pub(super) fn unwanted_body() -> Answer {
    answer::text(StatusCode::BAD_REQUEST, "Unexpected http body provided for non-POST method")
}

/// One thing that was asked for by a name that nothing has.
pub(super) fn unknown(face: Face, endpoint: Endpoint, name: &str) -> Refusal {
    let (old, new) = (face.release == Release::S22_05, face.release == Release::S26_05);
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let refusal = match endpoint {
        Endpoint::Node if old => Refusal::new(failed, "", (2018, "Invalid node name specified"), ""),
        Endpoint::Node => {
            let description = format!("Failure to query node {name}");
            Refusal::new(StatusCode::OK, description, (0, "No error"), "_dump_nodes")
        }
        Endpoint::Job if old => {
            let description = format!("Unable to find JobId={name}");
            Refusal::new(failed, description, (2017, "Invalid job id specified"), "slurm_load_job")
        }
        Endpoint::Job => {
            let description = format!("Invalid JobID={name} rejected");
            let problem = (2017, "Invalid job id specified");
            Refusal::new(StatusCode::NOT_FOUND, description, problem, "op_handler_job")
        }
        Endpoint::Partition if old => {
            Refusal::new(failed, "", (2000, "Invalid partition name specified"), "")
        }
        Endpoint::Partition if new => {
            let description = format!("Unable to find partition {name}");
            let warnings = vec![Warning { description, source: "_partition_get".to_owned() }];
            let refusal = Refusal::new(StatusCode::OK, "", (0, ""), "");
            Refusal { problems: Vec::new(), warnings, ..refusal }
        }
        Endpoint::Partition => {
            let description = format!("Unable to find partition {name}");
            Refusal::new(unprocessable, description, BAD_QUERY, "op_handler_partition")
        }
        _ if old => Refusal::new(failed, "", NO_RESERVATION, ""),
        _ => {
            let source = if new { "_get_single_reservation" } else { "op_handler_reservation" };
            Refusal::new(unprocessable, format!("Unable to find reservation {name}"), BAD_QUERY, source)
        }
    };
    refusal.of_answer()
}

/// slurmdbd's counters are for its administrators.
pub(super) fn denied(release: Release) -> Refusal {
    let status = match release {
        Release::S26_05 => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let description = if release == Release::S22_05 { "" } else { "stats query failed" };
    let problem = (2002, "Access/permission denied");
    Refusal::new(status, description, problem, "slurmdb_get_stats").of_answer()
}

/// A job that was asked for by what is no number.
pub(super) fn no_number(face: Face, endpoint: Endpoint, name: &str) -> Refusal {
    if face.api == ApiVersion::V0_0_38 {
        return Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("Unable to find JobId={name}"),
            (9002, "Jobs description entry not found, empty or not dictionary or list"),
            "_handle_job_get",
        );
    }
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        match endpoint.is_accounting() {
            true => "Rejecting request. Failure parsing query parameters",
            false => "Rejecting request. Failure parsing parameters",
        },
        BAD_QUERY,
        "op_handler_job",
    )
}
