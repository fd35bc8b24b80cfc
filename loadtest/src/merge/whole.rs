//! The sum of all shards: one record and one interval log, as one run would have left them.
//! It trusts that the parts belong together.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use reports::environment::run_id;
use reports::model::run::{ArrivalStats, RequestStats, Resources, Second};
use reports::model::{LatencyHistogram, RunRecord};
use serde_json::json;

use super::part::Part;
use crate::interval_log::{self, Interval, Logged};

/// What all shards did together.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) record: RunRecord,
    pub(super) interval_log: Vec<u8>,
}

/// Adds up; there is at least one part.
///
/// # Errors
/// When the interval log cannot be written to memory.
pub(super) fn sum(parts: &[Part]) -> std::io::Result<Whole> {
    let first = &parts[0].record;
    let mut intervals: BTreeMap<(u32, &str), Vec<&Logged>> = BTreeMap::new();
    for interval in parts.iter().flat_map(|part| &part.intervals) {
        intervals.entry((interval.offset, interval.name.as_str())).or_default().push(interval);
    }
    let mut by_second = BySecond::default();
    let sums = intervals.into_iter().map(|((offset, name), logged)| {
        let mut latency = LatencyHistogram::default();
        for interval in &logged {
            latency.merge(&interval.latency().map_err(std::io::Error::other)?);
        }
        by_second.add(offset, &latency);
        Ok(Interval { offset, warmup: logged[0].warmup, name: name.to_owned(), latency })
    });
    let started_at = parts.iter().map(|part| part.record.started_at.as_str()).min().unwrap_or_default();
    let started: jiff::Timestamp = started_at.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let mut parameters = first.parameters.clone();
    parameters.remove("shard");
    parameters.insert("shards".into(), json!(parts.len()));
    let durations = parts.iter().map(|part| part.record.duration_seconds);
    let aborted = parts.iter().find_map(|part| part.record.aborted.as_ref());
    let start = SystemTime::UNIX_EPOCH + started.as_duration().unsigned_abs();
    let interval_log = interval_log::write(start, sums)?;
    let record = RunRecord {
        id: run_id(started, &first.scenario),
        started_at: started_at.to_owned(),
        duration_seconds: durations.fold(0.0, f64::max),
        aborted: aborted.cloned(),
        parameters,
        requests: requests(parts),
        seconds: seconds(parts, &by_second.summaries()),
        arrivals: arrivals(parts),
        // All shards look at the same target.
        subject: parts.iter().find_map(|part| part.record.subject.clone()),
        generator: busiest(parts),
        exposition: parts.iter().find_map(|part| part.record.exposition.clone()),
        ..first.clone()
    };
    Ok(Whole { record, interval_log })
}

/// What is told of a second's latencies.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    p50_us: Option<u64>,
    p95_us: Option<u64>,
    p99_us: Option<u64>,
    max_us: Option<u64>,
}

/// Sums up the histograms of each second, one second at a time.
#[derive(Debug, Default)]
struct BySecond {
    current: Option<(u32, LatencyHistogram)>,
    finished: BTreeMap<u32, Summary>,
}

impl BySecond {
    /// The seconds come in order.
    fn add(&mut self, offset: u32, latency: &LatencyHistogram) {
        match &mut self.current {
            Some((second, sum)) if *second == offset => sum.merge(latency),
            _ => {
                self.finish();
                self.current = Some((offset, latency.clone()));
            }
        }
    }

    fn finish(&mut self) {
        if let Some((second, sum)) = self.current.take() {
            let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
            let summary = Summary {
                p50_us: micros(sum.quantile(0.50)),
                p95_us: micros(sum.quantile(0.95)),
                p99_us: micros(sum.quantile(0.99)),
                max_us: micros(sum.max()),
            };
            self.finished.insert(second, summary);
        }
    }

    fn summaries(mut self) -> BTreeMap<u32, Summary> {
        self.finish();
        self.finished
    }
}

fn requests(parts: &[Part]) -> Vec<RequestStats> {
    let mut sums: BTreeMap<&str, RequestStats> = BTreeMap::new();
    for stats in parts.iter().flat_map(|part| &part.record.requests) {
        match sums.get_mut(stats.name.as_str()) {
            None => _ = sums.insert(&stats.name, stats.clone()),
            Some(sum) => {
                sum.count += stats.count;
                sum.bytes += stats.bytes;
                sum.latency.merge(&stats.latency);
                for (kind, count) in &stats.errors {
                    *sum.errors.entry(kind.clone()).or_default() += count;
                }
            }
        }
    }
    sums.into_values().collect()
}

fn seconds(parts: &[Part], latencies: &BTreeMap<u32, Summary>) -> Vec<Second> {
    let mut sums: BTreeMap<u32, Second> = BTreeMap::new();
    for second in parts.iter().flat_map(|part| &part.record.seconds) {
        match sums.get_mut(&second.offset) {
            None => _ = sums.insert(second.offset, second.clone()),
            Some(sum) => {
                sum.requests += second.requests;
                sum.errors += second.errors;
                sum.offered = sum.offered.zip(second.offered).map(|(one, other)| one + other);
                sum.in_flight = sum.in_flight.zip(second.in_flight).map(|(one, other)| one + other);
            }
        }
    }
    for (offset, sum) in &mut sums {
        let Summary { p50_us, p95_us, p99_us, max_us } = latencies.get(offset).copied().unwrap_or_default();
        (sum.p50_us, sum.p95_us, sum.p99_us, sum.max_us) = (p50_us, p95_us, p99_us, max_us);
    }
    sums.into_values().collect()
}

fn arrivals(parts: &[Part]) -> Option<ArrivalStats> {
    let add = |mut sum: ArrivalStats, one: ArrivalStats| {
        sum.scheduled += one.scheduled;
        sum.dropped_by_generator += one.dropped_by_generator;
        sum.dropped_by_target += one.dropped_by_target;
        sum.lag.merge(&one.lag);
        sum
    };
    parts.iter().filter_map(|part| part.record.arrivals.clone()).reduce(add)
}

/// The generator that came nearest to its limit: shards may run on different machines, and a mean would hide it.
fn busiest(parts: &[Part]) -> Option<Resources> {
    let load = |resources: &Resources| resources.cpu_seconds / resources.cpus_available;
    let all = parts.iter().filter_map(|part| part.record.generator.as_ref());
    all.max_by(|one, other| load(one).total_cmp(&load(other))).cloned()
}
