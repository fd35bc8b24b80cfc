//! The judgement: a pure function from a run record and rules to one verdict per rule.
//! What was not measured often enough is inconclusive, and an aborted run never passes.

use super::{Metric, Rule, SizeClass, Sla};
use crate::model::run::RequestStats;
use crate::model::verdict::{Outcome, RuleVerdict};
use crate::model::{LatencyHistogram, RunRecord, Verdict};
use crate::quantity;

/// Parameter of a run record that tells the size of the cluster.
const NODES: &str = "nodes";
/// A slice of availability is bad when more than this share of its requests fail.
const BAD_SLICE_ERROR_RATE: f64 = 0.01;

/// A figure of a run and what it rests on.
struct Measured {
    value: Option<f64>,
    samples: u64,
    interval: Option<[f64; 2]>,
}

impl Measured {
    fn new(value: Option<f64>, samples: u64) -> Self {
        Self { value: value.filter(|value| value.is_finite()), samples, interval: None }
    }
}

impl Sla {
    /// Holds a run against each rule that concerns its scenario and size of cluster, in the order of the file.
    /// The size is the run's parameter `nodes`; rules of a size class are inconclusive without it,
    /// unless `select` has chosen them before.
    pub fn judge(&self, run: &RunRecord) -> Vec<RuleVerdict> {
        let nodes = run.parameters.get(NODES).and_then(serde_json::Value::as_u64);
        let class = nodes.map(SizeClass::of_nodes);
        let concerns = |rule: &&Rule| {
            (rule.scenarios.is_empty() || rule.scenarios.contains(&run.scenario))
                && (rule.size_class.is_none() || class.is_none() || rule.size_class == class)
        };
        self.rules.iter().filter(concerns).map(|rule| judge_rule(rule, run, class)).collect()
    }

    /// The verdict over a run: as bad as its worst rule, inconclusive when no rule concerns it.
    pub fn verdict(&self, run: &RunRecord) -> Verdict {
        let mut notes = Vec::new();
        if let Some(reason) = &run.aborted {
            notes.push(format!("the run was aborted: {reason}"));
        }
        let rules = self.judge(run);
        if rules.is_empty() {
            notes.push(format!("no rule of {} concerns the scenario {}", self.origin, run.scenario));
        }
        Verdict::new(run.id.clone(), rules, notes)
    }
}

fn judge_rule(rule: &Rule, run: &RunRecord, class: Option<SizeClass>) -> RuleVerdict {
    let measured = measure(rule, run);
    let (outcome, reason) = decide(rule, run, class, &measured);
    RuleVerdict {
        id: rule.id.clone(),
        rule: rule.text(),
        outcome,
        value: measured.value,
        limit: Some(rule.limit),
        unit: rule.metric.unit().name().into(),
        samples: measured.samples,
        interval: measured.interval,
        p_value: None,
        reason,
    }
}

fn decide(rule: &Rule, run: &RunRecord, class: Option<SizeClass>, measured: &Measured) -> (Outcome, String) {
    let inconclusive = |reason: String| (Outcome::Inconclusive, reason);
    if let (Some(needed), None) = (rule.size_class, class) {
        let name = needed.name();
        return inconclusive(format!("is for {name} clusters, and the run has no parameter \"{NODES}\""));
    }
    let counts = rule.metric.counts();
    if measured.samples < rule.min_samples {
        return inconclusive(format!(
            "{} {counts}, but at least {} are needed",
            quantity::count(measured.samples),
            quantity::count(rule.min_samples)
        ));
    }
    let Some(value) = measured.value else {
        return inconclusive(format!("{} was not measured", rule.metric.name().replace('_', " ")));
    };
    if !rule.operator.holds(value, rule.limit) {
        let unit = rule.metric.unit().name();
        let (value, limit) = apart(value, rule.limit, unit);
        return (Outcome::Fail, format!("measured {value}, required {} {limit}", rule.operator.symbol()));
    }
    match &run.aborted {
        Some(reason) => inconclusive(format!("holds so far, but the run was aborted: {reason}")),
        None => (Outcome::Pass, String::new()),
    }
}

/// Value and limit for people; with all digits when rounding makes different figures look alike.
fn apart(value: f64, limit: f64, unit: &str) -> (String, String) {
    let (short, short_limit) = (quantity::display(value, unit), quantity::display(limit, unit));
    if short == short_limit && value != limit {
        (format!("{value} {unit}"), format!("{limit} {unit}"))
    } else {
        (short, short_limit)
    }
}

