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

/// A child that does not outlive the test.
pub(crate) struct Running(Child);

impl Running {
    /// A Prometheus with this configuration, which answers on `address`.
    pub(crate) fn start(config: &Path, data: &Path, address: &str) -> Self {
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("prometheus starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already when it failed to start.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    let config = folder.path().join("prometheus.yml");
    let target = &exporter.address;
    fs::write(
        &config,
        format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs:\n  - job_name: slurm\n    static_configs: [{{targets: ['{target}']}}]\n"
        ),
    )
    .unwrap();
    // Prometheus cannot be told to pick a port, so it gets one that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _prometheus = Running::start(&config, &folder.path().join("data"), &address);

    let query = |expression: &str| -> Option<serde_json::Value> {
        TcpStream::connect(&address).ok()?;
        let (status, body) = http_get(&address, &format!("/api/v1/query?query={expression}"));
        let answer: serde_json::Value = (status == 200).then(|| serde_json::from_str(&body).ok())??;
        answer["data"]["result"].as_array()?.first().map(|result| result["value"][1].clone())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        // Three good scrapes, and what they brought can be asked for.
        if query("count_over_time(up[1m])>=3").is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "Prometheus did not scrape three times");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(query("min_over_time(up[1m])").unwrap(), "1");
    let (_, targets) = http_get(&address, "/api/v1/targets");
    let targets: serde_json::Value = serde_json::from_str(&targets).unwrap();
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "");
    assert_eq!(targets["data"]["activeTargets"][0]["health"], "up");
    let nodes = exporter.scrape().get("slurm_cluster_nodes_total", &[]).unwrap();
    assert_eq!(query("sum(slurm_nodes_total)").unwrap(), nodes.to_string());
    // Scraped as OpenMetrics, which is what it likes best: that page has metadata of a counter without its _total.
    let metadata = |family: &str| http_get(&address, &format!("/api/v1/targets/metadata?metric={family}")).1;
    assert!(metadata("process_cpu_seconds").contains("\"counter\""), "{}", metadata("process_cpu_seconds"));
    assert!(!metadata("process_cpu_seconds_total").contains("\"counter\""));
    assert!(metadata("slurm_nodes_total").contains("\"gauge\""));
    assert!(query("process_cpu_seconds_total").is_some());
    assert!(query("scrape_samples_scraped").unwrap().as_str().unwrap().parse::<f64>().unwrap() > 100.0);
}
