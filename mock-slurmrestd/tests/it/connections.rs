//! As many clients as slurmrestd takes, over real sockets, and one more that hears nothing until another leaves.
//! Not here: oddities of a single connection (errors.rs).

use crate::client::start;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Simulator};
use mock_slurmrestd::wire::Release;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Slurm's default is 124, and its listener is one of them.
const CLIENTS: usize = 123;

struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn ask(&mut self) {
        let request = "GET /slurm/v0.0.42/ping HTTP/1.1\r\nHost: x\r\n\r\n";
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> String {
        let mut bytes = vec![0; 64 << 10];
        let read = tokio::time::timeout(Duration::from_secs(30), self.0.read(&mut bytes));
        let count = read.await.expect("an answer in time").unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    fn hears_nothing(&self) -> bool {
        let mut byte = [0];
        self.0.try_read(&mut byte).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

fn pings(simulator: &Simulator) -> u64 {
    simulator.requests().endpoints.values().map(|counts| counts.requests).sum()
}

#[tokio::test]
async fn the_124th_client_connects_and_hears_nothing_until_another_leaves() {
    let config = Config::still(Cluster::new(&Size::of(20, 10), 1)).as_release(Release::S24_11);
    assert_eq!(config.max_connections, CLIENTS);
    let (address, simulator) = start(config).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(address).await;
        client.ask().await;
        assert!(client.answer().await.starts_with("HTTP/1.1 200 OK"));
        clients.push(client);
    }
    // Connecting and sending succeed: the system does both without the server.
    let mut last = Client::connect(address).await;
    last.ask().await;
    // Idle clients keep their places and are served meanwhile, more than once.
    for _ in 0..2 {
        for client in &mut clients {
            client.ask().await;
            assert!(client.answer().await.starts_with("HTTP/1.1 200 OK"));
        }
    }
    assert!(last.hears_nothing());
    assert_eq!((simulator.requests().connections, pings(&simulator)), (CLIENTS as u64, 3 * CLIENTS as u64));
    drop(clients.pop());
    assert!(last.answer().await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(simulator.requests().connections, CLIENTS as u64 + 1);
}
