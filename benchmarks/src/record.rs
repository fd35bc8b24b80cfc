//! A run record (`perf-run/v1`) out of the results: one metric per benchmark, with its samples.
//! Nothing is judged here: `perf-gate compare` does that, over several runs a side.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reports::environment;
use reports::model::Document as _;
use reports::model::run::{Build, Direction, Metric, RunKind, RunRecord};

use crate::payload::SEED;
use crate::results::Benchmark;

/// The record of these results on this machine and checkout. `scenario` is the subject, or `all`.
pub fn record(scenario: &str, results: &[Benchmark]) -> RunRecord {
    let started = started(results);
    RunRecord {
        format: RunRecord::FORMAT.into(),
        id: environment::run_id(started, scenario),
        kind: RunKind::Benchmark,
        scenario: scenario.into(),
        started_at: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        duration_seconds: results.iter().map(|benchmark| benchmark.measured_seconds).sum(),
        aborted: None,
        // `cargo bench` builds with the bench profile, which is the release profile here, however this was built.
        build: Build { profile: "release".into(), ..environment::build(env!("CARGO_PKG_VERSION")) },
        machine: environment::machine(),
        parameters: BTreeMap::new(),
        seed: Some(SEED),
        requests: Vec::new(),
        seconds: Vec::new(),
        arrivals: None,
        subject: None,
        generator: None,
        exposition: None,
        metrics: results.iter().map(metric).collect(),
    }
}

/// Bytes per second where a benchmark works through bytes, so that a payload that grew is no regression;
/// else seconds per iteration.
pub fn metric(benchmark: &Benchmark) -> Metric {
    let samples = || benchmark.samples.iter();
    let (unit, better, samples): (_, _, Vec<f64>) = match benchmark.bytes {
        Some(bytes) => {
            let rates = samples().map(|seconds| bytes as f64 / seconds).collect();
            ("bytes_per_second", Direction::Higher, rates)
        }
        None => ("seconds", Direction::Lower, samples().copied().collect()),
    };
    Metric { name: benchmark.name.clone(), unit: unit.into(), better, value: median(&samples), samples }
}

/// The middle figure, or the mean of the two middle ones. Not a number when there is none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let sorted = sorted(samples);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

pub(crate) fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// When the first sample was taken, by the end of the first benchmark and the time that it measured.
fn started(results: &[Benchmark]) -> Timestamp {
    let start = |benchmark: &Benchmark| {
        benchmark.finished_at.checked_sub(Duration::from_secs_f64(benchmark.measured_seconds))
    };
    let first = results.iter().filter_map(start).min().unwrap_or(SystemTime::UNIX_EPOCH);
    Timestamp::try_from(first).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark(bytes: Option<u64>) -> Benchmark {
        Benchmark {
            name: "decode_jobs/streaming/1k".into(),
            bytes,
            samples: vec![0.004, 0.001, 0.002],
            measured_seconds: 5.0,
            finished_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000),
        }
    }

    #[test]
    fn bytes_make_a_rate_that_should_be_high() {
        let metric = metric(&benchmark(Some(8_000)));
        assert_eq!((metric.unit.as_str(), metric.better), ("bytes_per_second", Direction::Higher));
        assert_eq!((metric.value, metric.samples), (4e6, vec![2e6, 8e6, 4e6]));
    }

    #[test]
    fn without_bytes_the_time_should_be_low() {
        let metric = metric(&benchmark(None));
        assert_eq!((metric.unit.as_str(), metric.better), ("seconds", Direction::Lower));
        assert_eq!(metric.value, 0.002);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_run_starts_with_its_first_sample() {
        let record = record("cpu", &[benchmark(None)]);
        assert_eq!(record.started_at, "1970-01-01T00:16:35Z");
        assert_eq!(record.duration_seconds, 5.0);
        assert!(record.id.starts_with("19700101T001635Z-cpu-"), "{}", record.id);
    }
}
