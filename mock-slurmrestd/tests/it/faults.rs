//! Each fault does what it says, and its count proves that it did.
//! Not here: parsing them and their dice (src/http/faults.rs).

use crate::client::{Reply, get, post, start, start_control};
use crate::ordered::Json;
use mock_slurmrestd::cluster::clock::DEFAULT_START_UNIX;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{
    Auth, Config, Fault, FaultKind, FaultKind as K, Latency, Simulator, read_schedule,
};
use mock_slurmrestd::wire::Endpoint;
use std::collections::BTreeSet;
use std::io::ErrorKind::ConnectionReset;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn with_fault(fault: &str) -> (SocketAddr, Simulator) {
    let config = Config::still(Cluster::new(&Size::of(50, 400), 1));
    start(Config { faults: vec![fault.parse::<Fault>().unwrap().into()], ..config }).await
}

async fn jobs(address: SocketAddr) -> crate::client::Reply {
    get(address, "/slurm/v0.0.42/jobs", &[]).await
}

#[tokio::test]
async fn latency_delays_and_then_answers() {
    let (address, simulator) = with_fault("latency:ms=120,endpoint=jobs").await;
    let begin = Instant::now();
    let reply = jobs(address).await;
    assert!(begin.elapsed() >= Duration::from_millis(120));
    assert_eq!((reply.status(), reply.promised()), (200, reply.body.len()));
    assert_eq!(get(address, "/slurm/v0.0.42/ping", &[]).await.status(), 200);
    assert_eq!(simulator.faults()[0].1, 1);
}

/// What is seen of a fault: enough that no other fault and no good answer could be taken for it.
type Seen = fn(&Reply) -> bool;

fn json(reply: &Reply) -> Option<serde_json::Value> {
    serde_json::from_slice(&reply.body).ok()
}

fn is_whole(reply: &Reply) -> bool {
    reply.broken.is_none() && reply.promised() == reply.body.len()
}

/// A good answer but for one thing.
fn ok(reply: &Reply) -> bool {
    reply.status() == 200 && is_whole(reply)
}

fn row(reply: &Reply) -> serde_json::Value {
    json(reply).map_or(serde_json::Value::Null, |document| document["jobs"][0].clone())
}

