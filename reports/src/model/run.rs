//! The record of one run: what was measured, on which machine, of which build, with every distribution kept.
//! It holds no judgement: that is a verdict.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Document;
use super::histogram::LatencyHistogram;

/// One run of a load test or of a benchmark suite (`perf-run/v1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// `perf-run/v1`.
    pub format: String,
    /// Unique among runs: start time, scenario and process id.
    pub id: String,
    pub kind: RunKind,
    /// The scenario (`baseline`) or the benchmark group (`cpu`).
    pub scenario: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Measured part only, without warm-up.
    pub duration_seconds: f64,
    /// Why the run ended early, when it did; such a run is never judged as passed.
    pub aborted: Option<String>,
    pub build: Build,
    pub machine: Machine,
    /// Every parameter that the run was given, after defaults and flags.
    pub parameters: BTreeMap<String, serde_json::Value>,
    pub seed: Option<u64>,
    /// One entry per request name, sorted by name.
    pub requests: Vec<RequestStats>,
    /// One entry per second of the run, warm-up included.
    pub seconds: Vec<Second>,
    /// What became of the arrivals, when the load was an open loop.
    pub arrivals: Option<ArrivalStats>,
    /// What the measured process used.
    pub subject: Option<Resources>,
    /// What the load generator used.
    pub generator: Option<Resources>,
    pub exposition: Option<Exposition>,
    /// Single figures: results of benchmarks, exact counters.
    pub metrics: Vec<Metric>,
}

impl Document for RunRecord {
    const FORMAT: &'static str = "perf-run/v1";
    const READABLE: &'static [&'static str] = &["perf-run/v1"];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    LoadTest,
    Benchmark,
}

/// What was built and from which commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    pub version: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Full commit hash, when the tool ran inside a checkout.
    pub commit: Option<String>,
    /// Whether the checkout had uncommitted changes.
    pub dirty: Option<bool>,
}

/// Where it ran. Runs of different fingerprints are never compared silently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Short hash over CPU model, CPU count, memory and architecture.
    pub fingerprint: String,
    pub cpu_model: String,
    pub cpus: u32,
    pub memory_bytes: u64,
    pub architecture: String,
    pub kernel: String,
    /// One, five and fifteen minutes, at the start.
    pub load_average: Option<[f64; 3]>,
    /// Share of CPU time that the hypervisor took during the run, 0 to 1.
    pub steal_ratio: Option<f64>,
}

/// All requests of one name in the measured part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestStats {
    pub name: String,
    /// Successful and failed together.
    pub count: u64,
    /// Failures by kind: `timeout`, `connect`, `status_503`, `content`, ...
    pub errors: BTreeMap<String, u64>,
    /// Body bytes received, as on the wire.
    pub bytes: u64,
    /// Latencies of all requests, body included, failed ones too.
    pub latency: LatencyHistogram,
}

impl RequestStats {
    /// Failures of all kinds.
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// Arrivals of an open loop that were due in the measured part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalStats {
    /// Sent and dropped together.
    pub scheduled: u64,
    /// Not sent because too many requests were under way, although the target answered fast or the generator was late.
    pub dropped_by_generator: u64,
    /// Not sent because the target held too many requests.
    pub dropped_by_target: u64,
    /// How much later than due requests were sent.
    pub lag: LatencyHistogram,
}

impl ArrivalStats {
    /// Arrivals that were not sent, whoever is to blame.
    pub fn dropped(&self) -> u64 {
        self.dropped_by_generator + self.dropped_by_target
    }
}

/// One second of the run, over all request names. Latencies in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Seconds since the start of the run.
    pub offset: u32,
    pub warmup: bool,
    pub requests: u64,
    pub errors: u64,
    /// Requests per second that the plan asked for, when the load was paced.
    pub offered: Option<f64>,
    pub in_flight: Option<u64>,
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    pub max_us: Option<u64>,
}

