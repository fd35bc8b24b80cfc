//! Several clusters in one process, and one cluster shared by several processes.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use exporter::collectors::COLLECTORS;
use exporter::config::{Collectors, Config, load};
use exporter::model::Endpoint;

use crate::page::Samples;
use crate::process::{Exporter, lint};
use crate::simulator::{SERVED, Simulator};

/// A configuration with these clusters, by name and address, polled once a second.
fn configuration(folder: &Path, clusters: &[(&str, &str)]) -> String {
    let mut yaml =
        "collection:\n  intervals: {ping: 1s, diag: 1s, nodes: 1s, partitions: 1s, jobs: 1s}\nclusters:\n"
            .to_owned();
    for (name, address) in clusters {
        yaml += &format!("  - {{name: {name}, url: \"http://{address}\"}}\n");
    }
    let file = folder.join("clusters.yaml");
    fs::write(&file, yaml).unwrap();
    format!("--config={}", file.display())
}

fn up(page: &Samples, cluster: &str) -> f64 {
    page.sum("slurm_exporter_endpoint_up", &[("cluster", cluster)])
}

#[test]
fn every_series_of_a_cluster_carries_its_name_and_the_process_is_there_once() {
    let (one, other) = (Simulator::start(), Simulator::start());
    let folder = tempfile::tempdir().unwrap();
    let argument = configuration(folder.path(), &[("one", one.address()), ("other", other.address())]);
    let exporter = Exporter::start(&[argument]);
    let page =
        exporter.wait_for("both clusters", |page| up(page, "one") == SERVED && up(page, "other") == SERVED);
    let nodes = one.server.oracle().nodes as f64;
    for cluster in ["one", "other"] {
        assert_eq!(page.get("slurm_cluster_nodes_total", &[("cluster", cluster)]), Some(nodes));
    }
    // Two simulators call themselves alike; the configured names tell them apart.
    let clusters: BTreeSet<_> =
        page.all("slurm_exporter_endpoint_up").map(|(labels, _)| labels["cluster"].clone()).collect();
    assert_eq!(clusters, BTreeSet::from(["one".to_owned(), "other".to_owned()]));
    assert_eq!(page.all("slurm_exporter_build_info").count(), 1);
    let process: Vec<_> = page.all("process_resident_memory_bytes").collect();
    assert!(process.len() == 1 && process[0].0.is_empty(), "{process:?}");
    let text = exporter.get("/metrics").1;
    for line in text.lines().filter(|line| line.starts_with("slurm_") && !line.starts_with("slurm_exporter_"))
    {
        assert!(line.contains("{cluster=\"one\"") || line.contains("{cluster=\"other\""), "{line}");
    }
    if let Some(said) = lint(text.as_bytes()) {
        assert!(!said.iter().any(|line| line.contains("error")), "{said:?}");
    }
}

#[test]
fn a_cluster_can_be_asked_for_and_an_unknown_one_is_refused() {
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let address = simulator.address();
    let exporter = Exporter::start(&[configuration(folder.path(), &[("one", address), ("other", address)])]);
    // Known from the start, whether or not they have answered.
    assert_eq!(exporter.get("/metrics?cluster=other").0, 200);
    exporter.wait_for("both clusters", |page| up(page, "one") == SERVED && up(page, "other") == SERVED);
    let (_, text) = exporter.get("/metrics?cluster=other");
    assert!(text.lines().filter(|line| !line.starts_with('#')).count() > 100);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.contains("cluster=\"other\""), "{line}");
    }
    let (status, text) = exporter.get("/metrics?cluster=third");
    assert_eq!((status, text.as_str()), (400, "unknown cluster \"third\" (known: one, other)\n"));
}

#[test]
fn a_dead_cluster_takes_nothing_from_the_others() {
    let simulator = Simulator::start();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let argument = configuration(folder.path(), &[("dead", &nobody), ("alive", simulator.address())]);
    let exporter = Exporter::start(&[argument]);
    let page = exporter.wait_for("the living cluster and the failures of the dead one", |page| {
        let failed = page
            .all("slurm_exporter_endpoint_up")
            .filter(|(labels, up)| labels["cluster"] == "dead" && *up == 0.0);
        // All but the steps, which nobody switched on.
        up(page, "alive") == SERVED && failed.count() == Endpoint::ALL.len() - 1
    });
    let nodes = simulator.server.oracle().nodes as f64;
    assert_eq!(page.get("slurm_cluster_nodes_total", &[("cluster", "alive")]), Some(nodes));
    assert_eq!(page.all("slurm_cluster_nodes_total").count(), 1, "no zeros of the dead one");
    let (status, body) = exporter.get("/ready");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("alive/nodes: ok") && body.contains("dead/nodes: failed, no data"), "{body}");
}

fn example(name: &str) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    load(Some(&path), &[], Vec::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_example_file_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let examples: Vec<_> = names.filter(|name| name.ends_with(".yaml")).collect();
    assert!(examples.len() >= 3, "{examples:?}");
    for name in &examples {
        example(name);
    }
    let names: Vec<_> =
        example("several-clusters.yaml").clusters().iter().filter_map(|slurm| slurm.name.clone()).collect();
    assert_eq!(names, ["prod", "test"]);
}

#[test]
fn the_shards_run_every_collector_once_between_them() {
    let shards = ["shard-queue.yaml", "shard-machines.yaml"].map(example);
    assert_eq!(shards[0].slurm.name, shards[1].slurm.name, "the series are those of one cluster");
    for collector in COLLECTORS.iter().filter(|collector| Collectors::default().is_enabled(collector.name)) {
        let running = shards.iter().filter(|shard| shard.collectors.is_enabled(collector.name)).count();
        assert_eq!(running, 1, "{}", collector.name);
    }
}
