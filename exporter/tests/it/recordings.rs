//! Every recorded answer of every supported version decodes, and says the same facts in each.

use std::fs;
use std::path::{Path, PathBuf};

use exporter::model::state::{Word, job_base};
use exporter::model::{Endpoint, Reading, Snapshot, Timestamp};
use exporter::wire::{Answer, DecodeError, Decoder, SUPPORTED, by_version};

/// Release and API version of each folder of recordings.
pub(crate) const RECORDED: &[(&str, &str)] = &[
    ("22.05.8", "v0.0.38"),
    ("24.11.5", "v0.0.40"),
    ("24.11.5", "v0.0.41"),
    ("24.11.5", "v0.0.42"),
    ("26.05.5", "v0.0.42"),
    ("26.05.5", "v0.0.43"),
    ("26.05.5", "v0.0.44"),
    ("26.05.5", "v0.0.45"),
];

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/slurmrestd")
}

pub(crate) fn body(release: &str, version: &str, endpoint: Endpoint) -> Vec<u8> {
    let path = fixtures().join(release).join(version).join(format!("{endpoint}.json"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn decode(
    version: &str,
    endpoint: Endpoint,
    body: &[u8],
    chunk: usize,
) -> Result<Answer, DecodeError> {
    let mut decoder =
        Decoder::new(by_version(version).expect("a supported version"), endpoint).with_job_details(true);
    for chunk in body.chunks(chunk) {
        decoder.push(chunk)?;
    }
    decoder.finish()
}

/// The snapshot that the recordings of one version give.
pub(crate) fn snapshot(release: &str, version: &str) -> Snapshot {
    snapshot_of(release, version, |endpoint| Some(body(release, version, endpoint)))
}

/// The snapshot that such bodies give, of the endpoints that the version has and that have one.
pub(crate) fn snapshot_of(
    release: &str,
    version: &str,
    body: impl Fn(Endpoint) -> Option<Vec<u8>>,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let api = by_version(version).expect("a supported version");
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| api.serves(*endpoint)) {
        let Some(body) = body(endpoint) else { continue };
        let answer = decode(version, endpoint, &body, 16 << 10)
            .unwrap_or_else(|error| panic!("{release} {version}: {error}"));
        assert!(answer.errors.is_empty(), "{release} {version} {endpoint}: {:?}", answer.errors);
        assert!(!answer.unchanged);
        assert_eq!(answer.release.slurm_version, release);
        snapshot.release = Some(answer.release.into());
        snapshot.set(answer.reading);
        // Some minutes after the recordings were made, while one reservation was active and one was to come.
        snapshot.confirm(endpoint, Timestamp::from_unix(Some(1_795_224_000)));
    }
    snapshot
}

#[test]
fn every_supported_version_has_a_recording() {
    for api in SUPPORTED {
        assert!(RECORDED.iter().any(|(_, version)| *version == api.version), "{}", api.version);
    }
}

#[test]
fn the_running_steps_of_a_job_are_read_in_every_version() {
    for (release, version) in RECORDED {
        let steps = snapshot(release, version).steps.unwrap();
        let name = |symbol| steps.symbols.resolve(symbol);
        let read: Vec<_> = steps
            .rows
            .iter()
            .map(|step| {
                let gpus = steps.gpu_lists.get(step.gpus).iter().map(|gpus| (name(gpus.kind), gpus.count));
                let memory = step.memory_bytes.map(|bytes| bytes >> 20);
                let held = (step.tasks, step.nodes, step.cpus, memory);
                (step.job_id, name(step.id), name(step.name), held, gpus.collect::<Vec<_>>())
            })
            .collect();
        let expected = [
            (8, "batch", "batch", (1, 1, 7, Some(256_000)), vec![]),
            (8, "0", "sleep", (8, 2, 8, Some(512_000)), vec![]),
            (12, "batch", "batch", (1, 1, 8, Some(65_536)), vec![("h100", 2)]),
        ];
        assert_eq!(read, expected, "{release} {version}");
        assert!(steps.rows.iter().all(|step| step.start_at.get().is_some()), "{release} {version}");
    }
}

#[test]
fn a_job_of_many_steps_is_read_like_any_other() {
    let steps = |count: u32| {
        let step = |id: u32| {
            let state = if id.is_multiple_of(10) { "RUNNING" } else { "COMPLETED" };
            format!(
                r#"{{"step": {{"id": "7+1.{id}", "name": "part"}}, "state": ["{state}"], "tasks": {{"count": 2}},
                "tres": {{"allocated": [{{"type": "cpu", "name": "", "count": 3}}]}}, "pid": "{:200}"}}"#,
                ""
            )
        };
        let steps: Vec<_> = (0..count).map(step).collect();
        let body = format!(
            r#"{{"meta": {{"slurm": {{"cluster": "c"}}}}, "jobs": [{{"cluster": "c", "steps": [{}]}},
            {{"cluster": "other", "steps": [{}]}}]}}"#,
            steps.join(","),
            step(0)
        );
        let answer = decode("v0.0.42", Endpoint::Steps, body.as_bytes(), 4 << 10).unwrap();
        let Reading::Steps(steps) = answer.reading else { panic!("steps were asked for") };
        steps
    };
    for count in [20, 20_000] {
        let steps = steps(count);
        assert_eq!(steps.rows.len() as u32, count / 10, "what is over is left out, and other clusters");
        let last = steps.rows.last().unwrap();
        assert_eq!((last.job_id, steps.symbols.resolve(last.id)), (7, &*format!("1.{}", count - 10)));
        assert_eq!((last.tasks, last.cpus, last.memory_bytes), (2, 3, None));
    }
}

