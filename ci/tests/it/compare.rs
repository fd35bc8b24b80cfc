//! `perf-gate compare` through the binary: verdicts, refusals and files.
//! The statistics themselves are tested beside their code.

use std::path::{Path, PathBuf};

use reports::model::run::Metric;
use reports::model::verdict::Outcome;
use reports::model::{RunRecord, Verdict, read};
use tempfile::TempDir;

use crate::records::{check_refused, perf_gate, write_runs};

struct Sides {
    folder: TempDir,
}

impl Sides {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Twelve steady base runs and twelve runs of a candidate.
    fn with_candidate(slower: f64, change: impl Fn(usize, &mut RunRecord)) -> Self {
        let sides = Self::new();
        write_runs(&sides.path("base"), 12, 1.0, 11, |_, _| {});
        write_runs(&sides.path("cand"), 12, slower, 12, change);
        sides
    }

    /// Exit code, stdout and the verdict file of a comparison.
    fn compare(&self) -> (Option<i32>, String, Verdict) {
        let out = self.path("out");
        let output =
            perf_gate(&["compare", text(&self.path("base")), text(&self.path("cand")), "--out", text(&out)]);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let verdict = read(&out.join("verdict.json")).unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), verdict)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn rule<'a>(verdict: &'a Verdict, id: &str) -> &'a reports::model::verdict::RuleVerdict {
    verdict.rules.iter().find(|rule| rule.id == id).unwrap()
}

#[test]
fn equal_builds_are_no_regression() {
    let (code, stdout, verdict) = Sides::with_candidate(1.0, |_, _| {}).compare();
    assert_eq!(code, Some(0), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("✅ NO REGRESSION"));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert!(
        verdict.notes.iter().any(|note| note.starts_with("latency_p99: not judged")),
        "{:?}",
        verdict.notes
    );
}

#[test]
fn a_fifth_slower_is_a_critical_regression() {
    let (code, stdout, verdict) = Sides::with_candidate(1.3, |_, _| {}).compare();
    assert_eq!(code, Some(1), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("❌ REGRESSION"));
    for id in ["latency_p50", "latency_p95", "cpu_seconds_per_request", "peak_rss"] {
        let rule = rule(&verdict, id);
        assert_eq!(rule.outcome, Outcome::Fail, "{rule:?}");
        assert!(rule.reason.starts_with("critical: "), "{rule:?}");
        assert!(rule.p_value.unwrap() < 0.01 && rule.interval.unwrap()[0] > 0.0, "{rule:?}");
    }
    assert_eq!(rule(&verdict, "exposition_bytes").outcome, Outcome::Pass);
}

#[test]
fn a_faster_build_is_no_regression() {
    let (code, stdout, _) = Sides::with_candidate(0.7, |_, _| {}).compare();
    assert_eq!(code, Some(0), "{stdout}");
}

#[test]
fn lost_throughput_is_worse_although_the_figure_falls() {
    let (code, _, verdict) = Sides::with_candidate(1.0, |_, run| run.duration_seconds = 40.0).compare();
    assert_eq!(code, Some(1));
    let rule = rule(&verdict, "throughput");
    assert!((rule.value.unwrap() - 50.0).abs() < 1e-6, "{rule:?}");
}

#[test]
fn more_failures_are_a_regression_by_the_exact_test() {
    let failing = |_: usize, run: &mut RunRecord| {
        run.requests[0].errors.insert("status_503".into(), 10);
    };
    let (code, stdout, verdict) = Sides::with_candidate(1.0, failing).compare();
    assert_eq!(code, Some(1), "{stdout}");
    let rule = rule(&verdict, "error_rate");
    assert!((rule.value.unwrap() - 1.0).abs() < 1e-9 && rule.unit == "points", "{rule:?}");
}

#[test]
fn a_benchmark_figure_with_samples_is_compared() {
    let sides = Sides::new();
    for (name, shift) in [("base", 0.0), ("cand", 0.3)] {
        write_runs(&sides.path(name), 10, 1.0, 5, |index, run| {
            let value = 1.0 + shift + 0.001 * index as f64;
            run.metrics.push(Metric {
                name: "decode_jobs".into(),
                unit: "seconds".into(),
                better: reports::model::run::Direction::Lower,
                value,
                samples: vec![value * 0.99, value, value * 1.01],
            });
        });
    }
    let (code, stdout, verdict) = sides.compare();
    assert_eq!(code, Some(1), "{stdout}");
    assert_eq!(rule(&verdict, "decode_jobs").outcome, Outcome::Fail);
}

#[test]
fn a_count_that_leaves_zero_is_a_regression_without_a_ratio() {
    let sides = Sides::new();
    for (name, value) in [("base", 0.0), ("cand", 3.0)] {
        write_runs(&sides.path(name), 10, 1.0, 5, |_, run| {
            run.metrics.push(Metric {
                name: "allocations".into(),
                unit: "count".into(),
                better: reports::model::run::Direction::Lower,
                value,
                samples: Vec::new(),
            });
        });
    }
    let (code, _, verdict) = sides.compare();
    assert_eq!(code, Some(1));
    assert_eq!(rule(&verdict, "allocations").value, None);
}

