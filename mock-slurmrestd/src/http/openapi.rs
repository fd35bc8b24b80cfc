//! The OpenAPI document: the paths that are served, their parameters, and answers' shapes taken from what is written.
//! Not here: descriptions; the original's are its own, and a program that reads shapes does not need them.

use super::parameters::parameters;
use super::router::Served;
use crate::cluster::Cluster;
use crate::wire::{ApiVersion, Endpoint, Page, Style};
use serde_json::{Map, Value, json};

/// The document in JSON, for every version that is served.
pub(super) fn document(served: &Served, cluster: &Cluster) -> Vec<u8> {
    let mut paths = Map::new();
    for api in ApiVersion::ALL.into_iter().filter(|api| served.versions.contains(api)) {
        let face = served.face(api);
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_served_by(face)) {
            if endpoint == Endpoint::OpenApi {
                continue;
            }
            let mut page = Page::new(face, endpoint, Style::Compact);
            sample(&mut page, cluster, endpoint);
            let mut body = Vec::new();
            page.write(cluster, &mut body);
            paths.insert(path(endpoint, api), described(endpoint, api, &body));
        }
    }
    let document = json!({
        "openapi": "3.0.3",
        "info": { "title": "Slurm REST API", "version": format!("Slurm-{}", served.release().name()) },
        "paths": paths,
    });
    // A Value has text keys only, which is all that could fail.
    serde_json::to_vec_pretty(&document).unwrap_or_default()
}

/// A few records that have all fields between them: of jobs, one with nodes and one without.
fn sample(page: &mut Page, cluster: &Cluster, endpoint: Endpoint) {
    let with_nodes = |has: bool| cluster.jobs().iter().position(|job| job.allocation.is_empty() != has);
    match endpoint {
        Endpoint::Jobs | Endpoint::Job => {
            page.rows = Some([with_nodes(true), with_nodes(false)].into_iter().flatten().collect());
        }
        Endpoint::DbJobs | Endpoint::DbJob => {
            let known = cluster.accounted_between(0, cluster.now());
            page.jobs = known.filter(|job| !job.allocation.is_empty()).take(2).cloned().collect();
        }
        Endpoint::DbConfig => {}
        _ => page.only_first(cluster),
    }
}

fn path(endpoint: Endpoint, api: ApiVersion) -> String {
    let (plugin, rest) = match endpoint.path().strip_prefix("slurmdb/") {
        Some(rest) => ("slurmdb", rest),
        None => ("slurm", endpoint.path()),
    };
    let name = parameter(endpoint).map_or(String::new(), |name| format!("/{{{name}}}"));
    format!("/{plugin}/{api}/{rest}{name}")
}

/// The part of the path that names one thing.
fn parameter(endpoint: Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::Node => Some("node_name"),
        Endpoint::Job | Endpoint::DbJob => Some("job_id"),
        Endpoint::Partition => Some("partition_name"),
        Endpoint::Reservation => Some("reservation_name"),
        _ => None,
    }
}

fn described(endpoint: Endpoint, api: ApiVersion, body: &[u8]) -> Value {
    // The bare Infinity of old shares is no JSON.
    let text = String::from_utf8_lossy(body).replace(":Infinity", ":0.0");
    // v0.0.38 writes null wherever something is not set.
    let is_plain = api == ApiVersion::V0_0_38;
    let schema = serde_json::from_str(&text).map_or_else(|_| json!({}), |value| schema(&value, is_plain));
    let text = json!({ "type": "string" });
    let in_path = parameter(endpoint)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text }));
    let in_query = parameters(endpoint, api)
        .into_iter()
        .map(|name| json!({ "name": name, "in": "query", "schema": text }));
    let parameters: Vec<Value> = in_path.into_iter().chain(in_query).collect();
    json!({ "get": {
        "parameters": parameters,
        "responses": { "200": { "content": { "application/json": { "schema": schema } } } },
    } })
}

/// The shape of what was written; elements of a list are taken together. Where anything may be null, a text or number
/// of the sample may be missing elsewhere.
fn schema(value: &Value, nullable: bool) -> Value {
    let mut schema = shape(value, nullable);
    if nullable && (value.is_string() || value.is_number()) {
        schema["nullable"] = Value::Bool(true);
    }
    schema
}

fn shape(value: &Value, nullable: bool) -> Value {
    match value {
        Value::Null => json!({ "nullable": true }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number", "format": "double" }),
        Value::Number(_) => json!({ "type": "integer", "format": "int64" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            let together =
                items.iter().map(|item| schema(item, nullable)).reduce(merged).unwrap_or_else(|| json!({}));
            json!({ "type": "array", "items": together })
        }
        // Sockets and cores by their numbers.
        Value::Object(entries)
            if !entries.is_empty() && entries.keys().all(|key| key.parse::<u32>().is_ok()) =>
        {
            let together = entries.values().map(|entry| schema(entry, nullable)).reduce(merged);
            json!({ "type": "object", "additionalProperties": together })
        }
        Value::Object(entries) => {
            let properties: Map<_, _> =
                entries.iter().map(|(key, value)| (key.clone(), schema(value, nullable))).collect();
            json!({ "type": "object", "properties": properties })
        }
    }
}

/// One shape for both: what either has, and the more telling type.
fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            for (key, value) in second {
                let both = match first.remove(&key) {
                    Some(before) => merged(before, value),
                    None => value,
                };
                first.insert(key, both);
            }
            Value::Object(first)
        }
        (first, _) => first,
    }
}
