//! The configuration read anew in a running process: by signal, by request, by a changed file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use mock_slurmrestd::wire::Endpoint;

use crate::page::Samples;
use crate::process::{Exporter, http_request};
use crate::simulator::{SERVED, Simulator};

/// A configuration file that the test rewrites.
struct File {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exporter.yaml");
        fs::write(&path, yaml).unwrap();
        Self { folder, path }
    }

    fn start(&self) -> Exporter {
        Exporter::start(&["--config".as_ref(), self.path.as_os_str()])
    }
}

/// Polled rarely, so that a second poll of an endpoint is seen for what it is; no look at the file.
fn yaml(clusters: &[(&str, &Simulator)], more: &str) -> String {
    let mut yaml = format!("server: {{reload_interval: 0s}}\n{more}\nclusters:\n");
    for (name, simulator) in clusters {
        yaml += &format!("  - {{name: {name}, url: \"http://{}\"}}\n", simulator.address());
    }
    yaml
}

fn up(page: &Samples, cluster: &str) -> f64 {
    page.sum("slurm_exporter_endpoint_up", &[("cluster", cluster)])
}

fn reload(exporter: &Exporter) -> (u16, String) {
    http_request(exporter.admin(), "POST", "/-/reload", "")
}

fn succeeded(page: &Samples) -> Option<f64> {
    page.get("slurm_exporter_config_last_reload_successful", &[])
}

