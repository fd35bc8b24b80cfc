//! A simulated cluster in this process for the exporter to read, and the check that both count alike.
//! The simulator shares no wire types with the exporter: agreement means that the JSON says what both mean.

use std::collections::BTreeMap;

use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Simulator as Server};
use mock_slurmrestd::wire::ApiVersion;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::page::Samples;
use crate::process::Exporter;

/// How many of the endpoints that the exporter polls the simulator has.
pub(crate) const SERVED: f64 = 13.0;

/// A running simulator; dropping it ends it.
pub(crate) struct Simulator {
    pub(crate) server: Server,
    address: String,
    /// Its threads serve; dropped last.
    _runtime: Runtime,
}

impl Simulator {
    /// 60 nodes and 600 job records; time stands still.
    pub(crate) fn start() -> Self {
        Self::of(&Size::of(60, 600).with_gpus(32))
    }

    /// A cluster of this size; time stands still.
    pub(crate) fn of(size: &Size) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let server = Server::new(Config::still(Cluster::new(size, 7)));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        runtime.spawn(server.clone().serve(listener, std::future::pending()));
        Self { server, address, _runtime: runtime }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What the exporter needs to read it.
    pub(crate) fn exporter_arguments(&self) -> Vec<String> {
        vec![format!("--slurm.url=http://{}", self.address)]
    }
}

#[test]
fn every_version_counts_as_the_simulated_cluster_does() {
    let simulator = Simulator::start();
    let oracle = simulator.server.oracle();
    for api in ApiVersion::ALL {
        let mut arguments = simulator.exporter_arguments();
        arguments.push(format!("--slurm.api-version={}", api.name()));
        let exporter = Exporter::start(&arguments);
        exporter.wait_until_ready();
        let page = exporter.scrape();
        let version = api.name();

        assert_eq!(words(&page, "slurm_nodes_total", "state"), lower(&oracle.nodes_by_base), "{version}");
        assert_eq!(words(&page, "slurm_cluster_jobs", "state"), lower(&oracle.jobs_by_state), "{version}");
        let flags = words(&page, "slurm_nodes_flagged", "flag");
        for (flag, count) in lower(&oracle.nodes_by_flag) {
            // v0.0.38 does not say of a node that is down that it is silent too (recorded).
            if flag == "not_responding" && version == "v0.0.38" {
                continue;
            }
            assert_eq!(flags.get(&flag), Some(&count), "{version} {flag}");
        }
        for (family, expected) in [
            ("slurm_cluster_nodes_total", oracle.nodes),
            ("slurm_cluster_cpus_total", oracle.cpus.total),
            ("slurm_cluster_cpus_allocated", oracle.cpus.allocated),
            ("slurm_cluster_memory_total_bytes", oracle.memory_bytes.total),
            ("slurm_cluster_memory_allocated_bytes", oracle.memory_bytes.allocated),
            ("slurm_cluster_gpus_total", oracle.gpus.total),
            ("slurm_cluster_gpus_allocated", oracle.gpus.allocated),
        ] {
            assert_eq!(page.sum(family, &[]), expected as f64, "{version} {family}");
        }
        for (partition, counts) in &oracle.partitions {
            let of = [("partition", partition.as_str())];
            for (family, expected) in [
                ("slurm_partition_nodes_total", counts.nodes),
                ("slurm_partition_cpus_total", counts.cpus.total),
                ("slurm_partition_cpus_allocated", counts.cpus.allocated),
                ("slurm_partition_memory_allocated_bytes", counts.memory_bytes.allocated),
                ("slurm_jobs_running", counts.running),
                ("slurm_jobs_pending", counts.pending_by_reason.values().sum()),
            ] {
                assert_eq!(page.get(family, &of), Some(expected as f64), "{version} {family} {partition}");
            }
            for (reason, count) in &counts.pending_by_reason {
                let waiting = page.get("slurm_jobs_pending_reason", &[of[0], ("reason", reason)]);
                assert_eq!(waiting, Some(*count as f64), "{version} {partition} {reason}");
            }
        }
    }
}

/// The samples of a family by one label, zeros left out.
fn words(page: &Samples, family: &str, label: &str) -> BTreeMap<String, u64> {
    page.nonzero(family).map(|(labels, value)| (labels[label].clone(), value as u64)).collect()
}

fn lower(words: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    words.iter().filter(|(_, count)| **count > 0).map(|(word, count)| (word.to_lowercase(), *count)).collect()
}