/// Each kind but those that need the clock of the test, as it strikes `/jobs`, or the one endpoint that feels it.
fn cases() -> Vec<(&'static str, &'static str, Seen)> {
    let all: [(K, &str, &str, Seen); 38] = [
        (K::Reset, "", "jobs", |reply| reply.broken == Some(ConnectionReset) && reply.status_line.is_empty()),
        (K::ResetBody, "", "jobs", |reply| {
            reply.broken == Some(ConnectionReset)
                && reply.status() == 200
                && reply.body.len() < reply.promised()
        }),
        (K::Truncate, "", "jobs", |reply| {
            reply.broken.is_none() && reply.closed && reply.body.len() == reply.promised() / 2
        }),
        (K::TruncateJson, "", "jobs", |reply| ok(reply) && json(reply).is_none()),
        (K::ContentType, "", "jobs", |reply| {
            ok(reply) && json(reply).is_some() && reply.header("Content-Type") == Some("text/plain")
        }),
        (K::Html, "", "jobs", |reply| ok(reply) && reply.text().starts_with("<!DOCTYPE html>")),
        (K::Unauthorized, "", "jobs", |reply| {
            reply.status() == 401 && reply.text() == "Authentication failure"
        }),
        (K::AuthenticationRequired, "", "ping", |reply| {
            reply.status() == 511 && reply.text().contains("1007")
        }),
        (K::InternalError, "", "jobs", |reply| {
            reply.status() == 500 && reply.text().contains("Unspecified error")
        }),
        (K::ErrorWithData, "", "jobs", |reply| {
            reply.status() == 500 && is_whole(reply) && !row(reply).is_null() && has(reply, "errors")
        }),
        (K::BadGateway, "ms=0", "ping", |reply| reply.status() == 502 && reply.text().contains("1800")),
        (K::Unavailable, "", "jobs", |reply| {
            reply.status() == 503 && reply.header("Retry-After") == Some("5")
        }),
        (K::TooManyRequests, "retry_after=9", "jobs", |reply| {
            reply.status() == 429 && reply.header("Retry-After") == Some("9")
        }),
        (K::VersionNotFound, "", "jobs", |reply| {
            reply.status() == 404 && reply.header("Content-Type") == Some("text/plain")
        }),
        (K::Errors, "", "jobs", |reply| ok(reply) && !row(reply).is_null() && has(reply, "errors")),
        (K::Warnings, "", "jobs", |reply| {
            ok(reply) && !row(reply).is_null() && has(reply, "warnings") && !has(reply, "errors")
        }),
        (K::Empty, "", "jobs", |reply| {
            ok(reply) && json(reply).is_some_and(|all| all["jobs"] == serde_json::json!([]))
        }),
        (K::HugeBody, "mib=9", "jobs", |reply| {
            let jobs = json(reply).map(|all| all["jobs"].as_array().map_or(0, Vec::len));
            ok(reply) && reply.body.len() > 9 << 20 && jobs.is_some_and(|jobs| jobs > 400 && jobs % 400 == 0)
        }),
        (K::HugeString, "mib=3", "jobs", |reply| {
            ok(reply) && row(reply)["name"].as_str().map(str::len) == Some(3 << 20)
        }),
        (K::DeepNesting, "depth=90000", "jobs", |reply| {
            ok(reply)
                && reply.text().contains(&"[".repeat(90_000))
                && reply.text().contains(&"]".repeat(90_000))
        }),
        (K::DuplicateKeys, "", "jobs", |reply| {
            ok(reply) && reply.text().matches("\n      \"job_state\"").count() == 800
        }),
        (K::InvalidUtf8, "", "jobs", |reply| ok(reply) && std::str::from_utf8(&reply.body).is_err()),
        (K::Overflow, "", "jobs", |reply| ok(reply) && row(reply)["cpus"]["number"].as_f64() > Some(2e19)),
        (K::NoVal, "", "nodes", |reply| {
            ok(reply) && json(reply).is_some_and(|all| all["nodes"][0]["cpus"] == 4_294_967_294u64)
        }),
        (K::Infinity, "", "jobs", |reply| ok(reply) && reply.text().contains("\"number\": Infinity\n")),
        (K::ManyLabels, "names=3000", "jobs", |reply| {
            let text = reply.text();
            is_whole(reply)
                && text.contains("\"user_name\":\"u999\"")
                && !text.contains("\"user_name\":\"u1000\"")
        }),
        (K::FieldRenamed, "", "jobs", |reply| {
            !row(reply)["renamed"].is_null() && row(reply)["job_state"].is_null()
        }),
        (K::FieldAdded, "", "jobs", |reply| row(reply)["brand_new"]["set"] == true && ok(reply)),
        (K::FieldRemoved, "field=cpus", "jobs", |reply| ok(reply) && row(reply).get("cpus").is_none()),
        (K::FieldRetyped, "", "jobs", |reply| ok(reply) && row(reply)["job_state"]["retyped"].is_array()),
        (K::TokenExpired, "", "jobs", |reply| reply.status() == 511 && reply.text().contains("1007")),
        (K::Redirect, "", "jobs", |reply| {
            reply.status() == 302 && reply.header("Location") == Some("http://other.invalid:6820/moved")
        }),
        (K::ClockSkew, "seconds=1000", "jobs", |reply| {
            let now = json(reply).and_then(|all| all["last_update"]["number"].as_u64());
            ok(reply) && now == Some(DEFAULT_START_UNIX + 1_000)
        }),
        (K::ControllerDown, "ms=0", "jobs", |reply| reply.status() == 502 && reply.text().contains("1800")),
        (K::ControllerDown, "", "ping", |reply| ok(reply) && reply.text().contains("\"pinged\": \"DOWN\"")),
        (K::DatabaseDown, "", "partitions", |reply| {
            reply.status() == 500
                && reply.text().contains("slurmdb_tres_get")
                && reply.text().contains("\"batch\"")
        }),
        (K::FailOver, "", "ping", |reply| {
            let pings = json(reply).map(|all| all["pings"].clone()).unwrap_or_default();
            (&pings[0]["responding"], &pings[1]["responding"]) == (&false.into(), &true.into()) && ok(reply)
        }),
        (K::Upgrade, "serve=v0.0.43..v0.0.45", "jobs", |reply| reply.status() == 404),
    ];
    all.map(|(kind, keys, endpoint, seen)| (&*format!("{}:{keys}", kind.word()).leak(), endpoint, seen))
        .into()
}

