//! The results as a Markdown table for people.
//! It rounds; the record does not.

use std::fmt::Write as _;

use reports::quantity::display;

use crate::record::{median, metric, sorted};
use crate::results::Benchmark;
use crate::subject::DECODE_JOBS;

/// One line per benchmark, then how the decoder stands beside its yardstick.
pub(crate) fn markdown(results: &[Benchmark]) -> String {
    let mut text = String::from("| benchmark | median | 95 % interval of it | per second | samples |\n");
    text.push_str("|---|---:|---:|---:|---:|\n");
    for benchmark in results {
        let Benchmark { name, bytes, samples, .. } = benchmark;
        let seconds = |value| display(value, "seconds");
        let interval = interval_of_median(samples).map_or_else(
            || "too few samples".to_owned(),
            |(low, high)| format!("{} to {}", seconds(low), seconds(high)),
        );
        let rate = bytes.map_or_else(String::new, |_| {
            let metric = metric(benchmark);
            display(metric.value, &metric.unit)
        });
        let line = (name, seconds(median(samples)), samples.len());
        // Writing to a string never fails.
        let _ = writeln!(text, "| {} | {} | {interval} | {rate} | {} |", line.0, line.1, line.2);
    }
    text.push_str(&beside_the_yardstick(results));
    text
}

fn beside_the_yardstick(results: &[Benchmark]) -> String {
    let mut text = String::new();
    let streaming = format!("{DECODE_JOBS}/streaming/");
    for ours in results {
        let Some(scale) = ours.name.strip_prefix(&streaming) else { continue };
        let name = format!("{DECODE_JOBS}/serde_json_whole_slice/{scale}");
        if let Some(theirs) = results.iter().find(|benchmark| benchmark.name == name) {
            let ratio = median(&theirs.samples) / median(&ours.samples);
            let _ =
                write!(text, "\n{}: {ratio:.2} of the speed of serde_json over the whole slice\n", ours.name);
        }
    }
    text
}

/// The distribution-free 95 % interval of the median: the pair of order statistics, equally far from both ends,
/// that holds it with at least that probability whatever the distribution (Conover, Practical Nonparametric
/// Statistics, 3.2). Assumes independent samples; none below six of them.
fn interval_of_median(samples: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(samples);
    let count = sorted.len();
    // P(B = k) of B ~ Binomial(count, 1/2), summed from the lower end.
    let (mut probability, mut tail) = (0.5_f64.powi(i32::try_from(count).ok()?), 0.0);
    let mut outside = 0;
    while tail + probability <= 0.025 {
        tail += probability;
        probability *= (count - outside) as f64 / (outside + 1) as f64;
        outside += 1;
    }
    (outside > 0).then(|| (sorted[outside - 1], sorted[count - outside]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_tables() {
        let of = |count: u32| {
            let samples: Vec<f64> = (1..=count).map(f64::from).collect();
            interval_of_median(&samples)
        };
        // Ranks as in tables of the sign test at 95 %.
        assert_eq!(of(5), None);
        assert_eq!(of(6), Some((1.0, 6.0)));
        assert_eq!(of(20), Some((6.0, 15.0)));
        assert_eq!(of(30), Some((10.0, 21.0)));
        assert_eq!(interval_of_median(&[]), None);
    }
}
