//! What becomes of the page when Slurm's answers gain, lose or change fields: nothing, a few series, or one endpoint.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use exporter::model::Endpoint;
use exporter::wire::{DecodeError, by_version};
use serde_json::{Value, json};

use crate::golden::exposition;
use crate::page::Samples;
use crate::process::Exporter;
use crate::recordings::{RECORDED, body, decode, snapshot, snapshot_of};
use crate::source::slurmrestd::{Answer, Slurmrestd, not_found, ok};

/// The endpoints whose rows are changed here.
const POLLED: [Endpoint; 5] =
    [Endpoint::Ping, Endpoint::Diag, Endpoint::Nodes, Endpoint::Partitions, Endpoint::Jobs];

/// What a row cannot be understood without, in every version.
fn required(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Ping => &["hostname"],
        Endpoint::Nodes => &[
            "name",
            "state",
            "cpus",
            "alloc_cpus",
            "real_memory",
            "alloc_memory",
            "partitions",
            "gres",
            "gres_used",
        ],
        Endpoint::Partitions => &["name"],
        Endpoint::Jobs => &["job_id", "job_state", "partition", "cpus", "tres_req_str", "tres_alloc_str"],
        _ => &[],
    }
}

/// What else is required in the versions that have no other field for it, and the name that is told.
const REQUIRED_IN_SOME: &[(Endpoint, &str, &str)] = &[
    (Endpoint::Ping, "ping", "responding"),
    (Endpoint::Ping, "pinged", "responding"),
    (Endpoint::Ping, "responding", "responding"),
    (Endpoint::Partitions, "state", "state"),
    (Endpoint::Partitions, "partition", "partition.state"),
];

fn served(version: &str) -> impl Iterator<Item = Endpoint> {
    let api = by_version(version).expect("a supported version");
    POLLED.into_iter().filter(|endpoint| api.serves(*endpoint))
}

fn document(release: &str, version: &str, endpoint: Endpoint) -> Value {
    serde_json::from_slice(&body(release, version, endpoint)).expect("a recording is JSON")
}

/// The rows of an answer; statistics are the only one of theirs.
fn rows(document: &mut Value, endpoint: Endpoint) -> Vec<&mut Value> {
    let member = match endpoint {
        Endpoint::Ping => "pings",
        Endpoint::Diag => "statistics",
        other => other.name(),
    };
    match &mut document[member] {
        Value::Array(rows) => rows.iter_mut().collect(),
        row => vec![row],
    }
}

fn keys(document: &mut Value, endpoint: Endpoint) -> BTreeSet<String> {
    let rows = rows(document, endpoint).into_iter();
    rows.flat_map(|row| row.as_object().expect("a row is an object").keys().cloned().collect::<Vec<_>>())
        .collect()
}

/// Decodes the recording with every row changed.
fn changed(
    (release, version): (&str, &str),
    endpoint: Endpoint,
    change: impl Fn(&mut Value),
) -> Result<Vec<u8>, DecodeError> {
    let mut document = document(release, version, endpoint);
    rows(&mut document, endpoint).into_iter().for_each(change);
    let bytes = document.to_string().into_bytes();
    decode(version, endpoint, &bytes, 16 << 10).map(|_| bytes)
}

#[test]
fn fields_that_nobody_knows_change_nothing() {
    let unknown =
        json!({"a": [1, {"b": null}], "c": "d", "e": {"set": true, "infinite": false, "number": 7}});
    for (release, version) in RECORDED {
        // Written anew in both cases: the order of the members is not Slurm's then.
        let page = |more: Option<&Value>| {
            exposition(snapshot_of(release, version, |endpoint| {
                if !POLLED.contains(&endpoint) {
                    return None;
                }
                let mut document = document(release, version, endpoint);
                if let Some(more) = more {
                    document["zeta"] = more.clone();
                    rows(&mut document, endpoint).into_iter().for_each(|row| row["zeta"] = more.clone());
                }
                Some(document.to_string().into_bytes())
            }))
        };
        assert!(page(Some(&unknown)) == page(None), "{release} {version}");
    }
}

