//! The decision on each metric: test, effect and floor put together.
//! It knows no files; the statistics are in the files beside it.

use reports::model::run::Direction;
use reports::model::verdict::{Outcome, RuleVerdict};

use super::effect::{self, Bootstrap, Effect};
use super::figures::{FailureSeries, Figures, Series};
use super::fisher::{self, Failures};
use super::{holm, mann_whitney};
use crate::thresholds::{ERROR_RATE, Thresholds};

/// The most additional runs a side that are worth naming; beyond it the noise has to go down.
const MOST_MORE_RUNS: f64 = 200.0;

/// One metric with both sides and the decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub name: String,
    pub unit: String,
    /// The median over the runs; for the error rate the pooled rate.
    pub base: f64,
    pub candidate: f64,
    /// Runs of base and candidate that have the metric.
    pub runs: [usize; 2],
    /// In percent of the base (for the error rate in percentage points); above 0 is worse. `None` when no ratio
    /// exists.
    pub worse_by: Option<Effect>,
    pub floor: f64,
    /// After Holm's adjustment; `None` when the metric was not tested.
    pub p_value: Option<f64>,
    pub outcome: Outcome,
    /// Why it is not a pass; empty for a pass.
    pub reason: String,
}

/// Test and effect of one metric before the decision.
struct Measured {
    name: String,
    unit: String,
    base: f64,
    candidate: f64,
    runs: [usize; 2],
    worse_by: Option<Effect>,
    p_value: Option<f64>,
    /// No ratio, and no figure of the candidate is worse than one of the base.
    unchanged: bool,
}

/// Judges every metric. Holm's adjustment runs over all that have enough runs.
pub fn judge(figures: &Figures, thresholds: &Thresholds) -> Vec<Judged> {
    let decision = &thresholds.decision;
    let bootstrap = Bootstrap {
        confidence: decision.confidence_percent / 100.0,
        resamples: decision.resamples,
        seed: decision.seed,
    };
    let failures = figures.failures.iter().map(|series| measure_failures(series, bootstrap));
    let measured: Vec<Measured> =
        figures.series.iter().map(|series| measure(series, bootstrap)).chain(failures).collect();
    let tested: Vec<usize> = (0..measured.len())
        .filter(|&index| {
            let enough = measured[index].runs.iter().all(|&runs| runs >= decision.min_runs);
            enough && measured[index].p_value.is_some()
        })
        .collect();
    let raw: Vec<f64> = tested.iter().filter_map(|&index| measured[index].p_value).collect();
    let mut adjusted = vec![None; measured.len()];
    for (index, p_value) in tested.into_iter().zip(holm::adjust(&raw)) {
        adjusted[index] = Some(p_value);
    }
    measured.into_iter().zip(adjusted).map(|(metric, p)| decide(metric, p, thresholds)).collect()
}

/// The direction of a difference in percent of the base, above 0 for worse.
///
/// `worse` is the logarithm of the ratio towards worse. A rise of a figure that should be low is e^x - 1; a fall of one
/// that should be high is 1 - e^-x, so that half the throughput is 50 % worse and not 100 %.
fn percent_worse(worse: f64, better: Direction) -> f64 {
    match better {
        Direction::Lower => worse.exp_m1() * 100.0,
        Direction::Higher => -(-worse).exp_m1() * 100.0,
    }
}

fn measure(series: &Series, bootstrap: Bootstrap) -> Measured {
    let values = |side: &[effect::RunFigure]| -> Vec<f64> { side.iter().map(|run| run.value).collect() };
    let (base, candidate) = (values(&series.base), values(&series.candidate));
    // Towards worse: for a figure that should be high, the sides change places.
    let lower = series.better == Direction::Lower;
    let (p_value, effect) = if lower {
        let effect = effect::log_ratio(&series.base, &series.candidate, bootstrap);
        (mann_whitney::p_larger(&base, &candidate), effect)
    } else {
        let effect = effect::log_ratio(&series.candidate, &series.base, bootstrap);
        (mann_whitney::p_larger(&candidate, &base), effect)
    };
    let worse_by = effect.map(|effect| Effect {
        estimate: percent_worse(effect.estimate, series.better),
        low: percent_worse(effect.low, series.better),
        high: percent_worse(effect.high, series.better),
    });
    let unchanged = base.iter().all(|b| candidate.iter().all(|c| if lower { c <= b } else { c >= b }));
    Measured {
        name: series.name.clone(),
        unit: series.unit.clone(),
        base: effect::median(&mut base.clone()),
        candidate: effect::median(&mut candidate.clone()),
        runs: [base.len(), candidate.len()],
        worse_by,
        p_value,
        unchanged,
    }
}

