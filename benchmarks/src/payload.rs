//! Answers as a real slurmrestd would send them, written by the simulator, and what the exporter makes of them.
//! Made once per process: no benchmark measures the simulator.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use exporter::collectors::{COLLECTORS, Settings};
use exporter::exposition::Batch;
use exporter::model::{Endpoint, Snapshot};
use exporter::wire::{Answer, Decoder, by_version};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::wire::{self, ApiVersion, Style};

/// Decides every accident of the simulated clusters.
pub const SEED: u64 = 1;
/// The cluster's name in labels.
pub const CLUSTER: &str = "sim";
/// The version of the newest Slurm: the largest answers.
pub const NEWEST: ApiVersion = ApiVersion::V0_0_45;

/// How much of a body arrives at a time: what a socket's buffer gives under load.
const CHUNK_BYTES: usize = 64 << 10;

/// How big a simulated cluster is. 95 % of the jobs wait; 5 % run and fill nine tenths of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    /// `1k` or `10k`, of what the benchmark is about.
    pub name: &'static str,
    /// Of 64 cores each, but for the GPU nodes.
    pub nodes: u32,
    /// Of 96 cores and 8 GPUs each, out of `nodes`.
    pub gpu_nodes: u32,
    pub jobs: u32,
}

/// By number of jobs, as many running ones as nodes: a job that runs lists about 64 cores.
pub const BY_JOBS: [Scale; 2] = [
    Scale { name: "1k", nodes: 50, gpu_nodes: 0, jobs: 1_000 },
    Scale { name: "10k", nodes: 500, gpu_nodes: 0, jobs: 10_000 },
];

/// By number of nodes, with ten jobs per node: the sizes of the exporter's promises.
pub const BY_NODES: [Scale; 2] = [
    Scale { name: "1k", nodes: 1_000, gpu_nodes: 100, jobs: 10_000 },
    Scale { name: "10k", nodes: 10_000, gpu_nodes: 1_000, jobs: 100_000 },
];

type Bodies = HashMap<(Scale, Endpoint, ApiVersion), Arc<[u8]>>;

static CLUSTERS: LazyLock<Mutex<HashMap<Scale, Arc<Cluster>>>> = LazyLock::new(Mutex::default);
static BODIES: LazyLock<Mutex<Bodies>> = LazyLock::new(Mutex::default);

/// The body of one answer, indented as slurmrestd does it. Kept for the next caller.
pub fn payload(scale: Scale, endpoint: Endpoint, api: ApiVersion) -> Arc<[u8]> {
    let key = (scale, endpoint, api);
    let known = BODIES.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    known.unwrap_or_else(|| {
        let body: Arc<[u8]> = body(scale, endpoint, api, Style::Pretty).into();
        BODIES.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&body));
        body
    })
}

/// Decodes a body that arrives in pieces, as the exporter does.
///
/// # Panics
/// When exporter and simulator disagree: then there is nothing to measure.
pub fn decode(endpoint: Endpoint, api: ApiVersion, body: &[u8]) -> Answer {
    let api = by_version(api.name()).expect("the exporter reads every version that the simulator writes");
    let mut decoder = Decoder::new(api, endpoint);
    for chunk in body.chunks(CHUNK_BYTES) {
        decoder.push(chunk).expect("what the simulator writes decodes");
    }
    decoder.finish().expect("what the simulator writes decodes")
}

/// The endpoints that the simulator serves.
pub fn endpoints() -> impl Iterator<Item = Endpoint> {
    Endpoint::ALL.into_iter().filter(|endpoint| asked(*endpoint).is_some())
}

/// Every endpoint of this cluster, decoded.
pub fn snapshot(scale: Scale) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for endpoint in endpoints() {
        // The smallest spelling gives the same rows; it is dropped at once, since the jobs of the largest
        // scale take hundreds of megabytes.
        let body = body(scale, endpoint, ApiVersion::V0_0_40, Style::Compact);
        let answer = decode(endpoint, ApiVersion::V0_0_40, &body);
        snapshot.release = Some(Arc::new(answer.release));
        snapshot.set(answer.reading);
    }
    snapshot
}

