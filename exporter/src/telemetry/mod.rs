//! The exporter about itself: here what it counts for one cluster, in `process` what it counts for all.
//! Encoded apart from any request; scrapes are recorded without a lock.

mod families;
mod histogram;
mod process;
mod system;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use families as f;
pub use families::FAMILIES;
use histogram::Durations;
pub(crate) use process::CpuPeriods;
pub use process::{Pressure, ProcessTelemetry};
pub(crate) use system::{cpu_periods, resident_bytes};

use crate::exposition::Batch;
use crate::model::Endpoint;
use crate::model::endpoint::Daemon;
use crate::schedule::{Board, Circuit};
use crate::source::{ErrorClass, Request};

/// The name under which the own families are published and selected.
pub const COLLECTOR: &str = "exporter";

/// The error type of a collector that panicked.
pub const PANIC: &str = "panic";

/// The error type of a refresh that was missed because the circuit breaker held it.
pub const CIRCUIT_OPEN: &str = "circuit_open";

/// The error type of a refresh that was missed because memory is short.
pub const MEMORY_LIMIT: &str = "memory_limit";

/// The label of a cluster that neither the configuration nor Slurm has named (yet).
pub const UNNAMED: &str = "default";

/// Fields that are told apart in the schema-drift counter.
const MOST_FIELDS: usize = 100;

/// Counts of one cluster since its polling began.
#[derive(Debug)]
pub struct Telemetry {
    board: Arc<Board>,
    counts: Mutex<Counts>,
    /// The label that the last encoding used.
    encoded_cluster: Mutex<Option<Arc<str>>>,
    /// Whether anything happened since the last encoding.
    touched: AtomicBool,
    buckets: Buckets,
}

/// Upper bounds of the histograms of a cluster, in seconds, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    pub collections: Arc<[f64]>,
    pub requests: Arc<[f64]>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { collections: histogram::BOUNDS.into(), requests: histogram::BOUNDS.into() }
    }
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(Endpoint, Option<u16>), u64>,
    request_durations: BTreeMap<Endpoint, Durations>,
    response_bytes: BTreeMap<Endpoint, u64>,
    collections: BTreeMap<&'static str, (u64, Durations)>,
    collection_errors: BTreeMap<(&'static str, &'static str), u64>,
    schema_drift: BTreeMap<(Endpoint, String), u64>,
    circuits: BTreeMap<Daemon, Circuit>,
    unchanged: u64,
    full: u64,
    clock_skew_seconds: Option<i64>,
    token_expiry: Option<u64>,
    truncated_arrays: Option<u64>,
    partial_views: BTreeMap<Endpoint, bool>,
}