fn measure_failures(series: &FailureSeries, bootstrap: Bootstrap) -> Measured {
    let pooled = |side: &[Failures]| side.iter().copied().sum::<Failures>();
    let (base, candidate) = (pooled(&series.base), pooled(&series.candidate));
    let points = |rate: f64| rate * 100.0;
    let effect = effect::failure_rate(&series.base, &series.candidate, bootstrap);
    Measured {
        name: ERROR_RATE.into(),
        unit: "ratio".into(),
        base: base.rate(),
        candidate: candidate.rate(),
        runs: [series.base.len(), series.candidate.len()],
        worse_by: effect.map(|effect| Effect {
            estimate: points(effect.estimate),
            low: points(effect.low),
            high: points(effect.high),
        }),
        p_value: fisher::p_more_failures(base, candidate),
        unchanged: false,
    }
}

fn decide(metric: Measured, adjusted: Option<f64>, thresholds: &Thresholds) -> Judged {
    let floor = thresholds.floor(&metric.name).percent;
    let (outcome, reason) = outcome(&metric, adjusted, floor, thresholds);
    Judged {
        name: metric.name,
        unit: metric.unit,
        base: metric.base,
        candidate: metric.candidate,
        runs: metric.runs,
        worse_by: metric.worse_by,
        floor,
        p_value: adjusted,
        outcome,
        reason,
    }
}

fn outcome(
    metric: &Measured,
    adjusted: Option<f64>,
    floor: f64,
    thresholds: &Thresholds,
) -> (Outcome, String) {
    let decision = &thresholds.decision;
    let [base, candidate] = metric.runs;
    if base.min(candidate) < decision.min_runs {
        let needed = decision.min_runs;
        let reason = format!("{base} base and {candidate} candidate runs, {needed} a side are needed");
        return (Outcome::Inconclusive, reason);
    }
    let Some(p_value) = adjusted else {
        return (Outcome::Inconclusive, "a figure is not a number".into());
    };
    let significant = p_value < decision.alpha;
    let Some(effect) = metric.worse_by else {
        return without_ratio(metric.unchanged, significant, p_value);
    };
    let Effect { estimate, low, high } = effect;
    let unit = if metric.name == ERROR_RATE { "points" } else { "%" };
    if significant && low > 0.0 && estimate > floor {
        let critical = unit == "%" && estimate > decision.critical_percent;
        let word = if critical { "critical: " } else { "" };
        let reason = format!(
            "{word}worse by {estimate:.1} {unit} ({low:.1} to {high:.1}), floor {floor} {unit}, adjusted p {p_value:.1e}"
        );
        return (Outcome::Fail, reason);
    }
    if high <= floor {
        return (Outcome::Pass, String::new());
    }
    let runs = base.min(candidate);
    // Enough runs to bring the nearer end of the interval to the right side: its width goes with 1 / sqrt(n).
    let (width, distance) =
        if estimate > floor { (estimate - low, estimate) } else { (high - estimate, floor - estimate) };
    let advice = more_runs(runs, width, distance);
    (
        Outcome::Inconclusive,
        format!("{low:.1} to {high:.1} {unit} reaches over the floor of {floor} {unit}: {advice}"),
    )
}

/// A figure that is zero in some run has no ratio: the rank test alone decides.
fn without_ratio(unchanged: bool, significant: bool, p_value: f64) -> (Outcome, String) {
    if unchanged {
        (Outcome::Pass, String::new())
    } else if significant {
        (
            Outcome::Fail,
            format!("worse where a run has zero, so that there is no ratio; adjusted p {p_value:.1e}"),
        )
    } else {
        (Outcome::Inconclusive, "differs where a run has zero, so that there is no ratio".into())
    }
}

fn more_runs(runs: usize, width: f64, distance: f64) -> String {
    let needed = runs as f64 * (width / distance).powi(2);
    let more = (needed - runs as f64).ceil().max(1.0);
    if more.is_finite() && more <= MOST_MORE_RUNS {
        format!("about {more:.0} more runs a side are needed")
    } else {
        format!("more than {MOST_MORE_RUNS:.0} more runs a side would be needed, lower the noise instead")
    }
}

impl From<&Judged> for RuleVerdict {
    fn from(judged: &Judged) -> Self {
        let points = judged.name == ERROR_RATE;
        let unit = if points { "points" } else { "%" };
        Self {
            id: judged.name.clone(),
            rule: format!("{} worse by at most {} {unit}", judged.name, judged.floor),
            outcome: judged.outcome,
            value: judged.worse_by.map(|effect| effect.estimate),
            limit: Some(judged.floor),
            unit: if points { "points".into() } else { "percent".into() },
            samples: judged.runs.iter().sum::<usize>() as u64,
            interval: judged.worse_by.map(|effect| [effect.low, effect.high]),
            p_value: judged.p_value,
            reason: judged.reason.clone(),
        }
    }
}
