//! Every recorded error answer, and every oddity of a connection, byte by byte: three releases, one table each.
//! Not here: rude endings of connections (faults.rs).

use crate::client::{raw, start};
use crate::shapes::fixture;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Auth, Config};
use mock_slurmrestd::wire::{ApiVersion, Face, Release};
use std::path::{Path, PathBuf};

/// As in the key of [`guarded`], valid until the year 2096.
fn good() -> String {
    mock_slurmrestd::http::token(b"key", "slurm", 3_999_990_000, 10_000).unwrap()
}

fn guarded(release: Release) -> Config {
    let config = Config::still(Cluster::new(&Size::of(20, 50), 1)).as_release(release);
    Config { auth: Auth::key(b"key"), ..config }
}

/// The recordings of error answers are shared with the exporter's tests.
fn recordings(release: Release) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../exporter/tests/fixtures/errors").join(release.name())
}

/// Values that depend on the machine of the recording, and the length that follows from them.
fn neutral(text: &str) -> String {
    let machine = [
        "\"source\": \"[localhost]",
        "\"source\": \"127.0.0.1",
        "\"user\": \"",
        "\"group\": \"",
        "\"hostname\": ",
        "\"latency\": ",
        "\"cluster\": ",
        "!!str source: ",
        "!!str user: ",
        "!!str group: ",
        "!!str hostname: ",
        "- !!str hostname: ",
        "!!str latency: ",
        "!!str cluster: ",
    ];
    let mut json_head = false;
    let line = |line: &str| {
        let start = line.trim_start();
        json_head = json_head || start.starts_with("Content-Length: ");
        match machine.iter().find(|machine| start.starts_with(**machine)) {
            Some(start) => format!("{start}..."),
            // Texts are short and the same everywhere.
            None if start.strip_prefix("Content-Length: ").is_some_and(|length| length.len() > 2) => {
                "Content-Length: ...".to_owned()
            }
            None => line.to_owned(),
        }
    };
    text.replace("\r\n", "\n").lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Requests by the name of their recording; `V` stands for the version, `AUTH` for headers with a good token.
fn request(name: &str) -> Option<String> {
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let bad = "X-SLURM-USER-NAME: slurm\r\nX-SLURM-USER-TOKEN: garbage\r\n";
    let of = |endpoint: &str| format!("/slurm/V/{endpoint}");
    let known = |endpoint: &str| Some(get(&of(endpoint), "AUTH"));
    match name {
        "no-auth" => Some(get(&of("nodes"), "")),
        "no-token-name-only" => Some(get(&of("nodes"), "X-SLURM-USER-NAME: slurm\r\n")),
        "bearer" => Some(get(&of("ping"), "Authorization: Bearer <jwt>\r\n")),
        "token-only-no-name" => Some(get(&of("nodes"), "X-SLURM-USER-TOKEN: <jwt>\r\n")),
        "bad-token-jobs" | "bad-token-diag" | "bad-token-ping" => Some(get(&of(&name[10..]), bad)),
        "bad-token-nodes" | "garbage-token" => Some(get(&of("nodes"), bad)),
        "wrong-user" | "other-user-name" => {
            Some(get(&of("nodes"), "X-SLURM-USER-NAME: root\r\nX-SLURM-USER-TOKEN: <jwt>\r\n"))
        }
        "unknown-path" => Some(get("/nope", "AUTH")),
        "root" => Some(get("/", "AUTH")),
        "metrics" => Some(get("/metrics", "AUTH")),
        "healthz" => Some(get("/healthz", "AUTH")),
        "unknown-endpoint" => known("nope"),
        "unknown-api" => Some(get("/slurm/v0.0.99/ping", "AUTH")),
        "old-api" => Some(get("/slurm/v0.0.36/nodes", "AUTH")),
        "unknown-node" => known("node/nosuch"),
        "unknown-job" => known("job/99999999"),
        "job-not-number" => known("job/abc"),
        "unknown-partition" => known("partition/nosuch"),
        "unknown-reservation" => known("reservation/nosuch"),
        "bad-query-update_time" => known("nodes?update_time=abc"),
        "bad-query-flags" => known("jobs?flags=NOPE"),
        "if-modified-since" => known("partitions?update_time=4000000000"),
        "jobs-not-modified" => known("jobs?update_time=4000000000"),
        "bad-token-slurmdb" => Some(get("/slurmdb/V/qos", bad)),
        "slurmdb-jobs-badtime" => Some(get("/slurmdb/V/jobs?start_time=garbage", "AUTH")),
        "method-put" | "method-delete" | "method-options" | "method-head" => {
            let method = name[7..].to_uppercase();
            Some(format!("{method} /slurm/V/ping HTTP/1.1\r\nHost: x\r\nAUTH\r\n"))
        }
        "method-post-nolen" => Some("POST /slurm/V/ping HTTP/1.1\r\nHost: x\r\nAUTH\r\n".to_owned()),
        "method-bogus" => Some("FROB /slurm/V/ping HTTP/1.1\r\nHost: x\r\nAUTH\r\n".to_owned()),
        "malformed" => Some("what is this\r\n\r\n".to_owned()),
        "http2-preface" => Some("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        "chunked-req" => Some(get(&of("ping"), "AUTHTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        "get-with-body" => {
            let headers = "AUTHContent-Type: application/json\r\nContent-Length: 2\r\n";
            Some(get(&of("ping"), headers) + "{}")
        }
        "accept-text" => Some(get(&of("ping"), "AUTHAccept: text/plain\r\n")),
        "accept-yaml" => Some(get(&of("ping"), "AUTHAccept: application/yaml\r\n")),
        "ok-ping" => known("ping"),
        "ok-ping-close" => Some(get(&of("ping"), "AUTHConnection: close\r\n")),
        "ok-ping-http10" => Some("GET /slurm/V/ping HTTP/1.0\r\nAUTH\r\n".to_owned()),
        "expect100" => Some(get(&of("ping"), "AUTHExpect: 100-continue\r\n")),
        "double-slash" => Some(get("//slurm//V//ping", "AUTH")),
        "trailing-slash" => known("ping/"),
        _ => None,
    }
}

/// What needs another server, or was recorded in part, and is checked below.
fn is_apart(name: &str) -> bool {
    name.starts_with("ctlddown-")
        || name.starts_with("dbddown-")
        || ["expired-token-nodes", "bad-query-flags"].contains(&name)
}

fn filled(request: &str, face: Face) -> String {
    let auth = "X-SLURM-USER-NAME: slurm\r\nX-SLURM-USER-TOKEN: <jwt>\r\n";
    request.replace("AUTH", auth).replace("<jwt>", &good()).replace("/V/", &format!("/{}/", face.api))
}

fn newest(release: Release) -> Face {
    let api = if release == Release::S24_11 { ApiVersion::V0_0_42 } else { *release.versions().end() };
    Face { release, api }
}

async fn check_all(release: Release, least: usize) {
    let face = newest(release);
    let (address, _) = start(guarded(release)).await;
    let own = fixture(face, "connection");
    let (mut checked, mut wrong) = (0, Vec::new());
    for folder in [recordings(release), own] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if is_apart(&name) {
                continue;
            }
            let request = request(&name).unwrap_or_else(|| panic!("no request for {name}"));
            let ours = raw(address, &filled(&request, face)).await;
            let (ours, theirs) =
                (neutral(&ours), neutral(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())));
            checked += 1;
            if ours != theirs {
                wrong.push(format!("{release} {name}:\n--- ours\n{ours}\n--- recorded\n{theirs}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked >= least, "only {checked} recordings");
}

#[tokio::test]
async fn every_recorded_answer_of_22_05_comes_byte_by_byte() {
    check_all(Release::S22_05, 38).await;
}

#[tokio::test]
async fn every_recorded_answer_of_24_11_comes_byte_by_byte() {
    check_all(Release::S24_11, 38).await;
}

#[tokio::test]
async fn every_recorded_answer_of_26_05_comes_byte_by_byte() {
    check_all(Release::S26_05, 38).await;
}

/// A dead slurmctld; the delay of nine or ten seconds is left out.
#[tokio::test]
async fn a_dead_slurmctld_is_as_recorded() {
    for release in [Release::S22_05, Release::S24_11, Release::S26_05] {
        let face = newest(release);
        let (address, simulator) = start(guarded(release)).await;
        simulator.set_faults(vec!["slurmctld-down:ms=0".parse().unwrap()]);
        for name in ["nodes", "jobs", "diag", "partitions", "ok-ping", "bad-token-nodes", "bad-token-ping"] {
            let path = recordings(release).join(format!("ctlddown-{name}.http"));
            let (auth, endpoint) = match name.strip_prefix("bad-token-") {
                // Nobody is there to refuse it.
                Some(endpoint) => ("X-SLURM-USER-NAME: slurm\r\nX-SLURM-USER-TOKEN: garbage\r\n", endpoint),
                None => ("AUTH", name.trim_start_matches("ok-")),
            };
            let request = format!("GET /slurm/V/{endpoint} HTTP/1.1\r\nHost: x\r\n{auth}\r\n");
            let ours = neutral(&raw(address, &filled(&request, face)).await);
            assert_eq!(ours, neutral(&std::fs::read_to_string(path).unwrap()), "{release} {name}");
        }
    }
}

#[tokio::test]
async fn a_dead_slurmdbd_is_as_recorded() {
    let release = Release::S26_05;
    let face = newest(release);
    let (address, simulator) = start(guarded(release)).await;
    simulator.set_faults(vec!["slurmdbd-down".parse().unwrap()]);
    for name in ["ping", "qos", "tres"] {
        let path = recordings(release).join(format!("dbddown-slurmdb-{}-{name}.http", face.api));
        let request = format!("GET /slurmdb/V/{name} HTTP/1.1\r\nHost: x\r\nAUTH\r\n");
        let ours = neutral(&raw(address, &filled(&request, face)).await);
        assert_eq!(first(&ours), first(&neutral(&std::fs::read_to_string(path).unwrap())), "{name}");
    }
    // Partitions are other ones; all around them is the same.
    let path = recordings(release).join(format!("dbddown-slurm-{}-partitions.http", face.api));
    let around = |text: &str| {
        let text = neutral(text);
        let (head, rest) = text.split_once("\"partitions\": [").unwrap();
        let (first, _) = rest.split_once("\n    },").unwrap();
        let keys: Vec<_> = first.lines().filter_map(|line| Some(line.split_once("\": ")?.0)).collect();
        let (_, end) = rest.split_once("\"meta\": {").unwrap();
        format!("{head}{}{end}", keys.join("\n"))
    };
    let request = "GET /slurm/V/partitions HTTP/1.1\r\nHost: x\r\nAUTH\r\n";
    let ours = raw(address, &filled(request, face)).await;
    assert_eq!(first(&around(&ours)), around(&std::fs::read_to_string(path).unwrap()));
    // Recorded as 200, with nothing of it in the answer.
    for path in ["/slurm/V/ping", "/slurm/V/diag", "/slurm/V/job/1001", "/slurm/V/shares"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAUTH\r\n");
        let answer = raw(address, &filled(&request, face)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Length: "), "{path}: {answer}");
        assert!(answer.contains("\"errors\": []"), "{path}");
    }
}

/// The recordings of a dead slurmdbd were made by a client that stops at the end of the first answer.
fn first(text: &str) -> &str {
    let again = text[1..].find("HTTP/1.1 ").map_or(text.len(), |at| at + 1);
    &text[..again]
}

#[tokio::test]
async fn an_expired_token_is_as_recorded() {
    let face = newest(Release::S26_05);
    let (address, _) = start(guarded(face.release)).await;
    let expired = mock_slurmrestd::http::token(b"key", "slurm", 1_000, 10).unwrap();
    let auth = format!("X-SLURM-USER-NAME: slurm\r\nX-SLURM-USER-TOKEN: {expired}\r\n");
    let request = format!("GET /slurm/{}/nodes HTTP/1.1\r\nHost: x\r\n{auth}\r\n", face.api);
    let ours = neutral(&raw(address, &request).await);
    let recorded =
        std::fs::read_to_string(recordings(face.release).join("expired-token-nodes.http")).unwrap();
    // It was recorded in part.
    assert!(ours.starts_with(neutral(&recorded).trim_end()), "{ours}");
    assert!(recorded.len() > 250);
}

/// 22.05 refuses it, which is compared above; the later ones list a thousand nodes.
#[tokio::test]
async fn a_token_without_a_name_is_enough_from_24_11_on() {
    for release in [Release::S24_11, Release::S26_05] {
        let face = newest(release);
        let (address, _) = start(guarded(release)).await;
        let alone = format!("X-SLURM-USER-TOKEN: {}\r\n", good());
        let request = format!("GET /slurm/{}/nodes HTTP/1.1\r\nHost: x\r\n{alone}\r\n", face.api);
        let answer = raw(address, &request).await;
        let head = answer.split("\r\n\r\n").next().unwrap();
        let names: Vec<_> = head.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(names, ["HTTP/1.1 200 OK", "Content-Length", "Content-Type"], "{release}");
        assert!(answer.contains("\"nodes\": [\n    {"), "{release}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_on_one_connection() {
    for release in Release::ALL {
        let (address, _) = start(guarded(release)).await;
        let face = Face { release, api: *release.versions().end() };
        let ping = filled("GET /slurm/V/ping HTTP/1.1\r\nHost: x\r\nAUTH\r\n", face);
        let last = filled("GET /slurm/V/nope HTTP/1.1\r\nHost: x\r\nAUTH\r\n", face);
        let all = raw(address, &format!("{ping}{ping}{last}")).await;
        let again = if release == Release::S26_05 { 2 } else { 1 };
        assert_eq!(
            (all.matches("200 OK").count(), all.matches("404 NOT FOUND").count()),
            (2, again),
            "{release}"
        );
    }
}

#[tokio::test]
async fn only_versions_of_the_release_are_served() {
    let (address, _) = start(Config { auth: Auth::Open, ..guarded(Release::S25_11) }).await;
    for (version, status) in [("v0.0.40", 404), ("v0.0.41", 200), ("v0.0.44", 200), ("v0.0.45", 404)] {
        let reply = crate::client::get(address, &format!("/slurm/{version}/ping"), &[]).await;
        assert_eq!(reply.status(), status, "{version}");
        assert_eq!(reply.closed, status == 404, "{version}");
    }
}

#[tokio::test]
async fn success_has_exactly_two_headers_and_keeps_the_connection() {
    let (address, _) = start(Config { auth: Auth::Open, ..guarded(Release::S26_05) }).await;
    for path in ["ping", "diag", "nodes", "jobs", "jobs/state", "partitions", "node/cpu0001", "partition/all"]
    {
        let reply = crate::client::get(address, &format!("/slurm/v0.0.43/{path}"), &[]).await;
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
    let (address, _) = start(Config { auth: Auth::Open, ..guarded(Release::S24_11) }).await;
    let reply = crate::client::get(address, "/slurm/v0.0.42/partitions?foo=1", &[]).await;
    assert_eq!(reply.status(), 200);
    let expected = "\"description\": \"Ignoring unknown field \\\"foo\\\" of type string in \
                    DATA_PARSER_OPENAPI_PARTITIONS_QUERY\",\n      \"source\": \"#\\/foo\\/\"";
    assert!(reply.text().contains(expected), "{}", reply.text());
}
