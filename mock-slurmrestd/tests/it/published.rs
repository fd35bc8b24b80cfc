//! Answers against the shapes that slurmrestd publishes of itself, and against those that `/openapi/v3` serves here.
//! Not here: keys in order and types of what was recorded (shapes.rs), which is the stricter judge.
//!
//! What a real slurmrestd writes is not always what it publishes. So the recordings are held against the same shapes,
//! and the simulator may contradict them where the real one does.

use crate::client::{get, start};
use crate::shapes::{RECORDED, recorded, was_recorded};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::Config;
use mock_slurmrestd::wire::{Endpoint, Face, Release, Style, write};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Paths with parameters and shapes of answers, without prose, of one release.
struct Published(Value);

impl Published {
    fn of(release: Release) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(release.name());
        let text = std::fs::read_to_string(folder.join("openapi.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn path(&self, face: Face, endpoint: Endpoint) -> Option<&Value> {
        self.0["paths"].get(path(face, endpoint))
    }
}

/// As in a document: names of parts in brackets.
fn path(face: Face, endpoint: Endpoint) -> String {
    let (plugin, rest) = endpoint
        .path()
        .split_once('/')
        .filter(|(plugin, _)| *plugin == "slurmdb")
        .unwrap_or(("slurm", endpoint.path()));
    let name = match endpoint {
        Endpoint::Node => "/{node_name}",
        Endpoint::Job | Endpoint::DbJob => "/{job_id}",
        Endpoint::Partition => "/{partition_name}",
        Endpoint::Reservation => "/{reservation_name}",
        _ => "",
    };
    format!("/{plugin}/{}/{rest}{name}", face.api)
}

/// 22.05 writes null for the name of a resource without one, and no limit of an association was recorded.
const UNRECORDED: [&str; 1] = ["associations[].max.tres.total[].name: null where string is published"];

/// With finished, failed, cancelled and array jobs, drained and dead nodes.
fn lively() -> Cluster {
    let mut cluster = Cluster::new(&Size { finished_share: 0.1, pending_share: 0.6, ..Size::of(60, 200) }, 5);
    cluster.advance(Duration::from_secs(1_800));
    cluster
}

/// Holds values against schemas and collects what contradicts them, every place once.
struct Judge<'a> {
    schemas: &'a Value,
    contradictions: BTreeSet<String>,
    /// Values that were held against a schema.
    values: usize,
}

impl<'a> Judge<'a> {
    fn new(schemas: &'a Value) -> Self {
        Self { schemas, contradictions: BTreeSet::new(), values: 0 }
    }

    fn judge(&mut self, value: &Value, schema: &Value, place: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = &self.schemas[name];
            assert!(schema.is_object(), "{place}: no schema {name}");
            return self.judge(value, schema, place);
        }
        self.values += 1;
        let mut contradict = |what: String| {
            self.contradictions.insert(format!("{place}: {what}"));
        };
        let kind = kind(value);
        match schema["type"].as_str() {
            Some(_) if value.is_null() && schema["nullable"] == true => return,
            Some(wanted) if wanted != kind && !(wanted == "number" && kind == "integer") => {
                return contradict(format!("{kind} where {wanted} is published"));
            }
            _ => {}
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            contradict(format!("{value} is none of the published words"));
        }
        match value {
            Value::Object(members) if schema["properties"].is_object() => {
                let known = &schema["properties"];
                for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if !members.contains_key(key) {
                        contradict(format!("no {key}"));
                    }
                }
                for (key, value) in members {
                    match known.get(key) {
                        Some(schema) => self.judge(value, schema, &format!("{place}.{key}")),
                        None => {
                            self.contradictions.insert(format!("{place}.{key}: not published"));
                        }
                    }
                }
            }
            Value::Object(members) if schema["additionalProperties"].is_object() => {
                for value in members.values() {
                    self.judge(value, &schema["additionalProperties"], &format!("{place}.*"));
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.judge(item, &schema["items"], &format!("{place}[]"));
                }
            }
            _ => {}
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The bare Infinity of 24.11 is no JSON; a number takes its place.
fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_str(&String::from_utf8_lossy(bytes).replace(": Infinity", ": 1e300")).unwrap()
}

