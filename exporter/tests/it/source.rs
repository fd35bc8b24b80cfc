//! The REST source against servers that behave well, badly and like slurmrestd.

mod connections;
mod recorded;
pub(crate) mod slurmrestd;
mod ways;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exporter::config::{Auth, Slurm, Token, TokenSource};
use exporter::model::{Endpoint, Reading, Timestamp};
use exporter::source::{ErrorClass, PollError, Rest, Source, SourceError};
use slurmrestd::{Answer, Slurmrestd, body, http, not_found, ok};
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// `{"exp":4102444800,"sun":"slurmrest"}`: good until 2100.
const VALID: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDAsInN1biI6InNsdXJtcmVzdCJ9.canary";

/// `{"exp":1,"sun":"slurmrest"}`: since 1970.
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEsInN1biI6InNsdXJtcmVzdCJ9.canary";

fn token(jwt: &str) -> TokenSource {
    TokenSource::Given(Token::from_text(jwt).unwrap())
}

fn section(url: &str, version: Option<&str>, token: TokenSource) -> Slurm {
    Slurm {
        url: url.parse().unwrap(),
        api_version: version.map(|version| exporter::wire::by_version(version).unwrap().version),
        auth: Auth { token, ..Auth::default() },
        ..Slurm::default()
    }
}

fn rest(url: &str, version: Option<&str>, token: TokenSource) -> Rest {
    Rest::new(&section(url, version, token)).unwrap()
}

async fn refusal(source: &Rest, endpoint: Endpoint) -> PollError {
    source.poll(endpoint, Timestamp::NONE).await.outcome.unwrap_err()
}

fn nodes() -> Vec<u8> {
    ok(body("24.11.5", "v0.0.42/nodes.json"))
}

fn ping() -> Vec<u8> {
    ok(body("24.11.5", "v0.0.42/ping.json"))
}