fn has(reply: &Reply, list: &str) -> bool {
    json(reply).is_some_and(|all| all[list].as_array().is_some_and(|entries| !entries.is_empty()))
}

#[tokio::test]
async fn each_fault_shows_on_the_wire_once_and_is_counted() {
    for (fault, endpoint, seen) in cases() {
        let kind = fault.parse::<Fault>().unwrap().kind;
        let times = if kind == FaultKind::Upgrade { fault.to_owned() } else { format!("{fault},times=1") };
        let (address, simulator) = with_fault(&times.replace(":,", ":")).await;
        let path = format!("/slurm/v0.0.42/{endpoint}");
        let reply = get(address, &path, &[]).await;
        assert!(seen(&reply), "{fault}: {} {:?} {:.400}", reply.status_line, reply.headers, reply.text());
        assert_eq!(simulator.struck(), [(kind, 1)].into(), "{fault}");
        simulator.set_faults(Vec::new());
        let healed = get(address, &path, &[]).await;
        assert!(ok(&healed) && json(&healed).is_some(), "{fault}: {}", healed.status_line);
    }
}

/// Those that [`cases`] leaves out have tests of their own here.
#[test]
fn no_fault_is_without_a_test() {
    let mut tested: BTreeSet<_> =
        cases().iter().map(|(fault, ..)| fault.parse::<Fault>().unwrap().kind).collect();
    tested.extend([K::Latency, K::Jitter, K::StallHead, K::StallBody, K::Drip, K::Endless, K::GzipBomb]);
    assert_eq!(tested, FaultKind::ALL.into());
}

#[tokio::test]
async fn stalls_and_drops_come_in_their_time_and_whole() {
    for (fault, least) in [
        ("jitter:ms=1", Duration::ZERO),
        ("stall-head:for_ms=150", Duration::from_millis(150)),
        ("stall-body:for_ms=150", Duration::from_millis(150)),
        // A ping has more than 600 bytes.
        ("drip:bytes=100,every_ms=20", Duration::from_millis(6 * 20)),
    ] {
        let (address, simulator) = with_fault(fault).await;
        let begin = Instant::now();
        let reply = get(address, "/slurm/v0.0.42/ping", &[]).await;
        assert!(begin.elapsed() >= least, "{fault}: {:?}", begin.elapsed());
        assert!(ok(&reply) && json(&reply).is_some(), "{fault}");
        assert_eq!(simulator.faults()[0].1, 1);
    }
}

#[tokio::test]
async fn half_of_a_stalled_body_comes_before_the_stall() {
    let (address, simulator) = with_fault("stall-body").await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /slurm/v0.0.42/ping HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 64];
    // More than the head: up to `pings`, which stands in the first half of the body.
    while !String::from_utf8_lossy(&bytes).contains("slurmctl1") {
        let mut more = [0; 1_024];
        let count = stream.read(&mut more).await.unwrap();
        assert!(count > 0, "the body begins");
        bytes.extend_from_slice(&more[..count]);
    }
    assert!(!String::from_utf8_lossy(&bytes).contains("warnings"), "it ended");
    assert_eq!(simulator.requests().in_flight, 1);
}

