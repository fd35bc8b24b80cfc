//! Whether rules and dashboards find data: a real Prometheus scrapes the exporter, which reads a simulated cluster
//! that lives. Numbers are not judged here.

use std::time::Duration;

use super::dashboards::dashboards;
use super::rules;
use crate::process::{Exporter, has_program, missing};
use crate::prometheus::Prometheus;
use crate::simulator::Simulator;

/// What is empty here whenever a query names it, and why. Each is named by one at least.
const ABSENT: &[(&str, &str)] = &[("slurm_exporter_token_expiry_", "no token is used")];

/// What may be empty: whether it happens in these seconds is chance.
const SELDOM: &[(&str, &str)] = &[
    ("slurm_node_power_watts", "the simulator may measure no power"),
    ("slurm_exporter_leader", "there is one exporter only"),
    ("slurm_node_transitions_total", "none in these seconds"),
    ("slurm_node_drain_info", "no node is drained"),
    ("slurm_node_state{", "no node is down or drained"),
    ("slurm_exporter_collection_errors_total", "nothing fails"),
    ("slurm_job_cpu_efficiency_", "no ended job is read from slurmdbd in these seconds"),
    ("slurm_job_memory_efficiency_", "no ended job is read from slurmdbd in these seconds"),
    ("slurm_job_waste_", "no ended job is read from slurmdbd in these seconds"),
    ("slurm_jobs_failed_total", "no job fails in these seconds"),
    ("slurm_jobs_finished_total", "no job fails in these seconds"),
];

#[test]
fn rules_and_dashboards_find_data() {
    if missing("prometheus", has_program("prometheus"), "apt-get install prometheus") {
        return;
    }
    let simulator = Simulator::start();
    let mut arguments = simulator.exporter_arguments();
    arguments.extend(
        ["ping", "diag", "nodes", "partitions", "jobs"]
            .map(|name| format!("--collection.intervals.{name}=1s")),
    );
    let exporter = Exporter::start(&arguments);
    exporter.wait_until_ready();
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::scraping(&exporter.address, folder.path(), "");
    for scrapes in 2..8 {
        prometheus.wait_for_scrapes(scrapes);
        simulator.server.advance(Duration::from_secs(600));
    }
    let mut queries: Vec<(String, String)> =
        rules().into_iter().filter_map(|rule| Some((rule.record?, rule.expr))).collect();
    for dashboard in dashboards() {
        queries
            .extend(dashboard.queries().map(|(title, query)| (format!("{}: {title}", dashboard.uid), query)));
    }
    let empty: Vec<_> = queries.iter().filter(|(_, query)| prometheus.query(query).is_empty()).collect();
    let explained = |query: &str| ABSENT.iter().chain(SELDOM).any(|(name, _)| query.contains(name));
    let unexplained: Vec<_> = empty.iter().filter(|(_, query)| !explained(query)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for (name, why) in ABSENT {
        let naming: Vec<_> = queries.iter().filter(|(_, query)| query.contains(name)).collect();
        assert!(!naming.is_empty(), "{name}: no query names it");
        let full: Vec<_> = naming.into_iter().filter(|query| !empty.contains(query)).collect();
        assert!(full.is_empty(), "no longer true that {why}: {full:#?}");
    }
    assert!(queries.len() - empty.len() > 70, "{} of {} queries are empty", empty.len(), queries.len());
}
