//! The figures of runs that are compared: one value a run and metric, named as in `thresholds.toml`.
//! It reads records only; nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};

use reports::model::RunRecord;
use reports::model::run::{Direction, Metric};
use reports::quantity::count;

use super::effect::RunFigure;
use super::fisher::Failures;
use crate::thresholds::Thresholds;

/// One metric over the runs of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    /// As in `reports::model::run::Metric::unit`.
    pub unit: String,
    pub better: Direction,
    pub base: Vec<RunFigure>,
    pub candidate: Vec<RunFigure>,
}

/// Failures of the runs of both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureSeries {
    pub base: Vec<Failures>,
    pub candidate: Vec<Failures>,
}

/// What there is to judge, and what there is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub series: Vec<Series>,
    /// `None` when no run made a request.
    pub failures: Option<FailureSeries>,
    /// Metrics that cannot be judged, with the reason.
    pub notes: Vec<String>,
}

/// The figures of one run by metric name.
type RunFigures = BTreeMap<String, (String, Direction, RunFigure)>;

/// The quantiles that are compared, each of a run's merged latencies.
const QUANTILES: [(&str, f64); 3] = [("latency_p50", 0.50), ("latency_p95", 0.95), ("latency_p99", 0.99)];

/// Everything that the records of the two sides have in common, in the order of the names.
pub(super) fn figures(base: &[&RunRecord], candidate: &[&RunRecord], thresholds: &Thresholds) -> Figures {
    let by_run = |side: &[&RunRecord]| -> Vec<RunFigures> { side.iter().map(|run| of_run(run)).collect() };
    let (base_runs, candidate_runs) = (by_run(base), by_run(candidate));
    let names: BTreeSet<&String> = base_runs.iter().chain(&candidate_runs).flat_map(BTreeMap::keys).collect();
    let fewest = base.iter().chain(candidate).map(|run| run.request_count()).min().unwrap_or(0);
    let mut figures = Figures { failures: failures(base, candidate), ..Figures::default() };
    for name in names {
        let needed = thresholds.floor(name).min_requests;
        if fewest < needed {
            figures.notes.push(format!(
                "{name}: not judged: a run has {} requests, {} are needed in every run",
                count(fewest),
                count(needed)
            ));
            continue;
        }
        let side = |runs: &[RunFigures]| -> Vec<RunFigure> {
            runs.iter().filter_map(|run| run.get(name)).map(|(_, _, figure)| figure.clone()).collect()
        };
        let (base, candidate) = (side(&base_runs), side(&candidate_runs));
        if base.is_empty() || candidate.is_empty() {
            let only = if base.is_empty() { "candidate" } else { "base" };
            figures.notes.push(format!("{name}: not judged: only the {only} runs have it"));
            continue;
        }
        let described = base_runs.iter().chain(&candidate_runs).find_map(|run| run.get(name));
        let Some((unit, better, _)) = described else { continue };
        let (name, unit, better) = (name.clone(), unit.clone(), *better);
        figures.series.push(Series { name, unit, better, base, candidate });
    }
    figures
}

fn of_run(run: &RunRecord) -> RunFigures {
    let mut figures = RunFigures::new();
    let mut lower = |name: &str, unit: &str, value: f64| {
        figures.insert(name.into(), (unit.into(), Direction::Lower, value.into()));
    };
    let latency = run.latency();
    for (name, quantile) in QUANTILES {
        if let Some(latency) = latency.quantile(quantile) {
            lower(name, "seconds", latency.as_secs_f64());
        }
    }
    let requests = run.request_count();
    if let Some(subject) = &run.subject {
        lower("peak_rss", "bytes", subject.peak_rss_bytes as f64);
        if requests > 0 {
            lower("cpu_seconds_per_request", "seconds", subject.cpu_seconds / requests as f64);
        }
    }
    if let Some(exposition) = &run.exposition {
        lower("exposition_bytes", "bytes", exposition.bytes as f64);
    }
    if requests > 0
        && let Some(rate) = run.throughput()
    {
        let figure = ("requests_per_second".into(), Direction::Higher, rate.into());
        figures.insert("throughput".into(), figure);
    }
    for Metric { name, unit, better, value, samples } in &run.metrics {
        let figure = RunFigure { value: *value, samples: samples.clone() };
        figures.insert(name.clone(), (unit.clone(), *better, figure));
    }
    figures
}

fn failures(base: &[&RunRecord], candidate: &[&RunRecord]) -> Option<FailureSeries> {
    let of = |side: &[&RunRecord]| -> Vec<Failures> {
        side.iter()
            .map(|run| Failures { failed: run.error_count(), requests: run.request_count() })
            .filter(|run| run.requests > 0)
            .collect()
    };
    let series = FailureSeries { base: of(base), candidate: of(candidate) };
    (!series.base.is_empty() && !series.candidate.is_empty()).then_some(series)
}