/// A file with a token, and the folder that it stands in.
fn token_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_poll_is_one_get_with_user_and_token_and_asks_for_no_compression() {
    let server = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    let answer = poll.outcome.unwrap();
    assert!(answer.rows > 0);
    assert_eq!(answer.release.slurm_version, "24.11.5");
    assert_eq!(poll.requests.len(), 1);
    assert_eq!(poll.requests[0].code, Some(200));
    assert_eq!(poll.requests[0].bytes, body("24.11.5", "v0.0.42/nodes.json").len() as u64);
    let [asked] = &server.asked()[..] else { panic!("more than one request") };
    assert!(asked.head.starts_with("GET /slurm/v0.0.42/nodes HTTP/1.1\r\n"));
    assert_eq!(asked.header("X-SLURM-USER-TOKEN"), Some(VALID));
    assert_eq!(asked.header("X-SLURM-USER-NAME"), Some("slurmrest"));
    assert_eq!(asked.header("Accept"), Some("application/json"));
    assert_eq!(asked.header("Accept-Encoding"), None);
    assert_eq!(source.token_expiry(), Some(4_102_444_800));
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_a_request_no_token() {
    let server = Slurmrestd::start(|_| Answer::Close(ping())).await;
    let source = rest(&format!("{}/restd/", server.url()), Some("v0.0.42"), TokenSource::None);
    assert!(source.poll(Endpoint::Ping, Timestamp::NONE).await.outcome.is_ok());
    let asked = &server.asked()[0];
    assert_eq!(asked.path(), "/restd/slurm/v0.0.42/ping");
    assert_eq!((asked.header("x-slurm-user-token"), asked.header("x-slurm-user-name")), (None, None));
}

#[tokio::test]
async fn the_newest_served_version_is_found_once() {
    let server = Slurmrestd::start(|asked| match asked.path().split('/').nth(2) {
        Some("v0.0.38" | "v0.0.40") => Answer::Close(ok(body("24.11.5", "v0.0.40/ping.json"))),
        _ => Answer::Close(not_found()),
    })
    .await;
    let source = rest(&server.url(), None, token(VALID));
    let first = source.poll(Endpoint::Ping, Timestamp::NONE).await;
    assert_eq!(first.outcome.unwrap().release.api_version, "v0.0.40");
    let codes: Vec<_> = first.requests.iter().map(|request| request.code.unwrap()).collect();
    assert_eq!(codes, [404, 404, 404, 404, 404, 200, 200]);
    let second = source.poll(Endpoint::Ping, Timestamp::NONE).await;
    assert_eq!(second.requests.len(), 1);
    assert_eq!(server.paths()[0], "/slurm/v0.0.45/ping");
}

#[tokio::test]
async fn polls_that_start_together_negotiate_once() {
    let server = Slurmrestd::start(|asked| match asked.path() {
        "/slurm/v0.0.42/ping" => Answer::Close(ping()),
        "/slurm/v0.0.42/nodes" => Answer::Close(nodes()),
        _ => Answer::Close(not_found()),
    })
    .await;
    let source = rest(&server.url(), None, token(VALID));
    let poll = |endpoint| source.poll(endpoint, Timestamp::NONE);
    let (one, two, three) = tokio::join!(poll(Endpoint::Ping), poll(Endpoint::Nodes), poll(Endpoint::Nodes));
    assert!(one.outcome.is_ok() && two.outcome.is_ok() && three.outcome.is_ok());
    // Four probes and three polls.
    assert_eq!(server.paths().len(), 7);
}

#[tokio::test]
async fn an_upgrade_of_slurm_is_followed_within_one_poll() {
    let is_upgraded = Arc::new(AtomicBool::new(false));
    let upgraded = Arc::clone(&is_upgraded);
    let server = Slurmrestd::start(move |asked| {
        let served = if upgraded.load(Ordering::SeqCst) { "v0.0.45" } else { "v0.0.42" };
        let release = if upgraded.load(Ordering::SeqCst) { "26.05.5" } else { "24.11.5" };
        let mut parts = asked.path().split('/').skip(2);
        match (parts.next() == Some(served), parts.next()) {
            (true, Some(endpoint)) => Answer::Close(ok(body(release, &format!("{served}/{endpoint}.json")))),
            _ => Answer::Close(not_found()),
        }
    })
    .await;
    let source = rest(&server.url(), None, token(VALID));
    let version =
        async || source.poll(Endpoint::Nodes, Timestamp::NONE).await.outcome.unwrap().release.api_version;
    assert_eq!(version().await, "v0.0.42");
    is_upgraded.store(true, Ordering::SeqCst);
    assert_eq!(version().await, "v0.0.45");
}

#[tokio::test]
async fn a_version_that_wants_a_better_token_is_served() {
    let server = Slurmrestd::start(|asked| match asked.path().split('/').nth(2) {
        Some("v0.0.44") => Answer::Close(slurmrestd::recorded("24.11.5", "bad-token-nodes")),
        _ => Answer::Close(not_found()),
    })
    .await;
    let error = refusal(&rest(&server.url(), None, token(VALID)), Endpoint::Nodes).await;
    assert_eq!(error.class, ErrorClass::Auth);
    assert!(error.message.contains("/slurm/v0.0.44/nodes: 511"), "{error}");
}

#[tokio::test]
async fn expired_token_is_reread_once() {
    let (_folder, file) = token_file("old");
    let rotated = file.clone();
    let server = Slurmrestd::start(move |asked| match asked.header("x-slurm-user-token") {
        Some("new") => Answer::Close(nodes()),
        _ => {
            std::fs::write(&rotated, "new\n").unwrap();
            Answer::Close(slurmrestd::recorded("26.05.5", "bad-token-nodes"))
        }
    })
    .await;
    let source = rest(&server.url(), Some("v0.0.42"), TokenSource::File(file));
    let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert!(poll.outcome.is_ok());
    let codes: Vec<_> = poll.requests.iter().map(|request| request.code.unwrap()).collect();
    assert_eq!(codes, [511, 200]);
    assert_eq!(source.poll(Endpoint::Nodes, Timestamp::NONE).await.requests.len(), 1);
}

#[tokio::test]
async fn a_ping_that_nobody_answers_has_the_token_reread() {
    let (_folder, file) = token_file("old");
    let rotated = file.clone();
    let server = Slurmrestd::start(move |asked| match asked.header("x-slurm-user-token") {
        Some("new") => Answer::Close(ping()),
        _ => {
            std::fs::write(&rotated, "new").unwrap();
            Answer::Close(slurmrestd::recorded("24.11.5", "bad-token-ping"))
        }
    })
    .await;
    let source = rest(&server.url(), Some("v0.0.42"), TokenSource::File(file));
    let Reading::Ping(read) = source.poll(Endpoint::Ping, Timestamp::NONE).await.outcome.unwrap().reading
    else {
        panic!("no ping");
    };
    assert!(read.rows[0].up);
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_not_tried_a_third_time() {
    let (_folder, file) = token_file("0");
    let rotated = file.clone();
    let server = Slurmrestd::start(move |asked| {
        // Another token after each request.
        std::fs::write(&rotated, format!("{}1", asked.header("x-slurm-user-token").unwrap())).unwrap();
        Answer::Close(slurmrestd::recorded("24.11.5", "no-auth"))
    })
    .await;
    let source = rest(&server.url(), Some("v0.0.42"), TokenSource::File(file));
    let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert_eq!(poll.outcome.unwrap_err().class, ErrorClass::Auth);
    assert_eq!(poll.requests.len(), 2);
}

#[tokio::test]
async fn a_failure_is_not_tried_again() {
    let server = Slurmrestd::start(|_| Answer::Close(http("500 X", "application/json", "{}"))).await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    for _ in 0..3 {
        assert_eq!(refusal(&source, Endpoint::Jobs).await.class, ErrorClass::HttpStatus);
    }
    assert_eq!(server.paths().len(), 3);
}

#[tokio::test]
async fn what_follows_an_answer_is_not_taken_for_the_next_one() {
    // Both answers of 26.05 at once, without its "Connection: Close", on a connection that stays open.
    let twice = String::from_utf8(slurmrestd::recorded("26.05.5", "no-auth")).unwrap();
    let twice = twice.replace("Connection: Close\r\n", "");
    assert_eq!(twice.matches("HTTP/1.1 401").count(), 2);
    let server = Slurmrestd::start(move |asked| match asked.connection {
        0 => Answer::Keep(twice.clone().into_bytes()),
        _ => Answer::Keep(nodes()),
    })
    .await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    assert_eq!(refusal(&source, Endpoint::Nodes).await.class, ErrorClass::Auth);
    for _ in 0..2 {
        assert!(source.poll(Endpoint::Nodes, Timestamp::NONE).await.outcome.is_ok());
    }
    let connections: Vec<_> = server.asked().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 1, 2]);
}