fn measure(rule: &Rule, run: &RunRecord) -> Measured {
    let requests =
        || run.requests.iter().filter(|stats| rule.request.as_ref().is_none_or(|name| *name == stats.name));
    let count: u64 = requests().map(|stats| stats.count).sum();
    let errors: u64 = requests().map(RequestStats::error_count).sum();
    match rule.metric {
        Metric::Latency => {
            let mut all = LatencyHistogram::default();
            requests().for_each(|stats| all.merge(&stats.latency));
            let quantile = rule.quantile.unwrap_or(0.5);
            let value = all.quantile(quantile).map(|latency| latency.as_secs_f64());
            Measured { interval: quantile_interval(&all, quantile), ..Measured::new(value, all.count()) }
        }
        Metric::ErrorRate => Measured::new((count > 0).then(|| errors as f64 / count as f64), count),
        Metric::ContentErrors => {
            let wrong = requests().flat_map(|stats| &stats.errors).filter(|(kind, _)| is_content(kind));
            let wrong: u64 = wrong.map(|(_, errors)| errors).sum();
            Measured::new((count > 0).then_some(wrong as f64), count)
        }
        Metric::Throughput => {
            let measured = run.duration_seconds > 0.0;
            let rate = measured.then(|| count.saturating_sub(errors) as f64 / run.duration_seconds);
            Measured::new(rate, run.duration_seconds.max(0.0) as u64)
        }
        Metric::Availability => {
            let slices = slices(run, rule.window_seconds);
            let good = slices.iter().filter(|good| **good).count();
            let share = (!slices.is_empty()).then(|| good as f64 / slices.len() as f64);
            Measured::new(share, slices.len() as u64)
        }
        Metric::PeakRss => {
            let subject = run.subject.as_ref();
            // The kernel keeps the peak itself, so one figure is enough even without samples.
            let samples = subject.map_or(0, |used| used.samples.len().max(1) as u64);
            Measured::new(subject.map(|used| used.peak_rss_bytes as f64).filter(|peak| *peak > 0.0), samples)
        }
        Metric::CpuCores => cpu_cores(rule, run),
    }
}

fn is_content(kind: &str) -> bool {
    kind == "content" || kind.starts_with("content_")
}

fn cpu_cores(rule: &Rule, run: &RunRecord) -> Measured {
    let Some(subject) = &run.subject else { return Measured::new(None, 0) };
    let start =
        run.seconds.iter().find(|second| !second.warmup).map_or(0.0, |second| f64::from(second.offset));
    let measured = subject.samples.iter().filter(|sample| sample.offset >= start);
    let mut cores: Vec<f64> = measured.map(|sample| sample.cpu_cores).collect();
    let samples = cores.len() as u64;
    match rule.quantile {
        None => {
            let mean = (run.duration_seconds > 0.0).then(|| subject.cpu_seconds / run.duration_seconds);
            Measured::new(mean, samples.max(u64::from(mean.is_some())))
        }
        Some(quantile) => {
            cores.sort_by(f64::total_cmp);
            let rank = (quantile * samples as f64).ceil() as usize;
            Measured::new(cores.get(rank.saturating_sub(1)).copied(), samples)
        }
    }
}

/// Whether each whole slice of the measured part was good; a rest shorter than a slice belongs to the last one.
/// A slice in which nothing was answered is bad when load was known to be there, and tells nothing otherwise.
fn slices(run: &RunRecord, window: u32) -> Vec<bool> {
    struct Slice {
        requests: u64,
        errors: u64,
        demand: bool,
    }
    let measured: Vec<_> = run.seconds.iter().filter(|second| !second.warmup).collect();
    let (Some(first), Some(last)) = (
        measured.iter().map(|second| second.offset).min(),
        measured.iter().map(|second| second.offset).max(),
    ) else {
        return Vec::new();
    };
    let whole = (last - first + 1) / window;
    let mut slices: Vec<Slice> =
        (0..whole).map(|_| Slice { requests: 0, errors: 0, demand: false }).collect();
    for second in measured {
        let index = ((second.offset - first) / window).min(whole.saturating_sub(1));
        if let Some(slice) = slices.get_mut(index as usize) {
            slice.requests += second.requests;
            slice.errors += second.errors;
            slice.demand |= second.offered.is_some_and(|rate| rate > 0.0)
                || second.in_flight.is_some_and(|requests| requests > 0);
        }
    }
    slices
        .iter()
        .filter(|slice| slice.requests > 0 || slice.demand)
        .map(|slice| {
            slice.requests > 0 && slice.errors as f64 <= BAD_SLICE_ERROR_RATE * slice.requests as f64
        })
        .collect()
}

/// 95 % confidence interval of a quantile from the order statistics at n q -+ 1.96 sqrt(n q (1 - q)) (normal
/// approximation of the binomial; David and Nagaraja, Order Statistics, section 7.1). It assumes independent
/// latencies; neighbours in time are not quite, so it is a lower bound of the uncertainty.
fn quantile_interval(latency: &LatencyHistogram, quantile: f64) -> Option<[f64; 2]> {
    let count = latency.count() as f64;
    let spread = 1.96 * (count * quantile * (1.0 - quantile)).sqrt();
    let (low, high) = (count * quantile - spread, count * quantile + spread);
    if low < 1.0 || high > count {
        return None;
    }
    let at = |rank: f64| latency.quantile(rank / count).map(|latency| latency.as_secs_f64());
    Some([at(low.floor())?, at(high.ceil())?])
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