#[test]
fn every_recording_of_every_version_decodes() {
    for (release, version) in RECORDED {
        let snapshot = snapshot(release, version);
        let nodes = snapshot.nodes.unwrap();
        let jobs = snapshot.jobs.unwrap();
        assert!(nodes.rows.len() >= 12, "{release} {version}");
        assert_eq!(jobs.rows.len(), 18, "{release} {version}");
        assert_eq!(snapshot.partitions.unwrap().rows.len(), 4, "{release} {version}");
        assert_eq!(snapshot.controllers.unwrap().rows[0].hostname, "slurmhost");
        assert!(snapshot.diag.unwrap().rpcs_by_type.len() > 5, "{release} {version}");

        let pending: u32 = jobs.rows.iter().filter(|job| job.is_pending()).map(|job| job.tasks).sum();
        assert_eq!(pending, 8 + 497, "{release} {version}: a pending array counts its tasks");
        if let Some(states) = snapshot.job_states {
            let waiting = states.tasks.iter().find(|(word, _)| *word == Word::Known(job_base::PENDING));
            assert_eq!(waiting.map(|(_, tasks)| *tasks), Some(u64::from(pending)), "{release} {version}");
        }
        let running = jobs.rows.iter().filter(|job| job.is_running()).count();
        assert_eq!(running, 6, "{release} {version}: CONFIGURING counts as running");
        let gpus = |pending: bool| -> u64 {
            let rows = jobs.rows.iter().filter(|job| job.is_pending() == pending);
            rows.flat_map(|job| jobs.gpus(job)).map(|gpus| gpus.count).sum()
        };
        assert_eq!((gpus(false), gpus(true)), (6, 96), "{release} {version}");
    }
}

#[test]
fn the_size_of_the_chunks_changes_nothing() {
    let body = body("24.11.5", "v0.0.42", Endpoint::Jobs);
    let rows = |chunk| {
        let answer = decode("v0.0.42", Endpoint::Jobs, &body, chunk).unwrap();
        let Reading::Jobs(jobs) = answer.reading else { panic!("jobs decode to jobs") };
        let names: Vec<_> = jobs.symbols.iter().map(|(_, name)| name.to_owned()).collect();
        (format!("{:?}", jobs.rows), names)
    };
    for chunk in [7, 1000, 65_537] {
        assert!(rows(usize::MAX) == rows(chunk), "chunks of {chunk} bytes");
    }
}

#[test]
fn a_recording_cut_anywhere_is_an_error() {
    let body = body("26.05.5", "v0.0.45", Endpoint::Partitions);
    for end in (0..body.len() - 1).step_by(97) {
        let result = decode("v0.0.45", Endpoint::Partitions, &body[..end], 4096);
        assert!(matches!(result, Err(DecodeError::Truncated { .. })), "cut at {end}: {result:?}");
    }
}

#[test]
fn real_pretty_bytes_decode_row_by_row() {
    let head = fs::read(fixtures().join("24.11.5/jobs-head.raw.txt")).unwrap();
    let mut decoder = Decoder::new(by_version("v0.0.42").unwrap(), Endpoint::Jobs);
    decoder.push(&head).unwrap();
    assert!(matches!(decoder.finish(), Err(DecodeError::Truncated { .. })));
}

