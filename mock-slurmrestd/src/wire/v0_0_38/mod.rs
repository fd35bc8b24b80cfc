//! v0.0.38 as Slurm 22.05 writes it: meta and errors first, plain numbers, null or NO_VAL where there is none.
//! Not here: later versions, whose answers have another shape altogether.

pub(super) mod diag;
pub(super) mod finished;
pub(super) mod job;
pub(super) mod node;
pub(super) mod partition;

use super::endpoint::Endpoint;
use super::json::{Json, Sink, key};
use super::meta::Problem;
use super::page::{Page, Stage};
use super::version::Release;

/// The root's first keys.
pub(super) fn open<S: Sink>(json: &mut Json<'_, S>, endpoint: Endpoint, problems: &[Problem]) {
    let (plugin, name) = match endpoint.is_accounting() {
        true => ("openapi/dbv0.0.38", "Slurm OpenAPI DB v0.0.38"),
        false => ("openapi/v0.0.38", "Slurm OpenAPI v0.0.38"),
    };
    json.open_object(key!("meta"));
    json.open_object(key!("plugin"));
    json.str(key!("type"), plugin);
    json.str(key!("name"), name);
    json.close_object();
    json.open_object(key!("Slurm"));
    json.open_object(key!("version"));
    json.int(key!("major"), 22u64);
    json.int(key!("micro"), 8u64);
    json.int(key!("minor"), 5u64);
    json.close_object();
    json.str(key!("release"), Release::S22_05.name());
    json.close_object();
    json.close_object();
    json.open_list(key!("errors"));
    for problem in problems {
        json.open_element();
        if has_short_errors(endpoint) {
            json.str(key!("error"), problem.error);
            json.signed(key!("errno"), problem.number);
        } else {
            if !problem.description.is_empty() {
                json.str(key!("description"), &problem.description);
            }
            json.signed(key!("error_number"), problem.number);
            json.str(key!("error"), problem.error);
            if !problem.source.is_empty() {
                json.str(key!("source"), problem.source);
            }
        }
        json.close_object();
    }
    json.close_list();
}

/// Nodes, partitions and reservations say less about an error than the others.
fn has_short_errors(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Nodes
            | Endpoint::Node
            | Endpoint::Partitions
            | Endpoint::Partition
            | Endpoint::Reservations
            | Endpoint::Reservation
    )
}

pub(super) fn ping<S: Sink>(json: &mut Json<'_, S>) {
    json.open_list(key!("pings"));
    json.open_element();
    json.str(key!("hostname"), "slurmctl1");
    json.str(key!("ping"), "UP");
    json.int(key!("status"), 0u64);
    json.str(key!("mode"), "primary");
    json.close_object();
    json.close_list();
}

/// An answer without data: an empty list where the endpoint had opened one before it asked.
pub(super) fn write_problems<S: Sink>(
    json: &mut Json<'_, S>,
    page: &Page,
    problems: &[Problem],
    stage: Stage,
) {
    open(json, page.endpoint, problems);
    let opens_first = match page.endpoint {
        Endpoint::Licenses | Endpoint::DbAssociations | Endpoint::DbQos | Endpoint::DbTres => false,
        endpoint => stage == Stage::Answer || !(endpoint.is_accounting() || endpoint == Endpoint::Job),
    };
    match page.list() {
        None if page.endpoint == Endpoint::DbConfig && opens_first => json.empty_list(key!("clusters")),
        Some(key) if opens_first => json.empty_list(key),
        _ if page.endpoint == Endpoint::Diag => {
            json.open_object(key!("statistics"));
            json.empty_list(key!("rpcs_by_message_type"));
            json.empty_list(key!("rpcs_by_user"));
            json.close_object();
        }
        _ => {}
    }
    json.close_object();
}
