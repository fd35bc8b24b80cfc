//! The sum of all shards: one record and one interval log, as one run would have left them.
//! It trusts that the parts belong together.

use std::collections::BTreeMap;
use std::time::SystemTime;

use reports::environment::run_id;
use reports::model::run::{ArrivalStats, RequestStats, Resources, Second};
use reports::model::{LatencyHistogram, RunRecord};
use serde_json::json;

use super::part::Part;
use crate::interval_log::{self, Interval};

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
    let mut intervals: BTreeMap<(u32, &str), (bool, LatencyHistogram)> = BTreeMap::new();
    for interval in parts.iter().flat_map(|part| &part.intervals) {
        let key = (interval.offset, interval.name.as_str());
        let (_, sum) = intervals.entry(key).or_insert_with(|| (interval.warmup, LatencyHistogram::default()));
        sum.merge(&interval.latency);
    }
    let mut by_second: BTreeMap<u32, LatencyHistogram> = BTreeMap::new();
    for ((offset, _), (_, latency)) in &intervals {
        by_second.entry(*offset).or_default().merge(latency);
    }
    let started_at = parts.iter().map(|part| part.record.started_at.as_str()).min().unwrap_or_default();
    let started: jiff::Timestamp = started_at.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let mut parameters = first.parameters.clone();
    parameters.remove("shard");
    parameters.insert("shards".into(), json!(parts.len()));
    let durations = parts.iter().map(|part| part.record.duration_seconds);
    let aborted = parts.iter().find_map(|part| part.record.aborted.as_ref());
    let record = RunRecord {
        id: run_id(started, &first.scenario),
        started_at: started_at.to_owned(),
        duration_seconds: durations.fold(0.0, f64::max),
        aborted: aborted.cloned(),
        parameters,
        requests: requests(parts),
        seconds: seconds(parts, &by_second),
        arrivals: arrivals(parts),
        // All shards look at the same target.
        subject: parts.iter().find_map(|part| part.record.subject.clone()),
        generator: busiest(parts),
        exposition: parts.iter().find_map(|part| part.record.exposition.clone()),
        ..first.clone()
    };
    let start = SystemTime::UNIX_EPOCH + started.as_duration().unsigned_abs();
    let log = intervals.into_iter().map(|((offset, name), (warmup, latency))| Interval {
        offset,
        warmup,
        name: name.to_owned(),
        latency,
    });
    Ok(Whole { record, interval_log: interval_log::write(start, log)? })
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

fn seconds(parts: &[Part], latencies: &BTreeMap<u32, LatencyHistogram>) -> Vec<Second> {
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
        let latency = latencies.get(offset);
        let micros = |quantile| {
            latency.and_then(|latency| latency.quantile(quantile)).map(|time| time.as_micros() as u64)
        };
        (sum.p50_us, sum.p95_us, sum.p99_us) = (micros(0.50), micros(0.95), micros(0.99));
        sum.max_us = latency.and_then(LatencyHistogram::max).map(|time| time.as_micros() as u64);
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
