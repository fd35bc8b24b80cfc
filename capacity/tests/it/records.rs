//! Run records of a load test with given figures, and the binary under test.
//! The figures are made up; the form is what `loadtest` writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use reports::model::run::{
    Build, Exposition, Machine, RequestStats, ResourceSample, Resources, RunKind, Second,
};
use reports::model::{Document as _, LatencyHistogram, RunRecord, write};

/// Seconds of warm-up and of measurement. Availability is judged only over enough slices, so it is long.
const WARMUP: u32 = 5;
const MEASURED: u32 = 600;

/// A baseline run that meets its SLA. In the warm-up the exporter uses four times the CPU.
pub(crate) fn record(nodes: u64, jobs: u64, cpu_cores: f64, rss_mib: u64) -> RunRecord {
    let rate = 200_u64;
    let count = rate * u64::from(MEASURED);
    let mut latency = LatencyHistogram::default();
    for index in 0..count {
        latency.record(Duration::from_micros(2000 + index % 1000));
    }
    let second = |offset: u32| Second {
        offset,
        warmup: offset < WARMUP,
        requests: rate,
        errors: 0,
        offered: None,
        in_flight: Some(1),
        p50_us: Some(2500),
        p95_us: Some(2950),
        p99_us: Some(2990),
        max_us: Some(2999),
    };
    let sample = |offset: u32| ResourceSample {
        offset: f64::from(offset),
        cpu_cores: if offset < WARMUP { 4.0 * cpu_cores } else { cpu_cores },
        rss_bytes: rss_mib << 20,
        open_fds: Some(20),
        threads: Some(4),
    };
    RunRecord {
        format: RunRecord::FORMAT.into(),
        id: format!("run-{nodes}"),
        kind: RunKind::LoadTest,
        scenario: "baseline".into(),
        started_at: "2026-01-05T08:00:00Z".into(),
        duration_seconds: f64::from(MEASURED),
        aborted: None,
        build: Build { version: "0.1.0".into(), profile: "release".into(), commit: None, dirty: None },
        machine: Machine { fingerprint: "f00d".into(), cpus: 2, ..Machine::default() },
        parameters: [("nodes".to_owned(), nodes.into()), ("jobs".to_owned(), jobs.into())].into(),
        seed: Some(1),
        requests: vec![RequestStats {
            name: "metrics".into(),
            count,
            errors: [].into(),
            bytes: 1 << 30,
            latency,
        }],
        seconds: (0..WARMUP + MEASURED).map(second).collect(),
        arrivals: None,
        subject: Some(Resources {
            source: "/proc".into(),
            cpu_seconds: cpu_cores * f64::from(MEASURED),
            cpus_available: 2.0,
            cpu_wait_seconds: None,
            peak_rss_bytes: rss_mib << 20,
            cgroup: None,
            samples: (0..WARMUP + MEASURED).map(sample).collect(),
        }),
        generator: None,
        exposition: Some(Exposition {
            bytes: 5000 * nodes,
            compressed_bytes: None,
            series: 40 * nodes,
            families: 60,
        }),
        metrics: Vec::new(),
    }
}

/// Writes each record as `FOLDER/ID/run.json` and gives the folders.
pub(crate) fn write_runs(folder: &Path, records: &[RunRecord]) -> Vec<String> {
    let folder_of = |record: &RunRecord| -> PathBuf { folder.join(&record.id) };
    records
        .iter()
        .map(|record| {
            let run = folder_of(record);
            std::fs::create_dir_all(&run).unwrap();
            write(&run.join("run.json"), record).unwrap();
            run.to_str().unwrap().to_owned()
        })
        .collect()
}

/// `capacity recommend` with these runs and options.
pub(crate) fn recommend(runs: &[String], options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capacity"));
    command.arg("recommend").args(runs).args(options).output().unwrap()
}
