//! The gate's own error rates, from simulated gates with process-level noise: false alarms of equal builds and
//! sight of real slowdowns. Figures are drawn directly; records are not written.

use ci::compare::{FailureSeries, Failures, Figures, RunFigure, Series, judge};
use ci::thresholds::Thresholds;
use reports::model::run::Direction;
use reports::model::verdict::Outcome;

use crate::records::Noise;

/// A gate over eight figures and the error rate; `slower` multiplies the figures of the candidate.
fn gate(runs: usize, slower: f64, noise: &mut Noise) -> Figures {
    let names = [
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "cpu_seconds_per_request",
        "peak_rss",
        "decode_jobs",
        "encode_page",
        "collect_nodes",
    ];
    let mut side = |factor: f64| -> Vec<RunFigure> {
        (0..runs).map(|_| RunFigure::from(0.005 * factor * noise.factor())).collect()
    };
    let series = names
        .map(|name| Series {
            name: name.into(),
            unit: "seconds".into(),
            better: Direction::Lower,
            base: side(1.0),
            candidate: side(slower),
        })
        .into();
    let mut failures = || -> Vec<Failures> {
        (0..runs).map(|_| Failures { failed: (noise.uniform() * 1.2) as u64, requests: 1000 }).collect()
    };
    let failures = Some(FailureSeries { base: failures(), candidate: failures() });
    Figures { series, failures, notes: Vec::new() }
}

fn thresholds() -> Thresholds {
    // Fewer draws than the product: an interval from 300 is coarser, and 300 gates take seconds, not minutes.
    Thresholds::parse("[decision]\nresamples = 300\n", "test").unwrap()
}

#[test]
fn equal_builds_raise_no_alarm_in_three_hundred_gates() {
    let thresholds = thresholds();
    // Of each 150 gates, those without an answer; a gate that never decides would raise no false alarm either.
    for (deviation, most_undecided) in [(0.02, 5), (0.03, 45)] {
        let mut noise = Noise::new(2024, deviation);
        let mut undecided = 0;
        for round in 0..150 {
            let judged = judge(&gate(12, 1.0, &mut noise), &thresholds);
            let alarm = judged.iter().find(|metric| metric.outcome == Outcome::Fail);
            assert_eq!(alarm, None, "gate {round}");
            undecided += usize::from(judged.iter().any(|metric| metric.outcome == Outcome::Inconclusive));
        }
        println!("noise {deviation}: {undecided} of 150 gates of equal builds were inconclusive");
        assert!(undecided <= most_undecided, "noise {deviation}: {undecided} of 150 gates were inconclusive");
    }
}

/// The share of gates in which the metric `name` is reported as a regression.
fn seen(name: &str, slower: f64, runs: usize, deviation: f64) -> f64 {
    let thresholds = thresholds();
    let mut noise = Noise::new(77, deviation);
    let gates = 60;
    let hits = (0..gates)
        .filter(|_| {
            let judged = judge(&gate(runs, slower, &mut noise), &thresholds);
            judged.iter().any(|metric| metric.name == name && metric.outcome == Outcome::Fail)
        })
        .count();
    hits as f64 / f64::from(gates)
}

#[test]
fn a_tenth_slower_is_seen_on_metrics_with_a_floor_of_five_percent() {
    assert!(seen("latency_p50", 1.1, 12, 0.02) >= 0.97);
    assert!(seen("decode_jobs", 1.1, 15, 0.03) >= 0.97);
}

#[test]
fn a_fifth_slower_is_seen_on_the_tail_too() {
    assert!(seen("latency_p95", 1.2, 12, 0.03) >= 0.97);
    assert!(seen("latency_p99", 1.2, 15, 0.02) >= 0.97);
}

#[test]
fn noise_does_not_pass_for_a_clean_answer() {
    // With 30 % noise nothing can be said about a floor of 5 %: neither pass nor alarm.
    let judged = judge(&gate(12, 1.0, &mut Noise::new(5, 0.3)), &thresholds());
    let is = |outcome| judged.iter().filter(|metric| metric.outcome == outcome).count();
    assert_eq!(is(Outcome::Fail), 0);
    assert!(is(Outcome::Inconclusive) >= 5, "{judged:?}");
}
