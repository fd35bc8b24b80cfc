//! `capacity recommend` through the binary: plans, formats, refusals.
//! Golden files are rewritten with `UPDATE_GOLDEN=1`.

use std::path::Path;
use std::process::Output;

use reports::model::plan::{Basis, Recommendation};
use reports::model::run::RunKind;
use reports::model::verdict::{Outcome, RuleVerdict};
use reports::model::{Plan, RunRecord, Verdict, write};
use tempfile::TempDir;

use crate::records::{recommend, record, write_runs};

/// A folder with these runs and the plan made of them.
fn plan_of(records: &[RunRecord]) -> (Option<i32>, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let output = recommend(&write_runs(folder.path(), records), &[]);
    let plan = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), plan)
}

fn of_class<'a>(plan: &'a Plan, class: &str) -> &'a Recommendation {
    plan.recommendations.iter().find(|found| found.size_class == class).unwrap()
}

fn three_sizes() -> [RunRecord; 3] {
    [record(100, 1000, 0.06, 20), record(1000, 10_000, 0.21, 70), record(5000, 50_000, 0.9, 300)]
}

fn check_golden(name: &str, output: &Output, code: i32) {
    let found = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn three_measured_sizes_give_the_golden_plan_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let runs = write_runs(folder.path(), &three_sizes());
    check_golden("plan.json", &recommend(&runs, &[]), 0);
    check_golden("plan.md", &recommend(&runs, &["--format", "markdown"]), 0);
    let patch = ["--format", "kubectl-patch", "--size-class", "medium"];
    check_golden("patch-medium.json", &recommend(&runs, &patch), 0);
}

#[test]
fn the_order_of_the_runs_does_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = write_runs(folder.path(), &three_sizes());
    let forward = recommend(&runs, &[]).stdout;
    runs.reverse();
    assert_eq!(forward, recommend(&runs, &[]).stdout);
    assert_eq!(forward, recommend(&runs, &[]).stdout);
}

#[test]
fn headroom_is_added_and_rounded_up_to_the_step() {
    let (code, plan) = plan_of(&[record(1000, 10_000, 0.5, 400)]);
    assert_eq!(code, Some(0));
    let medium = of_class(&plan, "medium");
    // 0.5 cores + 30 % = 650m, + 100 % = 1000m; 400 MiB + 20 % = 480, + 50 % = 600 MiB.
    assert_eq!([medium.cpu_request_millicores, medium.cpu_limit_millicores], [1000, 1000]);
    assert_eq!([medium.memory_request_bytes >> 20, medium.memory_limit_bytes >> 20], [512, 1024]);
    assert_eq!((medium.basis, medium.strategy.as_str(), medium.replicas), (Basis::Measured, "optimised", 3));
    // The warm-up used four times as much and does not count.
    assert!((medium.evidence["cpu_cores_p95"] - 0.5).abs() < 1e-9);
}

#[test]
fn one_size_says_nothing_about_another() {
    let (code, plan) = plan_of(&[record(1000, 10_000, 0.5, 400)]);
    assert_eq!(code, Some(0));
    assert_eq!(plan.recommendations.len(), 1);
    for class in ["small", "large"] {
        assert!(
            plan.notes.iter().any(|note| note.starts_with(&format!("no recommendation for {class}"))),
            "{plan:?}"
        );
    }
}

#[test]
fn two_sizes_reach_a_third_by_a_line() {
    let (_, plan) = plan_of(&[record(100, 1000, 0.1, 50), record(1000, 10_000, 1.0, 500)]);
    let large = of_class(&plan, "large");
    assert_eq!(large.basis, Basis::Extrapolated);
    // Ten times as much for ten times the size: 10 cores are more than a container may have.
    assert!((large.evidence["cpu_cores_p95"] - 10.0).abs() < 1e-6, "{large:?}");
    assert!(
        large.reasons[0].contains("measured were 100 to 1,000 nodes and 1,000 to 10,000 jobs"),
        "{large:?}"
    );
}

#[test]
fn a_class_that_needs_too_much_moves_to_the_next_strategy_and_exits_1() {
    let (code, plan) = plan_of(&[record(1000, 10_000, 3.5, 400)]);
    assert_eq!(code, Some(1));
    let medium = of_class(&plan, "medium");
    assert_eq!((medium.strategy.as_str(), medium.cpu_limit_millicores), ("sharded", 4000));
    assert!(medium.reasons.iter().any(|reason| reason.starts_with("short of CPU")), "{medium:?}");
}

#[test]
fn slow_replicas_are_multiplied() {
    let mut slow = record(1000, 10_000, 0.5, 400);
    slow.duration_seconds = 10_000.0;
    // 12 rps each, and 50 are asked for; the rules of `quick` do not judge the throughput.
    slow.scenario = "quick".into();
    let (code, plan) = plan_of(&[slow]);
    assert_eq!(code, Some(0));
    assert_eq!(of_class(&plan, "medium").replicas, 5);
}

#[test]
fn without_jobs_the_line_goes_over_nodes() {
    let mut runs = [record(100, 1000, 0.02, 20), record(1000, 10_000, 0.11, 110)];
    runs[0].parameters.remove("jobs");
    let (code, plan) = plan_of(&runs);
    assert_eq!(code, Some(0));
    let large = of_class(&plan, "large");
    assert!((large.evidence["cpu_cores_p95"] - 1.01).abs() < 1e-6, "{large:?}");
    assert!(large.reasons[0].contains("over nodes (a run does not say its jobs)"), "{large:?}");
    assert!(!large.evidence.contains_key("jobs"));
}

