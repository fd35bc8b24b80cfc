//! One scraper that fetches `/metrics` over loopback on one connection, from request to last byte of the body.
//! Not here: inflating, many scrapers, TLS, other machines; server and client share this machine's cores.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use benchmarks::payload::{BY_NODES, collect, snapshot};
use benchmarks::subject;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exporter::exposition::{Names, Publisher};
use exporter::server::{Limits, Readiness, ServerState, routes, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

fn scrape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(subject::SCRAPE);
    for scale in BY_NODES {
        let publisher = Arc::new(Publisher::new(Names::default()));
        publisher.replace(collect(&snapshot(scale)));
        let page = publisher.page();
        let (_runtime, address) = start(publisher);
        for (encoding, chunks) in [("gzip", page.gzip()), ("identity", page.identity())] {
            let mut scraper = Scraper::connect(address, encoding);
            let expected = chunks.concat().len();
            assert_eq!(scraper.scrape(), expected, "{encoding}");
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(encoding, scale.name), |bencher| {
                bencher.iter(|| scraper.scrape());
            });
        }
    }
}

/// The exporter's own server with one worker of its own; it ends with the runtime.
fn start(publisher: Arc<Publisher>) -> (Runtime, SocketAddr) {
    let runtime =
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let state = ServerState {
        publisher,
        legacy: Arc::default(),
        ready: Arc::new(|| Readiness { ready: true, endpoints: Vec::new() }),
        on_scrape: Arc::new(|_| {}),
        config: Arc::new(String::new),
        version: "benchmark".to_owned(),
        metrics_path: "/metrics".to_owned(),
    };
    runtime.spawn(serve(listener, routes(state), Limits::default(), std::future::pending()));
    (runtime, address)
}

/// A client that does as little as HTTP/1.1 asks for, so that the server is what is measured.
struct Scraper {
    stream: TcpStream,
    request: String,
    buffer: Vec<u8>,
}

impl Scraper {
    fn connect(address: SocketAddr, encoding: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a connected socket takes options");
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: {encoding}\r\n\r\n");
        Self { stream, request, buffer: vec![0; 256 << 10] }
    }

    /// Gives the length of the body.
    fn scrape(&mut self) -> usize {
        self.stream.write_all(self.request.as_bytes()).expect("the connection is kept");
        let (mut filled, header) = self.read_header();
        let length = content_length(&self.buffer[..header]);
        filled -= header;
        while filled < length {
            filled += self.read(0);
        }
        assert_eq!(filled, length, "the body ends where its length says");
        length
    }

    /// Reads until the header is whole; gives the bytes in the buffer and how many of them are header.
    fn read_header(&mut self) -> (usize, usize) {
        let mut filled = 0;
        loop {
            filled += self.read(filled);
            let end = self.buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                return (filled, end + 4);
            }
        }
    }

    fn read(&mut self, from: usize) -> usize {
        let read = self.stream.read(&mut self.buffer[from..]).expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        read
    }
}

fn content_length(header: &[u8]) -> usize {
    let header = std::str::from_utf8(header).expect("headers are text");
    assert!(header.starts_with("HTTP/1.1 200 "), "{header}");
    let lines = header.lines().filter_map(|line| line.split_once(": "));
    let length = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, value)| value.parse().ok()).expect("the answer has a length")
}

criterion_group! {
    name = network;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5));
    targets = scrape
}
criterion_main!(network);
