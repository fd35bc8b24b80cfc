//! Run records made for a test: written to a folder as a load test writes them.
//! Noise is drawn from a seed that the test gives.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reports::model::run::{Build, Exposition, Machine, RequestStats, Resources, RunKind};
use reports::model::{Document as _, LatencyHistogram, RunRecord, write};

/// Process-level noise: the figures of a run share a factor that differs from run to run.
pub(crate) struct Noise {
    random: ChaCha8Rng,
    /// Standard deviation of the logarithm of a run's factor.
    pub(crate) deviation: f64,
}

impl Noise {
    pub(crate) fn new(seed: u64, deviation: f64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), deviation }
    }

    /// A lognormal factor around 1 (the sum of twelve uniforms is nearly normal).
    pub(crate) fn factor(&mut self) -> f64 {
        let normal: f64 = (0..12).map(|_| self.random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
        (normal * self.deviation).exp()
    }

    /// Uniform in 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.random.random_range(0.0..1.0)
    }
}

/// A run of 20 seconds with 1,000 requests; `slower` multiplies every latency, CPU second and byte of memory.
pub(crate) fn record(id: &str, slower: f64, noise: &mut Noise) -> RunRecord {
    let mut latency = LatencyHistogram::default();
    let run_factor = slower * noise.factor();
    for _ in 0..1000 {
        // A tail as real services have it: exponential over a fixed part.
        let tail = -(1.0 - noise.uniform()).ln();
        latency.record(Duration::from_secs_f64((0.004 + 0.002 * tail) * run_factor));
    }
    RunRecord {
        format: RunRecord::FORMAT.into(),
        id: id.into(),
        kind: RunKind::LoadTest,
        scenario: "quick".into(),
        started_at: "2026-01-05T08:00:00Z".into(),
        duration_seconds: 20.0,
        aborted: None,
        build: Build { version: "0.1.0".into(), profile: "release".into(), commit: None, dirty: None },
        machine: Machine {
            fingerprint: "f00d".into(),
            cpu_model: "test".into(),
            cpus: 2,
            ..Machine::default()
        },
        parameters: [("nodes".to_owned(), 1000.into()), ("users".to_owned(), 10.into())].into(),
        seed: Some(1),
        requests: vec![RequestStats {
            name: "metrics".into(),
            count: 1000,
            errors: [].into(),
            bytes: 5_000_000,
            latency,
        }],
        seconds: Vec::new(),
        arrivals: None,
        subject: Some(Resources {
            source: "/proc".into(),
            cpu_seconds: 2.0 * slower * noise.factor(),
            cpus_available: 2.0,
            cpu_wait_seconds: None,
            peak_rss_bytes: (64e6 * slower * noise.factor()) as u64,
            cgroup: None,
            samples: Vec::new(),
        }),
        generator: None,
        exposition: Some(Exposition { bytes: 5000, compressed_bytes: Some(900), series: 60, families: 20 }),
        metrics: Vec::new(),
    }
}

/// Writes `count` runs as `FOLDER/run-N/run.json`, each changed by `change`.
pub(crate) fn write_runs(
    folder: &Path,
    count: usize,
    slower: f64,
    seed: u64,
    change: impl Fn(usize, &mut RunRecord),
) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut noise = Noise::new(seed, 0.02);
    for index in 0..count {
        let mut record = record(&format!("{name}-{index}"), slower, &mut noise);
        change(index, &mut record);
        let run = folder.join(format!("run-{index:02}"));
        std::fs::create_dir_all(&run).unwrap();
        write(&run.join("run.json"), &record).unwrap();
    }
}

/// Runs `perf-gate` with these arguments.
pub(crate) fn perf_gate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_perf-gate")).args(args).output().unwrap()
}

/// Asserts that `perf-gate` ends with `code` and one line on stderr that contains every part of `expected`.
pub(crate) fn check_refused(args: &[&str], code: i32, expected: &[&str]) {
    let output = perf_gate(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty());
    for part in expected {
        assert!(stderr.contains(part), "{stderr} lacks {part}");
    }
}