/// What every collector has to say about the snapshot.
pub fn collect(snapshot: &Snapshot) -> Vec<Batch> {
    let collect = |collector: &&exporter::collectors::Collector| {
        let mut batch = Batch::new(collector.name, Some(CLUSTER));
        (collector.collect)(snapshot, &Settings::default(), &mut batch);
        batch
    };
    COLLECTORS.iter().map(collect).collect()
}

fn body(scale: Scale, endpoint: Endpoint, api: ApiVersion, style: Style) -> Vec<u8> {
    let mut body = Vec::new();
    let endpoint = asked(endpoint).unwrap_or_else(|| panic!("the simulator does not serve {endpoint}"));
    wire::write(&cluster(scale), api, endpoint, style, &mut body);
    body
}

fn cluster(scale: Scale) -> Arc<Cluster> {
    let mut clusters = CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = clusters.entry(scale).or_insert_with(|| {
        let Scale { nodes, gpu_nodes, jobs, .. } = scale;
        Arc::new(Cluster::new(&Size { gpu_nodes, bigmem_nodes: 0, ..Size::of(nodes, jobs) }, SEED))
    });
    Arc::clone(cluster)
}

/// The same endpoint by the simulator's name, if it serves it; the two crates share no types on purpose.
fn asked(endpoint: Endpoint) -> Option<wire::Endpoint> {
    match endpoint {
        Endpoint::Ping => Some(wire::Endpoint::Ping),
        Endpoint::Diag => Some(wire::Endpoint::Diag),
        Endpoint::Nodes => Some(wire::Endpoint::Nodes),
        Endpoint::Partitions => Some(wire::Endpoint::Partitions),
        Endpoint::Jobs => Some(wire::Endpoint::Jobs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use exporter::model::Reading;
    use exporter::wire::decode_whole_slice;

    use super::*;

    const SMALL: Scale = Scale { name: "small", nodes: 20, gpu_nodes: 2, jobs: 400 };

    #[test]
    fn the_yardstick_reads_the_same_jobs_as_the_stream() {
        for api in ApiVersion::ALL {
            let body = payload(SMALL, Endpoint::Jobs, api);
            let Reading::Jobs(jobs) = decode(Endpoint::Jobs, api, &body).reading else {
                panic!("jobs were asked for");
            };
            assert_eq!(jobs.rows.len(), 400, "{api}");
            assert_eq!(decode_whole_slice(&body).unwrap(), 400, "{api}");
        }
    }

    #[test]
    fn nineteen_of_twenty_jobs_wait_and_the_rest_runs() {
        let snapshot = snapshot(SMALL);
        let jobs = snapshot.jobs.as_deref().unwrap();
        assert_eq!(jobs.rows.iter().filter(|job| job.is_pending()).count(), 380);
        assert_eq!(jobs.rows.iter().filter(|job| job.is_running()).count(), 20);
        assert_eq!(snapshot.nodes.as_deref().unwrap().rows.len(), 20);
    }

    #[test]
    fn a_payload_is_made_once_and_indented() {
        let first = payload(SMALL, Endpoint::Nodes, NEWEST);
        assert!(Arc::ptr_eq(&first, &payload(SMALL, Endpoint::Nodes, NEWEST)));
        assert!(first.starts_with(b"{\n  \"nodes\": [\n    {\n"));
    }

    #[test]
    fn every_collector_that_the_simulator_feeds_has_something_to_say() {
        let is_fed = |name: &str| {
            let collector = COLLECTORS.iter().find(|collector| collector.name == name).unwrap();
            // What it needs first it cannot do without. Single jobs are there on request only.
            name != "single_jobs" && asked(collector.needs[0]).is_some()
        };
        let fed: Vec<_> =
            collect(&snapshot(SMALL)).into_iter().filter(|batch| is_fed(batch.collector())).collect();
        assert!(fed.len() >= 8, "{}", fed.len());
        for batch in fed {
            let name = batch.collector();
            assert!(batch.into_families().iter().any(|family| family.samples() > 0), "{name}");
        }
    }
}
