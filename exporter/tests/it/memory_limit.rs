//! What the shipped binary gives up when `performance.memory_limit` is reached, and that it gives up nothing before.
//! The rule of the levels is tested beside `memory_guard`.

use mock_slurmrestd::cluster::Size;

use crate::page::Samples;
use crate::process::Exporter;
use crate::simulator::Simulator;

fn start(simulator: &Simulator, limit: &str) -> Exporter {
    let mut arguments = simulator.exporter_arguments();
    for endpoint in exporter::model::Endpoint::ALL {
        arguments.push(format!("--collection.intervals.{}=1s", endpoint.name().replace('_', "-")));
    }
    arguments.push(format!("--performance.memory-limit={limit}"));
    Exporter::start(&arguments)
}

fn dropped(page: &Samples, level: &str) -> Option<f64> {
    page.get("slurm_exporter_level_dropped", &[("level", level)])
}

fn of_endpoint(page: &Samples, family: &str, endpoint: &str) -> Option<f64> {
    page.get(family, &[("endpoint", endpoint)])
}

#[test]
fn over_the_limit_less_is_read_and_the_page_says_so() {
    let simulator = Simulator::of(&Size::of(200, 25_000));
    // The least that the configuration takes; so many jobs need more.
    let exporter = start(&simulator, "32MiB");
    let page = exporter.wait_for("withdrawal", |page| {
        dropped(page, "detailed") == Some(1.0)
            && of_endpoint(page, "slurm_exporter_endpoint_stale", "jobs") == Some(1.0)
    });
    assert_eq!(page.all("slurm_jobs_total").count(), 0, "withdrawn, not zero");
    assert_eq!(exporter.get("/health").0, 200);
    // The controller and the counts of states are still watched.
    let page = exporter.wait_for("what is critical", |page| {
        page.all("slurm_controller_up").count() == 1 && page.sum("slurm_cluster_jobs", &[]) > 0.0
    });

    let requests =
        |page: &Samples, endpoint| page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint)]);
    let pings = requests(&page, "ping") + 3.0;
    let later = exporter.wait_for("more pings", |page| requests(page, "ping") >= pings);
    assert_eq!(requests(&later, "jobs"), requests(&page, "jobs"), "the jobs are no longer asked for");
}

#[test]
fn below_the_limit_everything_is_read() {
    let simulator = Simulator::start();
    let exporter = start(&simulator, "4GiB");
    exporter.wait_until_ready();
    let page = exporter.wait_for("a poll of the jobs", |page| {
        of_endpoint(page, "slurm_exporter_endpoint_up", "jobs") == Some(1.0)
            && dropped(page, "detailed").is_some()
    });
    assert_eq!((dropped(&page, "important"), dropped(&page, "detailed")), (Some(0.0), Some(0.0)));
    assert!(page.all("slurm_nodes_total").count() > 0);
    assert_eq!(page.get("slurm_exporter_memory_limit_bytes", &[]), Some(4.0 * 1024.0 * 1024.0 * 1024.0));
}
