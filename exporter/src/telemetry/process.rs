//! What the exporter counts once, however many clusters it polls: scrapes, the page, the process itself.
//! Nothing here carries the label `cluster`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::families as f;
use super::histogram::Durations;
use super::{COLLECTOR, system};
use crate::exposition::{Batch, Page, Publisher};
use crate::model::endpoint::Cost;

/// Counters of a cgroup with a CPU quota: periods in which something wanted to run, and those of them in which the
/// quota ended first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuPeriods {
    pub(crate) all: u64,
    pub(crate) throttled: u64,
}

/// What is short, and what was given up for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// In bytes, where there is one.
    pub memory_limit: Option<u64>,
    /// The dearest level that is read.
    pub level: Cost,
    /// By how much all intervals are longer.
    pub stretch: u32,
    /// Share of CPU periods that the quota cut short.
    pub throttled: Option<f64>,
}

/// Counts since the start of the process.
#[derive(Debug)]
pub struct ProcessTelemetry {
    scrapes: Durations,
    /// Whether anything happened since the last encoding.
    touched: AtomicBool,
    config: Mutex<ConfigState>,
    /// The page after the last encoding: another one has new figures.
    seen: Mutex<Weak<Page>>,
    pressure: Mutex<Option<Pressure>>,
    leads: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct ConfigState {
    last_reload_successful: bool,
    hash: Option<u32>,
}

impl Default for ProcessTelemetry {
    fn default() -> Self {
        Self {
            scrapes: Durations::default(),
            touched: AtomicBool::new(true),
            config: Mutex::new(ConfigState { last_reload_successful: true, hash: None }),
            seen: Mutex::default(),
            pressure: Mutex::default(),
            leads: AtomicBool::new(true),
        }
    }
}

impl ProcessTelemetry {
    /// One answered scrape. Runs on the request path: no lock, no allocation.
    pub fn scraped(&self, handler: Duration) {
        self.scrapes.record(handler);
        self.touched.store(true, Ordering::Relaxed);
    }

    pub fn set_pressure(&self, pressure: Pressure) {
        let mut last = self.pressure.lock().unwrap_or_else(PoisonError::into_inner);
        if last.replace(pressure) != Some(pressure) {
            self.touched.store(true, Ordering::Relaxed);
        }
    }

    pub fn set_leads(&self, leads: bool) {
        if self.leads.swap(leads, Ordering::Relaxed) != leads {
            self.touched.store(true, Ordering::Relaxed);
        }
    }

    /// A configuration is in use; the hash of its file, if it has one.
    pub fn configured(&self, hash: Option<u32>) {
        *self.config() = ConfigState { last_reload_successful: true, hash };
        self.touched.store(true, Ordering::Relaxed);
    }

    /// A new configuration was refused, the one before stays in use.
    pub fn reload_failed(&self) {
        self.config().last_reload_successful = false;
        self.touched.store(true, Ordering::Relaxed);
    }

    fn config(&self) -> MutexGuard<'_, ConfigState> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the own families of the process, if anything happened or was published since the last call.
    pub fn publish(&self, publisher: &Publisher) {
        let page = publisher.page();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_seen = std::ptr::eq(seen.as_ptr(), Arc::as_ptr(&page));
        if self.touched.swap(false, Ordering::Relaxed) || !is_seen {
            *seen = Arc::downgrade(&publisher.replace([self.encode(&page)]));
        }
    }

    fn encode(&self, page: &Page) -> Batch {
        let mut batch = Batch::new(COLLECTOR, None);
        batch.family(&f::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1_u64);
        self.scrapes.write(batch.family(&f::SCRAPE_DURATION), &[]);
        let config = *self.config();
        batch.family(&f::CONFIG_RELOAD).sample(&[], config.last_reload_successful);
        if let Some(hash) = config.hash {
            batch.family(&f::CONFIG_HASH).sample(&[], u64::from(hash));
        }
        batch.family(&f::LEADER).sample(&[], self.leads.load(Ordering::Relaxed));
        write_page(&mut batch, page);
        system::write(&mut batch);
        system::mark_start(&mut batch);
        if let Some(pressure) = *self.pressure.lock().unwrap_or_else(PoisonError::into_inner) {
            write_pressure(&mut batch, &pressure);
        }
        batch
    }
}

fn write_pressure(batch: &mut Batch, pressure: &Pressure) {
    if let Some(limit) = pressure.memory_limit {
        batch.family(&f::MEMORY_LIMIT).sample(&[], limit);
        for cost in [Cost::Important, Cost::Detailed] {
            batch.family(&f::LEVEL_DROPPED).sample(&[cost.name()], u64::from(cost > pressure.level));
        }
    }
    batch.family(&f::INTERVAL_STRETCH).sample(&[], u64::from(pressure.stretch));
    if let Some(share) = pressure.throttled {
        batch.family(&f::CPU_THROTTLED).sample(&[], share);
    }
}

fn write_page(batch: &mut Batch, page: &Page) {
    let mut series: BTreeMap<&str, u64> = BTreeMap::new();
    let mut bytes = 0;
    for unit in page.units() {
        *series.entry(unit.name()).or_default() += unit.samples() as u64;
        bytes += unit.identity().len() as u64;
    }
    batch.family(&f::CACHE_SIZE).sample(&[], bytes);
    for (family, count) in series {
        batch.family(&f::CARDINALITY).sample(&[family], count);
    }
    if let Some(limit) = page.max_series() {
        batch.family(&f::CARDINALITY_LIMIT).sample(&[], limit);
    }
    for (family, count) in page.dropped() {
        batch.family(&f::CARDINALITY_DROPPED).sample(&[family], count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Names;

    #[test]
    fn nothing_happened_is_nothing_to_publish() {
        let telemetry = ProcessTelemetry::default();
        let publisher = Publisher::new(Names::default());
        telemetry.publish(&publisher);
        let first = publisher.page();
        telemetry.publish(&publisher);
        assert!(Arc::ptr_eq(&first, &publisher.page()), "nothing happened");
        telemetry.scraped(Duration::from_millis(1));
        telemetry.publish(&publisher);
        assert!(!Arc::ptr_eq(&first, &publisher.page()), "a scrape happened");
    }

    #[test]
    fn what_others_publish_is_counted() {
        let telemetry = ProcessTelemetry::default();
        let publisher = Publisher::new(Names::default());
        telemetry.publish(&publisher);
        let mut nodes = Batch::new("nodes", Some("a"));
        nodes.family(&f::ENDPOINT_UP).sample(&["nodes"], 1_u64);
        publisher.replace([nodes]);
        telemetry.publish(&publisher);
        let page = String::from_utf8(publisher.page().identity().concat()).unwrap();
        let line = "slurm_exporter_cardinality_current{family=\"slurm_exporter_endpoint_up\"} 1\n";
        assert!(page.contains(line), "{page}");
    }
}
