//! The section `metrics` of the configuration, seen from the page of a simulated cluster.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::page::Samples;
use crate::process::{Exporter, http_get_with, read_by_python};
use crate::simulator::Simulator;

/// An exporter of the simulated cluster with this section `metrics`.
fn start(simulator: &Simulator, metrics: &str) -> (Exporter, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    fs::write(&path, metrics.replace("FOLDER", &folder.path().display().to_string())).unwrap();
    fs::write(folder.path().join("key"), "k\n").unwrap();
    let mut arguments = simulator.exporter_arguments();
    arguments.push(format!("--config={}", path.display()));
    let exporter = Exporter::start(&arguments);
    exporter.wait_until_ready();
    (exporter, folder)
}

/// The page as soon as it has this series: what the exporter says of itself follows a change within a second.
fn page_with(exporter: &Exporter, family: &str, labels: &[(&str, &str)]) -> Samples {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = exporter.scrape();
        if page.get(family, labels).is_some() {
            return page;
        }
        assert!(Instant::now() < deadline, "no {family}{labels:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn values_beyond_a_limit_fold_and_every_sum_stays() {
    let simulator = Simulator::start();
    let (whole, _folder) = start(&simulator, "metrics: {}\n");
    let (limited, _folder) =
        start(&simulator, "metrics:\n  label_limits: {node: 10, partition: 2, user: 1000}\n");
    let of_cpus = [("family", "slurm_node_cpus_total")];
    let page = page_with(&limited, "slurm_exporter_cardinality_dropped_series", &of_cpus);
    let whole = whole.scrape();
    for family in
        ["slurm_node_cpus_total", "slurm_node_memory_total_bytes", "slurm_jobs_pending", "slurm_jobs_total"]
    {
        assert!(whole.sum(family, &[]) > 0.0, "{family}");
        assert_eq!(page.sum(family, &[]), whole.sum(family, &[]), "{family}");
    }
    let values = |family: &str, label: &str| -> BTreeSet<String> {
        page.all(family).map(|(labels, _)| labels[label].clone()).collect()
    };
    let nodes = values("slurm_node_cpus_total", "node");
    assert!(nodes.len() == 10 && nodes.contains("other"), "{nodes:?}");
    // An info cannot be added up; those that are left are the same nodes.
    let infos = values("slurm_node_info", "node");
    assert_eq!(infos.len(), 9);
    assert!(infos.is_subset(&nodes));
    assert_eq!(values("slurm_jobs_total", "partition").len(), 2);
    let dropped = page.get("slurm_exporter_cardinality_dropped_series", &of_cpus);
    assert_eq!(dropped, Some(whole.all("slurm_node_cpus_total").count() as f64 - 10.0));
    assert_eq!(page.get("slurm_exporter_cardinality_limit", &[]), None);
}

#[test]
fn a_full_page_keeps_what_is_about_the_cluster_and_says_what_it_lacks() {
    let simulator = Simulator::start();
    let (exporter, _folder) = start(&simulator, "metrics: {max_series: 1800}\n");
    let node = [("family", "slurm_node_info")];
    let page = page_with(&exporter, "slurm_exporter_cardinality_dropped_series", &node);
    assert_eq!(page.get("slurm_exporter_cardinality_limit", &[]), Some(1800.0));
    assert!(page.get("slurm_cluster_nodes_total", &[]).is_some());
    let lines = exporter.get("/metrics").1.lines().filter(|line| !line.starts_with('#')).count();
    assert!(lines <= 1800, "{lines}");
}

#[test]
fn prefix_filter_and_levels_choose_and_rename_whole_families() {
    let simulator = Simulator::start();
    let yaml = "metrics:\n  prefix: hpc_\n  aggregation: {enabled: true, levels: [cluster, partition]}\n  \
                filter:\n    exclude: [\"hpc_partition_memory_.{1,20}\", \"process_.*\"]\n";
    let (exporter, _folder) = start(&simulator, yaml);
    page_with(&exporter, "slurm_exporter_cardinality_current", &[("family", "hpc_nodes_total")]);
    let (_, page) = exporter.get("/metrics");
    let families: BTreeSet<_> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(families.contains("hpc_cluster_nodes_total") && families.contains("hpc_partition_cpus_total"));
    assert!(families.contains("slurm_exporter_build_info"));
    let begins = |prefix: &str| families.iter().filter(|name| name.starts_with(prefix)).count();
    assert_eq!(begins("slurm_"), begins("slurm_exporter_"));
    assert_eq!((begins("hpc_node_cpu"), begins("hpc_partition_memory_"), begins("process_")), (0, 0, 0));
    let accept = "Accept: application/openmetrics-text\r\n";
    let (_, openmetrics) = http_get_with(&exporter.address, "/metrics", accept);
    if let Some(found) = read_by_python(openmetrics.as_bytes()) {
        assert_eq!(found.len(), families.len());
    }
}

#[test]
fn users_are_hashed_and_stay_apart() {
    let simulator = Simulator::start();
    let (plain, _folder) = start(&simulator, "metrics: {}\n");
    let (hashed, _folder) = start(&simulator, "metrics: {hash_users: true, hash_key_file: FOLDER/key}\n");
    let (plain, hashed) = (plain.scrape(), hashed.scrape());
    let family = "slurm_user_rpc_requests_total";
    let users = |page: &Samples| -> BTreeSet<String> {
        page.all(family).map(|(labels, _)| labels["user"].clone()).collect()
    };
    let (names, pseudonyms) = (users(&plain), users(&hashed));
    assert!(!names.is_empty());
    assert_eq!(names.len(), pseudonyms.len());
    assert!(pseudonyms.is_disjoint(&names));
    let is_hash = |name: &String| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(pseudonyms.iter().all(is_hash), "{pseudonyms:?}");
}

#[test]
fn its_own_families_and_buckets_are_a_matter_of_choice() {
    let simulator = Simulator::start();
    let (exporter, _folder) = start(
        &simulator,
        "metrics:\n  exporter:\n    cache_hit_ratio: {enabled: false}\n    collection_errors_total: {enabled: false}\n    \
         api_request_duration_seconds: {buckets: [0.5, 60]}\n    collection_duration_seconds: {buckets: [7]}\n",
    );
    let jobs = [("collector", "jobs")];
    let page = page_with(&exporter, "slurm_exporter_collection_duration_seconds_count", &jobs);
    assert_eq!(page.all("slurm_exporter_cache_hit_ratio").count(), 0);
    assert_eq!(page.all("slurm_exporter_collection_errors_total").count(), 0);
    let bounds = |family: &str| -> BTreeSet<String> {
        page.all(&format!("{family}_bucket")).map(|(labels, _)| labels["le"].clone()).collect()
    };
    let expected = |bounds: &[&str]| bounds.iter().map(|bound| (*bound).to_owned()).collect();
    assert_eq!(bounds("slurm_exporter_api_request_duration_seconds"), expected(&["0.5", "60.0", "+Inf"]));
    assert_eq!(bounds("slurm_exporter_collection_duration_seconds"), expected(&["7.0", "+Inf"]));
}

#[test]
fn a_full_page_gives_up_the_named_families_first() {
    let simulator = Simulator::start();
    let keys = "max_series: 1800, levels: {critical: [slurm_node_cpus_total], detailed: [slurm_jobs_total]}";
    let (exporter, _folder) = start(&simulator, &format!("metrics: {{{keys}}}\n"));
    let gone = [("family", "slurm_jobs_total")];
    let page = page_with(&exporter, "slurm_exporter_cardinality_dropped_series", &gone);
    assert_eq!(page.all("slurm_jobs_total").count(), 0);
    assert_eq!(page.all("slurm_node_cpus_total").count(), 60);
}

#[test]
fn nothing_counts_as_unchanged_unless_it_may() {
    let simulator = Simulator::start();
    let hits_after = |caching: &str, partitions: f64| {
        let keys = format!(
            "performance: {{caching: {{{caching}}}}}\ncollection: {{intervals: {{partitions: 1s}}}}\n"
        );
        let (exporter, _folder) = start(&simulator, &keys);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let page = exporter.scrape();
            let polls = page.sum("slurm_exporter_api_requests_total", &[("endpoint", "partitions")]);
            if polls >= partitions {
                return page.sum("slurm_exporter_cache_hits_total", &[]);
            }
            assert!(Instant::now() < deadline, "partitions are not read again");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    assert!(hits_after("enabled: true", 3.0) > 0.0);
    assert_eq!(hits_after("enabled: false", 3.0), 0.0);
    assert_eq!(hits_after("default_ttl: 1ms", 3.0), 0.0);
}
