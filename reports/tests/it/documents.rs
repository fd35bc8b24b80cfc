//! Documents as files: old ones stay readable, wrong ones are named, schemas are published as they are.
//! What stands in `tests/fixtures` was written once and is never rewritten.

use std::fs;
use std::path::{Path, PathBuf};

use reports::cli::{Schema, schema};
use reports::model::{self, DocumentError, Plan, RunRecord, Verdict};

use crate::{golden, synthetic};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn published_schemas_are_those_of_the_code() {
    golden::check("schema/perf-run-v1.json", &schema(Schema::Run));
    golden::check("schema/perf-verdict-v1.json", &schema(Schema::Verdict));
    golden::check("schema/perf-plan-v1.json", &schema(Schema::Plan));
    golden::check("schema/sla.json", &schema(Schema::Sla));
}

#[test]
fn old_documents_stay_readable() {
    let run: RunRecord = model::read(&fixture("perf-run-v1.json")).unwrap();
    assert_eq!((run.request_count(), run.error_count(), run.seconds.len()), (985, 2, 30));
    let p99 = run.latency().quantile(0.99).unwrap();
    assert_eq!(p99.as_micros(), 90_815);
    let verdict: Verdict = model::read(&fixture("perf-verdict-v1.json")).unwrap();
    assert_eq!((verdict.subject == run.id, verdict.rules.len()), (true, 8));
    let plan: Plan = model::read(&fixture("perf-plan-v1.json")).unwrap();
    assert_eq!(plan.recommendations[0].memory_limit_bytes, 1 << 30);
}

#[test]
fn a_run_survives_being_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let before = synthetic::run(30);
    model::write(&path, &before).unwrap();
    assert_eq!(model::read::<RunRecord>(&path).unwrap(), before);
}

#[test]
fn a_document_of_another_format_is_named_before_its_body_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        model::read::<RunRecord>(&path).unwrap_err()
    };
    let error = read(r#"{"format":"perf-run/v9","who":"knows"}"#);
    assert!(matches!(error, DocumentError::WrongFormat { .. }));
    assert!(
        error.to_string().ends_with("run.json: format is \"perf-run/v9\", expected perf-run/v1"),
        "{error}"
    );
    assert!(matches!(read("{}"), DocumentError::NoFormat { .. }));
    assert!(matches!(read("not JSON"), DocumentError::NoFormat { .. }));
    let error = read(r#"{"format":"perf-run/v1"}"#).to_string();
    assert!(error.contains("missing field `id`"), "{error}");
    assert!(model::read::<Verdict>(&fixture("perf-run-v1.json")).is_err());
}
