//! Refusals and failures are those that were recorded: status line, headers in order, body.
//! Not here: rude endings of connections (faults.rs).

use crate::client::{Reply, get, start};
use crate::shapes::fixture;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Auth, Config};
use mock_slurmrestd::wire::ApiVersion;

type Headers<'a> = &'a [(&'a str, &'a str)];

const BAD: Headers = &[("X-SLURM-USER-TOKEN", "garbage")];
/// As in the key of [`guarded`], valid until the year 2096.
fn good() -> String {
    mock_slurmrestd::http::token(b"key", "slurm", 3_999_990_000, 10_000).unwrap()
}

fn guarded(last: ApiVersion) -> Config {
    let cluster = Cluster::new(&Size::of(20, 50), 1);
    Config { auth: Auth::key(b"key"), served: ApiVersion::V0_0_40..=last, ..Config::still(cluster) }
}

/// Values that depend on the machine of the recording.
fn neutral(body: &str) -> String {
    let line = |line: &str| {
        let machine =
            ["\"source\": \"[localhost]", "\"source\": \"127.0.0.1", "\"hostname\": ", "\"latency\": "];
        match machine.iter().find(|start| line.trim_start().starts_with(**start)) {
            Some(start) => format!("{start}..."),
            None => line.to_owned(),
        }
    };
    body.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn check(name: &str, reply: &Reply) {
    let recorded = std::fs::read_to_string(fixture(name)).unwrap();
    let (head, body) = recorded.split_once("\r\n\r\n").expect("a head and a body");
    let mut head = head.lines();
    assert_eq!(reply.status_line, head.next().unwrap(), "{name}");
    let names: Vec<_> = reply.headers.iter().map(|(key, _)| key.as_str()).collect();
    let expected: Vec<_> = head.clone().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(names, expected.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{name}");
    for (key, value) in expected.iter().filter(|(key, _)| *key != "Content-Length") {
        assert_eq!(reply.header(key), Some(*value), "{name}");
    }
    assert_eq!(reply.promised(), reply.body.len(), "{name}");
    assert_eq!(neutral(&reply.text()), neutral(body), "{name}");
    assert_eq!(reply.closed, reply.header("Connection").is_some(), "{name}: closed");
}

#[tokio::test]
async fn refusals_are_as_recorded_on_24_11() {
    let (address, simulator) = start(guarded(ApiVersion::V0_0_42)).await;
    let token = good();
    let welcome = [("X-SLURM-USER-TOKEN", token.as_str())];
    let accept_text = [welcome[0], ("Accept", "text/plain")];
    let cases: [(&str, &str, Headers); 9] = [
        ("no-auth", "/slurm/v0.0.42/nodes", &[]),
        ("unknown-path", "/slurm/v0.0.42/nope", &welcome),
        ("bad-token-nodes", "/slurm/v0.0.42/nodes", BAD),
        ("bad-token-jobs", "/slurm/v0.0.42/jobs", BAD),
        ("bad-token-diag", "/slurm/v0.0.42/diag", BAD),
        ("bad-token-ping", "/slurm/v0.0.42/ping", BAD),
        ("bad-query-update_time", "/slurm/v0.0.42/nodes?update_time=abc", &welcome),
        ("if-modified-since", "/slurm/v0.0.42/partitions?update_time=4000000000", &welcome),
        ("accept-text", "/slurm/v0.0.42/ping", &accept_text),
    ];
    for (name, path, headers) in cases {
        check(&format!("errors-v0.0.42/{name}.http"), &get(address, path, headers).await);
    }
    assert_eq!(simulator.requests().refused, 5);
    assert_eq!(simulator.requests().not_found, 1);
}

#[tokio::test]
async fn a_dead_slurmctld_is_as_recorded() {
    let config = Config { served: ApiVersion::V0_0_42..=ApiVersion::V0_0_45, ..guarded(ApiVersion::V0_0_45) };
    let (address, simulator) = start(Config { auth: Auth::Open, ..config }).await;
    simulator.set_faults(vec!["slurmctld-down:ms=0".parse().unwrap()]);
    for (name, endpoint) in [
        ("ctlddown-nodes", "nodes"),
        ("ctlddown-jobs", "jobs"),
        ("ctlddown-diag", "diag"),
        ("ctlddown-partitions", "partitions"),
        ("ctlddown-ok-ping", "ping"),
    ] {
        let reply = get(address, &format!("/slurm/v0.0.42/{endpoint}"), &[]).await;
        check(&format!("errors-v0.0.42/{name}.http"), &reply);
    }
    check("errors-v0.0.45/ctlddown-ok-ping.http", &get(address, "/slurm/v0.0.45/ping", &[]).await);
    assert_eq!(simulator.faults()[0].1, 6);
}

#[tokio::test]
async fn unchanged_jobs_are_an_empty_list_with_a_warning_and_changed_ones_are_all() {
    let (address, _) = start(guarded(ApiVersion::V0_0_45)).await;
    let token = good();
    let welcome = [("X-SLURM-USER-TOKEN", token.as_str())];
    let path = "/slurm/v0.0.45/jobs?update_time=";
    check(
        "errors-v0.0.45/jobs-not-modified.http",
        &get(address, &format!("{path}4000000000"), &welcome).await,
    );
    let all = get(address, &format!("{path}1000"), &welcome).await;
    assert!(all.body.len() > 50 * 7_000, "{}", all.body.len());
    check("errors-v0.0.45/bad-token-ping.http", &get(address, "/slurm/v0.0.45/ping", BAD).await);
}

#[tokio::test]
async fn only_versions_in_the_window_are_served() {
    let config = Config { served: ApiVersion::V0_0_42..=ApiVersion::V0_0_44, ..guarded(ApiVersion::V0_0_44) };
    let (address, _) = start(Config { auth: Auth::Open, ..config }).await;
    for (version, status) in [("v0.0.41", 404), ("v0.0.42", 200), ("v0.0.44", 200), ("v0.0.45", 404)] {
        let reply = get(address, &format!("/slurm/{version}/ping"), &[]).await;
        assert_eq!(reply.status(), status, "{version}");
        assert_eq!(reply.closed, status == 404, "{version}");
    }
}

#[tokio::test]
async fn success_has_exactly_two_headers_and_keeps_the_connection() {
    let (address, _) = start(Config { auth: Auth::Open, ..guarded(ApiVersion::V0_0_45) }).await;
    for path in ["ping", "diag", "nodes", "jobs", "jobs/state", "partitions"] {
        let reply = get(address, &format!("/slurm/v0.0.43/{path}"), &[]).await;
        let names: Vec<_> = reply.headers.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["Content-Length", "Content-Type"], "{path}");
        assert_eq!(
            (reply.status(), reply.closed, reply.promised()),
            (200, false, reply.body.len()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_a_warning() {
    let (address, _) = start(Config { auth: Auth::Open, ..guarded(ApiVersion::V0_0_42) }).await;
    let reply = get(address, "/slurm/v0.0.42/partitions?foo=1", &[]).await;
    assert_eq!(reply.status(), 200);
    let expected = "\"description\": \"Ignoring unknown field \\\"foo\\\" of type string in \
                    DATA_PARSER_OPENAPI_PARTITIONS_QUERY\",\n      \"source\": \"#\\/foo\\/\"";
    assert!(reply.text().contains(expected), "{}", reply.text());
}
