//! What every answer carries: `meta`, `errors`, `warnings`.
//! Not here: which errors and warnings there are.

use super::endpoint::Endpoint;
use super::json::{Json, Sink, key};
use super::version::{Face, Release};
use crate::cluster::Cluster;

/// An entry of `errors`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) description: String,
    /// Negative for errors that have no number of their own.
    pub(crate) number: i32,
    pub(crate) error: &'static str,
    pub(crate) source: &'static str,
}

/// An entry of `warnings`.
#[derive(Clone, Debug)]
pub(crate) struct Warning {
    pub(crate) description: String,
    pub(crate) source: String,
}

/// The end of a usual answer.
pub(super) fn close<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    face: Face,
    endpoint: Endpoint,
    problems: &[Problem],
    warnings: &[Warning],
) {
    meta(json, cluster, face, endpoint);
    write_problems(json, problems);
    write_warnings(json, warnings);
    json.close_object();
}

/// The end of an answer that has no data at all: errors come first there.
pub(super) fn close_problems_first<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    face: Face,
    endpoint: Endpoint,
    problems: &[Problem],
    warnings: &[Warning],
) {
    write_problems(json, problems);
    write_warnings(json, warnings);
    meta(json, cluster, face, endpoint);
    json.close_object();
}

fn meta<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, face: Face, endpoint: Endpoint) {
    let release = face.release;
    json.open_object(key!("meta"));
    json.open_object(key!("plugin"));
    let (plugin, name) = match endpoint.is_accounting() {
        true => ("openapi/slurmdbd", "Slurm OpenAPI slurmdbd"),
        false => ("openapi/slurmctld", "Slurm OpenAPI slurmctld"),
    };
    json.str(key!("type"), plugin);
    json.str(key!("name"), name);
    json.str(key!("data_parser"), &format!("data_parser/{}", face.api));
    json.str(key!("accounting_storage"), "accounting_storage/slurmdbd");
    json.close_object();
    json.open_object(key!("client"));
    let source = match release {
        Release::S26_05 => "127.0.0.1:6820(fd:9)",
        _ => "[localhost]:6820(fd:9)",
    };
    json.str(key!("source"), source);
    json.str(key!("user"), "root");
    json.str(key!("group"), "root");
    json.close_object();
    json.empty_list(key!("command"));
    json.open_object(key!("slurm"));
    json.open_object(key!("version"));
    let [major, micro, minor] = release.parts();
    json.str(key!("major"), major);
    json.str(key!("micro"), micro);
    json.str(key!("minor"), minor);
    json.close_object();
    json.str(key!("release"), release.name());
    json.str(key!("cluster"), &cluster.inventory().cluster);
    json.close_object();
    json.close_object();
}

fn write_problems<S: Sink>(json: &mut Json<'_, S>, problems: &[Problem]) {
    json.open_list(key!("errors"));
    for problem in problems {
        json.open_element();
        json.str(key!("description"), &problem.description);
        json.signed(key!("error_number"), problem.number);
        json.str(key!("error"), problem.error);
        json.str(key!("source"), problem.source);
        json.close_object();
    }
    json.close_list();
}

fn write_warnings<S: Sink>(json: &mut Json<'_, S>, warnings: &[Warning]) {
    json.open_list(key!("warnings"));
    for warning in warnings {
        json.open_element();
        json.str(key!("description"), &warning.description);
        json.str(key!("source"), &warning.source);
        json.close_object();
    }
    json.close_list();
}
