//! Whether the latency of a run had settled: the rule MSER-5 over the medians of its seconds, from both ends.
//! It quotes no latency: averages of medians only tell one part of the run from another.

use reports::model::run::Second;

/// Observations in one batch: the 5 of MSER-5.
const BATCH: usize = 5;
/// Below a minute there are too few batches to tell a change from chance.
const FEWEST_BATCHES: usize = 12;
/// The level must differ by half, or the rule would stumble over noise that changes no verdict...
const RELATIVE_CHANGE: f64 = 0.5;
/// ... and by more than a scheduler takes.
const SMALLEST_CHANGE_MICROS: f64 = 1000.0;

/// What the rule says of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Steadiness {
    /// Seconds with a median, in which nothing changed for good.
    Steady(u64),
    /// Too short to tell.
    TooShort,
    /// In words: when the level changed, from what to what.
    Unsteady(String),
}

/// Looks at the measured seconds.
///
/// MSER-5 (K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69,
/// 1997) leaves out those first batches without which the mean of the rest is known best. When that is half the run or
/// more, the run had not settled. The same from its end finds a run that changed late. It assumes batches that are
/// nearly independent; a slow wave can look like a change.
pub(crate) fn steadiness(seconds: &[Second]) -> Steadiness {
    let measured: Vec<(u32, f64)> = seconds
        .iter()
        .filter(|second| !second.warmup)
        .filter_map(|second| Some((second.offset, second.p50_us? as f64)))
        .collect();
    let batches: Vec<f64> = measured
        .chunks_exact(BATCH)
        .map(|batch| mean(&batch.iter().map(|(_, median)| *median).collect::<Vec<_>>()))
        .collect();
    if batches.len() < FEWEST_BATCHES {
        return Steadiness::TooShort;
    }
    let backwards: Vec<f64> = batches.iter().rev().copied().collect();
    let from_the_end = || late_change(&backwards).map(|cut| batches.len() - cut);
    let Some(cut) = late_change(&batches).or_else(from_the_end) else {
        return Steadiness::Steady(measured.len() as u64);
    };
    let (before, after) = batches.split_at(cut);
    let level = |part: &[f64]| reports::quantity::seconds(mean(part) / 1e6);
    let offset = measured[cut * BATCH].0;
    Steadiness::Unsteady(format!(
        "the latency had not settled: about {} until second {offset}, {} from then on",
        level(before),
        level(after)
    ))
}

/// Where MSER cuts, when that is half of the batches or more and the level is another one behind it.
fn late_change(batches: &[f64]) -> Option<usize> {
    let count = batches.len();
    // The variance of a few last batches is small by chance.
    let kept = (count / 10).max(3);
    let cut = (0..=count - kept)
        .min_by(|one, other| mser(&batches[*one..]).total_cmp(&mser(&batches[*other..])))?;
    let (before, after) = batches.split_at(cut);
    if 2 * cut < count {
        return None;
    }
    let (one, other) = (mean(before), mean(after));
    let (low, high) = (one.min(other), one.max(other));
    (high > (1.0 + RELATIVE_CHANGE) * low && high - low > SMALLEST_CHANGE_MICROS).then_some(cut)
}

/// The squared standard error of the mean of what is kept.
fn mser(kept: &[f64]) -> f64 {
    let level = mean(kept);
    let squares: f64 = kept.iter().map(|value| (value - level).powi(2)).sum();
    squares / (kept.len() as f64).powi(2)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers from 0 to 1 (the 64-bit LCG of Knuth, MMIX).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// After ten seconds of warm-up, `count` seconds whose median is `level` of the share of the run, in
    /// milliseconds, give or take a third.
    fn run(noise: &mut Noise, count: u32, level: impl Fn(f64) -> f64) -> Vec<Second> {
        let second = |offset: u32| {
            let warmup = offset < 10;
            let share = f64::from(offset.saturating_sub(10)) / f64::from(count);
            let median = if warmup { 500.0 } else { level(share) * (2.0 + 2.0 * noise.next()) / 3.0 };
            Second {
                offset,
                warmup,
                requests: 50,
                errors: 0,
                offered: None,
                in_flight: None,
                p50_us: Some((median * 1000.0) as u64),
                p95_us: None,
                p99_us: None,
                max_us: None,
            }
        };
        (0..count + 10).map(second).collect()
    }

    /// How many of 200 runs are unsteady.
    fn unsteady(count: u32, level: impl Fn(f64) -> f64 + Copy) -> usize {
        let mut noise = Noise(7);
        (0..200)
            .filter(|_| matches!(steadiness(&run(&mut noise, count, level)), Steadiness::Unsteady(_)))
            .count()
    }

    #[test]
    fn noise_alone_is_steady_and_a_change_is_not() {
        for count in [60, 120, 600] {
            assert_eq!(unsteady(count, |_| 20.0), 0, "{count} calm seconds");
            assert_eq!(unsteady(count, |_| 0.2), 0, "too small to matter");
            assert!(
                unsteady(count, |share| if share < 0.6 { 20.0 } else { 45.0 }) > 195,
                "{count}: a late step"
            );
            assert!(
                unsteady(count, |share| if share < 0.3 { 20.0 } else { 45.0 }) > 195,
                "{count}: an early step"
            );
            assert!(
                unsteady(count, |share| 20.0 + 60.0 * (-2.0 * share).exp()) > 190,
                "{count}: slow settling"
            );
            assert_eq!(unsteady(count, |share| 20.0 + 60.0 * (-100.0 * share).exp()), 0, "{count}: settled");
        }
    }

    #[test]
    fn the_reason_tells_when_and_how_much() {
        let steps = run(&mut Noise(1), 100, |share| if share < 0.6 { 20.0 } else { 60.0 });
        let Steadiness::Unsteady(reason) = steadiness(&steps) else { panic!("steady") };
        assert!(
            reason.starts_with("the latency had not settled: about ")
                && reason.contains(" until second 70, "),
            "{reason}"
        );
    }

    #[test]
    fn less_than_a_minute_is_too_short_to_tell() {
        assert_eq!(steadiness(&run(&mut Noise(1), 59, |_| 20.0)), Steadiness::TooShort);
        assert_eq!(steadiness(&run(&mut Noise(1), 61, |_| 20.0)), Steadiness::Steady(61));
        assert_eq!(steadiness(&[]), Steadiness::TooShort);
    }
}
