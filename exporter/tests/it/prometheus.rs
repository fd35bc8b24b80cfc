//! A real Prometheus scrapes the exporter, which reads a simulated cluster; promtool judges the page.
//! Needs Debian's package `prometheus`, which brings both.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exporter::collectors::GAUGES_NAMED_TOTAL;

use crate::process::{Exporter, has_program, http_get, lint, missing};
use crate::simulator::Simulator;

/// A real Prometheus that scrapes every second; dropping it ends it.
pub(crate) struct Prometheus {
    child: Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Prometheus {
    /// Its configuration lies in `folder` and names files relative to it; `scheme` is YAML of the target's job.
    pub(crate) fn scraping(target: &str, folder: &Path, scheme: &str) -> Self {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: slurm-exporter\n    \
             static_configs: [{{targets: ['{target}']}}]\n{scheme}"
        );
        fs::write(&config, text).unwrap();
        let data = tempfile::tempdir().unwrap();
        // Prometheus cannot be told to pick a port, so it gets one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self { child: child.expect("prometheus starts"), address, _data: data }
    }

    /// The body of a good answer; nothing before it listens.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        TcpStream::connect(&self.address).ok()?;
        let (status, body) = http_get(&self.address, path);
        (status == 200).then_some(body)
    }

    /// The series that a query gives now.
    pub(crate) fn query(&self, expression: &str) -> Vec<serde_json::Value> {
        let encoded: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let body = self.get(&format!("/api/v1/query?query={encoded}"));
        let answer: Option<serde_json::Value> = body.and_then(|body| serde_json::from_str(&body).ok());
        let result = answer.as_ref().and_then(|answer| answer["data"]["result"].as_array());
        result.cloned().unwrap_or_default()
    }

    /// Until so many scrapes went well.
    pub(crate) fn wait_for_scrapes(&self, scrapes: u32) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while self.query(&format!("sum_over_time(up[1m]) >= {scrapes}")).is_empty() {
            let targets = self.get("/api/v1/targets");
            assert!(Instant::now() < deadline, "Prometheus did not scrape: {targets:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Gone already when it failed to start.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn promtool_accepts_the_page_but_for_the_listed_names() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let (_, page) = exporter.get("/metrics");
    let Some(said) = lint(page.as_bytes()) else { return };
    let complaints: Vec<_> = said
        .iter()
        .filter(|line| {
            let name = line.split_whitespace().next().unwrap_or_default();
            let listed = GAUGES_NAMED_TOTAL.contains(&name);
            !(listed && line.contains("non-counter metrics should not have \"_total\" suffix"))
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_real_prometheus_scrapes_without_an_error() {
    if missing("prometheus", has_program("prometheus"), "apt-get install prometheus") {
        return;
    }
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();

    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::scraping(&exporter.address, folder.path(), "");
    prometheus.wait_for_scrapes(3);
    let query =
        |expression: &str| prometheus.query(expression).first().map(|series| series["value"][1].clone());
    assert_eq!(query("min_over_time(up[1m])").unwrap(), "1");
    let targets = prometheus.get("/api/v1/targets").unwrap();
    let targets: serde_json::Value = serde_json::from_str(&targets).unwrap();
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "");
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up");
    let nodes = exporter.scrape().get("slurm_cluster_nodes_total", &[]).unwrap();
    assert_eq!(query("sum(slurm_nodes_total)").unwrap(), nodes.to_string());
    // Scraped as OpenMetrics, which is what it likes best: that page has metadata of a counter without its _total.
    let metadata = |family: &str| {
        prometheus.get(&format!("/api/v1/targets/metadata?metric={family}")).expect("it answers")
    };
    assert!(metadata("process_cpu_seconds").contains("\"counter\""), "{}", metadata("process_cpu_seconds"));
    assert!(!metadata("process_cpu_seconds_total").contains("\"counter\""));
    assert!(metadata("slurm_nodes_total").contains("\"gauge\""));
    assert!(query("process_cpu_seconds_total").is_some());
    assert!(query("scrape_samples_scraped").unwrap().as_str().unwrap().parse::<f64>().unwrap() > 100.0);
}