#[tokio::test]
async fn no_database_is_an_answer_and_a_token_that_it_refuses_is_not() {
    for (release, recorded, class) in [
        ("26.05.5", "dbddown-slurmdb-v0.0.45-ping", ErrorClass::HttpStatus),
        ("24.11.5", "bad-token-slurmdb", ErrorClass::Auth),
    ] {
        let server = Slurmrestd::start(|_| Answer::Close(slurmrestd::recorded(release, recorded))).await;
        let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
        let error = refusal(&source, Endpoint::DatabasePing).await;
        assert_eq!(error.class, class, "{error}");
        let is_down = matches!(&error.reading, Some(Reading::DatabasePing(found)) if found.rows.is_empty());
        assert_eq!(is_down, class == ErrorClass::HttpStatus, "{error}");
        assert_eq!(server.paths(), ["/slurmdb/v0.0.42/ping"]);
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_carries_no_token() {
    let elsewhere = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let away = format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let server = Slurmrestd::start(move |_| Answer::Close(away.clone().into_bytes())).await;
    let error = refusal(&rest(&server.url(), Some("v0.0.42"), token(VALID)), Endpoint::Nodes).await;
    assert_eq!(error.class, ErrorClass::HttpStatus);
    assert!(error.message.ends_with("302 Found"), "{error}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error_in_one_line() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let source = rest(&url, None, token(VALID));
    let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert_eq!(poll.requests[0].code, None);
    let error = poll.outcome.unwrap_err();
    assert_eq!(error.class, ErrorClass::Connect);
    let expected =
        format!("failed to poll nodes: {url}/slurm/v0.0.45/ping: Connection refused (os error 111)");
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let mut half = nodes();
    half.truncate(5_000);
    for head in [Vec::new(), half] {
        let server = Slurmrestd::start(move |_| match head.is_empty() {
            true => Answer::Silence,
            false => Answer::Keep(head.clone()),
        })
        .await;
        let slurm = Slurm {
            request_timeout: Some(Duration::from_millis(300)),
            ..section(&server.url(), Some("v0.0.42"), token(VALID))
        };
        let error = refusal(&Rest::new(&slurm).unwrap(), Endpoint::Nodes).await;
        assert_eq!(error.class, ErrorClass::Timeout, "{error}");
        assert!(error.message.ends_with("no complete answer in time"), "{error}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_told_from_a_broken_document() {
    let whole = body("24.11.5", "v0.0.42/nodes.json");
    let half = &whole[..whole.len() / 2];
    let mut cut = nodes();
    cut.truncate(cut.len() - 1_000);
    let cases = [
        (cut, ErrorClass::Connect, "end of file before message length reached"),
        (Vec::new(), ErrorClass::Connect, "connection closed before message completed"),
        (ok(half), ErrorClass::Decode, "the answer ends in the middle"),
        (ok("{\"nodes\": [{\"name\": }]}"), ErrorClass::Decode, "invalid JSON"),
        (ok("[]"), ErrorClass::Decode, "not a JSON object"),
        (
            http("200 OK", "text/html; charset=utf-8", "<p>"),
            ErrorClass::Decode,
            "the answer is text/html, not JSON",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n".to_vec(), ErrorClass::Decode, "not an HTTP answer"),
        (http("500 X", "application/json", half), ErrorClass::HttpStatus, "500 Internal Server Error"),
    ];
    for (bytes, class, words) in cases {
        let server = Slurmrestd::start(move |_| Answer::Close(bytes.clone())).await;
        let error = refusal(&rest(&server.url(), Some("v0.0.42"), token(VALID)), Endpoint::Nodes).await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_field_that_went_away_is_named() {
    let without =
        String::from_utf8(body("24.11.5", "v0.0.42/nodes.json")).unwrap().replace("\"nodes\"", "\"nodez\"");
    let server = Slurmrestd::start(move |_| Answer::Close(ok(&without))).await;
    let error = refusal(&rest(&server.url(), Some("v0.0.42"), token(VALID)), Endpoint::Nodes).await;
    assert_eq!((error.class, error.drifted_field.as_deref()), (ErrorClass::Decode, Some("nodes")));
    assert!(error.message.ends_with("/nodes: the answer has no \"nodes\""), "{error}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    const LIMIT: u64 = 64 << 10;
    let announced =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                    a\r\n{\"nodes\":[\r\n"
        .to_vec();
    let blanks = [b"1000\r\n".to_vec(), vec![b' '; 4096], b"\r\n".to_vec()].concat();
    for (head, part) in [(announced, vec![b' '; 4096]), (chunked, blanks)] {
        let answer = move |_: &slurmrestd::Asked| Answer::Endless { head: head.clone(), part: part.clone() };
        let server = Slurmrestd::start(answer).await;
        let slurm = Slurm { max_body_bytes: LIMIT, ..section(&server.url(), Some("v0.0.42"), token(VALID)) };
        let poll = Rest::new(&slurm).unwrap().poll(Endpoint::Nodes, Timestamp::NONE).await;
        let error = poll.outcome.unwrap_err();
        assert_eq!(error.class, ErrorClass::TooLarge, "{error}");
        assert!(
            error.message.contains("bytes") && error.message.contains("slurm.max_body_bytes (65536)"),
            "{error}"
        );
        // One read of the client's may pass the limit.
        assert!(poll.requests[0].bytes <= LIMIT + (512 << 10));
    }
}

#[tokio::test]
async fn an_answer_that_would_take_too_much_memory_is_not_kept() {
    let mut rows = String::from("{\"jobs\": [");
    for id in 1..20_000 {
        rows.push_str(&format!(
            "{{\"job_id\": {id}, \"job_state\": [\"PENDING\"], \"partition\": \"all\", \"cpus\": 1, \"node_count\": 1, \
             \"tres_req_str\": \"cpu=1\", \"tres_alloc_str\": \"\", \
             \"account\": \"account{id}\"}},"
        ));
    }
    rows.push_str("{}]}");
    let server = Slurmrestd::start(move |_| Answer::Close(ok(&rows))).await;
    let slurm = Slurm { max_reading_bytes: 1 << 20, ..section(&server.url(), Some("v0.0.42"), token(VALID)) };
    let error = refusal(&Rest::new(&slurm).unwrap(), Endpoint::Jobs).await;
    assert_eq!(error.class, ErrorClass::TooLarge, "{error}");
    assert!(error.message.contains("more memory than slurm.max_reading_bytes (1048576)"), "{error}");
    assert_eq!(error.drifted_field, None);
}

#[tokio::test]
async fn jobs_are_asked_for_since_the_last_change() {
    let since = Timestamp::from_unix(Some(1_795_223_058));
    let unchanged = r#"{"jobs":[],"last_update":{"set":true,"infinite":false,"number":0},"errors":[],
        "warnings":[{"description":"No job changes since update_time[1795223058]","source":"x"}],
        "meta":{"slurm":{"release":"24.11.5","cluster":"sim"}}}"#;
    let not_modified = slurmrestd::recorded("22.05.8", "if-modified-since");
    for bytes in [ok(unchanged), not_modified] {
        let server = Slurmrestd::start(move |asked| match asked.path().contains("update_time") {
            true => Answer::Close(bytes.clone()),
            false => Answer::Close(ok(body("24.11.5", "v0.0.42/jobs.json"))),
        })
        .await;
        let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
        let first = source.poll(Endpoint::Jobs, Timestamp::NONE).await.outcome.unwrap();
        let second = source.poll(Endpoint::Jobs, since).await.outcome.unwrap();
        assert!(!first.unchanged && second.unchanged);
        // A 304 says nothing of itself; it comes from whom the answer before came.
        assert_eq!(first.release, second.release);
        assert_eq!(server.paths(), ["/slurm/v0.0.42/jobs", "/slurm/v0.0.42/jobs?update_time=1795223058"]);
    }
}

#[tokio::test]
async fn partitions_are_read_again_only_when_they_changed() {
    // Without Content-Length, and the connection stays open (24.11 and 26.05).
    let server = Slurmrestd::start(|asked| match asked.path().contains("update_time") {
        true => Answer::Keep(b"HTTP/1.1 304 NOT MODIFIED\r\n\r\n".to_vec()),
        false => Answer::Close(ok(body("24.11.5", "v0.0.42/partitions.json"))),
    })
    .await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    let first = source.poll(Endpoint::Partitions, Timestamp::NONE).await.outcome.unwrap();
    let Reading::Partitions(read) = first.reading else { panic!("no partitions") };
    assert!(read.last_update.get().is_some());
    let second = source.poll(Endpoint::Partitions, read.last_update).await;
    assert_eq!(second.requests[0].code, Some(304));
    assert!(second.outcome.unwrap().unchanged);
}

#[tokio::test]
async fn nodes_are_never_asked_for_since_a_change() {
    let server = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    assert!(source.poll(Endpoint::Nodes, Timestamp::from_unix(Some(5))).await.outcome.is_ok());
    assert_eq!(server.paths(), ["/slurm/v0.0.42/nodes"]);
}

#[tokio::test]
async fn data_beside_errors_is_partial_and_kept() {
    let jobs = body("24.11.5", "v0.0.42/jobs.json");
    let document: serde_json::Value = serde_json::from_slice(&jobs).unwrap();
    let rows = document["jobs"].as_array().unwrap().len();
    let mut with_errors = document;
    with_errors["errors"] = serde_json::json!([{"error": "Unable to convert", "error_number": 9202}]);
    let with_errors = with_errors.to_string().into_bytes();
    for (status, bytes) in [(200, &with_errors), (500, &with_errors), (500, &jobs)] {
        let server = MockServer::start().await;
        Mock::given(path("/slurm/v0.0.42/jobs"))
            .and(header("x-slurm-user-token", VALID))
            .respond_with(ResponseTemplate::new(status).set_body_raw(bytes.clone(), "application/json"))
            .expect(1)
            .mount(&server)
            .await;
        let error = refusal(&rest(&server.uri(), Some("v0.0.42"), token(VALID)), Endpoint::Jobs).await;
        assert_eq!(error.class, ErrorClass::Partial, "{status}: {error}");
        let Some(Reading::Jobs(read)) = error.reading else { panic!("{status}: no data") };
        assert_eq!(read.rows.len(), rows);
    }
}

#[tokio::test]
async fn rights_that_are_missing_are_an_auth_error_under_any_status() {
    let denied = r#"{"nodes":[{}],"errors":[{"error":"Access/permission denied","error_number":2002}]}"#;
    let denied = denied.replace("{}", "");
    for status in [200, 500, 502] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(denied.clone(), "application/json");
        Mock::given(path("/slurm/v0.0.42/nodes")).respond_with(answer).mount(&server).await;
        let error = refusal(&rest(&server.uri(), Some("v0.0.42"), token(VALID)), Endpoint::Nodes).await;
        assert_eq!(error.class, ErrorClass::Auth, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_quotes_the_token_does_not_make_us_log_it() {
    let quoting = http("400 X", "text/plain", format!("bad header {VALID}\r\nsecond line"));
    let server = Slurmrestd::start(move |_| Answer::Close(quoting.clone())).await;
    let source = rest(&server.url(), Some("v0.0.42"), token(VALID));
    let error = refusal(&source, Endpoint::Nodes).await;
    assert!(error.message.ends_with("400 Bad Request: bad header [token] second line"), "{error}");
    assert!(!format!("{error:?} {source:?} {source:#?}").contains("canary"));
}

#[test]
fn a_token_file_that_is_missing_stops_the_start_in_one_line() {
    let slurm = section("http://127.0.0.1:1", None, TokenSource::File("/nonexistent/token".into()));
    let error = Rest::new(&slurm).unwrap_err();
    assert!(matches!(error, SourceError::TokenFile { .. }));
    assert_eq!(
        error.to_string(),
        "failed to read the token file /nonexistent/token: No such file or directory (os error 2)"
    );
}
