//! The `job_resources` of an element of `/jobs`: what a job holds, down to the core.
//! Not here: the rest of the job (job.rs).

use super::json::{Json, Layout, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;
use crate::cluster::inventory::SOCKETS;
use crate::cluster::job::Job;

/// The text around the index of one core of `job_resources`. Every core of every allocated node is listed, most
/// of the bytes of a running job, so this text is made once.
#[derive(Debug)]
pub(super) struct CoreTexts {
    allocated: (Vec<u8>, Vec<u8>),
    free: (Vec<u8>, Vec<u8>),
}

/// Depth of an element of `cores`, under jobs, job_resources, nodes, allocation and sockets.
const CORE_DEPTH: usize = 10;

impl CoreTexts {
    pub(super) fn new(layout: &Layout) -> Self {
        let around = |status: &str| {
            let mut text = Vec::new();
            let mut json = Json::resume(&mut text, layout, CORE_DEPTH, false);
            json.open_element();
            json.int(key!("index"), 7u64);
            json.words(key!("status"), [status]);
            json.close_object();
            let at = text.iter().position(|byte| *byte == b'7').unwrap_or(0);
            let rest = text.split_off(at);
            (text, rest[1..].to_vec())
        };
        Self { allocated: around("ALLOCATED"), free: around("UNALLOCATED") }
    }
}

pub(super) fn write<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    job: &Job,
    node_names: &str,
    api: ApiVersion,
    cores: &CoreTexts,
) {
    match (!job.allocation.is_empty(), api) {
        (false, ApiVersion::V0_0_40) => json.empty_object(key!("job_resources")),
        (false, _) => json.null(key!("job_resources")),
        (true, ApiVersion::V0_0_40) => allocated_cores(json, cluster, job, node_names, api),
        (true, _) => every_core(json, cluster, job, node_names, api, cores),
    }
}

/// v0.0.38 and v0.0.40 list only allocated cores, as an object per socket.
pub(super) fn allocated_cores<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    job: &Job,
    node_names: &str,
    api: ApiVersion,
) {
    json.open_object(key!("job_resources"));
    json.str(key!("nodes"), node_names);
    json.int(key!("allocated_cores"), job.request.cpus());
    if api >= ApiVersion::V0_0_40 {
        json.int(key!("allocated_cpus"), 0u64);
    }
    json.int(key!("allocated_hosts"), job.allocation.len() as u64);
    json.open_list(key!("allocated_nodes"));
    for part in &job.allocation {
        json.open_element();
        json.open_object(key!("sockets"));
        let per_socket = u32::from(cluster.inventory().node_type(part.node).cpus / SOCKETS);
        for socket in 0..u32::from(SOCKETS) {
            let bits = (part.cores >> (socket * per_socket)) & ((1u128 << per_socket) - 1);
            if bits == 0 {
                continue;
            }
            json.open_numbered(socket.into());
            json.open_object(key!("cores"));
            for core in (0..per_socket).filter(|core| bits >> core & 1 == 1) {
                json.numbered_str(core.into(), "allocated");
            }
            json.close_object();
            json.close_object();
        }
        json.close_object();
        json.str(key!("nodename"), &cluster.inventory().nodes[part.node as usize].name);
        json.int(key!("cpus_used"), 0u64);
        json.int(key!("memory_used"), 0u64);
        json.int(key!("memory_allocated"), part.memory_mb);
        json.close_object();
    }
    json.close_list();
    json.close_object();
}

/// From v0.0.41 every core of every allocated node is listed, allocated or not.
fn every_core<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    job: &Job,
    node_names: &str,
    api: ApiVersion,
    texts: &CoreTexts,
) {
    // v0.0.45 renamed the words of this enumeration.
    let select_type = if api >= ApiVersion::V0_0_45 { "CR_CORE_MEMORY" } else { "CORE" };
    json.open_object(key!("job_resources"));
    json.words(key!("select_type"), [select_type]);
    json.open_object(key!("nodes"));
    json.int(key!("count"), job.allocation.len() as u64);
    json.words(key!("select_type"), ["ONE_ROW"]);
    json.str(key!("list"), node_names);
    json.bool(key!("whole"), false);
    json.open_list(key!("allocation"));
    for (index, part) in job.allocation.iter().enumerate() {
        json.open_element();
        json.int(key!("index"), index as u64);
        json.str(key!("name"), &cluster.inventory().nodes[part.node as usize].name);
        json.open_object(key!("cpus"));
        json.int(key!("count"), part.cores.count_ones());
        json.int(key!("used"), 0u64);
        json.close_object();
        json.open_object(key!("memory"));
        json.int(key!("used"), 0u64);
        json.int(key!("allocated"), part.memory_mb);
        json.close_object();
        json.open_list(key!("sockets"));
        let per_socket = u32::from(cluster.inventory().node_type(part.node).cpus / SOCKETS);
        for socket in 0..u32::from(SOCKETS) {
            json.open_element();
            json.int(key!("index"), socket);
            json.open_list(key!("cores"));
            for core in 0..per_socket {
                let taken = part.cores >> (socket * per_socket + core) & 1 == 1;
                let (before, after) = if taken { &texts.allocated } else { &texts.free };
                json.prepared_element(before, core.into(), after);
            }
            json.close_list();
            json.close_object();
        }
        json.close_list();
        json.close_object();
    }
    json.close_list();
    json.close_object();
    json.int(key!("cpus"), job.request.cpus());
    json.unset(key!("threads_per_core"));
    json.close_object();
}
