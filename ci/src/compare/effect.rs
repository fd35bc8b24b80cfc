//! The size of a difference and how sure it is: Hodges-Lehmann on log ratios with a seeded bootstrap interval.
//! It decides nothing; a difference is large or small only against a floor.
//!
//! Estimate: J. L. Hodges, E. L. Lehmann, "Estimates of location based on rank tests", Annals of Mathematical
//! Statistics 34 (1963): the median of all pairwise differences; on logarithms, a ratio.
//! Interval: percentile bootstrap, hierarchical as in T. Kalibera, R. Jones, "Rigorous benchmarking in reasonable
//! time" (2013): runs are drawn first, then the samples inside each drawn run where a run has samples.
//! Assumes: runs are independent. With about ten runs a percentile interval is a little too narrow, which is why the
//! gate asks for the exact test as well.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::fisher::Failures;

/// The figure of one run, with the raw samples behind it where it has any.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFigure {
    pub value: f64,
    pub samples: Vec<f64>,
}

impl From<f64> for RunFigure {
    fn from(value: f64) -> Self {
        Self { value, samples: Vec::new() }
    }
}

/// A difference between the sides and its confidence interval. Above 0 is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
}

/// How the interval is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bootstrap {
    /// Two-sided confidence, such as 0.95.
    pub confidence: f64,
    pub resamples: u32,
    pub seed: u64,
}

/// The natural logarithm of candidate / base. `None` when a side is empty or a figure is not above 0.
pub(super) fn log_ratio(base: &[RunFigure], candidate: &[RunFigure], bootstrap: Bootstrap) -> Option<Effect> {
    let positive = |figure: &RunFigure| figure.value.is_finite() && figure.value > 0.0;
    if base.is_empty() || candidate.is_empty() || !base.iter().chain(candidate).all(positive) {
        return None;
    }
    let (base, candidate) = (Side::new(base), Side::new(candidate));
    let estimate = hodges_lehmann(&base.logs, &candidate.logs);
    let mut random = ChaCha8Rng::seed_from_u64(bootstrap.seed);
    let drawn = (0..bootstrap.resamples)
        .map(|_| {
            let base = base.draw(&mut random);
            let candidate = candidate.draw(&mut random);
            hodges_lehmann(&base, &candidate)
        })
        .collect();
    Some(with_interval(estimate, drawn, bootstrap.confidence))
}

/// The difference of the pooled failure rates, candidate minus base; runs are drawn whole, so that a burst of failures
/// in one run widens the interval. `None` when a side has no requests.
pub(super) fn failure_rate(
    base: &[Failures],
    candidate: &[Failures],
    bootstrap: Bootstrap,
) -> Option<Effect> {
    let pooled = |side: &[Failures]| side.iter().copied().sum::<Failures>();
    if pooled(base).requests == 0 || pooled(candidate).requests == 0 {
        return None;
    }
    let estimate = pooled(candidate).rate() - pooled(base).rate();
    let mut random = ChaCha8Rng::seed_from_u64(bootstrap.seed);
    let mut drawn_rate = |side: &[Failures]| {
        let sum: Failures = (0..side.len()).map(|_| side[random.random_range(0..side.len())]).sum();
        sum.rate()
    };
    let drawn = (0..bootstrap.resamples).map(|_| -drawn_rate(base) + drawn_rate(candidate)).collect();
    Some(with_interval(estimate, drawn, bootstrap.confidence))
}

/// The median of all differences candidate - base.
fn hodges_lehmann(base: &[f64], candidate: &[f64]) -> f64 {
    let mut differences: Vec<f64> = candidate.iter().flat_map(|c| base.iter().map(move |b| c - b)).collect();
    median(&mut differences)
}

/// One side with what every draw needs.
struct Side<'a> {
    runs: &'a [RunFigure],
    logs: Vec<f64>,
    /// The median of the samples of each run, where it has at least two.
    medians: Vec<Option<f64>>,
}

impl<'a> Side<'a> {
    fn new(runs: &'a [RunFigure]) -> Self {
        let logs = runs.iter().map(|run| run.value.ln()).collect();
        let of_samples = |run: &RunFigure| (run.samples.len() > 1).then(|| median(&mut run.samples.clone()));
        Self { runs, logs, medians: runs.iter().map(of_samples).collect() }
    }

