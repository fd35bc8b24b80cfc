//! Every recorded error answer of every release is put into its class, from its exact bytes: also those to requests that
//! the exporter does not make.

use std::collections::BTreeSet;
use std::path::Path;

use exporter::model::{Endpoint, Reading, Timestamp};
use exporter::source::{ErrorClass, Source};

use super::slurmrestd::{Answer, Slurmrestd, not_found, recorded};
use super::{EXPIRED, VALID, rest, token};

/// What is expected of an answer.
enum Expected {
    /// The class, and words of the message.
    Fails(ErrorClass, &'static str),
    /// Partial, with that many rows of data.
    Carries(usize, &'static str),
    /// 404 as where a version is not served.
    NoSuchUrl,
    /// A ping that the database did not answer: why, and a reading that says so.
    NoDatabase(&'static str),
    /// A ping that no controller answered: a reading, and no error.
    Silent,
    /// A ping that a controller answered.
    Alive,
}

use Endpoint::{Accounting, DatabasePing, Diag, Jobs, Nodes, Partitions, Ping, Qos, Reservations};
use ErrorClass::{Auth, Decode, HttpStatus, Partial};
use Expected::{Alive, Carries, Fails, NoDatabase, NoSuchUrl, Silent};

type Case = (&'static str, Endpoint, Expected);

fn of_nodes(class: ErrorClass, words: &'static str, names: &[&'static str]) -> impl Iterator<Item = Case> {
    names.iter().map(move |name| (*name, Nodes, Fails(class, words)))
}

fn without_such_a_url(names: &[&'static str]) -> impl Iterator<Item = Case> {
    names.iter().map(|name| (*name, Nodes, NoSuchUrl))
}

/// No recording of the release is left out.
async fn check_all(release: &str, version: &str, cases: Vec<Case>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/errors").join(release);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names: BTreeSet<_> =
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(
        cases.iter().map(|(name, ..)| (*name).to_owned()).collect::<BTreeSet<_>>(),
        names,
        "{release}"
    );
    check(release, version, VALID, &cases).await;
}

async fn check(release: &str, version: &str, jwt: &str, cases: &[Case]) {
    for (name, endpoint, expected) in cases {
        let bytes = recorded(release, name);
        let server = Slurmrestd::start(move |_| Answer::Close(bytes.clone())).await;
        let source = rest(&server.url(), Some(version), token(jwt));
        let poll = source.poll(*endpoint, Timestamp::NONE).await;
        let case = format!("{release} {name}");
        assert!(poll.requests.len() == 1 || matches!(expected, NoSuchUrl), "{case}");
        let daemon = if matches!(endpoint, Accounting | DatabasePing | Qos) { "slurmdb" } else { "slurm" };
        let outcome = poll.outcome;
        match (expected, outcome) {
            (Fails(class, words), Err(error)) => {
                assert_eq!(error.class, *class, "{case}: {error}");
                assert!(error.message.contains(words), "{case}: {error}");
                assert!(error.reading.is_none() && !error.not_served, "{case}");
                let path = if *endpoint == Accounting { "jobs" } else { endpoint.name() };
                let url = format!("failed to poll {endpoint}: {}/{daemon}/{version}/{path}", server.url());
                assert!(error.message.starts_with(&url), "{case}: {error}");
                assert!(!error.message.contains('\n'), "{case}: {error}");
            }
            (Carries(rows, words), Err(error)) => {
                assert_eq!(error.class, Partial, "{case}: {error}");
                assert!(error.message.contains(words), "{case}: {error}");
                let Some(Reading::Partitions(read)) = error.reading else { panic!("{case}: no data") };
                assert_eq!(read.rows.len(), *rows, "{case}");
            }
            (NoSuchUrl, Err(error)) => {
                assert_eq!((error.class, error.not_served), (HttpStatus, false), "{case}: {error}");
                let words = format!("404 for every API version that was tried: {version}");
                assert!(error.message.ends_with(&words), "{case}: {error}");
            }
            (NoDatabase(words), Err(error)) => {
                assert_eq!(error.class, HttpStatus, "{case}: {error}");
                assert!(error.message.contains(words), "{case}: {error}");
                let Some(Reading::DatabasePing(_)) = error.reading else { panic!("{case}: no ping") };
            }
            (Silent | Alive, Ok(answer)) => {
                let Reading::Ping(read) = answer.reading else { panic!("{case}: no ping") };
                assert_eq!(read.rows.len(), 1, "{case}");
                assert_eq!(read.rows[0].up, matches!(expected, Alive), "{case}");
            }
            (_, outcome) => panic!("{case}: {outcome:?}"),
        }
    }
}

/// What slurmrestd says as "HTTP/0.9", or with a header that is none.
const NO_HTTP: [&str; 5] = ["chunked-req", "http2-preface", "malformed", "method-bogus", "method-head"];

const NO_SUCH_URL: [&str; 6] =
    ["healthz", "metrics", "root", "unknown-api", "unknown-endpoint", "unknown-path"];

const HINT_22_05: &str = "500 Internal Server Error: Unspecified error (error -1); slurmrestd 22.05 says this for a \
                          refused token and for a slurmctld that is down";

#[tokio::test]
async fn errors_of_22_05_are_classed() {
    let mut cases = vec![
        // The same bytes for both causes: the class is of the status, the message names both.
        ("bad-token-nodes", Nodes, Fails(HttpStatus, HINT_22_05)),
        ("bad-token-jobs", Jobs, Fails(HttpStatus, HINT_22_05)),
        ("bad-token-diag", Diag, Fails(HttpStatus, HINT_22_05)),
        ("bad-token-ping", Ping, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-jobs", Jobs, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-diag", Diag, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-partitions", Partitions, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-ok-ping", Ping, Fails(HttpStatus, HINT_22_05)),
        ("ctlddown-bad-token-ping", Ping, Fails(HttpStatus, HINT_22_05)),
        ("bad-token-slurmdb", Qos, Fails(Auth, "500 Internal Server Error: Protocol authentication error")),
        ("slurmdb-jobs-badtime", Accounting, Fails(HttpStatus, "Query empty or not RFC7320 compliant")),
        ("job-not-number", Jobs, Fails(HttpStatus, "400 Bad Request: Jobs description entry not found")),
        ("unknown-job", Jobs, Fails(HttpStatus, "Invalid job id specified (error 2017)")),
        ("unknown-node", Nodes, Fails(HttpStatus, "Invalid node name specified (error 2018)")),
        ("unknown-partition", Partitions, Fails(HttpStatus, "Invalid partition name specified (error 2000)")),
        ("unknown-reservation", Reservations, Fails(HttpStatus, "Requested reservation is invalid")),
        ("bad-query-update_time", Nodes, Fails(HttpStatus, "400 Bad Request")),
        ("get-with-body", Nodes, Fails(HttpStatus, "400 Bad Request: Unexpected http body")),
        // Nobody asked for changes only.
        ("if-modified-since", Nodes, Fails(HttpStatus, "304 Not Modified")),
        ("ok-ping", Ping, Alive),
    ];
    let refused = ["no-auth", "no-token-name-only", "token-only-no-name", "bearer"];
    cases.extend(of_nodes(Auth, "401 Unauthorized: Authentication failure", &refused));
    let refused = ["garbage-token", "other-user-name", "wrong-user", "ctlddown-bad-token-nodes"];
    cases.extend(of_nodes(HttpStatus, HINT_22_05, &refused));
    let unsupported = "415 Unsupported Media Type: Accept content type is unknown";
    cases.extend(of_nodes(HttpStatus, unsupported, &["accept-text", "accept-yaml"]));
    let methods = ["method-delete", "method-options", "method-post-nolen", "method-put"];
    cases.extend(of_nodes(HttpStatus, "405 Method Not Allowed: Requested REST method", &methods));
    cases.extend(of_nodes(Decode, "not an HTTP answer: invalid HTTP", &NO_HTTP));
    cases.extend(without_such_a_url(&NO_SUCH_URL));
    check_all("22.05.8", "v0.0.38", cases).await;
}

/// What 24.11 and 26.05 say alike.
fn since_24_11() -> Vec<Case> {
    let mut cases = vec![
        // Its body was cut when it was recorded; the status is known all the same.
        ("bad-query-flags", Jobs, Fails(HttpStatus, "500 Internal Server Error")),
        ("bad-query-update_time", Nodes, Fails(HttpStatus, "Unable to convert Data type (error 9202)")),
        (
            "slurmdb-jobs-badtime",
            Accounting,
            Fails(HttpStatus, "422 Unprocessable Entity: Unable to convert"),
        ),
        ("job-not-number", Jobs, Fails(HttpStatus, "422 Unprocessable Entity: Query empty")),
        ("unknown-job", Jobs, Fails(HttpStatus, "404 Not Found: Invalid job id specified (error 2017)")),
        ("unknown-partition", Partitions, Fails(HttpStatus, "422 Unprocessable Entity: Query empty")),
        ("unknown-reservation", Reservations, Fails(HttpStatus, "422 Unprocessable Entity: Query empty")),
        ("if-modified-since", Nodes, Fails(HttpStatus, "304 Not Modified")),
    ];
    let refused = ["no-auth", "no-token-name-only"];
    cases.extend(of_nodes(Auth, "401 Unauthorized: Authentication failure", &refused));
    let refused = ["bad-token-nodes", "garbage-token", "other-user-name", "wrong-user"];
    let words = "511 Network Authentication Required: Protocol authentication error (error 1007)";
    cases.extend(of_nodes(Auth, words, &refused));
    cases.extend(without_such_a_url(&NO_SUCH_URL));
    let methods = ["method-delete", "method-options", "method-post-nolen", "method-put", "old-api"];
    cases.extend(without_such_a_url(&methods));
    cases
}

#[tokio::test]
async fn errors_of_24_11_are_classed() {
    let mut cases = vec![
        ("bad-token-jobs", Jobs, Fails(Auth, "(error 1007)")),
        ("bad-token-diag", Diag, Fails(Auth, "(error 1007)")),
        ("bad-token-ping", Ping, Silent),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, "502 Bad Gateway: Unable to contact slurm controller")),
        ("ctlddown-jobs", Jobs, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-diag", Diag, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-partitions", Partitions, Fails(HttpStatus, "502 Bad Gateway")),
        ("ctlddown-ok-ping", Ping, Silent),
        ("ctlddown-bad-token-ping", Ping, Silent),
        ("ctlddown-bad-token-nodes", Nodes, Fails(HttpStatus, "(error 1800)")),
        // Told from a slurmdbd that is down by the description.
        (
            "bad-token-slurmdb",
            Qos,
            Fails(Auth, "502 Bad Gateway: Unable to connect to database (error 7000)"),
        ),
        ("unknown-node", Nodes, Fails(Partial, "200 with errors: No error (error 0)")),
        (
            "accept-text",
            Nodes,
            Fails(HttpStatus, "415 Unsupported Media Type: Accept content type is unknown"),
        ),
        ("accept-yaml", Ping, Fails(Decode, "the answer is application/yaml, not JSON")),
        ("ok-ping", Ping, Alive),
    ];
    cases.extend(since_24_11());
    cases.extend(of_nodes(Decode, "not an HTTP answer: invalid HTTP", &NO_HTTP));
    check_all("24.11.5", "v0.0.42", cases).await;
}

#[tokio::test]
async fn errors_of_26_05_are_classed_though_they_are_sent_twice() {
    let mut cases = vec![
        ("bad-token-jobs", Jobs, Fails(Auth, "(error 1007)")),
        ("bad-token-diag", Diag, Fails(Auth, "(error 1007)")),
        ("bad-token-ping", Ping, Silent),
        // It says the same when slurmdbd is down.
        ("bad-token-slurmdb", Qos, Fails(HttpStatus, "502 Bad Gateway: Unable to connect to database")),
        // This recording ends early; the status is known all the same.
        ("expired-token-nodes", Nodes, Fails(Auth, "511 Network Authentication Required")),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-jobs", Jobs, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-diag", Diag, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-partitions", Partitions, Fails(HttpStatus, "502 Bad Gateway")),
        ("ctlddown-ok-ping", Ping, Silent),
        ("ctlddown-bad-token-ping", Ping, Silent),
        ("ctlddown-bad-token-nodes", Nodes, Fails(HttpStatus, "(error 1800)")),
        ("unknown-node", Nodes, Fails(Partial, "200 with errors: No error (error 0)")),
        (
            "accept-text",
            Nodes,
            Fails(HttpStatus, "415 Unsupported Media Type: HTTP Accept header content type"),
        ),
        ("chunked-req", Nodes, Fails(HttpStatus, "406 Not Acceptable")),
        (
            "dbddown-slurmdb-v0.0.45-ping",
            DatabasePing,
            NoDatabase("Unable to connect to database (error 7000)"),
        ),
        (
            "dbddown-slurmdb-v0.0.45-qos",
            Qos,
            Fails(HttpStatus, "502 Bad Gateway: Unable to connect to database"),
        ),
        (
            "dbddown-slurmdb-v0.0.45-tres",
            Qos,
            Fails(HttpStatus, "502 Bad Gateway: Unable to connect to database"),
        ),
        ("dbddown-slurm-v0.0.45-partitions", Partitions, Carries(4, "Connection refused (error 111)")),
        // Followed by a header that came too late.
        ("ok-ping-close", Ping, Alive),
        ("ok-ping", Ping, Alive),
    ];
    cases.extend(since_24_11());
    cases.extend(of_nodes(
        HttpStatus,
        "405 Method Not Allowed",
        &["http2-preface", "malformed", "method-bogus"],
    ));
    cases.extend(without_such_a_url(&["method-head"]));
    // These are no errors there.
    cases.retain(|(name, ..)| *name != "healthz" && *name != "unknown-partition");
    check_all("26.05.5", "v0.0.45", cases).await;
}

#[tokio::test]
async fn a_token_whose_time_is_over_settles_what_the_answer_leaves_open() {
    let cases = [
        ("bad-token-nodes", Nodes, Fails(Auth, "Unspecified error (error -1); the token has expired")),
        ("bad-token-ping", Ping, Fails(Auth, "the token has expired")),
        ("unknown-node", Nodes, Fails(HttpStatus, "Invalid node name specified")),
    ];
    check("22.05.8", "v0.0.38", EXPIRED, &cases).await;
    let cases = [
        ("bad-token-ping", Ping, Fails(Auth, "no slurmctld answers, and the token has expired")),
        ("ok-ping", Ping, Alive),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, "(error 1800)")),
    ];
    check("24.11.5", "v0.0.42", EXPIRED, &cases).await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_served_says_so() {
    for (release, version) in [("22.05.8", "v0.0.38"), ("24.11.5", "v0.0.42"), ("26.05.5", "v0.0.45")] {
        let (absent, ping) = (recorded(release, "unknown-endpoint"), recorded(release, "ok-ping"));
        let server = Slurmrestd::start(move |asked| match asked.path().rsplit('/').next() {
            Some("ping") => Answer::Close(ping.clone()),
            _ => Answer::Close(absent.clone()),
        })
        .await;
        let source = rest(&server.url(), Some(version), token(VALID));
        let error = source.poll(Nodes, Timestamp::NONE).await.outcome.unwrap_err();
        assert_eq!((error.class, error.not_served), (HttpStatus, true), "{error}");
        assert!(error.message.contains("404 Not Found: Unable "), "{error}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_served_is_no_absent_endpoint() {
    let server = Slurmrestd::start(|_| Answer::Close(not_found())).await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    let error = source.poll(Nodes, Timestamp::NONE).await.outcome.unwrap_err();
    assert_eq!((error.class, error.not_served), (HttpStatus, false), "{error}");
    let expected = format!(
        "failed to poll nodes: {}/slurm: 404 for every API version that was tried: v0.0.42",
        server.url()
    );
    assert_eq!(error.message, expected);
}
