//! What is asked of both: good, bad and odd requests, byte by byte.
//! Not here: what is expected; the real one decides.

use std::time::{SystemTime, UNIX_EPOCH};

use mock_slurmrestd::http::token;

pub(super) struct Request {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Tokens {
    good: String,
    expired: String,
    foreign: String,
}

impl Tokens {
    pub(super) fn signed_with(key: &[u8]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let sign =
            |key: &[u8], from, lifespan| token(key, "slurmrest", from, lifespan).expect("it can be signed");
        Self {
            good: sign(key, now, 86_400),
            expired: sign(key, now - 7_200, 3_600),
            foreign: sign(b"another key", now, 86_400),
        }
    }
}

/// Paths that are asked for with a good token, as usual.
const PATHS: &[&str] = &[
    "/slurm/v0.0.42/ping",
    "/slurm/v0.0.42/diag",
    "/slurm/v0.0.42/nodes",
    "/slurm/v0.0.42/jobs",
    "/slurm/v0.0.42/jobs/state",
    "/slurm/v0.0.42/partitions",
    "/slurm/v0.0.42/reservations",
    "/slurm/v0.0.42/licenses",
    "/slurm/v0.0.42/shares",
    "/slurm/v0.0.40/ping",
    "/slurm/v0.0.40/nodes",
    "/slurm/v0.0.40/jobs",
    "/slurm/v0.0.41/diag",
    "/slurm/v0.0.41/partitions",
    "/slurmdb/v0.0.42/ping",
    "/slurmdb/v0.0.42/qos",
    "/slurmdb/v0.0.42/associations",
    "/slurmdb/v0.0.42/users",
    "/slurmdb/v0.0.42/accounts",
    "/slurmdb/v0.0.42/tres",
    "/slurmdb/v0.0.42/clusters",
    "/slurmdb/v0.0.42/wckeys",
    "/slurmdb/v0.0.42/instances",
    "/slurmdb/v0.0.42/jobs",
    "/slurmdb/v0.0.42/diag",
    "/slurm/v0.0.39/ping",
    "/slurm/v0.0.43/ping",
    "/slurm/v0.0.99/ping",
    "/slurm/v0.0.42/nope",
    "/slurm/v0.0.42",
    "/slurmdb/v0.0.42/nope",
    "/",
    "/nope",
    "/metrics",
    "/healthz",
    "//slurm//v0.0.42//ping",
    "/slurm/v0.0.42/ping/",
    "/slurm/v0.0.42/%70ing",
    "/slurm/v0.0.42/nodes?nope=1",
    "/slurm/v0.0.42/jobs?nope=1&again=2",
    "/slurm/v0.0.42/nodes?update_time=abc",
    "/slurm/v0.0.42/jobs?update_time=abc",
    "/slurm/v0.0.42/nodes?update_time=4000000000",
    "/slurm/v0.0.42/partitions?update_time=4000000000",
    "/slurm/v0.0.42/jobs?update_time=4000000000",
    "/slurm/v0.0.42/jobs?flags=NOPE",
    "/slurm/v0.0.42/jobs?flags=DETAIL",
    "/slurm/v0.0.42/node/nope",
    "/slurm/v0.0.42/job/99999999",
    "/slurm/v0.0.42/job/abc",
    "/slurm/v0.0.42/partition/nope",
    "/slurm/v0.0.42/partition/all",
    "/slurm/v0.0.42/reservation/nope",
    "/slurmdb/v0.0.42/jobs?start_time=nonsense",
    "/slurmdb/v0.0.42/qos?nope=1",
];

pub(super) fn requests(tokens: &Tokens) -> Vec<Request> {
    let Tokens { good, expired, foreign } = tokens;
    let named = format!("X-SLURM-USER-NAME: slurmrest\r\nX-SLURM-USER-TOKEN: {good}\r\n");
    let with = |name, method: &str, path: &str, headers: &str| Request {
        name,
        bytes: format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes(),
    };
    let ping = "/slurm/v0.0.42/ping";
    let get = |name, headers: &str| with(name, "GET", ping, &format!("{named}{headers}"));
    let method = |name: &'static str| with(name, name, ping, &named);
    let raw = |name, text: String| Request { name, bytes: text.into_bytes() };
    let token = |token: &str| format!("X-SLURM-USER-TOKEN: {token}\r\n");
    let nodes = "/slurm/v0.0.42/nodes";

    let mut all: Vec<_> = PATHS.iter().map(|path| with(path, "GET", path, &named)).collect();
    all.extend([
        with("no token", "GET", nodes, ""),
        with("no token, unknown path", "GET", "/nope", ""),
        with("name only", "GET", nodes, "X-SLURM-USER-NAME: slurmrest\r\n"),
        with("token only", "GET", ping, &token(good)),
        with("bearer", "GET", ping, &format!("Authorization: Bearer {good}\r\n")),
        with("basic", "GET", ping, "Authorization: Basic YTpi\r\n"),
        with("garbage token, nodes", "GET", nodes, &token("garbage")),
        with("garbage token, ping", "GET", ping, &token("garbage")),
        with("garbage token, jobs", "GET", "/slurm/v0.0.42/jobs", &token("garbage")),
        with("garbage token, qos", "GET", "/slurmdb/v0.0.42/qos", &token("garbage")),
        with("expired token, nodes", "GET", nodes, &token(expired)),
        with("expired token, ping", "GET", ping, &token(expired)),
        with("foreign token, diag", "GET", "/slurm/v0.0.42/diag", &token(foreign)),
        with("another's name", "GET", nodes, &format!("X-SLURM-USER-NAME: alice\r\n{}", token(good))),
        get("accept json", "Accept: application/json\r\n"),
        get("accept anything", "Accept: */*\r\n"),
        get("accept text", "Accept: text/plain\r\n"),
        get("accept a list", "Accept: text/html, application/json;q=0.9, */*;q=0.1\r\n"),
        get("accept openmetrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n"),
        get("accept gzip", "Accept-Encoding: gzip\r\n"),
        get("if modified since", "If-Modified-Since: Wed, 21 Oct 2099 07:28:00 GMT\r\n"),
        get("connection close", "Connection: close\r\n"),
        get("keep-alive", "Connection: keep-alive\r\n"),
        get("upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        get("expect", "Expect: 100-continue\r\nContent-Length: 0\r\n"),
        get("unknown header", "X-Nope: 1\r\n"),
        with(
            "headers in small letters",
            "GET",
            ping,
            &named.to_lowercase().replace(&good.to_lowercase(), good),
        ),
        method("HEAD"),
        method("POST"),
        method("PUT"),
        method("DELETE"),
        method("OPTIONS"),
        method("PATCH"),
        method("BOGUS"),
        with("POST without a length to submit", "POST", "/slurm/v0.0.42/job/submit", &named),
        raw("HTTP/1.0", format!("GET {ping} HTTP/1.0\r\n{named}\r\n")),
        raw("HTTP/1.0 keep-alive", format!("GET {ping} HTTP/1.0\r\nConnection: keep-alive\r\n{named}\r\n")),
        raw("no host", format!("GET {ping} HTTP/1.1\r\n{named}\r\n")),
        raw(
            "GET with a body",
            format!("GET {ping} HTTP/1.1\r\nHost: x\r\n{named}Content-Length: 2\r\n\r\n{{}}"),
        ),
        raw(
            "chunked body",
            format!("GET {ping} HTTP/1.1\r\nHost: x\r\n{named}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        raw("pipelined", format!("GET {ping} HTTP/1.1\r\nHost: x\r\n{named}\r\n").repeat(2)),
        raw("malformed", "NONSENSE\r\n\r\n".to_owned()),
        raw("http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        raw("absolute URL", format!("GET http://localhost{ping} HTTP/1.1\r\nHost: localhost\r\n{named}\r\n")),
        raw("lines without CR", format!("GET {ping} HTTP/1.1\nHost: x\n{}\n", named.replace('\r', ""))),
    ]);
    all
}