/// One thing was recorded alone; its list shows more kinds of it.
fn recorded_with_list(face: Face, endpoint: Endpoint) -> Vec<Vec<u8>> {
    let list = match endpoint {
        Endpoint::Node => Some(Endpoint::Nodes),
        Endpoint::Job => Some(Endpoint::Jobs),
        Endpoint::Partition => Some(Endpoint::Partitions),
        _ => None,
    };
    [Some(endpoint), list].into_iter().flatten().flat_map(|endpoint| recorded(face, endpoint)).collect()
}

#[test]
fn answers_contradict_what_slurm_publishes_nowhere_but_where_slurm_itself_does() {
    let cluster = lively();
    let (mut answers, mut values, mut wrong) = (0, 0, Vec::new());
    let mut as_slurm = 0;
    for face in RECORDED {
        let published = Published::of(face.release);
        let served = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_served_by(face));
        for endpoint in served.filter(|endpoint| was_recorded(face, *endpoint)) {
            let Some(path) = published.path(face, endpoint) else { continue };
            let judge = |answers: &[Vec<u8>]| {
                let mut judge = Judge::new(&published.0["schemas"]);
                for bytes in answers {
                    judge.judge(&parsed(bytes), &path["response"], endpoint.path());
                }
                judge
            };
            let mut ours = Vec::new();
            write(&cluster, face, endpoint, Style::Pretty, &mut ours);
            let (ours, theirs) = (judge(&[ours]), judge(&recorded_with_list(face, endpoint)));
            answers += 1;
            values += ours.values;
            as_slurm += ours.contradictions.intersection(&theirs.contradictions).count();
            let new = ours.contradictions.difference(&theirs.contradictions);
            let new = new.filter(|what| !UNRECORDED.iter().any(|known| what.ends_with(known)));
            wrong.extend(new.map(|what| format!("{} {}: {what}", face.release, face.api)));
        }
    }
    assert!(wrong.is_empty(), "{} contradictions:\n{}", wrong.len(), wrong.join("\n"));
    println!("{answers} answers, {values} values, {as_slurm} contradictions that the recordings have too");
    assert!(answers > 180 && values > 1_000_000, "only {answers} answers with {values} values");
}

#[tokio::test]
async fn answers_have_the_shapes_that_the_simulator_publishes_and_its_paths_are_those_of_slurm() {
    let cluster = lively();
    for release in [Release::S22_05, Release::S24_11, Release::S26_05] {
        let (address, simulator) = start(Config::still(cluster.clone()).as_release(release)).await;
        let document = parsed(&get(address, "/openapi/v3", &[]).await.body);
        let published = Published::of(release);
        let mut paths = 0;
        for face in RECORDED.into_iter().filter(|face| face.release == release) {
            for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_served_by(face)) {
                if endpoint == Endpoint::OpenApi {
                    continue;
                }
                let name = path(face, endpoint);
                let get = &document["paths"][&name]["get"];
                let schema = &get["responses"]["200"]["content"]["application/json"]["schema"];
                assert!(schema.is_object(), "{name} is not in the document");
                let mut bytes = Vec::new();
                write(&simulator.cluster(), face, endpoint, Style::Pretty, &mut bytes);
                let mut judge = Judge::new(&Value::Null);
                judge.judge(&parsed(&bytes), schema, endpoint.path());
                assert_eq!(judge.contradictions, BTreeSet::new(), "{release} {name}");
                let theirs = published.path(face, endpoint);
                let theirs = theirs.unwrap_or_else(|| panic!("Slurm {release} publishes no {name}"));
                let text = |name: &Value| name.as_str().unwrap_or_default().to_owned();
                let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
                let names: BTreeSet<_> =
                    list(&get["parameters"]).iter().map(|parameter| text(&parameter["name"])).collect();
                let known: BTreeSet<_> = list(&theirs["parameters"]).iter().map(text).collect();
                assert_eq!(names, known, "{release} {name}: parameters");
                paths += 1;
            }
        }
        assert!(paths > 20, "{release}: only {paths} paths");
    }
}