#[test]
fn unchanged_is_not_no_jobs() {
    let recorded = fs::read(fixtures().join("26.05.5/jobs-not-modified.http")).unwrap();
    let start = recorded.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let answer = decode("v0.0.45", Endpoint::Jobs, &recorded[start..], 100).unwrap();
    assert!(answer.unchanged);
    assert_eq!(answer.rows, 0);
}

#[test]
fn an_unknown_field_is_ignored_a_missing_one_is_named() {
    let text = String::from_utf8(body("24.11.5", "v0.0.42", Endpoint::Nodes)).unwrap();
    let added = text.replace("\"architecture\"", "\"brand_new\": {\"a\": [1]}, \"architecture\"");
    assert!(decode("v0.0.42", Endpoint::Nodes, added.as_bytes(), 4096).is_ok());

    let renamed = text.replacen("\"alloc_cpus\"", "\"allocated_cpus\"", 1);
    let error = decode("v0.0.42", Endpoint::Nodes, renamed.as_bytes(), 4096).unwrap_err();
    assert_eq!(error.to_string(), "nodes: entry 0 lacks the field \"alloc_cpus\"");
    assert_eq!(error.field(), Some("alloc_cpus"));

    let retyped = text.replacen("\"real_memory\": 4096000", "\"real_memory\": \"4096000\"", 1);
    let error = decode("v0.0.42", Endpoint::Nodes, retyped.as_bytes(), 4096).unwrap_err();
    assert_eq!(error.field(), Some("real_memory"));
    assert!(error.to_string().starts_with("nodes: entry 0 has an unexpected value in field \"real_memory\""));
}

#[test]
fn an_answer_without_its_list_names_the_list() {
    let error = decode("v0.0.42", Endpoint::Jobs, b"{\"nodes\": [], \"errors\": []}", 100).unwrap_err();
    assert_eq!(error.to_string(), "jobs: the answer has no \"jobs\"");
}

#[test]
fn deep_nesting_ends_in_an_error_not_in_a_crash() {
    let mut bytes = b"{\"jobs\":[{\"cpus\":".to_vec();
    bytes.extend(std::iter::repeat_n(b'[', 100_000));
    let result = decode("v0.0.42", Endpoint::Jobs, &bytes, 4096);
    assert!(result.is_err());
}

#[test]
fn a_word_of_a_later_slurm_keeps_its_name() {
    let text = String::from_utf8(body("26.05.5", "v0.0.45", Endpoint::Nodes)).unwrap();
    let text = text.replacen("\"MIXED\"", "\"BRAND_NEW\"", 1).replacen("\"PLANNED\"", "\"NEW_FLAG\"", 1);
    let Reading::Nodes(nodes) = decode("v0.0.45", Endpoint::Nodes, text.as_bytes(), 4096).unwrap().reading
    else {
        panic!("nodes decode to nodes");
    };
    assert!(nodes.symbols.get("brand_new").is_some());
    assert_eq!(nodes.other_flags.len(), 1);
    assert_eq!(nodes.symbols.resolve(nodes.other_flags[0].1), "new_flag");
}

#[test]
fn two_rows_of_one_name_are_refused() {
    for (endpoint, from, to, said) in [
        (
            Endpoint::Nodes,
            "\"big0002\"",
            "\"big0001\"",
            "nodes: entry 1 repeats the name \"big0001\" of another one",
        ),
        (Endpoint::Partitions, "\"name\": \"gpu\"", "\"name\": \"batch\"", "repeats the name \"batch\""),
    ] {
        let text = String::from_utf8(body("24.11.5", "v0.0.42", endpoint)).unwrap();
        assert!(text.contains(from));
        let error = decode("v0.0.42", endpoint, text.replace(from, to).as_bytes(), 4096).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_unset_number_is_unknown_not_0() {
    let text = String::from_utf8(body("24.11.5", "v0.0.42", Endpoint::Nodes)).unwrap();
    let unset = text.replacen("\"alloc_cpus\": 0", "\"alloc_cpus\": 4294967294", 1);
    assert_ne!(text, unset);
    let error = decode("v0.0.42", Endpoint::Nodes, unset.as_bytes(), 4096).unwrap_err();
    assert_eq!(error.field(), Some("alloc_cpus"));

    let text = String::from_utf8(body("24.11.5", "v0.0.42", Endpoint::Diag)).unwrap();
    let unset = text.replacen("\"count\": 5,", "\"count\": 4294967294,", 1);
    assert_ne!(text, unset);
    let count = |text: &str| match decode("v0.0.42", Endpoint::Diag, text.as_bytes(), 4096).unwrap().reading {
        Reading::Diag(diag) => diag.rpcs_by_type.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&unset), count(&text) - 1);
}
