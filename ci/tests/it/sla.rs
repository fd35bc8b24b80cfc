//! `perf-gate sla` through the binary: exit codes, table and verdict file.
//! What the rules mean is tested with `reports::sla`.

use reports::model::verdict::{Outcome, RuleVerdict};
use reports::model::{RunRecord, Verdict, read, write};

use crate::records::{check_refused, perf_gate, write_runs};

const RULE: &str = "\
[[rule]]
id = \"p95\"
metric = \"latency\"
quantile = 0.95
operator = \"<\"
value = LIMIT
unit = \"seconds\"
";

/// A folder with one run and an SLA file whose limit for p95 is `limit`.
fn folder(limit: &str) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    write_runs(folder.path(), 1, 1.0, 3, |_, _| {});
    let sla = folder.path().join("mine.toml");
    std::fs::write(&sla, RULE.replace("LIMIT", limit)).unwrap();
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let run = text(folder.path().join("run-00"));
    (folder, run, text(sla))
}

fn check(limit: &str, code: i32, line: &str, outcome: Outcome) {
    let (folder, run, sla) = folder(limit);
    let out = folder.path().join("out");
    let output = perf_gate(&["sla", &run, "--sla", &sla, "--out", out.to_str().unwrap()]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stdout}");
    assert_eq!(stdout.lines().last(), Some(line));
    assert!(stdout.contains("p95 < "), "{stdout}");
    let verdict: Verdict = read(&out.join("verdict.json")).unwrap();
    assert_eq!(verdict.outcome, outcome);
}

#[test]
fn a_met_sla_is_exit_0() {
    check("5", 0, "✅ SLA MET", Outcome::Pass);
}

#[test]
fn a_missed_sla_is_exit_1() {
    check("0.001", 1, "❌ SLA MISSED", Outcome::Fail);
}

#[test]
fn an_aborted_run_is_not_judged_as_passed() {
    let (folder, _, sla) = folder("5");
    write_runs(&folder.path().join("aborted"), 1, 1.0, 3, |_, run| run.aborted = Some("interrupted".into()));
    let run = folder.path().join("aborted/run-00/run.json");
    let output = perf_gate(&["sla", run.to_str().unwrap(), "--sla", &sla]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The verdict line when a verdict lies beside the run: over this run or another, with this outcome of the check
/// `oracle`, and with a failed `p95`, which the rule file judges anew.
fn line_beside(this_run: bool, oracle: Outcome) -> String {
    let (_folder, run, sla) = folder("5");
    let run_folder = std::path::Path::new(&run);
    let record: RunRecord = read(&run_folder.join("run.json")).unwrap();
    let rule = |id: &str, outcome| RuleVerdict {
        id: id.into(),
        rule: id.into(),
        outcome,
        value: None,
        limit: None,
        unit: "count".into(),
        samples: 1,
        interval: None,
        p_value: None,
        reason: String::new(),
    };
    let subject = if this_run { record.id } else { "another".into() };
    let said = Verdict::new(subject, vec![rule("p95", Outcome::Fail), rule("oracle", oracle)], Vec::new());
    write(&run_folder.join("verdict.json"), &said).unwrap();
    let output = perf_gate(&["sla", &run, "--sla", &sla]);
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
}

#[test]
fn a_run_with_wrong_pages_does_not_become_good_by_other_rules() {
    assert_eq!(line_beside(true, Outcome::Fail), "❌ SLA MISSED");
    assert_eq!(line_beside(true, Outcome::Inconclusive), "⚠ INCONCLUSIVE");
    assert_eq!(line_beside(true, Outcome::Pass), "✅ SLA MET");
    assert_eq!(line_beside(false, Outcome::Fail), "✅ SLA MET");
}

#[test]
fn without_a_file_the_rules_of_the_scenario_apply() {
    let (_folder, run, _) = folder("5");
    let output = perf_gate(&["sla", &run]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.lines().count() > 3, "{stdout}");
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{stdout}");
}

#[test]
fn nothing_is_written_without_out() {
    let (folder, run, sla) = folder("5");
    perf_gate(&["sla", &run, "--sla", &sla]);
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["mine.toml", "run-00"]);
}

#[test]
fn bad_input_is_one_clear_line() {
    let (folder, run, sla) = folder("5");
    check_refused(&["sla", "no/run.json"], 2, &["no/run.json", "no such file"]);
    check_refused(&["sla", &run, "--sla", "none.toml"], 2, &["none.toml", "cannot be read"]);
    check_refused(&["sla", folder.path().to_str().unwrap(), "--sla", &run], 2, &["cannot be read"]);

    std::fs::write(&sla, RULE.replace("LIMIT", "5").replace("latency", "latencies")).unwrap();
    check_refused(&["sla", &run, "--sla", &sla], 2, &["mine.toml: line 3", "latencies"]);

    let record = std::path::Path::new(&run).join("run.json");
    std::fs::write(&record, "{").unwrap();
    check_refused(&["sla", &run], 2, &["run.json", "format"]);
    std::fs::write(&record, "{\"format\": \"perf-run/v1\"}").unwrap();
    check_refused(&["sla", &run], 2, &["run.json", "line 1", "missing field"]);

    write_runs(folder.path(), 2, 1.0, 4, |_, _| {});
    check_refused(&["sla", folder.path().to_str().unwrap()], 2, &["holds 2 run records, expected one"]);
}
