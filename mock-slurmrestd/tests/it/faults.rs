//! Each fault does what it says, and its count proves that it did.
//! Not here: parsing them and their dice (src/http/faults.rs).

use crate::client::{get, post, start, start_control};
use crate::ordered::Json;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, FaultKind, Latency, Simulator};
use mock_slurmrestd::wire::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

async fn with_fault(fault: &str) -> (SocketAddr, Simulator) {
    let config = Config::still(Cluster::new(&Size::of(50, 400), 1));
    start(Config { faults: vec![fault.parse().unwrap()], ..config }).await
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

#[tokio::test]
async fn error_statuses_come_once_and_only_where_asked() {
    for (fault, status) in [("500", 500), ("502", 502), ("511", 511)] {
        let (address, simulator) = with_fault(&format!("{fault}:endpoint=jobs,times=1")).await;
        assert_eq!(get(address, "/slurm/v0.0.42/nodes", &[]).await.status(), 200);
        let struck = jobs(address).await;
        assert_eq!((struck.status(), struck.closed), (status, true));
        Json::parse(&struck.body);
        assert_eq!(jobs(address).await.status(), 200);
        assert_eq!(simulator.faults()[0].1, 1, "{fault}");
    }
}

#[tokio::test]
async fn a_truncated_body_promises_more_than_it_sends() {
    let (address, simulator) = with_fault("truncate").await;
    for path in ["jobs", "ping"] {
        let reply = get(address, &format!("/slurm/v0.0.42/{path}"), &[]).await;
        assert_eq!(reply.status(), 200);
        assert!(reply.closed, "{path}: {:?}", reply.broken);
        assert_eq!(reply.body.len(), reply.promised() / 2, "{path}");
    }
    assert_eq!(simulator.faults()[0].1, 2);
}

#[tokio::test]
async fn a_reset_shows_no_byte() {
    let (address, simulator) = with_fault("reset:times=1").await;
    let reply = jobs(address).await;
    assert_eq!(reply.broken, Some(std::io::ErrorKind::ConnectionReset));
    assert!(reply.status_line.is_empty() && reply.body.is_empty());
    assert_eq!(jobs(address).await.status(), 200);
    assert_eq!(simulator.faults()[0].1, 1);
}

#[tokio::test]
async fn faults_are_set_cleared_and_counted_on_the_control_port() {
    let (address, simulator) = start(Config::still(Cluster::new(&Size::of(20, 50), 1))).await;
    let control = start_control(&simulator).await;
    let set = r#"[{"kind": "502", "endpoint": "jobs"}, "latency:ms=1,endpoint=nodes"]"#;
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
