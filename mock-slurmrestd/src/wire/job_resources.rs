//! The `job_resources` of an element of `/jobs`: what a job holds, down to the core.
//! Not here: the rest of the job (job.rs).

use super::json::{Json, Layout, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;
use crate::cluster::inventory::SOCKETS;
use crate::cluster::job::Job;

/// The cores of a socket in `job_resources`. Every core of every allocated node is listed, most of the bytes of a
/// running job, so this text is made once and copied by neighbours of one status.
#[derive(Debug)]
pub(super) struct CoreTexts {
    allocated: Cores,
    free: Cores,
}

/// The elements of all cores that a socket may have, each with its comma.
#[derive(Debug)]
struct Cores {
    text: Vec<u8>,
    /// Where the element of each core begins, and the end.
    at: Vec<usize>,
}

/// A mask of two sockets has 128 bits.
const MOST_CORES: u64 = 64;

/// Depth of an element of `cores`, under jobs, job_resources, nodes, allocation and sockets.
const CORE_DEPTH: usize = 10;

impl CoreTexts {
    pub(super) fn new(layout: &Layout) -> Self {
        let cores = |status: &str| {
            let mut cores = Cores { text: Vec::new(), at: vec![0] };
            for core in 0..MOST_CORES {
                let mut json = Json::resume(&mut cores.text, layout, CORE_DEPTH, false);
                json.open_element();
                json.int(key!("index"), core);
                json.words(key!("status"), [status]);
                json.close_object();
                cores.at.push(cores.text.len());
            }
            cores
        };
        Self { allocated: cores("ALLOCATED"), free: cores("UNALLOCATED") }
    }

    /// The elements of the first `count` cores, of which these are taken, as stretches of one status.
    fn of(&self, taken: u64, count: u32) -> impl Iterator<Item = &[u8]> {
        let mut core = 0;
        std::iter::from_fn(move || {
            if core == count {
                return None;
            }
            let (from, rest) = (core as usize, taken >> core);
            let (cores, others) = if rest & 1 == 1 { (&self.allocated, !rest) } else { (&self.free, rest) };
            core += others.trailing_zeros().min(count - core);
            Some(&cores.text[cores.at[from]..cores.at[core as usize]])
        })
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
            let taken = (part.cores >> (socket * per_socket)) as u64;
            for stretch in texts.of(taken, per_socket) {
                json.prepared_elements(stretch);
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

#[cfg(test)]
mod tests {
    use super::super::json::Style;
    use super::*;

    #[test]
    fn stretches_of_cores_are_the_cores_one_by_one() {
        let layout = Layout::new(Style::Pretty, ApiVersion::V0_0_45.into());
        let texts = CoreTexts::new(&layout);
        for (taken, count, stretches) in [
            (0, 64, 1),
            (u64::MAX, 64, 1),
            (u64::MAX, 48, 1),
            (0b1, 32, 2),
            (0b1010, 4, 4),
            (u64::MAX << 16, 16, 1),
            (1 << 63, 64, 2),
        ] {
            let all: Vec<&[u8]> = texts.of(taken, count).collect();
            let one_by_one = (0..count).flat_map(|core| {
                let cores = if taken >> core & 1 == 1 { &texts.allocated } else { &texts.free };
                &cores.text[cores.at[core as usize]..cores.at[core as usize + 1]]
            });
            assert_eq!(all.len(), stretches, "{taken:b}");
            assert!(all.concat().iter().eq(one_by_one), "{taken:b}");
        }
    }
}
