//! `slurm-exporter once`: the page that the running exporter would serve after its first polls, and then the end.

use std::path::Path;

use crate::page::Samples;
use crate::process::{Exporter, command};
use crate::simulator::Simulator;

/// Exit code, page and complaints.
fn once(arguments: &[String]) -> (Option<i32>, String, String) {
    let output = command().arg("once").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_prints_what_the_exporter_would_serve() {
    let simulator = Simulator::start();
    let (code, page, complaints) = once(&simulator.exporter_arguments());
    assert_eq!(code, Some(0), "{complaints}");
    let live = Exporter::start(&simulator.exporter_arguments());
    live.wait_until_ready();
    let (_, served) = live.get("/metrics?exclude[]=exporter");
    // What the polls themselves count is another number each time.
    let stable = |page: &str| {
        let lines = page.lines().filter(|line| !line.contains("_rpc_") && !line.contains("slurm_exporter_"));
        lines.filter(|line| !line.starts_with("process_")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (ours, theirs) = (stable(&page), stable(&served));
    let missing: Vec<_> =
        theirs.iter().filter(|line| !line.starts_with('#') && !ours.contains(line)).collect();
    assert!(theirs.len() > 300 && missing.is_empty(), "{missing:#?}");
    let samples = Samples::parse(&page);
    for endpoint in ["ping", "diag", "nodes", "partitions", "jobs"] {
        assert_eq!(samples.sum("slurm_exporter_endpoint_up", &[("endpoint", endpoint)]), 1.0, "{endpoint}");
    }
    assert!(page.contains("slurm_exporter_build_info{"));
}

#[test]
fn what_could_not_be_read_is_told_and_not_on_the_page() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folder = tempfile::tempdir().unwrap();
    for name in ["ping.json", "diag.json", "nodes.json", "partitions.json"] {
        std::fs::copy(fixtures.join("slurmrestd/24.11.5/v0.0.42").join(name), folder.path().join(name))
            .unwrap();
    }
    std::fs::copy(fixtures.join("errors/24.11.5/bad-token-jobs.http"), folder.path().join("jobs.http"))
        .unwrap();
    let recorded = format!("--slurm.recorded-directory={}", folder.path().display());
    let (code, page, complaints) = once(&["--slurm.source=recorded".to_owned(), recorded]);
    assert_eq!(code, Some(1), "{complaints}");
    assert!(complaints.starts_with("failed to poll jobs: "), "{complaints}");
    let samples = Samples::parse(&page);
    assert_eq!(samples.sum("slurm_exporter_endpoint_up", &[("endpoint", "jobs")]), 0.0);
    assert!(samples.sum("slurm_nodes_total", &[]) > 0.0);
    assert!(!page.contains("slurm_cluster_jobs{"));
}

#[test]
fn a_cluster_that_is_not_there_leaves_the_exporter_s_own_families() {
    let (code, page, complaints) = once(&["--slurm.url=http://127.0.0.1:1".to_owned()]);
    assert_eq!(code, Some(1), "{complaints}");
    assert!(complaints.contains("Connection refused"), "{complaints}");
    assert_eq!(Samples::parse(&page).sum("slurm_exporter_endpoint_up", &[]), 0.0);
    assert!(!page.contains("slurm_nodes_total"));
}