/// `kill -HUP`.
fn hang_up(exporter: &Exporter) {
    let sent = Command::new("kill").args(["-HUP", &exporter.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}

fn polls(simulator: &Simulator) -> u64 {
    simulator.server.requests().endpoints[&Endpoint::Jobs].requests
}

#[test]
fn clusters_come_and_go_and_the_unchanged_one_notices_nothing() {
    let (one, other, third) = (Simulator::start(), Simulator::start(), Simulator::start());
    let file = File::new(&yaml(&[("one", &one), ("other", &other)], ""));
    let exporter = file.start();
    exporter.wait_for("two clusters", |page| up(page, "one") == SERVED && up(page, "other") == SERVED);
    fs::write(&file.path, yaml(&[("third", &third), ("one", &one)], "")).unwrap();
    assert_eq!(reload(&exporter), (200, "reloaded\n".to_owned()));
    // Withdrawn with the answer, not some time later.
    let page = exporter.scrape();
    assert_eq!(up(&page, "one"), SERVED);
    assert!(!exporter.get("/metrics").1.contains("cluster=\"other\""));
    assert_eq!(exporter.get("/metrics?cluster=other").0, 400);
    let page = exporter.wait_for("the new cluster", |page| up(page, "third") == SERVED);
    assert!(page.get("slurm_cluster_nodes_total", &[("cluster", "one")]).is_some());
    assert_eq!(polls(&one), 1, "not polled again");
    assert!(exporter.get("/ready").1.contains("third/nodes: ok"));
}

#[test]
fn a_changed_cluster_goes_on_counting() {
    let simulator = Simulator::start();
    let file = File::new(&yaml(&[("one", &simulator)], ""));
    let exporter = file.start();
    let before = exporter.wait_for("the cluster", |page| {
        up(page, "one") == SERVED && page.sum("slurm_exporter_collections_total", &[]) >= 5.0
    });
    let counters: [(&str, &[(&str, &str)]); 4] = [
        ("slurm_exporter_cache_misses_total", &[]),
        ("slurm_exporter_collections_total", &[("collector", "jobs")]),
        ("slurm_exporter_collection_duration_seconds_count", &[("collector", "nodes")]),
        ("slurm_scheduler_cycles_total", &[]),
    ];
    assert!(counters.iter().all(|(family, labels)| before.get(family, labels).is_some()));
    fs::write(&file.path, yaml(&[("one", &simulator)], "collectors: {nodes: {enabled: false}}")).unwrap();
    hang_up(&exporter);
    exporter.wait_for("the collector's end", |page| page.all("slurm_node_cpus_total").count() == 0);
    // Not withdrawn until the new polls bring the same again.
    assert!(exporter.scrape().get("slurm_cluster_nodes_total", &[]).is_some());
    // The polls of before and those that the new settings begin with.
    let page = exporter.wait_for("the second polls", |page| {
        page.sum("slurm_exporter_api_requests_total", &[("endpoint", "jobs"), ("code", "200")]) == 2.0
    });
    assert_eq!(page.all("slurm_node_cpus_total").count(), 0, "the collector is off");
    assert!(page.get("slurm_cluster_nodes_total", &[]).is_some(), "the others stay");
    for (family, labels) in counters {
        assert!(page.get(family, labels) >= before.get(family, labels), "{family} went down");
    }
    assert_eq!(exporter.get("/metrics?collect[]=nodes").0, 400);
}

#[test]
fn single_jobs_appear_when_they_are_switched_on_though_no_job_has_changed() {
    let simulator = Simulator::start();
    let file = File::new("");
    fs::write(file.folder.path().join("key"), "k").unwrap();
    let hashed =
        format!("metrics: {{hash_users: true, hash_key_file: {}/key}}\n", file.folder.path().display());
    fs::write(&file.path, yaml(&[("one", &simulator)], &hashed)).unwrap();
    let exporter = file.start();
    let page = exporter.wait_for("the jobs", |page| page.get("slurm_jobs_submitted_total", &[]).is_some());
    assert_eq!(page.all("slurm_job_info").count(), 0, "off by default");
    let more = hashed + "collectors: {jobs: {per_job: true}}\n";
    fs::write(&file.path, yaml(&[("one", &simulator)], &more)).unwrap();
    assert_eq!(reload(&exporter).0, 200);
    let page = exporter.wait_for("single jobs", |page| page.all("slurm_job_info").count() > 0);
    let rows = page.get("slurm_job_rows", &[("outcome", "shown")]);
    assert_eq!(rows, Some(page.all("slurm_job_info").count() as f64));
    let cpus = page.sum("slurm_job_cpus", &[]);
    assert!(cpus >= page.sum("slurm_account_cpus_allocated", &[]) && cpus > 0.0);
    for (job, _) in page.all("slurm_job_info") {
        for label in ["name", "user"] {
            assert!(
                job[label].len() == 16 && job[label].bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{job:?}"
            );
        }
    }
}

#[test]
fn a_bad_file_changes_nothing_and_tells_everything() {
    let simulator = Simulator::start();
    let good = yaml(&[("one", &simulator)], "");
    let file = File::new(&good);
    let exporter = file.start();
    let page = exporter.wait_for("the cluster", |page| up(page, "one") == SERVED);
    assert_eq!(succeeded(&page), Some(1.0));
    let hash = page.get("slurm_exporter_config_hash", &[]).unwrap();
    fs::write(&file.path, good.replace("name: one", "name: two, tokn: x") + "log: {level: loud}\n").unwrap();
    let (status, said) = reload(&exporter);
    assert_eq!(status, 500);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("exporter.yaml:4:") && said.contains("unknown key") && said.contains("log.level"),
        "{said}"
    );
    let page = exporter.wait_for("the failure", |page| succeeded(page) == Some(0.0));
    assert_eq!(page.get("slurm_exporter_config_hash", &[]), Some(hash), "the one in use");
    assert_eq!(up(&page, "one"), SERVED);
    // As bad is a token that is not there.
    let tokenless = good.replace("name: one", "name: one, auth: {token_file: /nonexistent/token}");
    fs::write(&file.path, tokenless).unwrap();
    assert!(reload(&exporter).1.contains("/nonexistent/token"));
    fs::write(&file.path, good.clone() + "log: {level: debug}\n").unwrap();
    assert_eq!(reload(&exporter).0, 200);
    assert_eq!(http_request(exporter.admin(), "GET", "/-/loglevel", "").1, "debug\n");
    let page = exporter.wait_for("the success", |page| succeeded(page) == Some(1.0));
    assert_ne!(page.get("slurm_exporter_config_hash", &[]), Some(hash));
    assert_eq!(polls(&simulator), 1, "nothing of all that touched the cluster");
    let (_, log) = exporter.terminate();
    assert!(log.contains("log.level: expected one of") && log.contains("unknown key"), "{log}");
}

#[test]
fn a_file_that_is_swapped_by_symlink_is_noticed_by_its_content() {
    let simulator = Simulator::start();
    let text = |name: &str| yaml(&[(name, &simulator)], "").replace("0s", "1s");
    let file = File::new("");
    fs::remove_file(&file.path).unwrap();
    let write = |version: &str, name: &str| -> PathBuf {
        let folder = file.folder.path().join(version);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("exporter.yaml"), text(name)).unwrap();
        folder
    };
    // As Kubernetes does it: the file is a link through `..data`, which is replaced in one step.
    let data = file.folder.path().join("..data");
    symlink(write("v1", "one"), &data).unwrap();
    symlink(Path::new("..data").join("exporter.yaml"), &file.path).unwrap();
    let exporter = file.start();
    exporter.wait_for("the first", |page| up(page, "one") == SERVED);
    let next = file.folder.path().join("..data_tmp");
    symlink(write("v2", "two"), &next).unwrap();
    fs::rename(&next, &data).unwrap();
    let page = exporter.wait_for("the second", |page| up(page, "two") == SERVED);
    assert_eq!(up(&page, "one"), 0.0);
    // A file that is gone for a while is told once, and its return is noticed although its content is the same.
    fs::remove_file(&data).unwrap();
    exporter.wait_for("the loss", |page| succeeded(page) == Some(0.0));
    symlink(file.folder.path().join("v2"), &data).unwrap();
    let page = exporter.wait_for("the return", |page| succeeded(page) == Some(1.0));
    assert_eq!(up(&page, "two"), SERVED);
    let (_, log) = exporter.terminate();
    assert_eq!(log.matches("cannot be read").count(), 1, "{log}");
}