impl Telemetry {
    /// Counts of nothing yet; the state of the endpoints is read from the board when encoding.
    /// Every failure that the collectors can miss a refresh by is there as 0 from the start, so that a first one
    /// is an increase.
    pub fn new(board: Arc<Board>, collectors: &[&'static str]) -> Self {
        Self::with_buckets(board, collectors, Buckets::default())
    }

    /// The same with other buckets.
    pub fn with_buckets(board: Arc<Board>, collectors: &[&'static str], buckets: Buckets) -> Self {
        let telemetry = Self {
            board,
            counts: Mutex::default(),
            encoded_cluster: Mutex::default(),
            touched: AtomicBool::new(true),
            buckets,
        };
        telemetry.expect(collectors);
        telemetry
    }

    /// Begins to count for these collectors, where it does not yet.
    pub fn expect(&self, collectors: &[&'static str]) {
        let mut counts = self.counts();
        let classes = ErrorClass::ALL.map(ErrorClass::name);
        for error_type in classes.into_iter().chain([PANIC, CIRCUIT_OPEN, MEMORY_LIMIT]) {
            for collector in collectors {
                counts.collection_errors.entry((*collector, error_type)).or_default();
            }
        }
    }

    /// One HTTP request to slurmrestd.
    pub fn requested(&self, request: &Request) {
        let endpoint = request.endpoint;
        let mut counts = self.counts();
        *counts.requests.entry((endpoint, request.code)).or_default() += 1;
        let durations = counts.request_durations.entry(endpoint);
        durations.or_insert_with(|| Durations::new(&self.buckets.requests)).record(request.duration);
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
        let collections = counts.collections.entry(collector);
        let (runs, durations) = collections.or_insert_with(|| (0, Durations::new(&self.buckets.collections)));
        *runs += 1;
        durations.record(took);
    }

    /// A refresh that a collector missed.
    pub fn missed(&self, collector: &'static str, error_type: &'static str) {
        *self.counts().collection_errors.entry((collector, error_type)).or_default() += 1;
    }

    /// An answer that did not decode because of a field.
    pub fn drifted(&self, endpoint: Endpoint, field: &str) {
        let mut counts = self.counts();
        let key = (endpoint, field_class(field));
        // The names come from the answers: a hostile one must not fill the memory.
        let known = counts.schema_drift.contains_key(&key) || counts.schema_drift.len() < MOST_FIELDS;
        let key = if known { key } else { (endpoint, "other".to_owned()) };
        *counts.schema_drift.entry(key).or_default() += 1;
    }

    pub fn set_circuit(&self, daemon: Daemon, circuit: Circuit) {
        self.counts().circuits.insert(daemon, circuit);
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

    /// Whether Slurm shows only a part of an endpoint's list; none where it is unknown.
    pub fn set_partial_view(&self, endpoint: Endpoint, partial: Option<bool>) {
        let views = &mut self.counts().partial_views;
        match partial {
            Some(partial) => drop(views.insert(endpoint, partial)),
            None => drop(views.remove(&endpoint)),
        }
    }

    /// The own families of this cluster, if anything happened since the last call.
    pub fn encode(&self) -> Vec<Batch> {
        if !self.touched.swap(false, Ordering::Relaxed) {
            return Vec::new();
        }
        let label = self.board.cluster().unwrap_or_else(|| UNNAMED.into());
        let mut cluster = Batch::new(COLLECTOR, Some(&label));
        self.write_endpoints(&mut cluster);
        self.write_counts(&mut cluster);
        system::mark_start(&mut cluster);

        let mut last = self.encoded_cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let renamed = last.replace(Arc::clone(&label)).filter(|last| *last != label);
        let withdrawn = renamed.map(|last| Batch::new(COLLECTOR, Some(&last)));
        withdrawn.into_iter().chain([cluster]).collect()
    }

    fn write_endpoints(&self, batch: &mut Batch) {
        for (endpoint, status) in self.board.statuses() {
            let labels = [endpoint.name()];
            if let (Some(up), false) = (status.up, status.absent) {
                batch.family(&f::ENDPOINT_UP).sample(&labels, u64::from(up));
                batch.family(&f::ENDPOINT_STALE).sample(&labels, u64::from(status.stale));
            }
            if let Some((at, _)) = status.refreshed_at {
                batch.family(&f::LAST_SUCCESS).sample(&labels, unix_seconds(at));
            }
        }
    }

    fn write_counts(&self, batch: &mut Batch) {
        let counts = self.lock();
        for ((endpoint, code), count) in &counts.requests {
            let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
            batch.family(&f::API_REQUESTS).sample(&[endpoint.name(), &code], *count);
        }
        for (endpoint, durations) in &counts.request_durations {
            durations.write(batch.family(&f::API_DURATION), &[endpoint.name()]);
        }
        for (endpoint, bytes) in &counts.response_bytes {
            batch.family(&f::API_BYTES).sample(&[endpoint.name()], *bytes);
        }
        for (collector, (runs, durations)) in &counts.collections {
            batch.family(&f::COLLECTIONS).sample(&[collector], *runs);
            durations.write(batch.family(&f::COLLECTION_DURATION), &[collector]);
        }
        for ((collector, error_type), count) in &counts.collection_errors {
            batch.family(&f::COLLECTION_ERRORS).sample(&[collector, error_type], *count);
        }
        for ((endpoint, field), count) in &counts.schema_drift {
            batch.family(&f::SCHEMA_DRIFT).sample(&[endpoint.name(), field], *count);
        }
        for (daemon, circuit) in &counts.circuits {
            batch.family(&f::CIRCUIT_BREAKER).sample(&[daemon.name()], *circuit as u64);
        }
        batch.family(&f::CACHE_HITS).sample(&[], counts.unchanged);
        batch.family(&f::CACHE_MISSES).sample(&[], counts.full);
        let answered = counts.unchanged + counts.full;
        if answered > 0 {
            batch.family(&f::CACHE_HIT_RATIO).sample(&[], counts.unchanged as f64 / answered as f64);
        }
        if let Some(skew) = counts.clock_skew_seconds {
            batch.family(&f::CLOCK_SKEW).sample(&[], skew as f64);
        }
        if let Some(at) = counts.token_expiry {
            batch.family(&f::TOKEN_EXPIRY).sample(&[], at);
        }
        if let Some(arrays) = counts.truncated_arrays {
            batch.family(&f::ARRAY_TRUNCATED).sample(&[], arrays);
        }
        for (endpoint, partial) in &counts.partial_views {
            batch.family(&f::PARTIAL_VIEW).sample(&[endpoint.name()], *partial);
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

/// A field's path without what tells one row or key from another: `rpcs_by_user[].count`, `bf_exit.*`.
fn field_class(field: &str) -> String {
    let mut class = String::new();
    let mut in_index = false;
    for letter in field.chars() {
        match letter {
            '[' => in_index = true,
            ']' => in_index = false,
            _ if in_index => continue,
            _ => {}
        }
        class.push(letter);
    }
    match class.split_once("_exit.") {
        Some((scheduler, _)) => format!("{scheduler}_exit.*"),
        None => class,
    }
}

fn unix_seconds(at: SystemTime) -> f64 {
    // Milliseconds are enough, and keep the sample short.
    at.duration_since(UNIX_EPOCH).map_or(0.0, |since| (since.as_secs_f64() * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Names, Publisher};

    fn page_of(telemetry: &Telemetry) -> String {
        let publisher = Publisher::new(Names::default());
        publisher.replace(telemetry.encode());
        String::from_utf8(publisher.page().identity().concat()).unwrap()
    }

    fn telemetry() -> Telemetry {
        Telemetry::new(Arc::new(Board::new(None, &Endpoint::ALL)), &["nodes", "jobs"])
    }

    #[test]
    fn a_first_error_is_an_increase_from_0() {
        let telemetry = telemetry();
        let line = |value| {
            let name = "slurm_exporter_collection_errors_total";
            format!("{name}{{cluster=\"default\",collector=\"nodes\",error_type=\"timeout\"}} {value}\n")
        };
        assert!(page_of(&telemetry).contains(&line(0)));
        telemetry.missed("nodes", "timeout");
        assert!(page_of(&telemetry).contains(&line(1)));
    }

    #[test]
    fn its_histograms_have_the_buckets_that_were_asked_for() {
        let buckets = Buckets { collections: [0.5, 2.0].into(), ..Buckets::default() };
        let board = Arc::new(Board::new(None, &Endpoint::ALL));
        let telemetry = Telemetry::with_buckets(board, &["nodes"], buckets);
        telemetry.collected("nodes", Duration::from_secs(1));
        let page = page_of(&telemetry);
        let bounds = page.lines().filter(|line| line.contains("collection_duration_seconds_bucket"));
        let bounds: Vec<_> = bounds.filter_map(|line| line.split_once("le=").map(|(_, end)| end)).collect();
        assert_eq!(bounds, ["\"0.5\"} 0", "\"2.0\"} 1", "\"+Inf\"} 1"], "{page}");
    }

    #[test]
    fn nothing_happened_is_nothing_to_encode() {
        let telemetry = telemetry();
        assert_eq!(telemetry.encode().len(), 1);
        assert!(telemetry.encode().is_empty());
        telemetry.answered(true);
        assert_eq!(telemetry.encode().len(), 1);
    }

    #[test]
    fn the_series_move_to_the_cluster_s_name_when_it_is_known() {
        let telemetry = telemetry();
        let publisher = Publisher::new(Names::default());
        publisher.replace(telemetry.encode());
        telemetry.board.fix_cluster("sim".into());
        telemetry.answered(false);
        publisher.replace(telemetry.encode());
        let page = String::from_utf8(publisher.page().identity().concat()).unwrap();
        assert!(page.contains("slurm_exporter_cache_misses_total{cluster=\"sim\"} 1\n"), "{page}");
        assert!(!page.contains("cluster=\"default\""), "{page}");
    }

    #[test]
    fn drifted_fields_are_told_apart_by_kind_and_only_so_many() {
        assert_eq!(field_class("rpcs_by_user[3].count"), "rpcs_by_user[].count");
        assert_eq!(field_class("bf_exit.k16"), "bf_exit.*");
        assert_eq!(field_class("real_memory"), "real_memory");
        let telemetry = telemetry();
        for number in 0..1000 {
            telemetry.drifted(Endpoint::Diag, &format!("field{number}"));
        }
        let page = page_of(&telemetry);
        let lines = page.lines().filter(|line| line.starts_with("slurm_exporter_schema_drift_total{"));
        assert_eq!(lines.count(), MOST_FIELDS + 1);
        assert!(page.contains("endpoint=\"diag\",field=\"other\"} 900\n"));
    }
}
