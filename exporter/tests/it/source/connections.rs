//! What the configuration says of connections: kept or not, for how long, and compressed by who offers it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use exporter::config::{Connections, Slurm, TokenSource};
use exporter::model::{Endpoint, Timestamp};
use exporter::source::{ErrorClass, Rest, Source};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::slurmrestd::{Answer, Slurmrestd, body};
use super::{ping, section};

fn with(url: &str, connections: Connections) -> Slurm {
    Slurm { connections, ..section(url, Some("v0.0.42"), TokenSource::None) }
}

/// The numbers of the connections of so many polls, one after the other.
async fn connections(polls: usize, settings: Connections) -> Vec<usize> {
    let server = Slurmrestd::start(|_| Answer::Keep(ping())).await;
    let source = Rest::new(&with(&server.url(), settings)).unwrap();
    for _ in 0..polls {
        assert!(source.poll(Endpoint::Ping, Timestamp::NONE).await.outcome.is_ok());
    }
    server.asked().iter().map(|asked| asked.connection).collect()
}

#[tokio::test]
async fn each_request_has_its_own_connection_unless_they_are_kept() {
    assert_eq!(connections(4, Connections::default()).await, [0, 1, 2, 3]);
    let kept = Connections { keep_alive: true, ..Connections::default() };
    assert_eq!(connections(4, Connections { max_idle: 0, ..kept.clone() }).await, [0, 1, 2, 3]);
    // One is back in its place a moment after its answer was read: the next request may come before that.
    let deadline = Instant::now() + Duration::from_secs(60);
    while connections(4, kept.clone()).await.last() == Some(&3) {
        assert!(Instant::now() < deadline, "no connection is used twice");
    }
}

#[tokio::test]
async fn kept_connections_make_room_when_they_are_old() {
    let old = Connections { keep_alive: true, lifetime: Duration::from_nanos(1), ..Connections::default() };
    assert_eq!(connections(4, old).await, [0, 1, 2, 3]);
}

/// A poll of nodes that a gateway answers with these bytes, said to be gzip.
async fn compressed(bytes: Vec<u8>) -> exporter::source::Poll {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    let answer = [head.into_bytes(), bytes].concat();
    let server = Slurmrestd::start(move |_| Answer::Close(answer.clone())).await;
    let settings = Connections { compression: true, ..Connections::default() };
    let poll =
        Rest::new(&with(&server.url(), settings)).unwrap().poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert_eq!(server.asked()[0].header("Accept-Encoding"), Some("gzip"));
    poll
}

#[tokio::test]
async fn a_compressed_answer_is_the_same_answer() {
    let nodes = body("24.11.5", "v0.0.42/nodes.json");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&nodes).unwrap();
    let poll = compressed(encoder.finish().unwrap()).await;
    assert!(poll.outcome.unwrap().rows > 0);
    // What is limited and counted is what has to be decoded.
    assert_eq!(poll.requests[0].bytes, nodes.len() as u64);
    let broken = compressed(b"no gzip at all".to_vec()).await.outcome.unwrap_err();
    assert_eq!(broken.class, ErrorClass::Decode, "{broken}");
}
