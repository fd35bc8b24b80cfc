//! The exporter about itself: counts of polls, collections and scrapes, encoded apart from any request.
//! Scrapes are recorded without a lock; everything else happens between scrapes.

mod families;
mod histogram;
mod process;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use families as f;
pub use families::FAMILIES;
use histogram::Durations;

use crate::exposition::{Batch, Page};
use crate::model::Endpoint;
use crate::schedule::Board;
use crate::source::Request;

/// The name under which the own families are published and selected.
pub const COLLECTOR: &str = "exporter";

/// Counts since the start of the process.
#[derive(Debug)]
pub struct Telemetry {
    board: Arc<Board>,
    scrapes: Durations,
    counts: Mutex<Counts>,
    /// Whether anything happened since the last encoding.
    touched: AtomicBool,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(Endpoint, Option<u16>), u64>,
    request_durations: BTreeMap<Endpoint, Durations>,
    response_bytes: BTreeMap<Endpoint, u64>,
    collections: BTreeMap<&'static str, (u64, Durations)>,
    collection_errors: BTreeMap<(&'static str, &'static str), u64>,
    schema_drift: BTreeMap<(Endpoint, String), u64>,
    unchanged: u64,
    full: u64,
    clock_skew_seconds: Option<i64>,
    token_expiry: Option<u64>,
    truncated_arrays: Option<u64>,
}

impl Telemetry {
    /// Counts of nothing yet; the state of the endpoints is read from the board when encoding.
    pub fn new(board: Arc<Board>) -> Self {
        Self {
            board,
            scrapes: Durations::default(),
            counts: Mutex::default(),
            touched: AtomicBool::new(true),
        }
    }

    /// One answered scrape. Runs on the request path: no lock, no allocation.
    pub fn scraped(&self, handler: Duration) {
        self.scrapes.record(handler);
        self.touched.store(true, Ordering::Relaxed);
    }

    /// One HTTP request to slurmrestd.
    pub fn requested(&self, request: &Request) {
        let endpoint = request.endpoint;
        let mut counts = self.counts();
        *counts.requests.entry((endpoint, request.code)).or_default() += 1;
        counts.request_durations.entry(endpoint).or_default().record(request.duration);
        if request.code.is_some() {
            counts.response_bytes.insert(endpoint, request.bytes);
        }
    }

    /// One answered poll; `unchanged` when Slurm said that nothing changed since the last one.
    pub fn answered(&self, unchanged: bool) {
        let mut counts = self.counts();
        if unchanged {
            counts.unchanged += 1;
        } else {
            counts.full += 1;
        }
    }

    /// One run of a collector.
    pub fn collected(&self, collector: &'static str, took: Duration) {
        let mut counts = self.counts();
        let (runs, durations) = counts.collections.entry(collector).or_default();
        *runs += 1;
        durations.record(took);
    }

    /// A refresh that a collector missed.
    pub fn missed(&self, collector: &'static str, error_type: &'static str) {
        *self.counts().collection_errors.entry((collector, error_type)).or_default() += 1;
    }

    /// An answer that did not decode because of a field.
    pub fn drifted(&self, endpoint: Endpoint, field: &str) {
        *self.counts().schema_drift.entry((endpoint, field.to_owned())).or_default() += 1;
    }

    pub fn set_clock_skew(&self, seconds: i64) {
        self.counts().clock_skew_seconds = Some(seconds);
    }

    /// Expiry of the token in use, in Unix seconds; none for a token that does not tell, or no token.
    pub fn set_token_expiry(&self, at: Option<u64>) {
        self.counts().token_expiry = at;
    }

    pub fn set_truncated_arrays(&self, arrays: Option<u64>) {
        self.counts().truncated_arrays = arrays;
    }