/// What a process used, sampled over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// `/proc`, `cgroup` or `process_metrics`: where the samples come from.
    pub source: String,
    /// CPU seconds used in the measured part.
    pub cpu_seconds: f64,
    /// Seconds in the measured part for which its threads could have run but had no CPU, summed over threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_wait_seconds: Option<f64>,
    /// CPUs that the process may use.
    pub cpus_available: f64,
    /// Largest resident set size of the run.
    pub peak_rss_bytes: u64,
    /// Of the control group that the process is in, when it could be read.
    pub cgroup: Option<CgroupUse>,
    pub samples: Vec<ResourceSample>,
}

/// What a control group tells of its limits. Others may be in the group: counters of pressure, not of use by one process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CgroupUse {
    pub path: String,
    /// The smallest limit from the group up to the root.
    pub cpu_limit_cores: Option<f64>,
    /// Periods of the limit in the measured part in which something ran.
    pub periods: Option<u64>,
    /// Of these, how many the limit cut short.
    pub throttled_periods: Option<u64>,
    /// Time for which runnable threads were held back, summed over CPUs, in the measured part.
    pub throttled_seconds: Option<f64>,
    /// Page cache included, at the end.
    pub memory_current_bytes: Option<u64>,
    /// Since the group was made.
    pub memory_peak_bytes: Option<u64>,
}

impl CgroupUse {
    /// The same with what was counted before `start` taken away.
    pub fn since(self, start: &Self) -> Self {
        let less = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Self {
            periods: less(self.periods, start.periods),
            throttled_periods: less(self.throttled_periods, start.throttled_periods),
            throttled_seconds: self
                .throttled_seconds
                .zip(start.throttled_seconds)
                .map(|(now, then)| now - then),
            ..self
        }
    }

    /// Share of the periods that the limit cut short; `None` without a period.
    pub fn throttled_share(&self) -> Option<f64> {
        let periods = self.periods.filter(|periods| *periods > 0)?;
        Some(self.throttled_periods? as f64 / periods as f64)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceSample {
    /// Seconds since the start of the run.
    pub offset: f64,
    /// CPUs in use since the sample before (1.0 is one core).
    pub cpu_cores: f64,
    pub rss_bytes: u64,
    pub open_fds: Option<u64>,
    pub threads: Option<u64>,
}

/// The page that was fetched: sizes of the last checked one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exposition {
    pub bytes: u64,
    /// As received, when it came compressed.
    pub compressed_bytes: Option<u64>,
    pub series: u64,
    pub families: u64,
}

/// One figure with its unit and the direction that is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub name: String,
    /// `seconds`, `bytes`, `bytes_per_second`, `count`, ...
    pub unit: String,
    pub better: Direction,
    /// The figure to compare; the median of `samples` where there are any.
    pub value: f64,
    /// Raw samples, one per iteration group.
    pub samples: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Lower,
    Higher,
}

impl RunRecord {
    /// Requests of all names in the measured part.
    pub fn request_count(&self) -> u64 {
        self.requests.iter().map(|stats| stats.count).sum()
    }

    /// Failed requests of all names in the measured part.
    pub fn error_count(&self) -> u64 {
        self.requests.iter().map(RequestStats::error_count).sum()
    }

    /// Failed / all; `None` when there was no request.
    pub fn error_rate(&self) -> Option<f64> {
        let count = self.request_count();
        (count > 0).then(|| self.error_count() as f64 / count as f64)
    }

    /// Answered requests per second of the measured part; `None` when nothing was measured.
    pub fn throughput(&self) -> Option<f64> {
        (self.duration_seconds > 0.0).then(|| self.request_count() as f64 / self.duration_seconds)
    }

    /// Successful requests per second of the measured part; `None` when nothing was measured.
    pub fn successful_throughput(&self) -> Option<f64> {
        let successful = self.request_count().saturating_sub(self.error_count());
        (self.duration_seconds > 0.0).then(|| successful as f64 / self.duration_seconds)
    }

    /// The latencies of all names merged; percentiles come from here, never from averages.
    pub fn latency(&self) -> LatencyHistogram {
        let mut all = LatencyHistogram::default();
        for stats in &self.requests {
            all.merge(&stats.latency);
        }
        all
    }
}
