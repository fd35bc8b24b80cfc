//! A run as a load test would record it, made from a seed: noise, a spike in the middle, some errors.
//! Nothing is measured; the same call gives the same record.

use std::collections::BTreeMap;
use std::time::Duration;

use reports::model::run::{
    Build, Exposition, Machine, RequestStats, ResourceSample, Resources, RunKind, Second,
};
use reports::model::{Document as _, LatencyHistogram, RunRecord, Verdict};
use reports::sla::Sla;

const WARM_UP: u32 = 10;

/// A small generator of numbers from 0 to 1 (the 64-bit LCG of Knuth, MMIX).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `seconds` of 50 requests a second after the warm-up; half-way the target is slow for a while and fails some.
pub(crate) fn run(seconds: u32) -> RunRecord {
    let mut noise = Noise(7);
    let mut names = [stats("metrics"), stats("metrics gzip")];
    let mut series = Vec::new();
    let (mut subject, mut generator) = (Vec::new(), Vec::new());
    let spike = WARM_UP + seconds / 2..WARM_UP + seconds / 2 + seconds / 20;
    for offset in 0..WARM_UP + seconds {
        let warmup = offset < WARM_UP;
        let in_spike = spike.contains(&offset);
        let mut latencies = Vec::new();
        let mut errors = 0;
        let answered = 50 - u64::from(noise.next() < 0.2) - if in_spike { 9 } else { 0 };
        for request in 0..answered {
            let tail = if noise.next() < 0.02 { 6.0 } else { 1.0 };
            let slow = if in_spike { 25.0 } else { 1.0 } * if warmup { 3.0 } else { 1.0 };
            let micros = 2200.0 * (1.0 + 1.5 * noise.next().powi(3)) * tail * slow;
            let latency = Duration::from_micros(micros as u64);
            latencies.push(latency);
            let kind = match noise.next() {
                chance if in_spike && chance < 0.02 => Some("timeout"),
                chance if in_spike && chance < 0.08 => Some("status_503"),
                chance if chance < 0.0003 => Some("reset"),
                _ => None,
            };
            errors += u64::from(kind.is_some());
            if !warmup {
                let stats = &mut names[usize::from(request % 5 > 1)];
                stats.count += 1;
                stats.latency.record(latency);
                stats.bytes += 48_000;
                if let Some(kind) = kind {
                    *stats.errors.entry(kind.into()).or_default() += 1;
                }
            }
        }
        latencies.sort();
        let at = |quantile: f64| {
            let index = (quantile * latencies.len() as f64).ceil() as usize - 1;
            latencies.get(index).map(|latency| latency.as_micros() as u64)
        };
        series.push(Second {
            offset,
            warmup,
            requests: answered,
            errors,
            offered: Some(50.0),
            in_flight: Some(if in_spike { 7 } else { 1 } + (noise.next() * 2.0) as u64),
            p50_us: at(0.5),
            p95_us: at(0.95),
            p99_us: at(0.99),
            max_us: at(1.0),
        });
        let cores = 0.11 + 0.03 * noise.next() + if in_spike { 0.6 } else { 0.0 };
        let rss = 38.0 + 4.0 * (1.0 - (-f64::from(offset) / 40.0).exp()) + noise.next();
        subject.push(sample(offset, cores, rss));
        generator.push(sample(offset, 0.05 + 0.01 * noise.next(), 21.0 + 0.2 * noise.next()));
    }
    let used = |samples: Vec<ResourceSample>| Resources {
        source: "/proc".into(),
        cpu_seconds: samples.iter().skip(WARM_UP as usize).map(|sample| sample.cpu_cores).sum(),
        cpus_available: 2.0,
        cpu_wait_seconds: None,
        peak_rss_bytes: samples.iter().map(|sample| sample.rss_bytes).max().unwrap_or_default(),
        cgroup: None,
        samples,
    };
    RunRecord {
        format: RunRecord::FORMAT.into(),
        id: "20250131T120000Z-baseline-4711".into(),
        kind: RunKind::LoadTest,
        scenario: "baseline".into(),
        started_at: "2025-01-31T12:00:00Z".into(),
        duration_seconds: f64::from(seconds),
        aborted: None,
        build: Build {
            version: "0.1.0".into(),
            profile: "release".into(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            dirty: Some(false),
        },
        machine: Machine {
            fingerprint: "3511e76fb843".into(),
            cpu_model: "AMD EPYC 9654".into(),
            cpus: 2,
            memory_bytes: 8 << 30,
            architecture: "x86_64".into(),
            kernel: "6.12.0-1-amd64".into(),
            load_average: Some([0.42, 0.31, 0.25]),
            steal_ratio: Some(0.0012),
        },
        parameters: BTreeMap::from([
            ("nodes".into(), 1200.into()),
            ("preset".into(), "medium".into()),
            ("rate".into(), 50.into()),
            ("target".into(), "http://127.0.0.1:9341/metrics".into()),
            ("users".into(), 10.into()),
        ]),
        seed: Some(42),
        requests: names.into(),
        seconds: series,
        arrivals: None,
        subject: Some(used(subject)),
        generator: Some(used(generator)),
        exposition: Some(Exposition {
            bytes: 412_338,
            compressed_bytes: Some(48_000),
            series: 5210,
            families: 96,
        }),
        metrics: Vec::new(),
    }
}

/// The verdict of the built-in rules.
pub(crate) fn verdict(run: &RunRecord) -> Verdict {
    Sla::built_in("baseline", Some(1200)).verdict(run)
}

/// A run whose every text tries to leave its place.
pub(crate) fn hostile() -> (RunRecord, Verdict) {
    const TEXT: &str = "</title></svg><script>alert(1)</script>\" onload='x' ]]> | `code` @all\n<img src=x>";
    let mut run = run(60);
    run.id = TEXT.into();
    run.scenario = TEXT.into();
    run.started_at = TEXT.into();
    run.aborted = Some(TEXT.into());
    run.build.version = TEXT.into();
    run.build.commit = Some(TEXT.into());
    run.machine.cpu_model = TEXT.into();
    run.machine.kernel = TEXT.into();
    run.parameters.insert(TEXT.into(), TEXT.into());
    run.requests[0].name = TEXT.into();
    run.requests[0].errors.insert(TEXT.into(), 3);
    let mut verdict = verdict(&run);
    verdict.notes.push(TEXT.into());
    for rule in &mut verdict.rules {
        rule.id = TEXT.into();
        rule.rule = TEXT.into();
        rule.unit = TEXT.into();
        rule.reason = TEXT.into();
    }
    (run, verdict)
}

fn stats(name: &str) -> RequestStats {
    RequestStats {
        name: name.into(),
        count: 0,
        errors: BTreeMap::new(),
        bytes: 0,
        latency: LatencyHistogram::default(),
    }
}

fn sample(offset: u32, cpu_cores: f64, rss_mib: f64) -> ResourceSample {
    // As coarse as the kernel tells it: ticks of 10 ms, pages of 4 KiB.
    let cpu_cores = (cpu_cores * 100.0).round() / 100.0;
    let rss_bytes = (rss_mib * 256.0) as u64 * 4096;
    ResourceSample { offset: f64::from(offset), cpu_cores, rss_bytes, open_fds: Some(24), threads: Some(5) }
}
