//! The program `reports` as a user calls it: files, messages and exit codes.
//! What the files say is in `rendering`.

use std::fs;
use std::path::Path;
use std::process::Command;

use reports::model;

use crate::synthetic;

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn reports(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_reports")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn write_run(folder: &Path) {
    let run = synthetic::run(60);
    fs::create_dir_all(folder).unwrap();
    model::write(&folder.join("run.json"), &run).unwrap();
    model::write(&folder.join("verdict.json"), &synthetic::verdict(&run)).unwrap();
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn one_run_gives_its_files_and_several_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let (one, out) = (folder.path().join("one"), folder.path().join("out"));
    write_run(&one);
    assert_eq!(reports(&["render", path(&one), "--out", path(&out)]).code, Some(0));
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("Failed: 1 of 7 rules broken"));

    let out = folder.path().join("several");
    let ended = reports(&["render", path(&one), path(&one.join("run.json")), "--out", path(&out)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let index = fs::read_to_string(out.join("index.html")).unwrap();
    for name in ["20250131T120000Z-baseline-4711", "20250131T120000Z-baseline-4711-2"] {
        assert!(out.join(name).join("report.html").is_file());
        assert!(index.contains(&format!("href=\"{name}/report.html\"")));
    }
}

#[test]
fn wrong_input_is_one_line_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let good = folder.path().join("good");
    write_run(&good);
    let check = |run: &Path, code: i32, expected: &str| {
        let ended = reports(&["render", path(&good), path(run), "--out", path(&out)]);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.ends_with(&format!("{expected}\n")), "{expected} in {}", ended.stderr);
        assert!(!out.exists());
    };
    check(
        &folder.path().join("none.json"),
        2,
        "none.json: cannot be read: No such file or directory (os error 2)",
    );
    check(folder.path(), 2, "run.json: cannot be read: No such file or directory (os error 2)");
    let wrong = folder.path().join("wrong.json");
    fs::write(&wrong, r#"{"format":"perf-run/v9"}"#).unwrap();
    check(&wrong, 2, "wrong.json: format is \"perf-run/v9\", expected perf-run/v1");
    fs::write(&wrong, r#"{"format":"perf-run/v1"}"#).unwrap();
    check(&wrong, 2, "wrong.json: line 1, column 24: missing field `id`");
    fs::write(&wrong, "{").unwrap();
    check(
        &wrong,
        2,
        "wrong.json: not a JSON document with a \"format\" field: line 1, column 1: EOF while parsing an object",
    );

    let other = folder.path().join("other");
    write_run(&other);
    let mut verdict = synthetic::verdict(&synthetic::run(60));
    verdict.subject = "another".into();
    model::write(&other.join("verdict.json"), &verdict).unwrap();
    check(&other, 2, "run.json is \"20250131T120000Z-baseline-4711\"");
    let ended = reports(&["render", path(&other), "--out", path(&out)]);
    assert!(ended.stderr.contains("verdict.json: judges \"another\", but the run in "), "{}", ended.stderr);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    write_run(&run);
    let ended = reports(&["render", path(&run), "--out", path(&run.join("run.json"))]);
    assert_eq!(ended.code, Some(4));
    let expected = "run.json: cannot be written: File exists (os error 17)\n";
    assert!(ended.stderr.ends_with(expected), "{}", ended.stderr);
    // The folder above the file is missing, and cannot be made.
    let ended = reports(&["render", path(&run), "--out", "/proc/x"]);
    let expected = "reports: /proc/x: cannot be written: No such file or directory (os error 2)\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(4), expected));
}

#[test]
fn schemas_go_to_standard_output_and_usage_errors_exit_with_2() {
    for document in ["run", "verdict", "plan"] {
        let ended = reports(&["schema", document]);
        assert_eq!(ended.code, Some(0));
        let schema: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(schema["type"], "object");
    }
    assert_eq!(reports(&["schema", "colour"]).code, Some(2));
    assert_eq!(reports(&["render"]).code, Some(2));
}
