//! Runs against a running target: what passes, what fails, what cannot be judged.
//! Each test sets one behaviour of the stub and reads verdict, record and files.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use reports::model::RunRecord;
use reports::model::verdict::Outcome;
use rustix::process::{Pid, Signal, kill_process};

use crate::stub::{Answer, Behaviour, Bench, GOOD_PAGE, Stub};

const PASSED: &str = "✅ LOAD TEST PASSED";
const FAILED: &str = "❌ LOAD TEST FAILED";
const INCONCLUSIVE: &str = "⚠ LOAD TEST INCONCLUSIVE";

/// Errors by kind over all requests.
fn errors(record: &RunRecord) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (kind, count) in record.requests.iter().flat_map(|stats| &stats.errors) {
        *all.entry(kind.clone()).or_default() += count;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_target_passes_and_every_file_is_there() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(0), PASSED), "{answer:#?}");
    assert_eq!(answer.stdout.matches("LOAD TEST").count(), 1);
    for name in
        ["run.json", "run.hlog", "verdict.json", "junit.xml", "summary.md", "report.html", "goose.html"]
    {
        assert!(bench.out().join(name).is_file(), "{name}");
    }

    let record = bench.record();
    assert_eq!(errors(&record), BTreeMap::new());
    assert_eq!(record.aborted, None);
    let names: Vec<&str> = record.requests.iter().map(|stats| stats.name.as_str()).collect();
    assert_eq!(names, ["metrics_gzip", "metrics_identity"]);
    assert!(record.requests.iter().all(|stats| stats.count == stats.latency.count()));
    assert!(record.requests[0].count > record.requests[1].count, "the mix has weights");
    assert_eq!(record.parameters["nodes"], 100);
    assert_eq!(record.subject.as_ref().unwrap().source, "process_metrics");
    assert_eq!(record.generator.as_ref().unwrap().source, "/proc");
    let exposition = record.exposition.as_ref().unwrap();
    assert_eq!((exposition.series, exposition.families), (11, 9));
    let measured: u64 =
        record.seconds.iter().filter(|second| !second.warmup).map(|second| second.requests).sum();
    assert_eq!(measured, record.request_count());
    let again = bench.folder.path().join("again.json");
    reports::model::write(&again, &record).unwrap();
    assert_eq!(reports::model::read::<RunRecord>(&again).unwrap(), record);

    let log = std::fs::read(bench.out().join("run.hlog")).unwrap();
    let tags: Vec<String> = IntervalLogIterator::new(&log)
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::Interval(interval) => Some(interval.tag().unwrap().as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert!(tags.iter().any(|tag| tag == "metrics_gzip"), "{tags:?}");
    assert!(tags.iter().any(|tag| tag == "warmup.metrics_gzip"), "{tags:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_runs_one_after_another_and_reports_once() {
    for (fail_every, code, last) in [(0, 0, PASSED), (2, 1, FAILED)] {
        let stub = Stub::start(Behaviour { fail_every, ..Behaviour::default() }).await;
        let bench = Bench::new();
        let short = ["--warmup", "1s", "--duration", "2s", "--sla", "sla.toml", "--out", "out"];
        let arguments = [&["suite", "quick", "baseline", "--target", &stub.url], &short[..]].concat();
        let answer = Answer::of(bench.spawn(&arguments).wait_with_output().await.unwrap());
        assert_eq!(answer.verdict(), (Some(code), last), "{answer:#?}");
        assert_eq!(answer.stdout.matches("LOAD TEST").count(), 1, "{answer:#?}");
        let index = std::fs::read_to_string(bench.out().join("index.html")).unwrap();
        for name in ["quick", "baseline"] {
            assert!(index.contains(&format!("href=\"{name}/report.html\"")), "{index}");
            let record: RunRecord = reports::model::read(&bench.out().join(name).join("run.json")).unwrap();
            assert_eq!(record.scenario, name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_fail_the_run_and_are_counted_by_kind() {
    let stub = Stub::start(Behaviour { fail_every: 4, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    assert_eq!(errors(&bench.record()).keys().collect::<Vec<_>>(), ["status_503"]);
    assert!(answer.stdout.contains("x status_503, first: answered 503 Service Unavailable"), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_fails_the_latency_rule() {
    let stub = Stub::start(Behaviour { delay: Duration::from_millis(150), ..Behaviour::default() }).await;
    let bench = Bench::new();
    let rules = std::fs::read_to_string(bench.folder.path().join("sla.toml")).unwrap();
    bench.write("sla.toml", &rules.replace("5s", "100ms"));
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    let verdict = bench.verdict();
    let failed: Vec<&str> = verdict
        .rules
        .iter()
        .filter(|rule| rule.outcome == Outcome::Fail)
        .map(|rule| rule.id.as_str())
        .collect();
    assert_eq!(failed, ["p95"]);
    assert!(verdict.rules[0].value.unwrap() >= 0.15);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_samples_are_inconclusive() {
    // Users that wait for slow answers ask for less than the plan offers.
    let stub = Stub::start(Behaviour { delay: Duration::from_millis(700), ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &["--vus", "10", "--rate", "10"]).await;
    assert_eq!(answer.verdict(), (Some(3), INCONCLUSIVE), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_samples_that_all_failed_are_a_failure() {
    let delay = Duration::from_millis(700);
    let stub = Stub::start(Behaviour { fail_every: 1, delay, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &["--vus", "10", "--rate", "10"]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    assert!(answer.stdout.contains("required < 5 %, by "), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_with_abort_ends_the_run_as_failed_with_what_was_measured() {
    let stub = Stub::start(Behaviour { fail_every: 4, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let rules = std::fs::read_to_string(bench.folder.path().join("sla.toml")).unwrap();
    bench.write("sla.toml", &rules.replace("\"5%\"", "\"5%\"\nabort = true\nwindow = \"2s\""));
    let answer = bench.run(&stub.url, &["--duration", "10m"]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    let record = bench.record();
    let aborted = record.aborted.as_deref().unwrap();
    assert!(aborted.starts_with("a rule ended the run: error rate < 5 %: measured 2"), "{aborted}");
    assert!(record.duration_seconds < 600.0 && record.request_count() > 0, "{}", record.duration_seconds);
    let verdict = bench.verdict();
    let outcome = |id: &str| verdict.rules.iter().find(|rule| rule.id == id).unwrap().outcome;
    assert_eq!(
        [outcome("abort"), outcome("error_rate"), outcome("p95")],
        [Outcome::Fail, Outcome::Fail, Outcome::Inconclusive]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_target_makes_the_run_inconclusive() {
    let stub = Stub::start(Behaviour { restart_after: 300, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(3), INCONCLUSIVE), "{answer:#?}");
    assert!(answer.stdout.contains("the target was restarted during the run"), "{answer:#?}");
}

/// Rules that a target breaks only by its end, and one that dies within the last of them.
async fn check_death(page: &str) {
    let mut stub = Stub::start(Behaviour { page: page.into(), ..Behaviour::default() }).await;
    let bench = Bench::new();
    let rules = std::fs::read_to_string(bench.folder.path().join("sla.toml")).unwrap();
    bench.write("sla.toml", &rules.replace("\"5%\"", "\"99.9%\""));
    let child = bench.start(&stub.url, &["--duration", "4s"]);
    stub.requests(400).await;
    stub.die();
    let answer = Answer::of(child.wait_with_output().await.unwrap());
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    let verdict = bench.verdict();
    let failed: Vec<_> = verdict.rules.iter().filter(|rule| rule.outcome == Outcome::Fail).collect();
    assert_eq!(
        failed.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(),
        ["target_alive"],
        "{answer:#?}"
    );
    let expected = "the target was gone when the load was over: Connection refused";
    assert!(failed[0].reason.starts_with(expected), "{}", failed[0].reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_under_load_has_failed_with_and_without_figures_of_its_process() {
    let (without, _) = GOOD_PAGE.split_once("# HELP process_cpu_seconds_total").unwrap();
    tokio::join!(check_death(GOOD_PAGE), check_death(without));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_no_longer_tells_of_its_process_has_failed() {
    let stub = Stub::start(Behaviour { anonymous_after: 300, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    assert!(answer.stdout.contains("without the process_* figures that it had before"), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_jump_between_stages_and_stdout_holds_nothing_but_the_result() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let scenario = std::fs::read_to_string(bench.folder.path().join("short.toml")).unwrap();
    let stages = "[[stages]]\nvus = 0.1\ntime = 0.5\n[[stages]]\nvus = 1.0\ntime = 0.5\n";
    bench.write("short.toml", &format!("{scenario}\n{stages}"));
    let answer = bench.run(&stub.url, &["--duration", "6s"]).await;
    assert_eq!(answer.verdict(), (Some(0), PASSED), "{answer:#?}");
    assert!(answer.stdout.starts_with("short: "), "{answer:#?}");
    let record = bench.record();
    let offered: Vec<f64> = record.seconds.iter().take(7).map(|second| second.offered.unwrap()).collect();
    assert_eq!(offered, [20.0, 20.0, 20.0, 20.0, 110.0, 200.0, 200.0]);
    let requests = |offset: usize| record.seconds[offset].requests;
    assert!(requests(6) > 2 * requests(2), "{:?}", record.seconds);
}

async fn check_content(page: &str, content_type: &'static str, kind: &str, detail: &str) {
    let stub = Stub::start(Behaviour { page: page.into(), content_type, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &[]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    assert_eq!(errors(&bench.record()).keys().collect::<Vec<_>>(), [kind]);
    assert!(answer.stdout.contains(detail), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_pages_are_content_errors() {
    let text = Behaviour::default().content_type;
    let cut = GOOD_PAGE.trim_end();
    let twice = format!("{GOOD_PAGE}process_start_time_seconds 1.7e9\n");
    tokio::join!(
        check_content(cut, text, "content_truncated", "first: the page ends within a line"),
        check_content(&twice, text, "content", "duplicate series process_start_time_seconds"),
        check_content(GOOD_PAGE, "text/html", "content", "content type is \"text/html\""),
    );
}

async fn check_signal(signal: Signal, code: i32, name: &str) {
    let mut stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let child = bench.start(&stub.url, &["--duration", "10m", "--warmup", "0"]);
    stub.requests(200).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    let answer = Answer::of(child.wait_with_output().await.unwrap());
    assert_eq!(answer.verdict(), (Some(code), INCONCLUSIVE), "{answer:#?}");
    let record = bench.record();
    assert_eq!(record.aborted, Some(format!("interrupted by {name}")));
    assert!(record.request_count() > 0);
    assert!(record.duration_seconds < 600.0);
    assert_eq!(bench.verdict().outcome, Outcome::Inconclusive);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_run_with_a_partial_result() {
    tokio::join!(check_signal(Signal::TERM, 143, "SIGTERM"), check_signal(Signal::INT, 130, "SIGINT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_times_out_and_fails() {
    let stub = Stub::start(Behaviour { hang_after: 20, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &["--timeout", "1s", "--vus", "100"]).await;
    assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
    let record = bench.record();
    assert_eq!(errors(&record), BTreeMap::from([("timeout".to_owned(), record.request_count())]));
    assert!(record.latency().quantile(0.5).unwrap() >= Duration::from_secs(1));
}