#[test]
fn jobs_that_the_simulator_was_told_count() {
    let mut run = record(1000, 10_000, 0.11, 110);
    let jobs = run.parameters.remove("jobs").unwrap();
    run.parameters.insert("simulated_jobs".into(), jobs);
    assert_eq!(of_class(&plan_of(&[run]).1, "medium").evidence["jobs"], 10_000.0);
}

#[test]
fn runs_that_prove_nothing_are_refused_with_a_note() {
    type Change = fn(&mut RunRecord);
    let cases: [(&str, Change); 6] = [
        ("was aborted (interrupted)", |run| run.aborted = Some("interrupted".into())),
        ("failed (error rate < 1 %", |run| {
            let all = run.requests[0].count;
            run.requests[0].errors.insert("timeout".into(), all / 2);
        }),
        ("is no load test", |run| run.kind = RunKind::Benchmark),
        ("does not say the number of nodes", |run| {
            run.parameters.remove("nodes");
        }),
        ("has no figures of the exporter's process", |run| run.subject = None),
        ("has 0 CPU samples after its warm-up, 10 are needed", |run| {
            run.subject.as_mut().unwrap().samples.truncate(5);
        }),
    ];
    for (expected, change) in cases {
        let mut run = record(1000, 10_000, 0.5, 400);
        change(&mut run);
        let (code, plan) = plan_of(&[run]);
        assert_eq!(code, Some(3), "{expected}");
        assert!(plan.recommendations.is_empty() && plan.runs.is_empty());
        assert!(plan.notes[0].starts_with("run run-1000 is no evidence: it "), "{plan:?}");
        assert!(plan.notes[0].contains(expected), "{plan:?}");
    }
}

#[test]
fn a_run_that_its_load_test_failed_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let runs = write_runs(folder.path(), &[record(1000, 10_000, 0.5, 400)]);
    let plan = |subject: &str| -> Plan {
        let rule = RuleVerdict {
            id: "oracle".into(),
            rule: "page agrees with the simulator".into(),
            outcome: Outcome::Fail,
            value: Some(1.0),
            limit: Some(0.0),
            unit: "count".into(),
            samples: 1,
            interval: None,
            p_value: None,
            reason: String::new(),
        };
        let verdict = Verdict::new(subject, vec![rule], Vec::new());
        write(&Path::new(&runs[0]).join("verdict.json"), &verdict).unwrap();
        serde_json::from_slice(&recommend(&runs, &[]).stdout).unwrap()
    };
    let refused = plan("run-1000");
    assert!(refused.notes[0].contains("failed (page agrees with the simulator)"), "{refused:?}");
    // A verdict over another run says nothing about this one.
    assert_eq!(plan("run-1").runs, ["run-1000"]);
}

#[test]
fn doubts_about_accepted_runs_are_noted() {
    let mut debug = record(100, 1000, 0.1, 50);
    debug.build.profile = "debug".into();
    debug.machine.fingerprint = "beef".into();
    let (code, plan) = plan_of(&[debug, record(1000, 10_000, 0.2, 400)]);
    assert_eq!(code, Some(0));
    assert!(plan.notes.iter().any(|note| note.contains("debug build")), "{plan:?}");
    assert!(plan.notes.iter().any(|note| note.contains("2 different machines")), "{plan:?}");
}

#[test]
fn out_writes_the_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let runs = write_runs(folder.path(), &three_sizes());
    let out = folder.path().join("plan.json");
    let output = recommend(&runs, &["--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    let plan: Plan = reports::model::read(&out).unwrap();
    assert_eq!(plan.recommendations.len(), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

struct Refused {
    folder: TempDir,
    runs: Vec<String>,
}

impl Refused {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runs = write_runs(folder.path(), &three_sizes());
        Self { folder, runs }
    }

    /// These runs and options end with `code`, one line that has every part of `expected`, and no output.
    fn check(&self, runs: &[String], options: &[&str], code: i32, expected: &[&str]) {
        let output = recommend(runs, options);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty());
        for part in expected {
            assert!(stderr.contains(part), "{stderr} lacks {part}");
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn bad_input_is_one_clear_line() {
    let refused = Refused::new();
    let runs = &refused.runs;
    refused.check(&["no/such/run".into()], &[], 2, &["no/such/run", "no such file or folder"]);
    let folder = refused.folder.path().to_str().unwrap().to_owned();
    refused.check(&[folder], &[], 2, &["no run.json in this folder"]);
    let other = refused.file("other.json", r#"{"format": "perf-run/v9"}"#);
    refused.check(&[other], &[], 2, &["other.json", "perf-run/v9", "expected perf-run/v1"]);
    let broken = refused.file("broken.json", "{");
    refused.check(&[broken], &[], 2, &["broken.json", "line 1"]);
    refused.check(&[runs[0].clone(), runs[0].clone()], &[], 2, &["run run-100 is given twice"]);

    let policy = refused.file("mine.toml", "[cpu]\nstepp = 1\n");
    refused.check(runs, &["--policy", &policy], 2, &["mine.toml", "stepp"]);
    refused.check(runs, &["--policy", "none.toml"], 2, &["none.toml", "cannot be read"]);
    refused.check(runs, &["--format", "kubectl-patch"], 2, &["--size-class", "small, medium, large"]);
    let patch = ["--format", "kubectl-patch", "--size-class", "small"];
    refused.check(&runs[1..2], &patch, 3, &["no recommendation", "small"]);
    refused.check(
        runs,
        &["--out", "no/such/folder/plan.json"],
        4,
        &["no/such/folder/plan.json", "cannot be written"],
    );
}