#[tokio::test]
async fn what_never_ends_goes_on_for_as_long_as_it_is_read() {
    for (fault, encoding) in [("endless", None), ("gzip-bomb", Some("content-encoding: gzip"))] {
        let (address, simulator) = with_fault(fault).await;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /slurm/v0.0.42/jobs HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (mut bytes, mut head) = (0, String::new());
        while bytes < if fault == "endless" { 64 << 20 } else { 4 << 20 } {
            let mut more = vec![0; 1 << 20];
            let count = stream.read(&mut more).await.unwrap();
            assert!(count > 0, "{fault}: it ended after {bytes}");
            if bytes == 0 {
                head = String::from_utf8_lossy(&more[..count.min(300)]).to_lowercase();
            }
            bytes += count;
        }
        assert!(head.starts_with("http/1.1 200"), "{fault}: {head}");
        assert!(encoding.is_none_or(|encoding| head.contains(encoding)), "{fault}: {head}");
        assert_eq!(simulator.faults()[0].1, 1);
    }
}

#[tokio::test]
async fn a_request_brings_its_own_fault_where_that_is_allowed() {
    let cluster = || Cluster::new(&Size::of(20, 50), 1);
    let asks = [("X-Sim-Fault", "503:retry_after=2")];
    let (address, _) = start(Config::still(cluster())).await;
    assert_eq!(get(address, "/slurm/v0.0.42/ping", &asks).await.status(), 200);
    let (address, simulator) = start(Config { fault_header: true, ..Config::still(cluster()) }).await;
    assert_eq!(get(address, "/slurm/v0.0.42/ping", &asks).await.header("Retry-After"), Some("2"));
    assert_eq!(get(address, "/slurm/v0.0.42/ping", &[]).await.status(), 200);
    assert_eq!(simulator.struck(), [(FaultKind::Unavailable, 1)].into());
    for (asked, told) in [
        ("418", "x-sim-fault: fault \"418\": unknown kind"),
        ("fail-over:endpoint=nodes", "fail-over is felt only at ping"),
        ("many-labels", "many-labels cannot be felt at ping"),
        ("upgrade:serve=v0.0.45", "by flag, schedule or control port"),
    ] {
        let reply = get(address, "/slurm/v0.0.42/ping", &[("X-Sim-Fault", asked)]).await;
        assert_eq!(reply.status(), 400, "{asked}");
        assert!(reply.text().contains(told), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_schedule_goes_by_the_time_of_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trouble.yaml");
    std::fs::write(&file, "- {kind: 401, at: 1m, for: 30s}\n- {kind: upgrade, at: 2m, serve: v0.0.43}\n")
        .unwrap();
    let faults = read_schedule(&file).unwrap();
    let (address, simulator) =
        start(Config { faults, ..Config::still(Cluster::new(&Size::of(20, 50), 1)) }).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(get(address, "/slurm/v0.0.42/ping", &[]).await.status());
        simulator.advance(Duration::from_secs(30));
    }
    assert_eq!(statuses, [200, 200, 401, 200, 404]);
    assert_eq!(get(address, "/slurm/v0.0.43/ping", &[]).await.status(), 200);
    // The last one came the same before the upgrade.
    assert_eq!(simulator.struck(), [(FaultKind::Unauthorized, 1), (FaultKind::Upgrade, 1)].into());
}

#[tokio::test]
async fn tokens_expire_and_rotate_on_the_control_port() {
    let config = Config::still(Cluster::new(&Size::of(20, 50), 1));
    let (address, simulator) = start(Config { auth: Auth::key(b"key"), ..config }).await;
    let control = start_control(&simulator).await;
    let status = async |token: &str| {
        get(address, "/slurm/v0.0.42/nodes", &[("X-SLURM-USER-TOKEN", token)]).await.status()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut old = mock_slurmrestd::http::token(b"key", "slurm", now, 3_600).unwrap();
    for action in ["expire", "rotate"] {
        assert_eq!(status(&old).await, 200, "before {action}");
        let reply = post(control, "/sim/token", &format!("{{\"action\": \"{action}\"}}")).await;
        let fresh = json(&reply).unwrap()["token"].as_str().unwrap().to_owned();
        assert_eq!((status(&old).await, status(&fresh).await), (511, 200), "{action}");
        old = fresh;
    }
    for bad in ["{}", "{\"action\": \"burn\"}", "{\"action\": \"expire\", \"lifespan\": 0}", "[]", ""] {
        let reply = post(control, "/sim/token", bad).await;
        assert_eq!(reply.status(), 400, "{bad}");
        assert!(reply.text().contains("error"), "{}", reply.text());
    }
}

#[tokio::test]
async fn error_statuses_come_once_and_only_where_asked() {
    for (fault, status) in [("500", 500), ("502", 502), ("511", 511)] {
        let (address, simulator) = with_fault(&format!("{fault}:ms=0,endpoint=jobs,times=1")).await;
        assert_eq!(get(address, "/slurm/v0.0.42/nodes", &[]).await.status(), 200);
        let struck = jobs(address).await;
        assert_eq!((struck.status(), struck.closed), (status, true));
        Json::parse(&struck.body);
        assert_eq!(jobs(address).await.status(), 200);
        assert_eq!(simulator.faults()[0].1, 1, "{fault}");
    }
}

#[tokio::test]
async fn faults_are_set_cleared_and_counted_on_the_control_port() {
    let (address, simulator) = start(Config::still(Cluster::new(&Size::of(20, 50), 1))).await;
    let control = start_control(&simulator).await;
    let set = r#"[{"kind": "502", "ms": 0, "endpoint": "jobs"}, "latency:ms=1,endpoint=nodes"]"#;
    assert_eq!(post(control, "/sim/fault", set).await.status(), 200);
    assert_eq!(jobs(address).await.status(), 502);
    assert_eq!(
        simulator.faults().iter().map(|(fault, _)| fault.kind).collect::<Vec<_>>(),
        [FaultKind::BadGateway, FaultKind::Latency]
    );
    let seen = Json::parse(&http_body(control, "/sim/requests").await);
    assert_eq!(seen.get("faults").list()[0].get("count").number(), 1);
    assert_eq!(seen.get("endpoints").get("jobs").get("requests").number(), 1);
    assert_eq!(post(control, "/sim/fault", "[]").await.status(), 200);
    assert_eq!(jobs(address).await.status(), 200);
    for bad in ["{}", "[{\"kind\": \"nope\"}]", "[", "[{\"kind\": \"latency\"}]"] {
        assert_eq!(post(control, "/sim/fault", bad).await.status(), 400, "{bad}");
    }
}

async fn http_body(address: SocketAddr, path: &str) -> Vec<u8> {
    // The control port writes header names in lower case, so the length is read from the connection's end.
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await.unwrap();
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    bytes.split_off(body)
}

#[tokio::test]
async fn the_control_port_moves_time_and_shows_the_oracle() {
    let (_, simulator) = start(Config::still(Cluster::new(&Size::of(20, 50), 1))).await;
    let control = start_control(&simulator).await;
    let before = simulator.oracle().now_unix;
    assert_eq!(post(control, "/sim/advance", "{\"seconds\": 90}").await.status(), 200);
    let state = Json::parse(&http_body(control, "/sim/state").await);
    assert_eq!(state.get("now_unix").number(), before + 90);
    assert_eq!(state.get("nodes").number(), 20);
    assert_eq!(post(control, "/sim/advance", "{\"seconds\": -1}").await.status(), 400);
    assert_eq!(post(control, "/sim/nope", "").await.status(), 404);
    assert_eq!(post(control, "/sim/clock", "{\"mode\": \"auto\", \"speed\": 5}").await.status(), 200);
}

#[tokio::test]
async fn imitated_latency_queues_behind_busy_workers() {
    let config = Config::still(Cluster::new(&Size::of(400, 10), 1));
    // 0.8 + 0.085 * 400 = 34.8 ms for the nodes; with one worker three requests take their time one by one.
    let (address, simulator) = start(Config { latency: Latency::Scaled(1.0), workers: 1, ..config }).await;
    let begin = Instant::now();
    let get = || get(address, "/slurm/v0.0.42/nodes", &[]);
    let replies = tokio::join!(get(), get(), get());
    assert!(begin.elapsed() >= Duration::from_micros(3 * 34_800), "{:?}", begin.elapsed());
    for reply in [replies.0, replies.1, replies.2] {
        assert_eq!(reply.status(), 200);
    }
    let counts = simulator.requests().endpoints[&Endpoint::Nodes];
    assert_eq!((counts.requests, counts.max_in_flight), (3, 3));
}
