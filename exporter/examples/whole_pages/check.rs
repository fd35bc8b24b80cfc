//! The check itself, for the program and for a test: every answer has to be, byte for byte, one of a few known pages
//! between which a writer changes as fast as it can.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use exporter::collectors::{COLLECTORS, Settings};
use exporter::exposition::{Batch, Names, Page, Publisher};
use exporter::model::{Endpoint, Snapshot};
use exporter::server::{Limits, Readiness, ServerState, routes, serve};
use exporter::wire::{Decoder, by_version};
use mock_slurmrestd::cluster;
use mock_slurmrestd::wire::{self, ApiVersion, Style};
use tokio::net::TcpListener;

use super::strict_reader;

/// Different clusters of one size, by seed.
const GENERATIONS: u64 = 4;

/// How big the clusters are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) nodes: u32,
    pub(crate) jobs: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) size: Size,
    pub(crate) scrapes: usize,
    pub(crate) scrapers: usize,
}

/// What was found. Every scrape is counted once.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) series: usize,
    pub(crate) refreshes: usize,
    pub(crate) whole: usize,
    /// How often each generation was seen.
    pub(crate) seen: BTreeMap<usize, usize>,
    pub(crate) truncated: usize,
    pub(crate) duplicate: usize,
    pub(crate) mixed: usize,
}

impl Outcome {
    pub(crate) fn is_whole(&self) -> bool {
        self.truncated + self.duplicate + self.mixed == 0
    }

    fn add(&mut self, other: Outcome) {
        self.whole += other.whole;
        self.truncated += other.truncated;
        self.duplicate += other.duplicate;
        self.mixed += other.mixed;
        for (generation, count) in other.seen {
            *self.seen.entry(generation).or_default() += count;
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { series, refreshes, whole, seen, truncated, duplicate, mixed } = self;
        let seen: Vec<_> = seen.values().map(usize::to_string).collect();
        write!(
            f,
            "{series} series, {refreshes} refreshes, {whole} whole answers ({} of each page), {truncated} truncated, \
             {duplicate} with duplicate series, {mixed} mixed",
            seen.join(" / ")
        )
    }
}

/// # Panics
/// When a page is wrong in itself, or the server does not answer at all.
pub(crate) fn run(task: Task) -> Outcome {
    let snapshots: Vec<Snapshot> = (1..=GENERATIONS).map(|seed| snapshot(task.size, seed)).collect();
    let pages: Vec<[String; 2]> = snapshots.iter().map(pages).collect();
    for (at, page) in pages.iter().enumerate() {
        verify(page);
        assert!(pages[..at].iter().all(|before| before[0] != page[0]), "the pages differ");
    }
    let publisher = Arc::new(Publisher::new(Names::default()));
    publisher.replace(collect(&snapshots[0]));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(serve(listener, routes(state(&publisher)), Limits::default(), std::future::pending()));

    let left = AtomicUsize::new(task.scrapes);
    let done = AtomicBool::new(false);
    let mut outcome = Outcome { series: publisher.page().samples(), ..Outcome::default() };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut refreshes = 0;
            while !done.load(Ordering::Relaxed) {
                refreshes += 1;
                publisher.replace(collect(&snapshots[refreshes % snapshots.len()]));
            }
            refreshes
        });
        let scrapers: Vec<_> =
            (0..task.scrapers).map(|_| scope.spawn(|| scrape(address, &pages, &left))).collect();
        let found: Vec<_> = scrapers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        // Before anything else can fail: the writer must end.
        done.store(true, Ordering::Relaxed);
        for found in found {
            outcome.add(found.expect("the scraper is answered"));
        }
        outcome.refreshes = writer.join().expect("the writer ends");
    });
    outcome
}

/// Scrapes on one connection while any are left, in both formats and both encodings in turn.
fn scrape(address: SocketAddr, pages: &[[String; 2]], left: &AtomicUsize) -> Outcome {
    let mut stream = BufReader::new(TcpStream::connect(address).expect("the server accepts"));
    let mut outcome = Outcome::default();
    let take = |left: usize| left.checked_sub(1);
    while let Ok(number) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        let (format, gzip) = (number % 2, number / 2 % 2 == 0);
        let Some(body) = get(&mut stream, format, gzip) else {
            outcome.truncated += 1;
            stream = BufReader::new(TcpStream::connect(address).expect("the server accepts"));
            continue;
        };
        match pages.iter().position(|page| page[format].as_bytes() == body) {
            Some(generation) => {
                outcome.whole += 1;
                *outcome.seen.entry(generation).or_default() += 1;
            }
            None => match read(format, &body) {
                Err(error) if error.contains("duplicate") || error.contains("second") => {
                    outcome.duplicate += 1;
                }
                Err(_) => outcome.truncated += 1,
                Ok(_) => outcome.mixed += 1,
            },
        }
    }
    outcome
}

