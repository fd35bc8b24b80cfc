//! Several exporters for one cluster: who leads serves, the others stand by, and one of them takes over.
//! Processes are killed for good here; the election by itself is tested under `src/ha`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::kubernetes::ApiServer;
use crate::page::Samples;
use crate::process::{Exporter, http_request};
use crate::simulator::Simulator;

/// The families of the simulated cluster on a page.
fn nodes(page: &Samples) -> Option<f64> {
    page.all("slurm_cluster_nodes_total").next().map(|(_, value)| value)
}

fn leads(page: &Samples) -> bool {
    // None before the first encoding.
    page.get("slurm_exporter_leader", &[]) == Some(1.0)
}

fn wait_for(what: &str, wanted: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !wanted() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn serves(exporter: &Exporter) -> bool {
    let page = exporter.scrape();
    leads(&page) && nodes(&page).is_some() && exporter.get("/ready").0 == 200
}

/// Waits until one of two leads, and gives it and the other.
fn sorted(one: Exporter, other: Exporter) -> (Exporter, Exporter) {
    wait_for("a leader", || serves(&one) || serves(&other));
    if serves(&one) { (one, other) } else { (other, one) }
}

fn assert_stands_by(exporter: &Exporter) {
    // Encoded once a second.
    wait_for("its own telemetry", || exporter.scrape().get("slurm_exporter_leader", &[]) == Some(0.0));
    let (page, (status, body)) = (exporter.scrape(), exporter.get("/ready"));
    assert!(nodes(&page).is_none(), "a standby serves itself and nothing else");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("standing by: "), "{body}");
    assert_eq!(exporter.get("/health").0, 200);
    assert_eq!(exporter.get("/metrics?collect[]=nodes").0, 200, "known, though it has nothing");
}

fn with_lock(simulator: &Simulator, lock: &Path) -> Exporter {
    let mut arguments = simulator.exporter_arguments();
    arguments.push(configuration(lock, &format!("leader_election: true\n  lock_file: {}", lock.display())));
    Exporter::start(&arguments)
}

/// A configuration file beside `path` with this section `ha`; legacy pages are on.
fn configuration(path: &Path, ha: &str) -> String {
    let file: PathBuf = path.with_extension("yaml");
    std::fs::write(&file, format!("metrics: {{legacy: [vpenso]}}\nha:\n  {ha}\n")).unwrap();
    format!("--config={}", file.display())
}

#[test]
fn a_secondary_without_an_election_stands_by_until_it_is_promoted() {
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ha");
    let mut arguments = simulator.exporter_arguments();
    arguments.push(configuration(&file, "mode: secondary\n  standby_interval: 0s"));
    let exporter = Exporter::start(&arguments);
    wait_for("a ping", || exporter.get("/ready").1.contains("ping: ok"));
    assert_stands_by(&exporter);
    let asked = |page: &Samples, endpoint: &str| {
        page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint)]) > 0.0
    };
    wait_for("the count of pings", || asked(&exporter.scrape(), "ping"));
    assert!(!asked(&exporter.scrape(), "jobs") && !asked(&exporter.scrape(), "nodes"), "only pings");
    for (mode, serving) in [("primary", true), ("secondary", false), ("primary", true)] {
        configuration(&file, &format!("mode: {mode}\n  standby_interval: 0s"));
        assert_eq!(http_request(exporter.admin(), "POST", "/-/reload", "").0, 200);
        if serving {
            wait_for("the promotion", || serves(&exporter));
            assert!(exporter.get("/metrics/legacy/vpenso").1.contains("slurm_nodes_idle"));
        } else {
            wait_for("the demotion", || nodes(&exporter.scrape()).is_none());
            assert_stands_by(&exporter);
            assert!(!exporter.get("/metrics/legacy/vpenso").1.contains("slurm_nodes_idle"));
        }
    }
}

#[test]
fn of_two_with_a_lock_one_serves_and_the_other_takes_over_when_it_is_killed() {
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    let (leader, standby) = sorted(with_lock(&simulator, &lock), with_lock(&simulator, &lock));
    assert_stands_by(&standby);
    // It knows the jobs, should it lead: the default interval of a standby is not 0.
    wait_for("a reading of the standby", || standby.get("/ready").1.contains("jobs: ok"));
    assert_stands_by(&standby);
    let killed = Instant::now();
    drop(leader);
    wait_for("the other to take over", || serves(&standby));
    println!("lock file: taken over {:.2} s after the kill", killed.elapsed().as_secs_f64());
    let third = with_lock(&simulator, &lock);
    wait_for("the third to see who leads", || third.get("/ready").1.contains("_"));
    assert_stands_by(&third);
    // An orderly end.
    assert_eq!(standby.terminate().0, Some(0));
    wait_for("the third to take over", || serves(&third));
}

