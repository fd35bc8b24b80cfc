//! A real Prometheus as one of the scrapers: it must find the target up at every scrape, and take every sample.
//! It scrapes beside the load and is no part of it; its scrapes are not in the histograms.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::exposition;
use crate::folder::ResultFolder;
use crate::oracle;
use crate::stack::Child;

const PROGRAM: &str = "prometheus";
const INSTALL: &str = "install Prometheus, on Debian by apt-get install prometheus";
const READY_DEADLINE: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How often it scrapes, and how long a scrape may take: the limit of the built-in rules for the p95.
pub(crate) const SCRAPE_INTERVAL: Duration = Duration::from_secs(5);
const JOB: &str = "target";
/// What it counts when it takes a scrape but not all of its samples.
const REFUSED: [&str; 4] = [
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "prometheus_target_scrapes_sample_out_of_order_total",
    "prometheus_target_scrapes_exemplar_out_of_order_total",
];

/// A running Prometheus that scrapes the target.
#[derive(Debug)]
pub(crate) struct Prometheus {
    child: Child,
    address: Url,
    client: Client,
    /// Its data; goes after the process.
    data: TempDir,
}

/// What it found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scrapes {
    pub(crate) count: u64,
    /// One sentence per thing that went wrong.
    pub(crate) problems: Vec<String>,
}

impl Prometheus {
    /// Starts the one on PATH, which scrapes `metrics` from then on, and waits until it did so once. Its configuration and its log are in the folder.
    ///
    /// # Errors
    /// When there is none, when it does not start, or does not scrape in time; with its last log lines.
    pub(crate) async fn start(
        metrics: &Url,
        out: &mut ResultFolder,
        client: &Client,
    ) -> anyhow::Result<Self> {
        let program = find()?;
        // It cannot be told to pick a port and say which, so it gets one that was free a moment ago.
        let listen = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let listen = listen.context("no free port for Prometheus")?;
        let config = out.file("prometheus.yml");
        std::fs::write(&config, configuration(metrics)?)
            .with_context(|| format!("{}: cannot be written", config.display()))?;
        let data = tempfile::Builder::new().prefix("loadtest-prometheus-").tempdir();
        let data = data.context("no folder for the data of Prometheus")?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address={listen}"));
        let mut child = Child::start("Prometheus", command, &out.file("prometheus.log"))?;
        child.drain();
        let address = Url::parse(&format!("http://{listen}/")).context("address of Prometheus")?;
        let mut prometheus = Self { child, address, client: client.clone(), data };
        prometheus.wait_for_first_scrape().await?;
        Ok(prometheus)
    }

    /// It takes its time to learn of its target, and begins somewhere in its interval.
    async fn wait_for_first_scrape(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            // Until it listens, it does not answer.
            if let Ok(Some(_)) = self.count().await {
                return Ok(());
            }
            tokio::select! {
                status = self.child.ended() => {
                    bail!("Prometheus ended before it scraped ({}){}", status?, self.child.last_words());
                }
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
            if Instant::now() >= deadline {
                let seconds = READY_DEADLINE.as_secs();
                bail!("Prometheus did not scrape within {seconds} s{}", self.child.last_words());
            }
        }
    }

    /// What it has seen so far.
    ///
    /// # Errors
    /// When it cannot be asked, or answers with something else.
    pub(crate) async fn scrapes(&self) -> anyhow::Result<Scrapes> {
        let forgotten = "Prometheus has forgotten its scrapes";
        let count = self.count().await?.context(forgotten)?;
        let up = self.number("sum_over_time(up[1d])").await?.context(forgotten)?;
        let mut problems = Vec::new();
        if up < count {
            problems.push(format!("up was 0 at {} of {count} scrapes", count - up));
        }
        let own = oracle::fetch(&self.client, self.address.join("metrics")?).await?;
        problems.extend(exposition::samples(&own).filter_map(|sample| {
            let refused = REFUSED.contains(&sample.name) && sample.value > 0.0;
            refused.then(|| format!("{} is {}", sample.name, sample.value))
        }));
        problems.extend(self.last_error().await?.map(|error| format!("its last scrape failed: {error}")));
        Ok(Scrapes { count: count as u64, problems })
    }

    /// How often it scraped; `None` before the first time.
    async fn count(&self) -> anyhow::Result<Option<f64>> {
        self.number("count_over_time(up[1d])").await
    }

    /// The error of the last scrape.
    async fn last_error(&self) -> anyhow::Result<Option<String>> {
        let answer = self.ask(self.address.join("api/v1/targets?state=active")?).await?;
        let error = answer["data"]["activeTargets"][0]["lastError"].as_str();
        let error = error.context("Prometheus does not list its target")?;
        Ok((!error.is_empty()).then(|| error.to_owned()))
    }

    /// The value of a query with at most one series.
    async fn number(&self, query: &str) -> anyhow::Result<Option<f64>> {
        let mut url = self.address.join("api/v1/query")?;
        url.query_pairs_mut().append_pair("query", query);
        let answer = self.ask(url).await?;
        let value = answer["data"]["result"][0]["value"][1].as_str();
        value.map(|value| value.parse().with_context(|| format!("Prometheus answers {value}"))).transpose()
    }

    async fn ask(&self, url: Url) -> anyhow::Result<Value> {
        let text = oracle::fetch(&self.client, url).await?;
        serde_json::from_str(&text).context("Prometheus does not answer with JSON")
    }

    /// Ends it and takes its data away.
    pub(crate) async fn stop(self) {
        self.child.stop().await;
        if let Err(error) = self.data.close() {
            tracing::warn!(%error, "could not remove the data of Prometheus");
        }
    }
}

/// # Errors
/// When none is on PATH.
fn find() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM));
    files.find(|file| file.is_file()).with_context(|| format!("{PROGRAM} is not on PATH: {INSTALL}"))
}

/// JSON is YAML, so that nothing of the address has to be quoted by hand.
fn configuration(metrics: &Url) -> anyhow::Result<String> {
    let host = metrics.host_str().context("the target has no host")?;
    let port = metrics.port_or_known_default().context("the target has no port")?;
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in metrics.query_pairs() {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let interval = format!("{}s", SCRAPE_INTERVAL.as_secs());
    let configuration = json!({
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [{
            "job_name": JOB,
            "scheme": metrics.scheme(),
            "metrics_path": metrics.path(),
            "params": parameters,
            "static_configs": [{"targets": [format!("{host}:{port}")]}],
        }],
    });
    Ok(format!("{configuration:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_page_becomes_a_job() {
        let metrics = Url::parse("http://127.0.0.1:9341/own/metrics?collect%5B%5D=nodes").unwrap();
        let read: Value = serde_json::from_str(&configuration(&metrics).unwrap()).unwrap();
        let job = &read["scrape_configs"][0];
        assert_eq!(job["static_configs"][0]["targets"][0], "127.0.0.1:9341");
        assert_eq!((&job["metrics_path"], &job["scheme"]), (&json!("/own/metrics"), &json!("http")));
        assert_eq!(job["params"], json!({"collect[]": ["nodes"]}));
    }
}
