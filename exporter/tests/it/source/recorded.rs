//! Every recorded error answer of every release is put into its class, from its exact bytes.

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
    /// A ping that no controller answered: a reading, and no error.
    Silent,
    /// A ping that a controller answered.
    Alive,
}

use Endpoint::{Diag, Jobs, Nodes, Partitions, Ping};
use ErrorClass::{Auth, Decode, HttpStatus, Partial};
use Expected::{Alive, Carries, Fails, Silent};

async fn check(release: &str, version: &str, jwt: &str, cases: &[(&str, Endpoint, Expected)]) {
    for (name, endpoint, expected) in cases {
        let bytes = recorded(release, name);
        let server = Slurmrestd::start(move |_| Answer::Close(bytes.clone())).await;
        let source = rest(&server.url(), Some(version), token(jwt));
        let poll = source.poll(*endpoint, Timestamp::NONE).await;
        let case = format!("{release} {name}");
        assert_eq!(poll.requests.len(), 1, "{case}");
        let outcome = poll.outcome;
        match (expected, outcome) {
            (Fails(class, words), Err(error)) => {
                assert_eq!(error.class, *class, "{case}: {error}");
                assert!(error.message.contains(words), "{case}: {error}");
                assert!(error.reading.is_none() && !error.not_served, "{case}");
                let url = format!("failed to poll {endpoint}: {}/slurm/{version}/{endpoint}: ", server.url());
                assert!(error.message.starts_with(&url), "{case}: {error}");
                assert!(!error.message.contains('\n'), "{case}: {error}");
            }
            (Carries(rows, words), Err(error)) => {
                assert_eq!(error.class, Partial, "{case}: {error}");
                assert!(error.message.contains(words), "{case}: {error}");
                let Some(Reading::Partitions(read)) = error.reading else { panic!("{case}: no data") };
                assert_eq!(read.rows.len(), *rows, "{case}");
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

const HINT_22_05: &str = "500 Internal Server Error: Unspecified error (error -1); slurmrestd 22.05 says this for a \
                          refused token and for a slurmctld that is down";

#[tokio::test]
async fn errors_of_22_05_are_classed() {
    let cases = [
        ("no-auth", Nodes, Fails(Auth, "401 Unauthorized: Authentication failure")),
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
        ("unknown-node", Nodes, Fails(HttpStatus, "Invalid node name specified (error 2018)")),
        ("bad-query-update_time", Nodes, Fails(HttpStatus, "400 Bad Request")),
        (
            "accept-text",
            Nodes,
            Fails(HttpStatus, "415 Unsupported Media Type: Accept content type is unknown"),
        ),
        // Nobody asked for changes only.
        ("if-modified-since", Nodes, Fails(HttpStatus, "304 Not Modified")),
        ("ok-ping", Ping, Alive),
    ];
    check("22.05.8", "v0.0.38", VALID, &cases).await;
}

#[tokio::test]
async fn errors_of_24_11_are_classed() {
    let cases = [
        ("no-auth", Nodes, Fails(Auth, "401 Unauthorized: Authentication failure")),
        (
            "bad-token-nodes",
            Nodes,
            Fails(Auth, "511 Network Authentication Required: Protocol authentication error"),
        ),
        ("bad-token-jobs", Jobs, Fails(Auth, "(error 1007)")),
        ("bad-token-diag", Diag, Fails(Auth, "(error 1007)")),
        ("bad-token-ping", Ping, Silent),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, "502 Bad Gateway: Unable to contact slurm controller")),
        ("ctlddown-jobs", Jobs, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-diag", Diag, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-partitions", Partitions, Fails(HttpStatus, "502 Bad Gateway")),
        ("ctlddown-ok-ping", Ping, Silent),
        ("unknown-node", Nodes, Fails(Partial, "200 with errors: No error (error 0)")),
        ("bad-query-update_time", Nodes, Fails(HttpStatus, "Unable to convert Data type (error 9202)")),
        ("accept-yaml", Ping, Fails(Decode, "the answer is application/yaml, not JSON")),
        ("ok-ping", Ping, Alive),
    ];
    check("24.11.5", "v0.0.42", VALID, &cases).await;
}

#[tokio::test]
async fn errors_of_26_05_are_classed_though_they_are_sent_twice() {
    let cases = [
        ("no-auth", Nodes, Fails(Auth, "401 Unauthorized: Authentication failure")),
        ("bad-token-nodes", Nodes, Fails(Auth, "(error 1007)")),
        ("bad-token-jobs", Jobs, Fails(Auth, "(error 1007)")),
        ("bad-token-diag", Diag, Fails(Auth, "(error 1007)")),
        ("bad-token-ping", Ping, Silent),
        // This recording ends early; the status is known all the same.
        ("expired-token-nodes", Nodes, Fails(Auth, "511 Network Authentication Required")),
        ("ctlddown-nodes", Nodes, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-jobs", Jobs, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-diag", Diag, Fails(HttpStatus, "(error 1800)")),
        ("ctlddown-partitions", Partitions, Fails(HttpStatus, "502 Bad Gateway")),
        ("ctlddown-ok-ping", Ping, Silent),
        ("unknown-node", Nodes, Fails(Partial, "200 with errors: No error (error 0)")),
        ("bad-query-update_time", Nodes, Fails(HttpStatus, "Unable to convert Data type (error 9202)")),
        ("dbddown-slurm-v0.0.45-partitions", Partitions, Carries(4, "Connection refused (error 111)")),
        // Followed by a header that came too late.
        ("ok-ping-close", Ping, Alive),
        ("ok-ping", Ping, Alive),
    ];
    check("26.05.5", "v0.0.45", VALID, &cases).await;
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