#[test]
fn a_field_that_goes_away_takes_its_series_or_is_named() {
    for recorded @ (release, version) in RECORDED {
        for endpoint in served(version) {
            for key in keys(&mut document(release, version, endpoint), endpoint) {
                let outcome = changed(*recorded, endpoint, |row| {
                    row.as_object_mut().expect("a row is an object").remove(&key);
                });
                let in_some =
                    REQUIRED_IN_SOME.iter().find(|(of, name, _)| (*of, *name) == (endpoint, key.as_str()));
                let is_required = required(endpoint).contains(&key.as_str());
                match outcome {
                    Ok(_) => assert!(!is_required, "{release} {version} {endpoint}: {key} was not missed"),
                    Err(error) => {
                        assert!(is_required || in_some.is_some(), "{release} {version}: {error}");
                        let told = in_some.map_or(key.as_str(), |(_, _, told)| told);
                        assert_eq!(error.field(), Some(told), "{release} {version}: {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_field_of_another_type_is_named() {
    for recorded in RECORDED {
        for endpoint in served(recorded.1) {
            for key in required(endpoint) {
                let error = changed(*recorded, endpoint, |row| row[*key] = json!({"a": "b"})).unwrap_err();
                assert_eq!(
                    error.field().map(|field| field.split('.').next()),
                    Some(Some(*key)),
                    "{recorded:?}: {error}"
                );
            }
        }
    }
}

/// Optional fields of the rows, as 26.05 names them: without one there is no series, and none that says 0 instead.
#[test]
fn a_missing_optional_field_gives_no_zero() {
    let recorded @ (release, version) = ("26.05.5", "v0.0.45");
    let before = Samples::parse(&exposition(snapshot(release, version)));
    let mut invented = BTreeSet::new();
    for endpoint in [Endpoint::Nodes, Endpoint::Partitions, Endpoint::Jobs] {
        for key in keys(&mut document(release, version, endpoint), endpoint) {
            let remove =
                |row: &mut Value| drop(row.as_object_mut().expect("a row is an object").remove(&key));
            let Ok(bytes) = changed(recorded, endpoint, remove) else { continue };
            let all =
                |other| Some(if other == endpoint { bytes.clone() } else { body(release, version, other) });
            let after = Samples::parse(&exposition(snapshot_of(release, version, all)));
            for family in after.families() {
                for (labels, value) in after.all(family) {
                    // A name that went away leaves an empty label: what was 0 under the name is 0 there.
                    let was_zero = || {
                        before.all(family).any(|(names, value)| {
                            value == 0.0
                                && names.iter().all(|(name, text)| {
                                    let now = labels.get(name).map_or("", String::as_str);
                                    now == text || now.is_empty()
                                })
                        })
                    };
                    if value == 0.0 && !was_zero() {
                        invented.insert(format!("{endpoint} without {key}: {family}{labels:?}"));
                    }
                }
            }
        }
    }
    assert!(invented.is_empty(), "{invented:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_required_field_went_away_fails_alone_and_names_it() {
    let server = Slurmrestd::start(|asked| {
        let endpoint =
            POLLED.into_iter().find(|endpoint| asked.path().ends_with(&format!("/v0.0.45/{endpoint}")));
        let Some(endpoint) = endpoint else { return Answer::Close(not_found()) };
        let mut text = String::from_utf8(body("26.05.5", "v0.0.45", endpoint)).expect("a recording is text");
        if endpoint == Endpoint::Nodes {
            text = text.replace("\"real_memory\"", "\"memory_real\"");
        }
        Answer::Close(ok(&text))
    })
    .await;
    let exporter = Exporter::start(&[format!("--slurm.url={}", server.url())]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let drifted = |page: &Samples| {
        page.get("slurm_exporter_schema_drift_total", &[("endpoint", "nodes"), ("field", "real_memory")])
    };
    let up = |page: &Samples, endpoint: Endpoint| {
        page.get("slurm_exporter_endpoint_up", &[("endpoint", endpoint.name())])
    };
    loop {
        let page = exporter.scrape();
        if POLLED.into_iter().all(|endpoint| up(&page, endpoint).is_some()) && drifted(&page).is_some() {
            for endpoint in POLLED {
                assert_eq!(up(&page, endpoint), Some(f64::from(endpoint != Endpoint::Nodes)), "{endpoint}");
            }
            assert_eq!(drifted(&page), Some(1.0));
            let errors = [("collector", "nodes"), ("error_type", "decode")];
            assert_eq!(page.get("slurm_exporter_collection_errors_total", &errors), Some(1.0));
            assert_eq!(page.all("slurm_nodes_total").count(), 0);
            assert!(page.sum("slurm_jobs_total", &[]) > 0.0);
            break;
        }
        assert!(Instant::now() < deadline, "{}", exporter.get("/ready").1);
    }
    let (_, told) = exporter.get("/ready");
    assert!(told.contains("lacks the field \"real_memory\""), "{told}");
}
