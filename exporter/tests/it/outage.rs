//! What the exporter does when slurmrestd fails, wholly or in part, and when it comes back.

use std::time::Duration;

use mock_slurmrestd::http::{Fault, FaultKind};
use mock_slurmrestd::wire::Endpoint;

use crate::page::Samples;
use crate::process::Exporter;
use crate::simulator::Simulator;

/// What these tests look at, and poll fast.
const WATCHED: [&str; 6] = ["ping", "diag", "job_states", "nodes", "partitions", "jobs"];

fn start(simulator: &Simulator, more: &[&str]) -> Exporter {
    let mut arguments = simulator.exporter_arguments();
    let fast = |endpoint: &str| format!("--collection.intervals.{}=1s", endpoint.replace('_', "-"));
    arguments.extend(exporter::model::Endpoint::ALL.map(|endpoint| fast(endpoint.name())));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let exporter = Exporter::start(&arguments);
    exporter.wait_until_ready();
    exporter
}

fn up(page: &Samples, endpoint: &str) -> Option<f64> {
    page.get("slurm_exporter_endpoint_up", &[("endpoint", endpoint)])
}

fn all_are(page: &Samples, family: &str, value: f64) -> bool {
    WATCHED.iter().all(|endpoint| page.get(family, &[("endpoint", endpoint)]) == Some(value))
}

fn errors(page: &Samples, class: &str) -> f64 {
    page.sum("slurm_exporter_collection_errors_total", &[("error_type", class)])
}

#[test]
fn one_dead_endpoint_keeps_the_others() {
    let simulator = Simulator::start();
    let exporter = start(&simulator, &[]);
    let before = exporter.scrape();
    let only_jobs = Fault::always(FaultKind::InternalError).at(Endpoint::Jobs);
    simulator.server.set_faults(vec![only_jobs]);
    let page = exporter.wait_for("a failed jobs poll", |page| up(page, "jobs") == Some(0.0));
    for endpoint in ["ping", "diag", "nodes", "partitions"] {
        assert_eq!(up(&page, endpoint), Some(1.0), "{endpoint}");
    }
    assert!(errors(&page, "http_status") >= 1.0);
    assert_eq!(page.get("slurm_cluster_nodes_total", &[]), before.get("slurm_cluster_nodes_total", &[]));
    // The last good data stays until it is stale: never zeros.
    assert_eq!(page.sum("slurm_cluster_jobs", &[]), before.sum("slurm_cluster_jobs", &[]));
    assert!(page.sum("slurm_cluster_jobs", &[]) > 0.0);
    assert_eq!(exporter.get("/ready").0, 200);
    assert!(simulator.server.faults().iter().any(|(_, struck)| *struck > 0));
}

#[test]
fn stale_data_is_withdrawn_and_comes_back() {
    let simulator = Simulator::start();
    let exporter = start(&simulator, &["--collection.stale-after=2s"]);
    simulator.server.set_faults(vec![Fault::always(FaultKind::Reset)]);
    let page = exporter.wait_for("withdrawal", |page| all_are(page, "slurm_exporter_endpoint_stale", 1.0));
    assert_eq!(page.all("slurm_cluster_nodes_total").count(), 0, "no data rather than old data");
    assert_eq!(page.all("slurm_cluster_jobs").count(), 0);
    assert_eq!(page.all("slurm_controller_up").count(), 0, "unknown is no series");
    assert!(errors(&page, "connect") >= 1.0);
    let (status, body) = exporter.get("/ready");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("nodes: failed, data withdrawn"), "{body}");
    assert_eq!(exporter.get("/health").0, 200);

    simulator.server.set_faults(Vec::new());
    // On a busy machine a poll may take longer than readings are kept, and they go once more.
    let page = exporter.wait_for("recovery", |page| {
        all_are(page, "slurm_exporter_endpoint_up", 1.0)
            && all_are(page, "slurm_exporter_endpoint_stale", 0.0)
    });
    let nodes = simulator.server.oracle().nodes as f64;
    assert_eq!(page.get("slurm_cluster_nodes_total", &[]), Some(nodes));
    assert_eq!(exporter.get("/ready").0, 200);
}

#[test]
fn each_fault_is_classed() {
    let simulator = Simulator::start();
    let exporter = start(&simulator, &[]);
    for (kind, class) in [
        (FaultKind::InternalError, "http_status"),
        (FaultKind::BadGateway, "http_status"),
        (FaultKind::AuthenticationRequired, "auth"),
        (FaultKind::Truncate, "connect"),
        (FaultKind::Reset, "connect"),
    ] {
        let before = errors(&exporter.scrape(), class);
        let fault = Fault::always(kind).at(Endpoint::Nodes).after(Duration::ZERO);
        simulator.server.set_faults(vec![fault]);
        let page = exporter.wait_for(kind.word(), |page| errors(page, class) > before);
        assert_eq!(up(&page, "nodes"), Some(0.0), "{}", kind.word());
        assert!(simulator.server.faults()[0].1 > 0, "{} struck", kind.word());
        simulator.server.set_faults(Vec::new());
        exporter.wait_for("recovery", |page| up(page, "nodes") == Some(1.0));
    }
}

#[test]
fn scrapes_cause_no_polls_and_jobs_have_one_flight() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let jobs = || simulator.server.requests().endpoints[&Endpoint::Jobs];
    let before = jobs().requests;
    assert_eq!(before, 1, "the first poll starts at once, the second a minute later");
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..20 {
                    exporter.scrape();
                }
            });
        }
    });
    assert_eq!(jobs().requests, before);
    assert_eq!(jobs().max_in_flight, 1);
    let page = exporter.wait_for("the count of scrapes", |page| {
        page.sum("slurm_exporter_scrape_duration_seconds_count", &[]) >= 400.0
    });
    assert_eq!(page.sum("slurm_exporter_api_requests_total", &[("endpoint", "jobs")]), 1.0);
}
