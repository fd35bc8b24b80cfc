//! What `bench-report` prints, writes and exits with.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use reports::model::run::{Direction, RunKind};
use reports::model::{RunRecord, read};

use crate::recording::Recording;

fn report(criterion: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-report"))
        .env("CRITERION_HOME", criterion)
        .args(arguments)
        .output()
        .unwrap()
}

/// Exit code and the one line on stderr, after making sure that nothing was printed or written.
fn refusal(recording: &Recording) -> (i32, String) {
    let record = recording.path().join("run.json");
    let output = report(recording.path(), &["--subject", "cpu", "--out", record.to_str().unwrap()]);
    assert!(output.stdout.is_empty());
    assert!(!record.exists());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    (output.status.code().unwrap(), stderr)
}

#[test]
fn a_record_holds_every_benchmark_with_its_samples() {
    let recording = Recording::copy();
    let path = recording.path().join("run.json");
    let output = report(recording.path(), &["--subject", "cpu", "--out", path.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let record: RunRecord = read(&path).unwrap();
    assert_eq!((record.kind, record.scenario.as_str()), (RunKind::Benchmark, "cpu"));
    assert_eq!(record.build.profile, "release");
    assert!(record.machine.cpus > 0 && record.duration_seconds > 0.0);
    let names: Vec<_> = record.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "decode_jobs/serde_json_whole_slice/1k",
            "decode_jobs/streaming/1k",
            "decode_jobs_by_version/v0.0.45",
            "decode_nodes/1k",
            "collect/1k",
            "collect/10k",
            "encode/1k",
            "cycle/1k",
        ]
    );
    let streaming = &record.metrics[1];
    assert_eq!((streaming.unit.as_str(), streaming.better), ("bytes_per_second", Direction::Higher));
    // 9,154,776 bytes in 325,281,501 ns / 26 iterations.
    assert!((streaming.samples[0] - 731_748_271.2).abs() < 1.0, "{}", streaming.samples[0]);
    assert_eq!(streaming.samples.len(), 20);
    let collect = &record.metrics[4];
    assert_eq!((collect.unit.as_str(), collect.better), ("seconds", Direction::Lower));
}

#[test]
fn the_table_lists_every_benchmark_and_the_yardstick() {
    let recording = Recording::copy();
    let output = report(recording.path(), &["--subject", "cpu"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, include_str!("../golden/table.md"));
}

#[test]
fn missing_results_say_what_to_run() {
    let recording = Recording::copy();
    let output = report(recording.path(), &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr.contains("no results of scrape"), "{stderr}");
    assert!(stderr.contains("`cargo bench -p benchmarks --bench network`"), "{stderr}");
    recording.remove("encode");
    let (code, stderr) = refusal(&recording);
    assert_eq!(code, 4);
    assert!(stderr.contains("encode") && stderr.contains("--bench cpu`"), "{stderr}");
}

#[test]
fn samples_that_criterion_would_not_write_are_refused() {
    for (text, expected) in [
        ("{\"iters\":[1.0],\"times\":[", "EOF"),
        ("{\"iters\":[1.0]}", "missing field `times`"),
        ("{\"iters\":[1.0],\"times\":[2.0,3.0]}", "as many times as iterations"),
        ("{\"iters\":[],\"times\":[]}", "at least one"),
        ("{\"iters\":[0.0],\"times\":[2.0]}", "above 0"),
    ] {
        let recording = Recording::copy();
        fs::write(recording.file("collect/1k", "sample.json"), text).unwrap();
        let (code, stderr) = refusal(&recording);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("collect/1k/new/sample.json") && stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_file_that_is_missing_cannot_be_read() {
    let recording = Recording::copy();
    fs::remove_file(recording.file("collect/1k", "benchmark.json")).unwrap();
    let (code, stderr) = refusal(&recording);
    assert_eq!(code, 4);
    assert!(stderr.contains("collect/1k/new/benchmark.json: cannot be read: No such file"), "{stderr}");
}

#[test]
fn results_of_two_runs_are_not_mixed() {
    let recording = Recording::copy();
    let path = recording.file("collect/1k", "sample.json");
    let file = fs::File::options().write(true).open(&path).unwrap();
    let before = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(2 * 3_600);
    file.set_modified(before).unwrap();
    let (code, stderr) = refusal(&recording);
    assert_eq!(code, 4);
    assert!(stderr.contains("collect/1k/new/sample.json: more than an hour older"), "{stderr}");
}

#[test]
fn an_unknown_subject_is_a_usage_error() {
    let recording = Recording::copy();
    let output = report(recording.path(), &["--subject", "disk"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cpu, network, all"));
}