#[test]
fn an_interval_over_the_floor_asks_for_more_runs() {
    // 4 % slower with 2 % noise a run: under the floor of 5 %, but not surely.
    let (code, stdout, verdict) = Sides::with_candidate(1.04, |_, _| {}).compare();
    assert_eq!(code, Some(3), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("⚠ INCONCLUSIVE"));
    let open = verdict.rules.iter().find(|rule| rule.outcome == Outcome::Inconclusive).unwrap();
    assert!(open.reason.contains("more runs a side"), "{open:?}");
}

#[test]
fn nine_runs_a_side_are_not_judged() {
    let sides = Sides::new();
    write_runs(&sides.path("base"), 9, 1.0, 1, |_, _| {});
    write_runs(&sides.path("cand"), 9, 2.0, 2, |_, _| {});
    let (code, stdout, verdict) = sides.compare();
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("9 base and 9 candidate runs, 10 a side are needed"), "{stdout}");
    assert!(verdict.rules.iter().all(|rule| rule.p_value.is_none()));
}

#[test]
fn an_aborted_candidate_never_passes() {
    let aborted = |index: usize, run: &mut RunRecord| {
        run.aborted = (index == 0).then(|| "the exporter ended".into());
    };
    let (code, stdout, _) = Sides::with_candidate(1.0, aborted).compare();
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("1 of 12 candidate runs were aborted"), "{stdout}");
}

#[test]
fn what_differs_is_never_compared_silently() {
    type Change = fn(usize, &mut RunRecord);
    let cases: [(&str, Change); 5] = [
        ("different machines", |_, run| run.machine.fingerprint = "beef".into()),
        ("different scenarios", |index, run| {
            if index == 3 {
                run.scenario = "stress".into();
            }
        }),
        ("values of the parameter nodes", |_, run| {
            run.parameters.insert("nodes".into(), 5000.into());
        }),
        ("build profiles", |_, run| run.build.profile = "debug".into()),
        ("is on both sides", |index, run| run.id = format!("base-{index}")),
    ];
    for (expected, change) in cases {
        let (code, stdout, verdict) = Sides::with_candidate(1.0, change).compare();
        assert_eq!(code, Some(3), "{stdout}");
        assert!(stdout.contains(expected), "{stdout} lacks {expected}");
        assert!(verdict.rules.is_empty());
    }
}

#[test]
fn an_ignored_parameter_may_differ() {
    let moved = |index: usize, run: &mut RunRecord| {
        run.parameters.insert("target".into(), format!("http://127.0.0.1:{}", 40_000 + index).into());
    };
    let (code, stdout, _) = Sides::with_candidate(1.0, moved).compare();
    assert_eq!(code, Some(0), "{stdout}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let sides = Sides::with_candidate(1.04, |_, _| {});
    assert_eq!(sides.compare(), sides.compare());
}

#[test]
fn records_lie_in_one_folder_too_beside_other_json() {
    let sides = Sides::with_candidate(1.0, |_, _| {});
    for name in ["base", "cand"] {
        let folder = sides.path(name);
        for index in 0..12 {
            let run = folder.join(format!("run-{index:02}"));
            std::fs::rename(run.join("run.json"), folder.join(format!("{index}.json"))).unwrap();
        }
        std::fs::write(folder.join("verdict.json"), r#"{"format": "perf-verdict/v1"}"#).unwrap();
        std::fs::write(folder.join("other.json"), "[1, 2]").unwrap();
    }
    assert_eq!(sides.compare().0, Some(0));
}

#[test]
fn bad_input_is_one_clear_line() {
    let sides = Sides::with_candidate(1.0, |_, _| {});
    let (base, cand) = (sides.path("base"), sides.path("cand"));
    check_refused(
        &["compare", text(&base), "no/such/folder"],
        2,
        &["no/such/folder", "no such file or folder"],
    );

    let empty = sides.path("empty");
    std::fs::create_dir(&empty).unwrap();
    check_refused(&["compare", text(&empty), text(&cand)], 2, &["empty", "no run record", "perf-run/v1"]);

    let copy = base.join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(base.join("run-00/run.json"), copy.join("run.json")).unwrap();
    check_refused(
        &["compare", text(&base), text(&cand)],
        2,
        &["copy/run.json", "base-0", "a run counts once"],
    );

    std::fs::write(copy.join("run.json"), r#"{"format": "perf-run/v9"}"#).unwrap();
    let expected = ["copy/run.json", "perf-run/v9", "expected perf-run/v1"];
    check_refused(&["compare", text(&base), text(&cand)], 2, &expected);
    std::fs::rename(copy.join("run.json"), base.join("new.json")).unwrap();
    check_refused(&["compare", text(&base), text(&cand)], 2, &["new.json", "perf-run/v9"]);
    std::fs::remove_file(base.join("new.json")).unwrap();

    let thresholds = sides.path("mine.toml");
    std::fs::write(&thresholds, "[decision]\nalhpa = 1\n").unwrap();
    let with = ["compare", text(&base), text(&cand), "--thresholds", text(&thresholds)];
    check_refused(&with, 2, &["mine.toml", "alhpa"]);
    let without = ["compare", text(&base), text(&cand), "--thresholds", "none.toml"];
    check_refused(&without, 2, &["none.toml", "cannot be read"]);

    let file = sides.path("file");
    std::fs::write(&file, "").unwrap();
    let blocked = ["compare", text(&base), text(&cand), "--out", text(&file)];
    check_refused(&blocked, 4, &["file", "cannot be made a folder"]);
}