    /// The own families, if anything happened since the last call.
    pub fn encode(&self, page: &Page) -> Option<Batch> {
        self.touched.swap(false, Ordering::Relaxed).then(|| {
            let mut batch = Batch::new(COLLECTOR, None);
            batch.family(&f::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1_u64);
            let cluster = self.board.cluster().unwrap_or_default();
            self.write_endpoints(&mut batch, &cluster);
            self.write_counts(&mut batch, &cluster);
            self.scrapes.write(batch.family(&f::SCRAPE_DURATION), &[]);
            write_page(&mut batch, page);
            process::write(&mut batch);
            batch
        })
    }

    fn write_endpoints(&self, batch: &mut Batch, cluster: &str) {
        for (endpoint, status) in self.board.statuses() {
            let labels = [cluster, endpoint.name()];
            if let (Some(up), false) = (status.up, status.absent) {
                batch.family(&f::ENDPOINT_UP).sample(&labels, u64::from(up));
                batch.family(&f::ENDPOINT_STALE).sample(&labels, u64::from(status.stale));
            }
            if let Some((at, _)) = status.refreshed_at {
                batch.family(&f::LAST_SUCCESS).sample(&labels, unix_seconds(at));
            }
        }
    }

    fn write_counts(&self, batch: &mut Batch, cluster: &str) {
        let counts = self.lock();
        for ((endpoint, code), count) in &counts.requests {
            let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
            batch.family(&f::API_REQUESTS).sample(&[cluster, endpoint.name(), &code], *count);
        }
        for (endpoint, durations) in &counts.request_durations {
            durations.write(batch.family(&f::API_DURATION), &[cluster, endpoint.name()]);
        }
        for (endpoint, bytes) in &counts.response_bytes {
            batch.family(&f::API_BYTES).sample(&[cluster, endpoint.name()], *bytes);
        }
        for (collector, (runs, durations)) in &counts.collections {
            batch.family(&f::COLLECTIONS).sample(&[cluster, collector], *runs);
            durations.write(batch.family(&f::COLLECTION_DURATION), &[cluster, collector]);
        }
        for ((collector, error_type), count) in &counts.collection_errors {
            batch.family(&f::COLLECTION_ERRORS).sample(&[cluster, collector, error_type], *count);
        }
        for ((endpoint, field), count) in &counts.schema_drift {
            batch.family(&f::SCHEMA_DRIFT).sample(&[cluster, endpoint.name(), field], *count);
        }
        batch.family(&f::CACHE_HITS).sample(&[cluster], counts.unchanged);
        batch.family(&f::CACHE_MISSES).sample(&[cluster], counts.full);
        let answered = counts.unchanged + counts.full;
        if answered > 0 {
            batch.family(&f::CACHE_HIT_RATIO).sample(&[cluster], counts.unchanged as f64 / answered as f64);
        }
        if let Some(skew) = counts.clock_skew_seconds {
            batch.family(&f::CLOCK_SKEW).sample(&[cluster], skew as f64);
        }
        if let Some(at) = counts.token_expiry {
            batch.family(&f::TOKEN_EXPIRY).sample(&[cluster], at);
        }
        if let Some(arrays) = counts.truncated_arrays {
            batch.family(&f::ARRAY_TRUNCATED).sample(&[cluster], arrays);
        }
    }

    /// The counts, to change them.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.touched.store(true, Ordering::Relaxed);
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_page(batch: &mut Batch, page: &Page) {
    let mut series: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut bytes = 0;
    for unit in page.units() {
        *series.entry(unit.desc().name).or_default() += unit.samples() as u64;
        bytes += unit.identity().len() as u64;
    }
    batch.family(&f::CACHE_SIZE).sample(&[], bytes);
    for (family, count) in series {
        batch.family(&f::CARDINALITY).sample(&[family], count);
    }
}

fn unix_seconds(at: SystemTime) -> f64 {
    // Milliseconds are enough, and keep the sample short.
    at.duration_since(UNIX_EPOCH).map_or(0.0, |since| (since.as_secs_f64() * 1e3).round() / 1e3)
}
