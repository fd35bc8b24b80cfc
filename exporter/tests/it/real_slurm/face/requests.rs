//! What is asked of both: good, bad and odd requests, byte by byte.
//! Not here: what is expected; the real one decides.

use std::time::{SystemTime, UNIX_EPOCH};

use mock_slurmrestd::http::token;

pub(super) struct Request {
    pub(super) name: String,
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

/// Paths that are asked for with a good token, as usual; `V` is the newest version. Jobs since long ago, as shortly
/// after midnight there are none of today.
const PATHS: &[&str] = &[
    "/slurm/V/ping",
    "/slurm/V/diag",
    "/slurm/V/nodes",
    "/slurm/V/jobs",
    "/slurm/V/jobs/state",
    "/slurm/V/partitions",
    "/slurm/V/reservations",
    "/slurm/V/licenses",
    "/slurm/V/shares",
    "/slurmdb/V/ping",
    "/slurmdb/V/qos",
    "/slurmdb/V/associations",
    "/slurmdb/V/users",
    "/slurmdb/V/users?with_assocs=true",
    "/slurmdb/V/accounts",
    "/slurmdb/V/tres",
    "/slurmdb/V/clusters",
    "/slurmdb/V/wckeys",
    "/slurmdb/V/instances",
    "/slurmdb/V/jobs?start_time=uts1700000000",
    "/slurmdb/V/jobs?state=RUNNING",
    "/slurmdb/V/config",
    "/slurmdb/V/diag",
    "/slurm/v0.0.35/ping",
    "/slurm/v0.0.39/ping",
    "/slurm/v0.0.46/ping",
    "/slurm/v0.0.99/ping",
    "/slurm/V/nope",
    "/slurm/V",
    "/slurmdb/V/nope",
    "/",
    "/nope",
    "/metrics",
    "/healthz",
    "/openapi/v3",
    "//slurm//V//ping",
    "/slurm/V/ping/",
    "/slurm/V/%70ing",
    "/slurm/V/nodes?nope=1",
    "/slurm/V/jobs?nope=1&again=2",
    "/slurm/V/nodes?update_time=abc",
    "/slurm/V/jobs?update_time=abc",
    "/slurm/V/partitions?update_time=abc",
    "/slurm/V/reservations?update_time=abc",
    "/slurm/V/nodes?update_time=4000000000",
    "/slurm/V/partitions?update_time=4000000000",
    "/slurm/V/reservations?update_time=4000000000",
    "/slurm/V/jobs?update_time=4000000000",
    "/slurm/V/jobs?flags=NOPE",
    "/slurm/V/jobs?flags=DETAIL",
    "/slurm/V/jobs?flags=DETAIL%2CNOPE",
    "/slurm/V/node/nope?update_time=abc",
    "/slurm/V/job/99999999?update_time=abc",
    "/slurm/V/partition/all?update_time=abc",
    "/slurm/V/nodes?flags=NOPE",
    "/slurm/V/partitions?flags=NOPE",
    "/slurm/V/jobs/state?job_id=1",
    "/slurm/V/jobs/state?job_id=99999999",
    "/slurm/V/jobs/state?job_id=abc",
    "/slurm/V/jobs/state?job_id=1,2,3",
    "/slurm/V/jobs/state?job_id=1%2C2%2C3",
    "/slurm/V/shares?users=root",
    "/slurm/V/node/nope",
    "/slurm/V/job/99999999",
    "/slurm/V/job/abc",
    "/slurm/V/partition/nope",
    "/slurm/V/partition/all",
    "/slurm/V/reservation/nope",
    "/slurmdb/V/job/99999999",
    "/slurmdb/V/jobs?start_time=nonsense",
    "/slurmdb/V/jobs?start_time=uts1700000000&nope=1",
    "/slurmdb/V/qos?nope=1",
    "/slurmdb/V/accounts?nope=1",
    "/slurmdb/V/users?nope=1",
    "/slurmdb/V/tres?nope=1",
    "/slurmdb/V/clusters?nope=1",
    "/slurm/V/ping?nope=1",
    "/slurm/V/licenses?nope=1",
    "/slurm/V/",
    "/slurm/V/node/a,b",
    "/slurm/V/nodes?nope=a,b",
    "/slurm/V/nodes?nope=a%2Cb",
    "/slurm/V/nodes?nope=%zz",
    "/slurm/V/nodes?=1",
    "/nope?a=,",
];

/// Asked for in every older version that the release serves.
const OLDER: &[&str] = &[
    "/slurm/V/ping",
    "/slurm/V/diag",
    "/slurm/V/nodes",
    "/slurm/V/jobs",
    "/slurm/V/jobs/state",
    "/slurm/V/partitions",
    "/slurm/V/reservations",
    "/slurm/V/licenses",
    "/slurm/V/shares",
    "/slurm/V/nodes?update_time=4000000000",
    "/slurmdb/V/ping",
    "/slurmdb/V/qos",
    "/slurmdb/V/jobs?start_time=uts1700000000",
];

/// Asked for with a token that slurmctld and slurmdbd refuse.
const REFUSED: &[&str] = &[
    "/slurm/V/ping",
    "/slurm/V/diag",
    "/slurm/V/nodes",
    "/slurm/V/node/nope",
    "/slurm/V/jobs",
    "/slurm/V/job/1",
    "/slurm/V/jobs/state",
    "/slurm/V/partitions",
    "/slurm/V/partition/all",
    "/slurm/V/reservations",
    "/slurm/V/reservation/nope",
    "/slurm/V/licenses",
    "/slurm/V/shares",
    "/slurmdb/V/ping",
    "/slurmdb/V/diag",
    "/slurmdb/V/config",
    "/slurmdb/V/jobs",
    "/slurmdb/V/job/1",
    "/slurmdb/V/users",
    "/slurmdb/V/accounts",
    "/slurmdb/V/associations",
    "/slurmdb/V/qos",
    "/slurmdb/V/tres",
    "/slurmdb/V/clusters",
    "/slurmdb/V/wckeys",
    "/slurmdb/V/instances",
    "/openapi/v3",
    "/nope",
];

pub(super) fn requests(tokens: &Tokens, newest: &str, older: &[&str]) -> Vec<Request> {
    let Tokens { good, expired, foreign } = tokens;
    let of = |path: &str| path.replace("/V", &format!("/{newest}"));
    let named = format!("X-SLURM-USER-NAME: slurmrest\r\nX-SLURM-USER-TOKEN: {good}\r\n");
    let with = |name: &str, method: &str, path: &str, headers: &str| Request {
        name: name.to_owned(),
        bytes: format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes(),
    };
    let (ping, nodes) = (&of("/slurm/V/ping"), &of("/slurm/V/nodes"));
    let get = |name: &str, headers: &str| with(name, "GET", ping, &format!("{named}{headers}"));
    let method = |name: &str| with(name, name, ping, &named);
    let raw = |name: &str, text: String| Request { name: name.to_owned(), bytes: text.into_bytes() };
    let token = |token: &str| format!("X-SLURM-USER-TOKEN: {token}\r\n");
    let body = |name: &str, kind: &str, body: &str| {
        let length = body.len();
        raw(
            name,
            format!("GET {ping} HTTP/1.1\r\nHost: x\r\n{named}{kind}Content-Length: {length}\r\n\r\n{body}"),
        )
    };
    let in_older = older
        .iter()
        .flat_map(|version| OLDER.iter().map(move |path| path.replace("/V/", &format!("/{version}/"))));
    let in_older = in_older.map(|path| with(&path, "GET", &path, &named));
    let mut all: Vec<_> = PATHS.iter().map(|path| with(path, "GET", &of(path), &named)).collect();
    all.extend(in_older);
    let garbage = token("garbage");
    let refused = format!("X-SLURM-USER-NAME: slurmrest\r\n{garbage}");
    all.extend(
        REFUSED.iter().map(|path| with(&format!("garbage token, {path}"), "GET", &of(path), &refused)),
    );
    all.extend([
        with("no token", "GET", nodes, ""),
        with("no token, unknown path", "GET", "/nope", ""),
        with("no token, unknown version", "GET", "/slurm/v0.0.99/ping", ""),
        with("no token, health", "GET", "/healthz", ""),
        with("no token, openapi", "GET", "/openapi/v3", ""),
        with("no token, another method", "PUT", ping, ""),
        with("garbage token, another method", "PUT", ping, &garbage),
        with("name only", "GET", nodes, "X-SLURM-USER-NAME: slurmrest\r\n"),
        with("token only", "GET", ping, &token(good)),
        with("bearer", "GET", ping, &format!("Authorization: Bearer {good}\r\n")),
        with("basic", "GET", ping, "Authorization: Basic YTpi\r\n"),
        with("garbage token alone", "GET", nodes, &garbage),
        with("expired token, nodes", "GET", nodes, &token(expired)),
        with("expired token, ping", "GET", ping, &token(expired)),
        with("foreign token, diag", "GET", &of("/slurm/V/diag"), &token(foreign)),
        with("another's name", "GET", nodes, &format!("X-SLURM-USER-NAME: alice\r\n{}", token(good))),
        with("no token, a comma in the query", "GET", &of("/slurm/V/jobs?nope=a,b"), ""),
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
        method("TRACE"),
        method("CONNECT"),
        method("BOGUS"),
        with("POST without a length to submit", "POST", &of("/slurm/V/job/submit"), &named),
        raw("HTTP/1.0", format!("GET {ping} HTTP/1.0\r\n{named}\r\n")),
        raw("HTTP/1.0 keep-alive", format!("GET {ping} HTTP/1.0\r\nConnection: keep-alive\r\n{named}\r\n")),
        raw("no host", format!("GET {ping} HTTP/1.1\r\n{named}\r\n")),
        body("GET with a body of no type", "", "{}"),
        body("GET with a body of JSON", "Content-Type: application/json\r\n", "{}"),
        body("GET with a body of bad JSON", "Content-Type: application/json\r\n", "{"),
        body("GET with a form", "Content-Type: application/x-www-form-urlencoded\r\n", "a=b"),
        body("GET with an empty body", "", ""),
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
