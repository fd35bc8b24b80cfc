//! Axes: the range of a plot's axis, its ticks with their labels, and where a value stands on it.
//! It draws nothing and knows no run.

use crate::quantity;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
    /// Quantiles with each further nine as far from the last as the one before: -log10(1 - q).
    Tail,
}

impl Scale {
    /// Where a value stands on the axis.
    pub(super) fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
            Self::Tail => -(1.0 - value).max(1e-9).log10(),
        }
    }
}

/// An axis with its ticks in drawing order.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Name and unit, such as `latency (ms)`.
    pub(super) name: String,
    pub(super) scale: Scale,
    /// In positions; never empty.
    pub(super) range: (f64, f64),
    /// Positions with their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to at least `highest`, with about `count` round ticks.
    pub(super) fn from_zero(name: impl Into<String>, highest: f64, count: usize) -> Self {
        let highest = if highest > 0.0 { highest } else { 0.9 };
        let step = round_step(highest / count as f64);
        // A line along the upper edge would be half cut off.
        let end = (highest * 1.02 / step).ceil() * step;
        let ticks = (0..=(end / step).round() as usize).map(|index| index as f64 * step);
        let ticks = ticks.map(|tick| (tick, quantity::number(tick))).collect();
        Self { name: name.into(), scale: Scale::Linear, range: (0.0, end), ticks }
    }

    /// Whole decades around `lowest` to `highest`, with ticks at 1, 10, 100 or, over few decades, also 2 and 5.
    pub(super) fn logarithmic(name: &str, lowest: f64, highest: f64) -> Self {
        let bottom = lowest.log10().floor();
        let mut steps: Vec<f64> = Vec::new();
        let decades = (highest.log10().ceil() - bottom) as i32;
        let parts: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        for decade in 0..=decades {
            steps.extend(parts.iter().map(|part| part * 10_f64.powi(bottom as i32 + decade)));
        }
        let start = steps.iter().copied().filter(|step| *step <= lowest).fold(steps[0], f64::max);
        let end = steps.iter().copied().filter(|step| *step >= highest).fold(f64::INFINITY, f64::min);
        steps.retain(|step| (start..=end).contains(step));
        let ticks = steps.iter().map(|step| (step.log10(), quantity::number(*step))).collect();
        Self {
            name: format!("{name}, logarithmic"),
            scale: Scale::Logarithmic,
            range: (start.log10(), end.log10()),
            ticks,
        }
    }

    /// Seconds since the start, in minutes and seconds above two minutes.
    pub(super) fn time(seconds: f64) -> Self {
        const STEPS: [f64; 13] =
            [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
        let seconds = seconds.max(1.0);
        let step = STEPS.into_iter().find(|step| seconds / step <= 6.0);
        let step = step.unwrap_or_else(|| (seconds / 6.0 / 3600.0).ceil() * 3600.0);
        let label = |at: f64| {
            let whole = at.round() as u64;
            if seconds <= 120.0 { whole.to_string() } else { format!("{}:{:02}", whole / 60, whole % 60) }
        };
        let unit = if seconds <= 120.0 { "s" } else { "min:s" };
        let ticks = (0..=(seconds / step) as usize).map(|index| index as f64 * step);
        Self {
            name: format!("time since the start ({unit})"),
            scale: Scale::Linear,
            range: (0.0, seconds),
            ticks: ticks.map(|at| (at, label(at))).collect(),
        }
    }

    /// Quantiles from the median's side to `highest`, a tick at each nine.
    pub(super) fn tail(highest: f64) -> Self {
        let scale = Scale::Tail;
        let end = scale.position(highest).max(scale.position(0.5));
        let named = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999].into_iter();
        let ticks = named.map(|quantile| (scale.position(quantile), crate::sla::percentile_name(quantile)));
        let ticks = ticks.filter(|(at, _)| *at <= end + 1e-9).map(|(at, name)| (at, name.replace('p', "")));
        let ticks = ticks.map(|(at, name)| (at, format!("{name} %"))).collect();
        Self { name: "share of requests that were at least as fast".into(), scale, range: (0.0, end), ticks }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let part = step / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| part <= round + 1e-9).unwrap_or(10.0);
    round * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_from_zero_are_round_and_cover_the_highest_value() {
        assert_eq!(labels(&Axis::from_zero("x", 48.0, 4)), ["0", "20", "40", "60"]);
        assert_eq!(labels(&Axis::from_zero("x", 0.31, 4)), ["0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(&Axis::from_zero("x", 0.0, 4)), ["0", "0.5", "1"]);
    }

    #[test]
    fn a_logarithmic_axis_begins_and_ends_at_ticks() {
        assert_eq!(labels(&Axis::logarithmic("x", 3.0, 70.0)), ["2", "5", "10", "20", "50", "100"]);
        assert_eq!(labels(&Axis::logarithmic("x", 3.0, 7000.0)), ["1", "10", "100", "1,000", "10,000"]);
        assert_eq!(labels(&Axis::logarithmic("x", 10.0, 10.0)), ["10"]);
    }

    #[test]
    fn long_times_are_in_minutes() {
        assert_eq!(labels(&Axis::time(20.0)), ["0", "5", "10", "15", "20"]);
        assert_eq!(labels(&Axis::time(310.0)), ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]);
    }

    #[test]
    fn each_nine_of_the_tail_is_as_far_as_the_one_before() {
        let axis = Axis::tail(0.999);
        assert_eq!(labels(&axis), ["50 %", "90 %", "99 %", "99.9 %"]);
        let at = |quantile| Scale::Tail.position(quantile);
        assert!((at(0.999) - at(0.99) - (at(0.99) - at(0.9))).abs() < 1e-9);
    }
}