fn with_lease(simulator: &Simulator, api: &ApiServer, duration: &str) -> Exporter {
    let mut arguments = simulator.exporter_arguments();
    let path = api.account().join("ha");
    let ha = format!("lease_duration: {duration}\n  service_account: {}", api.account().display());
    arguments.push(configuration(&path, &ha));
    let mut environment = api.environment().to_vec();
    // As deployments have it.
    environment.push(("LEADER_ELECTION", "true".to_owned()));
    Exporter::start_with(&environment, &arguments)
}

/// Kills the leader of two; with the duration of the Lease, since that is what it takes.
fn a_killed_leader_is_followed(duration: &str) {
    let Some(api) = ApiServer::start() else { return };
    let simulator = Simulator::start();
    let start = || with_lease(&simulator, &api, duration);
    let (leader, standby) = sorted(start(), start());
    assert_stands_by(&standby);
    let first = api.holder("slurm-exporter").unwrap();
    assert!(standby.get("/ready").1.contains(&first), "it tells who leads");
    assert_eq!(api.spec("slurm-exporter").unwrap()["leaseTransitions"], 0);
    let renewed = api.spec("slurm-exporter").unwrap()["renewTime"].clone();
    wait_for("a renewal", || api.spec("slurm-exporter").unwrap()["renewTime"] != renewed);
    // The kubelet replaces tokens while the process runs.
    api.rotate_token("second");
    let renewed = api.spec("slurm-exporter").unwrap()["renewTime"].clone();
    wait_for("a renewal with the new token", || api.spec("slurm-exporter").unwrap()["renewTime"] != renewed);
    assert!(serves(&leader));
    let killed = Instant::now();
    drop(leader);
    wait_for("the other to take over", || serves(&standby));
    println!("Lease of {duration}: taken over {:.2} s after the kill", killed.elapsed().as_secs_f64());
    assert_ne!(api.holder("slurm-exporter").unwrap(), first);
    assert_eq!(api.spec("slurm-exporter").unwrap()["leaseTransitions"], 1);
    // Whoever ends in order does not let the others wait.
    let third = start();
    assert_stands_by(&third);
    let ended = Instant::now();
    assert_eq!(standby.terminate().0, Some(0));
    wait_for("the third to take over", || serves(&third));
    println!("Lease of {duration}: taken over {:.2} s after SIGTERM", ended.elapsed().as_secs_f64());
    assert_eq!(api.spec("slurm-exporter").unwrap()["leaseTransitions"], 2, "given back and taken");
}

#[test]
fn of_two_with_a_lease_one_serves_and_the_other_takes_over_when_it_is_killed() {
    a_killed_leader_is_followed("3s");
}

#[test]
fn take_over_with_the_default_lease() {
    if std::env::var_os("MEASURE_TAKE_OVER").is_none() {
        println!("skipped, a measurement that takes a minute: set MEASURE_TAKE_OVER");
        return;
    }
    a_killed_leader_is_followed("15s");
}

#[test]
fn of_many_that_race_for_a_lease_exactly_one_leads() {
    let Some(api) = ApiServer::start() else { return };
    let simulator = Simulator::start();
    let exporters: Vec<_> = (0..4).map(|_| with_lease(&simulator, &api, "15s")).collect();
    wait_for("a leader", || exporters.iter().any(serves));
    let leading = exporters.iter().filter(|exporter| leads(&exporter.scrape())).count();
    assert_eq!(leading, 1);
    assert_eq!(api.count(&Method::POST, StatusCode::CREATED), 1);
}

#[test]
fn a_leader_without_an_api_server_steps_down_and_comes_back() {
    let Some(api) = ApiServer::start() else { return };
    let simulator = Simulator::start();
    let exporter = with_lease(&simulator, &api, "3s");
    wait_for("a leader", || serves(&exporter));
    api.set_deaf(true);
    wait_for("it to step down", || !leads(&exporter.scrape()));
    wait_for("its series to be withdrawn", || nodes(&exporter.scrape()).is_none());
    assert_stands_by(&exporter);
    api.set_deaf(false);
    wait_for("it to lead again", || serves(&exporter));
    let (_, log) = exporter.terminate();
    assert!(log.contains("no answer in time") && log.contains("no longer leading"), "{log}");
}

#[test]
fn an_election_by_lease_outside_of_kubernetes_is_refused() {
    let simulator = Simulator::start();
    let mut command = crate::process::command();
    command.args(simulator.exporter_arguments()).args(["--server.listen", "127.0.0.1:0"]);
    let output =
        command.env("LEADER_ELECTION", "true").env_remove("KUBERNETES_SERVICE_HOST").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("KUBERNETES_SERVICE_HOST is not set") && said.contains("ha.lock_file"), "{said}");
}