    /// As many runs as there are, drawn with replacement, as logarithms. Inside a run with samples its figure moves
    /// by the ratio of the medians of the drawn and of all samples.
    fn draw(&self, random: &mut ChaCha8Rng) -> Vec<f64> {
        (0..self.runs.len())
            .map(|_| {
                let index = random.random_range(0..self.runs.len());
                let Some(whole) = self.medians[index] else { return self.logs[index] };
                let samples = &self.runs[index].samples;
                let draw = |_| samples[random.random_range(0..samples.len())];
                let mut drawn: Vec<f64> = (0..samples.len()).map(draw).collect();
                let moved = (median(&mut drawn) / whole).ln();
                self.logs[index] + if moved.is_finite() { moved } else { 0.0 }
            })
            .collect()
    }
}

fn with_interval(estimate: f64, mut drawn: Vec<f64>, confidence: f64) -> Effect {
    if drawn.is_empty() {
        return Effect { estimate, low: f64::NEG_INFINITY, high: f64::INFINITY };
    }
    drawn.sort_by(f64::total_cmp);
    let outside = (1.0 - confidence) / 2.0 * drawn.len() as f64;
    // Rounded outwards: the interval is never narrower than asked for.
    let cut = (outside.floor() as usize).min((drawn.len() - 1) / 2);
    Effect { estimate, low: drawn[cut], high: drawn[drawn.len() - 1 - cut] }
}

/// The median of at least one value; reorders them.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let count = values.len();
    let (below, &mut upper, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower {
        Some(lower) if count.is_multiple_of(2) => f64::midpoint(lower, upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { confidence: 0.95, resamples: 500, seed: 7 };

    fn figures(values: &[f64]) -> Vec<RunFigure> {
        values.iter().copied().map(RunFigure::from).collect()
    }

    #[test]
    fn medians_of_even_and_odd_counts_are_exact() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [5.0]), 5.0);
    }

    #[test]
    fn the_permeability_data_give_the_published_estimate() {
        // Hollander and Wolfe, table 4.1; R's wilcox.test(conf.int = TRUE) gives a difference of 0.305.
        let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let early = [1.15, 0.88, 0.90, 0.74, 1.21];
        assert!((hodges_lehmann(&early, &term) - 0.305).abs() < 1e-12);
    }

    #[test]
    fn a_constant_factor_is_found_without_doubt() {
        let effect = log_ratio(&figures(&[2.0; 10]), &figures(&[2.4; 12]), BOOTSTRAP).unwrap();
        for figure in [effect.estimate, effect.low, effect.high] {
            assert!((figure - 1.2_f64.ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
        let base = figures(&[1.0, 1.02, 0.97, 1.05, 0.99, 1.01, 0.98, 1.03, 1.0, 0.96]);
        let candidate = figures(&[1.04, 1.0, 1.07, 1.02, 0.99, 1.06, 1.01, 1.05, 1.03, 1.0]);
        let effect = log_ratio(&base, &candidate, BOOTSTRAP).unwrap();
        assert_eq!(Some(effect), log_ratio(&base, &candidate, BOOTSTRAP));
        assert_ne!(
            Some(effect),
            log_ratio(&base, &candidate, Bootstrap { seed: 8, resamples: 499, ..BOOTSTRAP })
        );
        assert!(effect.low < effect.estimate && effect.estimate < effect.high, "{effect:?}");
    }

    #[test]
    fn noise_inside_a_run_widens_the_interval() {
        let steady = figures(&[1.0; 10]);
        let noisy: Vec<RunFigure> =
            (0..10).map(|_| RunFigure { value: 1.0, samples: vec![0.8, 0.9, 1.0, 1.1, 1.2] }).collect();
        let effect = log_ratio(&steady, &noisy, BOOTSTRAP).unwrap();
        assert!(effect.low < 0.0 && effect.high > 0.0, "{effect:?}");
    }

    #[test]
    fn a_figure_of_zero_has_no_ratio() {
        assert_eq!(log_ratio(&figures(&[0.0]), &figures(&[1.0]), BOOTSTRAP), None);
        assert_eq!(log_ratio(&[], &figures(&[1.0]), BOOTSTRAP), None);
    }

    #[test]
    fn failures_of_a_single_run_do_not_exclude_no_change() {
        let calm = vec![Failures { failed: 0, requests: 1000 }; 12];
        let mut burst = calm.clone();
        burst[3].failed = 400;
        let effect = failure_rate(&calm, &burst, BOOTSTRAP).unwrap();
        assert!(effect.estimate > 0.03 && effect.low == 0.0, "{effect:?}");
        let everywhere = vec![Failures { failed: 30, requests: 1000 }; 12];
        assert!(failure_rate(&calm, &everywhere, BOOTSTRAP).unwrap().low > 0.029);
        assert_eq!(failure_rate(&calm, &[], BOOTSTRAP), None);
    }
}