#[test]
fn what_waits_for_a_restart_is_said() {
    let simulator = Simulator::start();
    let file = File::new(&yaml(&[("one", &simulator)], ""));
    let exporter = file.start();
    let (status, page) = exporter.get("/config");
    assert_eq!(status, 200);
    assert!(page.contains("server.listen: \"127.0.0.1:0\"  # --server.listen\n"), "{page}");
    assert!(page.contains("exporter.yaml:1:27\n"), "the origin of server.reload_interval: {page}");
    assert!(page.contains(&format!("clusters[0].url: \"http://{}\"  # ", simulator.address())), "{page}");
    assert!(page.contains("collection.jitter: \"10s\"  # default\n"), "{page}");
    let changed = yaml(&[("one", &simulator)], "").replace("0s}", "0s, metrics_path: /m}");
    fs::write(&file.path, changed).unwrap();
    assert_eq!(reload(&exporter).0, 200);
    let (_, page) = exporter.get("/config");
    assert!(
        page.contains("server.metrics_path: \"/m\"  # ") && page.contains("in effect after a restart"),
        "{page}"
    );
    assert_eq!((exporter.get("/metrics").0, exporter.get("/m").0), (200, 404));
    let (_, log) = exporter.terminate();
    assert!(log.contains("has no effect before a restart") && log.contains("server.metrics_path"), "{log}");
}

#[test]
fn the_log_level_is_told_and_changed_by_request() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    let ask = |method: &str, path: &str| http_request(exporter.admin(), method, path, "");
    assert_eq!(ask("GET", "/-/loglevel"), (200, "info\n".to_owned()));
    assert_eq!(ask("PUT", "/-/loglevel?level=trace"), (200, "trace\n".to_owned()));
    assert_eq!(ask("GET", "/-/loglevel"), (200, "trace\n".to_owned()));
    for (method, path, status) in [
        ("PUT", "/-/loglevel?level=loud", 400),
        ("PUT", "/-/loglevel", 400),
        ("DELETE", "/-/loglevel", 405),
        ("GET", "/-/reload", 405),
        ("GET", "/metrics", 404),
    ] {
        assert_eq!(ask(method, path).0, status, "{method} {path}");
    }
    assert_eq!(exporter.get("/-/loglevel").0, 404, "not on the port that is scraped");
    let (_, log) = exporter.terminate();
    assert!(log.contains("TRACE"), "{log}");
}
