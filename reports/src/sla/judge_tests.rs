//! Each metric and each edge of the judgement, on constructed runs.
//! Nothing here measures; the records are what a load test would have written.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::Document as _;
use crate::model::run::{Build, Machine, ResourceSample, Resources, RunKind, Second};

const P95: &str = "metric = \"latency\"\nquantile = 0.95\noperator = \"<\"\nvalue = \"5s\"";
const ERROR_RATE: &str = "metric = \"error_rate\"\noperator = \"<\"\nvalue = \"1%\"";
const AVAILABILITY: &str = "metric = \"availability\"\noperator = \">\"\nvalue = \"99.9%\"";
const THROUGHPUT: &str = "metric = \"throughput\"\noperator = \">\"\nvalue = \"45rps\"";
const PEAK_RSS: &str = "metric = \"peak_rss\"\noperator = \"<\"\nvalue = \"512MiB\"";
const CONTENT: &str = "metric = \"content_errors\"\noperator = \"<=\"\nvalue = 0";

fn stats(name: &str, count: u64, latency: Duration, errors: &[(&str, u64)]) -> RequestStats {
    let mut histogram = LatencyHistogram::default();
    (0..count).for_each(|_| histogram.record(latency));
    let errors = errors.iter().map(|(kind, count)| ((*kind).into(), *count)).collect();
    RequestStats { name: name.into(), count, errors, bytes: 0, latency: histogram }
}

/// 60 s of 50 requests a second, each of 100 ms, without an error.
fn good_run() -> RunRecord {
    let second = |offset| Second {
        offset,
        warmup: offset < 5,
        requests: 50,
        errors: 0,
        offered: None,
        in_flight: None,
        p50_us: None,
        p95_us: None,
        p99_us: None,
        max_us: None,
    };
    RunRecord {
        format: RunRecord::FORMAT.into(),
        id: "run".into(),
        kind: RunKind::LoadTest,
        scenario: "baseline".into(),
        started_at: "2025-01-01T00:00:00Z".into(),
        duration_seconds: 60.0,
        aborted: None,
        build: Build::default(),
        machine: Machine::default(),
        parameters: BTreeMap::new(),
        seed: None,
        requests: vec![stats("metrics", 3000, Duration::from_millis(100), &[])],
        seconds: (0..65).map(second).collect(),
        arrivals: None,
        subject: Some(Resources {
            source: "/proc".into(),
            cpu_seconds: 30.0,
            cpus_available: 2.0,
            cpu_wait_seconds: None,
            peak_rss_bytes: 100 << 20,
            cgroup: None,
            samples: (0..65)
                .map(|offset| ResourceSample {
                    offset: f64::from(offset),
                    cpu_cores: if offset < 5 { 2.0 } else { 0.01 * f64::from(offset - 4) },
                    rss_bytes: 100 << 20,
                    open_fds: None,
                    threads: None,
                })
                .collect(),
        }),
        generator: None,
        exposition: None,
        metrics: Vec::new(),
    }
}

