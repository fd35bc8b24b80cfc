//! The judgement: a pure function from a run record and rules to one verdict per rule.
//! What was not measured often or surely enough never passes and fails only when that is certain; an aborted run never passes.

use super::{Metric, Operator, Rule, SizeClass, Sla, binomial};
use crate::model::run::RequestStats;
use crate::model::verdict::{Outcome, RuleVerdict};
use crate::model::{LatencyHistogram, RunRecord, Verdict};
use crate::quantity;

/// Parameter of a run record that tells the size of the cluster.
const NODES: &str = "nodes";
const AVAILABILITY_SLICE_SECONDS: u32 = 10;
/// A slice of availability is bad when more than this share of its requests fail.
const BAD_SLICE_ERROR_RATE: f64 = 0.01;

/// A figure of a run and what it rests on.
struct Measured {
    value: Option<f64>,
    samples: u64,
    interval: Option<[f64; 2]>,
    /// Where the true figure lies with 97.5 % confidence at least, and where at most; without them, anywhere.
    at_least: Option<f64>,
    at_most: Option<f64>,
}

impl Measured {
    fn new(value: Option<f64>, samples: u64) -> Self {
        let value = value.filter(|value| value.is_finite());
        Self { value, samples, interval: None, at_least: None, at_most: None }
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
            rule.concerns(&run.scenario)
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
    if let (Some(needed), None) = (rule.size_class, class) {
        let name = needed.name();
        let reason = format!("is for {name} clusters, and the run has no parameter \"{NODES}\"");
        return (Outcome::Inconclusive, reason);
    }
    match (hold(rule, measured), &run.aborted) {
        ((Outcome::Pass, _), Some(reason)) => {
            (Outcome::Inconclusive, format!("holds so far, but the run was aborted: {reason}"))
        }
        (decided, _) => decided,
    }
}

/// Holds what was measured against the limit.
fn hold(rule: &Rule, measured: &Measured) -> (Outcome, String) {
    let inconclusive = |reason: String| (Outcome::Inconclusive, reason);
    if measured.samples < rule.min_samples {
        let (samples, needed) = (quantity::count(measured.samples), quantity::count(rule.min_samples));
        let counts = rule.metric.counts();
        return match certain_failure(rule, measured) {
            Some(reason) => (Outcome::Fail, format!("{reason}, by {samples} {counts}")),
            None => inconclusive(format!("{samples} {counts}, but at least {needed} are needed")),
        };
    }
    let Some(value) = measured.value else {
        return inconclusive(format!("{} was not measured", rule.metric.name().replace('_', " ")));
    };
    let holds = |value| rule.operator.holds(value, rule.limit);
    let unit = rule.metric.unit().name();
    if let Some([low, high]) = measured.interval.filter(|[low, high]| holds(*low) != holds(*high)) {
        let [low, high] = [low, high].map(|end| quantity::display(end, unit));
        return inconclusive(format!("the limit lies within the 95 % interval, {low} to {high}"));
    }
    if holds(value) {
        return (Outcome::Pass, String::new());
    }
    let (value, limit) = apart(value, rule.limit, unit);
    (Outcome::Fail, format!("measured {value}, required {} {limit}", rule.operator.symbol()))
}

impl Rule {
    /// How the rule is broken by these requests alone, made in so many seconds; `None` while it holds or is open.
    /// It speaks of what is known for each request: rules that end a run are of no other kind.
    pub fn broken_by(&self, requests: &[RequestStats], seconds: f64) -> Option<String> {
        let (outcome, reason) = hold(self, &measure_requests(self, requests, seconds));
        (outcome == Outcome::Fail).then_some(reason)
    }
}

/// Why the rule is broken even by the best figure that the few measurements leave possible.
fn certain_failure(rule: &Rule, measured: &Measured) -> Option<String> {
    let (best, words) = match rule.operator {
        Operator::Below | Operator::AtMost => (measured.at_least?, "at least"),
        Operator::Above | Operator::AtLeast => (measured.at_most?, "at most"),
    };
    if rule.operator.holds(best, rule.limit) {
        return None;
    }
    let (best, limit) = apart(best, rule.limit, rule.metric.unit().name());
    Some(format!("certainly {words} {best}, required {} {limit}", rule.operator.symbol()))
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
    match rule.metric {
        Metric::Latency | Metric::ErrorRate | Metric::ContentErrors | Metric::Throughput => {
            measure_requests(rule, &run.requests, run.duration_seconds)
        }
        Metric::PeakRss => {
            let subject = run.subject.as_ref();
            // The kernel keeps the peak itself, so one figure is enough even without samples.
            let samples = subject.map_or(0, |used| used.samples.len().max(1) as u64);
            Measured::new(subject.map(|used| used.peak_rss_bytes as f64).filter(|peak| *peak > 0.0), samples)
        }
        Metric::CpuCores => cpu_cores(rule, run),
        Metric::Availability => {
            let slices = slices(run, rule.window_seconds);
            let (good, all) = (slices.iter().filter(|good| **good).count() as u64, slices.len() as u64);
            let share = (all > 0).then(|| good as f64 / all as f64);
            let (at_least, at_most) = binomial::interval(good, all).map(<(f64, f64)>::from).unzip();
            Measured { at_least, at_most, ..Measured::new(share, all) }
        }
    }
}

/// What the requests alone tell; nothing for a metric that needs more.
fn measure_requests(rule: &Rule, requests: &[RequestStats], seconds: f64) -> Measured {
    let requests =
        || requests.iter().filter(|stats| rule.request.as_ref().is_none_or(|name| *name == stats.name));
    let count: u64 = requests().map(|stats| stats.count).sum();
    let errors: u64 = requests().map(RequestStats::error_count).sum();
    match rule.metric {
        Metric::Latency => {
            let mut all = LatencyHistogram::default();
            requests().for_each(|stats| all.merge(&stats.latency));
            let quantile = rule.quantile.unwrap_or(0.5);
            let value = all.quantile(quantile).map(|latency| latency.as_secs_f64());
            let (at_least, at_most) = quantile_bounds(&all, quantile);
            let interval = at_least.zip(at_most).map(<[f64; 2]>::from);
            Measured { interval, at_least, at_most, ..Measured::new(value, all.count()) }
        }
        Metric::ErrorRate => {
            let interval = binomial::interval(errors, count);
            let (at_least, at_most) = interval.map(<(f64, f64)>::from).unzip();
            let rate = (count > 0).then(|| errors as f64 / count as f64);
            Measured { interval, at_least, at_most, ..Measured::new(rate, count) }
        }
        Metric::ContentErrors => {
            let wrong = requests().flat_map(|stats| &stats.errors).filter(|(kind, _)| is_content(kind));
            let wrong: u64 = wrong.map(|(_, errors)| errors).sum();
            let wrong = (count > 0).then_some(wrong as f64);
            // More requests cannot take back an error that was counted.
            Measured { at_least: wrong, ..Measured::new(wrong, count) }
        }
        Metric::Throughput => {
            let rate = (seconds > 0.0).then(|| count.saturating_sub(errors) as f64 / seconds);
            Measured::new(rate, seconds.max(0.0) as u64)
        }
        Metric::Availability | Metric::PeakRss | Metric::CpuCores => Measured::new(None, 0),
    }
}

/// Share of the slices of 10 s in which at most 1 % of the requests failed; `None` without a slice.
pub fn availability(run: &RunRecord) -> Option<f64> {
    let slices = slices(run, AVAILABILITY_SLICE_SECONDS);
    let good = slices.iter().filter(|good| **good).count();
    (!slices.is_empty()).then(|| good as f64 / slices.len() as f64)
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

/// Between which latencies the quantile lies, each end with 97.5 % confidence: the order statistics at the ranks that
/// the binomial distribution gives. It assumes independent latencies; neighbours in time are not quite, so it is a
/// lower bound of the uncertainty.
fn quantile_bounds(latency: &LatencyHistogram, quantile: f64) -> (Option<f64>, Option<f64>) {
    let count = latency.count();
    let (low, high) = binomial::quantile_ranks(count, quantile);
    // Half a rank below, so that rounding does not reach the next one.
    let at = |rank: u64| Some(latency.quantile((rank as f64 - 0.5) / count as f64)?.as_secs_f64());
    (low.and_then(at), high.and_then(at))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