fn read(format: usize, body: &[u8]) -> Result<usize, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let read = if format == 0 { strict_reader::read(text) } else { strict_reader::read_openmetrics(text) };
    read.map(|samples| samples.len())
}

/// One answer's text; none when it ends early.
fn get(stream: &mut BufReader<TcpStream>, format: usize, gzip: bool) -> Option<Vec<u8>> {
    let accept = ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"][format];
    let encoding = if gzip { "gzip" } else { "identity" };
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\n\r\n"
    );
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let mut length = None;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length?];
    stream.read_exact(&mut body).ok()?;
    if !gzip {
        return Some(body);
    }
    let mut inflated = Vec::new();
    // Its end holds a checksum and the length.
    flate2::bufread::GzDecoder::new(&body[..]).read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

fn state(publisher: &Arc<Publisher>) -> ServerState {
    ServerState {
        publisher: Arc::clone(publisher),
        legacy: Arc::default(),
        ready: Arc::new(|| Readiness { ready: true, endpoints: Vec::new() }),
        on_scrape: Arc::new(|_| {}),
        config: Arc::new(String::new),
        version: "whole-pages".to_owned(),
        metrics_path: "/metrics".to_owned(),
    }
}

/// A simulated cluster as the exporter reads it.
fn snapshot(size: Size, seed: u64) -> Snapshot {
    let cluster = cluster::Cluster::new(&cluster::Size::of(size.nodes, size.jobs), seed);
    let mut snapshot = Snapshot::default();
    for (asked, endpoint) in [
        (wire::Endpoint::Ping, Endpoint::Ping),
        (wire::Endpoint::Diag, Endpoint::Diag),
        (wire::Endpoint::Nodes, Endpoint::Nodes),
        (wire::Endpoint::Partitions, Endpoint::Partitions),
        (wire::Endpoint::Jobs, Endpoint::Jobs),
    ] {
        let mut body = Vec::new();
        wire::write(&cluster, ApiVersion::V0_0_40, asked, Style::Compact, &mut body);
        let mut decoder = Decoder::new(by_version("v0.0.40").expect("it is supported"), endpoint);
        decoder.push(&body).expect("what the simulator writes decodes");
        let answer = decoder.finish().expect("what the simulator writes decodes");
        snapshot.release = Some(Arc::new(answer.release));
        snapshot.set(answer.reading);
    }
    snapshot
}

fn collect(snapshot: &Snapshot) -> Vec<Batch> {
    let collect = |collector: &&exporter::collectors::Collector| {
        let mut batch = Batch::new(collector.name, Some("sim"));
        (collector.collect)(snapshot, &Settings::default(), &mut batch);
        batch
    };
    COLLECTORS.iter().map(collect).collect()
}

/// What a server that knows nothing else answers, as text and as OpenMetrics.
fn pages(snapshot: &Snapshot) -> [String; 2] {
    let publisher = Publisher::new(Names::default());
    publisher.replace(collect(snapshot));
    let text = |page: &Page| String::from_utf8(page.identity().concat()).expect("a page is UTF-8");
    [text(&publisher.page()), text(&publisher.make_openmetrics())]
}

/// Both are strictly valid, hold the same, and states add up to their totals.
fn verify(page: &[String; 2]) {
    let samples = strict_reader::read(&page[0]).expect("the page is strictly valid");
    let openmetrics = strict_reader::read_openmetrics(&page[1]).expect("the page is strictly valid");
    assert_eq!(format!("{samples:?}"), format!("{openmetrics:?}"));
    let sum = |family: &str, label: &str| -> f64 {
        let has =
            |labels: &[(String, String)]| label.is_empty() || labels.iter().any(|(_, value)| value == label);
        samples
            .iter()
            .filter(|((name, labels), _)| name == family && has(labels))
            .map(|(_, value)| value)
            .sum()
    };
    assert!(sum("slurm_cluster_nodes_total", "") > 0.0);
    assert_eq!(sum("slurm_nodes_total", ""), sum("slurm_cluster_nodes_total", ""));
    let partitions =
        samples.keys().filter(|(name, _)| name == "slurm_jobs_running").map(|(_, labels)| &labels[1].1);
    for partition in partitions {
        for state in ["running", "pending"] {
            let of_state = |((name, labels), value): (&strict_reader::Series, &f64)| {
                let is = name == "slurm_jobs_total" && labels[1].1 == *partition && labels[2].1 == state;
                is.then_some(*value)
            };
            let counted = samples.iter().find_map(of_state).expect("states are complete");
            assert_eq!(sum(&format!("slurm_jobs_{state}"), partition), counted, "{partition} {state}");
        }
    }
}
