//! Clients that send their request a byte at a time or never read the answer, in numbers, against the shipped binary:
//! a good scraper is served all the while, and nothing is left of them. `ci/slow-clients.sh` runs it at full size.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mock_slurmrestd::cluster::Size;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::process::Exporter;
use crate::simulator::Simulator;

struct Scale {
    /// Of the cluster: what the page is made of.
    size: Size,
    slow_headers: usize,
    slow_readers: usize,
    scrapes: usize,
    /// From one scrape of the good scraper to the next.
    every: Duration,
}

struct Outcome {
    /// From the connect to the last byte, sorted.
    latencies: Vec<Duration>,
    /// Connections that slow clients had in all, and the most descriptors that the exporter had.
    connections: u64,
    most_descriptors: usize,
    descriptors_before: usize,
    back_after: Duration,
}

/// A client that completes no request: one byte a second, and anew when it is cut.
async fn slow_header(address: String, connections: Arc<AtomicU64>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(&address).await {
            connections.fetch_add(1, Ordering::Relaxed);
            let head = "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: ".bytes().chain(std::iter::repeat(b'a'));
            for byte in head {
                if stream.write_all(&[byte]).await.is_err() {
                    break;
                }
                let mut nothing = [0];
                // What would come is a refusal or the end.
                if timeout(Duration::from_secs(1), stream.read(&mut nothing)).await.is_ok() {
                    break;
                }
            }
        }
        sleep(Duration::from_millis(fastrand::u64(500..1500))).await;
    }
}

/// A client that asks for the page and takes a few bytes of it a second, and anew when it is cut.
async fn slow_reader(address: String, connections: Arc<AtomicU64>) {
    loop {
        let socket = TcpSocket::new_v4().expect("there are descriptors");
        socket.set_recv_buffer_size(4096).expect("the kernel has a minimum");
        if let Ok(mut stream) = socket.connect(address.parse().expect("an address")).await {
            connections.fetch_add(1, Ordering::Relaxed);
            let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let mut few = [0; 16];
            while asked.is_ok() && stream.read(&mut few).await.is_ok_and(|bytes| bytes > 0) {
                sleep(Duration::from_secs(1)).await;
            }
        }
        sleep(Duration::from_millis(fastrand::u64(500..1500))).await;
    }
}

/// One scrape on a connection of its own, by a thread that the slow clients do not hold up: the answer, whole.
fn scrape(address: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn assert_whole(answer: &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    assert_eq!(length, Some(answer.len() - end), "the page is whole");
}

fn descriptors(exporter: &Exporter) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", exporter.id())).expect("it lives").count()
}

fn withstand(scale: &Scale) -> Outcome {
    let simulator = Simulator::of(&scale.size);
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let descriptors_before = descriptors(&exporter);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let mut slow = JoinSet::new();
    let (latencies, most_descriptors) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(descriptors(&exporter));
                std::thread::sleep(Duration::from_millis(100));
            }
            most
        });
        runtime.block_on(async {
            for number in 0..scale.slow_headers + scale.slow_readers {
                let (address, connections) = (exporter.address.clone(), Arc::clone(&connections));
                if number < scale.slow_headers {
                    slow.spawn(slow_header(address, connections));
                } else {
                    slow.spawn(slow_reader(address, connections));
                }
            }
            while connections.load(Ordering::Relaxed) < (scale.slow_headers + scale.slow_readers) as u64 {
                sleep(Duration::from_millis(50)).await;
            }
        });
        let mut latencies = Vec::new();
        while latencies.len() < scale.scrapes {
            let start = Instant::now();
            assert_whole(&scrape(&exporter.address).expect("the connection is not cut"));
            latencies.push(start.elapsed());
            std::thread::sleep(scale.every.saturating_sub(start.elapsed()));
        }
        runtime.block_on(slow.shutdown());
        is_over.store(true, Ordering::Relaxed);
        (latencies, watching.join().unwrap())
    });
    let ended = Instant::now();
    while descriptors(&exporter) > descriptors_before {
        assert!(ended.elapsed() < Duration::from_secs(60), "{} descriptors are left", descriptors(&exporter));
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut latencies = latencies;
    latencies.sort_unstable();
    Outcome {
        latencies,
        connections: connections.load(Ordering::Relaxed),
        most_descriptors,
        descriptors_before,
        back_after: ended.elapsed(),
    }
}

impl Outcome {
    fn quantile(&self, share: f64) -> Duration {
        let rank = (self.latencies.len() as f64 * share).ceil() as usize;
        self.latencies[rank.clamp(1, self.latencies.len()) - 1]
    }

    fn print(&self) {
        println!(
            "scrapes: n {}, p50 {:?}, p99 {:?}, max {:?}; slow connections: {}; descriptors: {} before, {} at most, back \
             {:?} after the end",
            self.latencies.len(),
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0),
            self.connections,
            self.descriptors_before,
            self.most_descriptors,
            self.back_after
        );
    }
}

#[test]
fn slow_clients_keep_no_scraper_out_and_leave_no_descriptor() {
    let scale = Scale {
        size: Size::of(60, 600),
        slow_headers: 300,
        slow_readers: 30,
        scrapes: 30,
        every: Duration::from_millis(50),
    };
    let outcome = withstand(&scale);
    outcome.print();
    // 64 connections by default, each with one, and what polling takes.
    assert!(outcome.most_descriptors < outcome.descriptors_before + 64 + 16, "{}", outcome.most_descriptors);
}

/// The figures of the promise. They hold for a machine that does nothing else.
#[test]
fn five_thousand_slow_headers_and_five_hundred_slow_readers() {
    if std::env::var_os("SLOW_CLIENTS").is_none() {
        println!("skipped, takes a minute and a half and 6,000 descriptors: ci/slow-clients.sh runs it");
        return;
    }
    let scale = Scale {
        size: Size::of(1000, 10_000),
        slow_headers: 5000,
        slow_readers: 500,
        scrapes: 600,
        every: Duration::from_millis(100),
    };
    let outcome = withstand(&scale);
    outcome.print();
    assert!(outcome.quantile(0.99) <= Duration::from_millis(250), "p99 {:?}", outcome.quantile(0.99));
}