fn judge(rule: &str, run: &RunRecord) -> RuleVerdict {
    let sla = Sla::parse(&format!("[[rule]]\nid = \"it\"\n{rule}\n"), "test.toml").unwrap();
    let mut verdicts = sla.judge(run);
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

fn check(rule: &str, run: &RunRecord, outcome: Outcome, reason: &str) -> RuleVerdict {
    let verdict = judge(rule, run);
    assert_eq!((verdict.outcome, verdict.reason.as_str()), (outcome, reason), "{rule}");
    verdict
}

#[test]
fn a_good_run_passes_each_metric() {
    for rule in [P95, ERROR_RATE, AVAILABILITY, THROUGHPUT, PEAK_RSS, CONTENT] {
        check(rule, &good_run(), Outcome::Pass, "");
    }
    assert_eq!(Sla::built_in("baseline", None).verdict(&good_run()).outcome, Outcome::Pass);
}

#[test]
fn latency_is_the_quantile_of_all_requests_with_its_interval() {
    let mut run = good_run();
    run.requests.push(stats("slow", 200, Duration::from_secs(6), &[]));
    let verdict = check(P95, &run, Outcome::Fail, "measured 6 s, required < 5 s");
    assert_eq!(verdict.samples, 3200);
    let [low, high] = verdict.interval.unwrap();
    assert!(low <= verdict.value.unwrap() && verdict.value.unwrap() <= high);
    check(&format!("{P95}\nrequest = \"metrics\""), &run, Outcome::Pass, "");
    let slow = format!("{P95}\nrequest = \"slow\"");
    check(&slow, &run, Outcome::Fail, "measured 6 s, required < 5 s");
}

#[test]
fn an_unknown_request_name_is_inconclusive() {
    let rule = format!("{P95}\nrequest = \"other\"");
    let verdict = check(&rule, &good_run(), Outcome::Inconclusive, "0 requests, but at least 72 are needed");
    assert_eq!((verdict.value, verdict.samples), (None, 0));
}

#[test]
fn too_few_requests_never_pass() {
    let mut run = good_run();
    run.requests = vec![stats("metrics", 71, Duration::from_millis(1), &[])];
    check(P95, &run, Outcome::Inconclusive, "71 requests, but at least 72 are needed");
    check(ERROR_RATE, &run, Outcome::Inconclusive, "71 requests, but at least 368 are needed");
    check(
        &format!("{CONTENT}\nmin_samples = 72"),
        &run,
        Outcome::Inconclusive,
        "71 requests, but at least 72 are needed",
    );
    run.seconds.truncate(25);
    check(AVAILABILITY, &run, Outcome::Inconclusive, "2 slices, but at least 3 are needed");
}

#[test]
fn an_error_rate_that_is_certainly_too_high_fails_with_few_requests() {
    let mut run = good_run();
    let mut rate = |errors, count| {
        run.requests = vec![stats("metrics", count, Duration::from_millis(1), &[("timeout", errors)])];
        judge(ERROR_RATE, &run)
    };
    let failed = rate(40, 54);
    assert_eq!(failed.outcome, Outcome::Fail);
    assert_eq!(failed.reason, "certainly at least 60.35 %, required < 1 %, by 54 requests");
    assert_eq!(failed.samples, 54);
    assert_eq!(rate(7, 100).reason, "certainly at least 2.86 %, required < 1 %, by 100 requests");
    // Of one request the rate is at least 2.5 %, and one error in 54 may still be an accident.
    assert_eq!(rate(1, 1).outcome, Outcome::Fail);
    assert_eq!(rate(1, 54).outcome, Outcome::Inconclusive);
    let [low, high] = rate(1, 54).interval.unwrap();
    assert!(low < 0.01 && high > 0.09, "{low} to {high}");
}

#[test]
fn a_quantile_that_is_certainly_too_high_fails_with_few_requests() {
    let mut run = good_run();
    let mut p99 = |fast, slow| {
        let mut all = stats("metrics", fast, Duration::from_millis(1), &[]);
        all.latency.merge(&stats("metrics", slow, Duration::from_secs(11), &[]).latency);
        run.requests = vec![RequestStats { count: fast + slow, ..all }];
        judge("metric = \"latency\"\nquantile = 0.99\noperator = \"<\"\nvalue = \"10s\"", &run)
    };
    let failed = p99(46, 8);
    assert_eq!((failed.outcome, failed.samples, failed.interval), (Outcome::Fail, 54, None));
    assert_eq!(failed.reason, "certainly at least 11 s, required < 10 s, by 54 requests");
    // P(3 or more of 54 above p99) is 1.7 %, that of 2 or more 10 %.
    assert_eq!(p99(51, 3).outcome, Outcome::Fail);
    assert_eq!(p99(52, 2).outcome, Outcome::Inconclusive);
}

#[test]
fn too_many_content_errors_fail_with_few_requests() {
    let mut run = good_run();
    let rule = "metric = \"content_errors\"\noperator = \"<=\"\nvalue = 2\nmin_samples = 100";
    let mut content = |errors| {
        run.requests = vec![stats("metrics", 54, Duration::from_millis(1), &[("content", errors)])];
        judge(rule, &run)
    };
    assert_eq!(content(2).outcome, Outcome::Inconclusive);
    let reason = "certainly at least 3, required <= 2, by 54 requests";
    assert_eq!((content(3).outcome, content(3).reason.as_str()), (Outcome::Fail, reason));
}

#[test]
fn slices_that_are_certainly_too_bad_fail_however_few_they_are() {
    let mut run = good_run();
    run.seconds.truncate(25);
    run.seconds[20].errors = 50;
    let verdict = judge(AVAILABILITY, &run);
    assert_eq!((verdict.outcome, verdict.samples), (Outcome::Fail, 2));
    assert_eq!(verdict.reason, "certainly at most 98.74 %, required > 99.9 %, by 2 slices");
    let loose = AVAILABILITY.replace("99.9%", "90%");
    check(&loose, &run, Outcome::Inconclusive, "2 slices, but at least 3 are needed");
}

#[test]
fn the_error_rate_is_over_all_kinds_and_the_limit_itself_is_not_below_it() {
    let mut run = good_run();
    let mut rate = |timeouts, contents| {
        let errors = [("timeout", timeouts), ("content", contents)];
        run.requests = vec![stats("metrics", 10_000, Duration::from_millis(1), &errors)];
        judge(ERROR_RATE, &run)
    };
    assert_eq!(rate(40, 40).outcome, Outcome::Pass);
    assert_eq!(rate(60, 65).reason, "measured 1.25 %, required < 1 %");
    assert_eq!(rate(50, 50).reason, "the limit lies within the 95 % interval, 0.814 % to 1.21 %");
}

#[test]
fn a_limit_within_the_interval_decides_nothing() {
    let mut run = good_run();
    let mut p95 = |slow| {
        let mut all = stats("metrics", 1000 - slow, Duration::from_secs(4), &[]);
        all.latency.merge(&stats("metrics", slow, Duration::from_secs(6), &[]).latency);
        run.requests = vec![RequestStats { count: 1000, ..all }];
        judge(P95, &run)
    };
    // Ranks of about 950 -+ 14 of 1000 enclose p95 with 95 % confidence.
    assert_eq!(p95(34).outcome, Outcome::Pass);
    assert_eq!(p95(68).outcome, Outcome::Fail);
    for slow in [39, 50, 61] {
        let verdict = p95(slow);
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{slow}: {verdict:?}");
        assert_eq!(verdict.reason, "the limit lies within the 95 % interval, 4 s to 6 s");
    }
}

#[test]
fn a_rule_is_broken_by_a_part_of_the_run_only_when_that_is_certain() {
    let rule = |text: &str| {
        Sla::parse(&format!("[[rule]]\nid = \"it\"\nabort = true\n{text}\n"), "x").unwrap().rules.remove(0)
    };
    let slow = [stats("metrics", 100, Duration::from_secs(6), &[("timeout", 50)])];
    assert_eq!(rule(P95).broken_by(&slow, 10.0).unwrap(), "measured 6 s, required < 5 s");
    assert!(rule(ERROR_RATE).broken_by(&slow, 10.0).is_some());
    assert_eq!(rule(THROUGHPUT).broken_by(&slow, 10.0).unwrap(), "measured 5 rps, required > 45 rps");
    let few = [stats("metrics", 10, Duration::from_millis(6), &[("timeout", 1)])];
    for text in [P95, ERROR_RATE] {
        assert_eq!(rule(text).broken_by(&few, 10.0), None);
    }
}

#[test]
fn different_figures_never_look_alike_in_a_reason() {
    let mut run = good_run();
    run.duration_seconds = 1e6;
    run.requests = vec![RequestStats { count: 44_999_999, ..stats("metrics", 0, Duration::ZERO, &[]) }];
    let reason = "measured 44.999999 requests_per_second, required > 45 requests_per_second";
    check(THROUGHPUT, &run, Outcome::Fail, reason);
}

#[test]
fn content_errors_are_those_of_the_kinds_content() {
    let mut run = good_run();
    run.requests[0].errors = BTreeMap::from([("timeout".into(), 7)]);
    check(CONTENT, &run, Outcome::Pass, "");
    run.requests[0].errors.insert("content_type".into(), 2);
    run.requests[0].errors.insert("content".into(), 1);
    check(CONTENT, &run, Outcome::Fail, "measured 3, required <= 0");
}

#[test]
fn throughput_counts_successes_only() {
    let mut run = good_run();
    check(THROUGHPUT, &run, Outcome::Pass, "");
    run.requests[0].errors = BTreeMap::from([("connect".into(), 600)]);
    check(THROUGHPUT, &run, Outcome::Fail, "measured 40 rps, required > 45 rps");
    run.duration_seconds = 9.9;
    let reason = "9 measured seconds, but at least 10 are needed";
    check(THROUGHPUT, &run, Outcome::Inconclusive, reason);
    run.duration_seconds = 0.0;
    assert_eq!(judge(THROUGHPUT, &run).outcome, Outcome::Inconclusive);
}

#[test]
fn a_slice_is_bad_when_more_than_one_percent_of_its_requests_fail() {
    let mut run = good_run();
    run.seconds[20].errors = 5;
    let verdict = check(AVAILABILITY, &run, Outcome::Pass, "");
    assert_eq!((verdict.value, verdict.samples), (Some(1.0), 6));
    run.seconds[20].errors = 6;
    check(AVAILABILITY, &run, Outcome::Fail, "measured 83.33 %, required > 99.9 %");
}

#[test]
fn errors_of_the_warm_up_are_no_unavailability_and_those_of_a_rest_are() {
    let mut run = good_run();
    run.seconds[4].errors = 50;
    check(AVAILABILITY, &run, Outcome::Pass, "");
    run.seconds.truncate(58);
    run.seconds[57].errors = 50;
    let verdict = check(AVAILABILITY, &run, Outcome::Fail, "measured 80 %, required > 99.9 %");
    assert_eq!(verdict.samples, 5);
}

#[test]
fn a_run_shorter_than_its_slices_is_inconclusive() {
    let mut run = good_run();
    run.seconds.truncate(34);
    check(AVAILABILITY, &run, Outcome::Inconclusive, "2 slices, but at least 3 are needed");
    run.seconds.truncate(3);
    check(AVAILABILITY, &run, Outcome::Inconclusive, "0 slices, but at least 3 are needed");
}

#[test]
fn a_slice_without_an_answer_is_bad_only_when_load_was_there() {
    let mut run = good_run();
    run.seconds[15..25].iter_mut().for_each(|second| second.requests = 0);
    assert_eq!(judge(AVAILABILITY, &run).samples, 5);
    run.seconds[15].in_flight = Some(10);
    let verdict = judge(AVAILABILITY, &run);
    assert_eq!((verdict.samples, verdict.outcome), (6, Outcome::Fail));
}

#[test]
fn resources_that_were_not_sampled_are_inconclusive() {
    let mut run = good_run();
    run.subject = None;
    for rule in [PEAK_RSS, "metric = \"cpu_cores\"\noperator = \"<\"\nvalue = 1"] {
        let reason = "0 resource samples, but at least 1 are needed";
        assert_eq!(check(rule, &run, Outcome::Inconclusive, reason).value, None);
    }
}

#[test]
fn a_peak_of_zero_bytes_is_not_a_measurement() {
    let mut run = good_run();
    run.subject.as_mut().unwrap().peak_rss_bytes = 0;
    check(PEAK_RSS, &run, Outcome::Inconclusive, "peak rss was not measured");
    run.subject.as_mut().unwrap().peak_rss_bytes = 512 << 20;
    check(PEAK_RSS, &run, Outcome::Fail, "measured 512 MiB, required < 512 MiB");
}

#[test]
fn cpu_is_the_mean_or_a_quantile_without_the_warm_up() {
    let run = good_run();
    let mean = judge("metric = \"cpu_cores\"\noperator = \"<=\"\nvalue = 0.5", &run);
    assert_eq!((mean.value, mean.outcome), (Some(0.5), Outcome::Pass));
    let median = judge("metric = \"cpu_cores\"\nquantile = 0.5\noperator = \"<\"\nvalue = \"250m\"", &run);
    assert_eq!((median.value, median.samples, median.outcome), (Some(0.3), 60, Outcome::Fail));
    let p95 = judge("metric = \"cpu_cores\"\nquantile = 0.95\noperator = \"<\"\nvalue = 1", &run);
    assert_eq!(p95.reason, "60 resource samples, but at least 72 are needed");
}

#[test]
fn an_aborted_run_never_passes_but_may_fail() {
    let mut run = good_run();
    run.aborted = Some("interrupted".into());
    check(P95, &run, Outcome::Inconclusive, "holds so far, but the run was aborted: interrupted");
    assert_eq!(Sla::built_in("baseline", None).verdict(&run).outcome, Outcome::Inconclusive);
    run.requests[0].errors = BTreeMap::from([("timeout".into(), 3000)]);
    assert_eq!(judge(ERROR_RATE, &run).outcome, Outcome::Fail);
}

#[test]
fn an_empty_run_passes_no_rule() {
    let mut run = good_run();
    run.requests.clear();
    run.seconds.clear();
    run.subject = None;
    run.duration_seconds = 0.0;
    for verdict in Sla::built_in("baseline", Some(100)).judge(&run) {
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{}", verdict.id);
    }
}

#[test]
fn rules_of_another_scenario_or_size_do_not_concern_a_run() {
    let text = |more: &str| format!("[[rule]]\nid = \"it\"\n{P95}\n{more}\n");
    let mut run = good_run();
    let other = Sla::parse(&text("scenarios = [\"stress\"]"), "test.toml").unwrap();
    assert_eq!(other.judge(&run), []);
    let verdict = other.verdict(&run);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(verdict.notes, ["no rule of test.toml concerns the scenario baseline"]);

    let small = "is for small clusters, and the run has no parameter \"nodes\"";
    check(&format!("{P95}\nsize_class = \"small\""), &run, Outcome::Inconclusive, small);
    run.parameters.insert("nodes".into(), 100.into());
    check(&format!("{P95}\nsize_class = \"small\""), &run, Outcome::Pass, "");
    assert_eq!(Sla::parse(&text("size_class = \"large\""), "test.toml").unwrap().judge(&run), []);
}

#[test]
fn rules_chosen_for_a_size_need_no_parameter_in_the_run() {
    let verdicts = Sla::built_in("baseline", Some(100)).judge(&good_run());
    assert_eq!(verdicts.len(), 9);
    assert!(verdicts.iter().all(|verdict| verdict.outcome == Outcome::Pass), "{verdicts:#?}");
}
