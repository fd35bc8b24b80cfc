//! The simulator knows the truth; facts of the exporter's page are held against it after the load.
//! What does not move must be equal; what moves must lie within what was true around the time it was read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::exposition::{self, Sample};

/// A fact that never changes: on the page the sum over a family, in the oracle a JSON pointer.
struct FixedFact {
    name: &'static str,
    family: &'static str,
    pointer: &'static str,
}

/// A fact that changes as jobs come and go: one state of `JOBS_FAMILY`, and of `JOBS_OF_THE_ORACLE`.
struct MovingFact {
    name: &'static str,
    state: &'static str,
    oracle: &'static str,
}

const NODES_FAMILY: &str = "slurm_nodes_total";
const JOBS_FAMILY: &str = "slurm_cluster_jobs";
const JOBS_OF_THE_ORACLE: &str = "jobs_by_state";
const READ_AT_FAMILY: &str = "slurm_exporter_last_success_timestamp_seconds";

/// All facts that are compared. Names of both sides stand here and nowhere else.
const FIXED: [FixedFact; 4] = [
    FixedFact { name: "nodes", family: NODES_FAMILY, pointer: "/nodes" },
    FixedFact { name: "CPUs", family: "slurm_cluster_cpus_total", pointer: "/cpus/total" },
    FixedFact { name: "memory", family: "slurm_cluster_memory_total_bytes", pointer: "/memory_bytes/total" },
    FixedFact { name: "GPUs", family: "slurm_cluster_gpus_total", pointer: "/gpus/total" },
];
const MOVING: [MovingFact; 2] = [
    MovingFact { name: "running jobs", state: "running", oracle: "RUNNING" },
    MovingFact { name: "pending jobs", state: "pending", oracle: "PENDING" },
];

/// How long before its time stamp a poll may have begun.
const POLL_SECONDS: f64 = 5.0;
/// Between two looks at the oracle a figure may go further than at either: this share of it, or this many.
const SLACK_RATIO: f64 = 0.02;
const SLACK_JOBS: f64 = 5.0;

/// The outcome of the comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) compared: u64,
    /// One sentence per fact that differs.
    pub(crate) mismatches: Vec<String>,
}

/// Looks at the oracle once a second, so that it is known what was true when.
#[derive(Debug)]
pub(crate) struct Watch {
    client: Client,
    state: Url,
    task: JoinHandle<()>,
    history: tokio::sync::watch::Receiver<Vec<Truth>>,
}

/// The moving facts at one moment.
#[derive(Clone, Copy, Debug)]
struct Truth {
    unix: f64,
    moving: [f64; MOVING.len()],
}

impl Watch {
    /// Begins to look, until it is dropped. `control` is the address of the simulator's control port.
    pub(crate) fn start(client: &Client, control: &Url) -> anyhow::Result<Self> {
        let state = control.join("/sim/state").context("address of the control port")?;
        let (publish, history) = tokio::sync::watch::channel(Vec::new());
        let (client, url) = (client.clone(), state.clone());
        let asking = client.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                // A look that failed is a gap; the last one, which counts, reports its failure.
                if let Ok(state) = fetch_state(&asking, url.clone()).await {
                    publish.send_modify(|history| history.extend(Truth::of(&state)));
                }
            }
        });
        Ok(Self { client, state, task, history })
    }

    /// Fetches the page and the oracle's state and compares them.
    ///
    /// # Errors
    /// When one of them cannot be fetched or read.
    pub(crate) async fn compare(&self, metrics: &Url) -> anyhow::Result<Comparison> {
        let page = fetch(&self.client, metrics.clone()).await?;
        let state = fetch_state(&self.client, self.state.clone()).await?;
        let mut history = self.history.borrow().clone();
        history.extend(Truth::of(&state));
        Ok(compare(&page, &state, &history))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Truth {
    /// What this state says now; `None` when it says nothing of jobs.
    fn of(state: &Value) -> Option<Self> {
        let jobs = state.get(JOBS_OF_THE_ORACLE)?;
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        // A state that no job is in is left out.
        let moving = MOVING.map(|fact| jobs.get(fact.oracle).and_then(Value::as_f64).unwrap_or(0.0));
        Some(Self { unix, moving })
    }
}

/// The number of nodes on a page, when it has the family.
pub(crate) fn nodes(page: &str) -> Option<u64> {
    sum(page, |sample| sample.name == NODES_FAMILY).map(|nodes| nodes as u64)
}

/// The body of an answer with status 200, uncompressed.
pub(crate) async fn fetch(client: &Client, url: Url) -> anyhow::Result<String> {
    let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    let text = async { answer?.text().await };
    text.await.with_context(|| format!("failed to fetch {url}"))
}

async fn fetch_state(client: &Client, url: Url) -> anyhow::Result<Value> {
    serde_json::from_str(&fetch(client, url).await?).context("/sim/state is not JSON")
}

fn compare(page: &str, state: &Value, history: &[Truth]) -> Comparison {
    let mut mismatches = Vec::new();
    for fact in FIXED {
        let truth = state.pointer(fact.pointer).and_then(Value::as_f64);
        let shown = sum(page, |sample| sample.name == fact.family);
        if truth.is_none() || truth != shown {
            let word = |number: Option<f64>| number.map_or("nothing".into(), |number| number.to_string());
            mismatches.push(format!(
                "{}: the page says {} ({}), the simulator {} ({})",
                fact.name,
                word(shown),
                fact.family,
                word(truth),
                fact.pointer
            ));
        }
    }
    // Several endpoints may tell about jobs; the oldest of them bounds what can be on the page.
    let about_jobs = |sample: &Sample<'_>| {
        sample.name == READ_AT_FAMILY
            && label(sample, "endpoint").is_some_and(|endpoint| endpoint.starts_with("jobs"))
    };
    let read_at = exposition::samples(page).filter(about_jobs).map(|sample| sample.value).reduce(f64::min);
    match read_at {
        Some(read_at) => mismatches.extend(compare_moving(page, history, read_at - POLL_SECONDS)),
        None => {
            mismatches.push(format!("jobs: the page does not say when they were read ({READ_AT_FAMILY})"));
        }
    }
    Comparison { compared: (FIXED.len() + MOVING.len()) as u64, mismatches }
}

/// Holds the moving facts against all that was true from `since` on.
fn compare_moving(page: &str, history: &[Truth], since: f64) -> Vec<String> {
    // The look before it belongs to it: the truth is known at the looks only.
    let first = history.partition_point(|truth| truth.unix < since).saturating_sub(1);
    let mut mismatches = Vec::new();
    for (index, fact) in MOVING.iter().enumerate() {
        let truths = || history[first..].iter().map(|truth| truth.moving[index]);
        let (Some(lowest), Some(highest)) = (truths().reduce(f64::min), truths().reduce(f64::max)) else {
            mismatches.push(format!("{}: the simulator does not say ({JOBS_OF_THE_ORACLE})", fact.name));
            continue;
        };
        let shown =
            sum(page, |sample| sample.name == JOBS_FAMILY && label(sample, "state") == Some(fact.state));
        let slack = SLACK_JOBS.max(highest * SLACK_RATIO);
        if !shown.is_some_and(|shown| shown >= lowest - slack && shown <= highest + slack) {
            let shown = shown.map_or("nothing".into(), |shown| shown.to_string());
            mismatches.push(format!(
                "{}: the page says {shown} ({JOBS_FAMILY}), the simulator had {lowest} to {highest} ({JOBS_OF_THE_ORACLE} {})",
                fact.name, fact.oracle
            ));
        }
    }
    mismatches
}

fn label<'page>(sample: &Sample<'page>, name: &str) -> Option<&'page str> {
    sample.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value)
}

fn sum(page: &str, wanted: impl Fn(&Sample<'_>) -> bool) -> Option<f64> {
    exposition::samples(page).filter(wanted).map(|sample| sample.value).reduce(|all, value| all + value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "\
slurm_nodes_total{state=\"idle\"} 90
slurm_nodes_total{state=\"down\"} 10
slurm_cluster_cpus_total 6400
slurm_cluster_memory_total_bytes 1024
slurm_cluster_gpus_total{gpu_type=\"a100\"} 8
slurm_cluster_gpus_total{gpu_type=\"h100\"} 4
slurm_cluster_jobs{state=\"running\"} 200
slurm_cluster_jobs{state=\"pending\"} 1000
slurm_exporter_last_success_timestamp_seconds{endpoint=\"nodes\"} 50
slurm_exporter_last_success_timestamp_seconds{endpoint=\"jobs\"} 100
";

    fn state() -> Value {
        json!({"nodes": 100, "cpus": {"total": 6400}, "memory_bytes": {"total": 1024}, "gpus": {"total": 12}})
    }

    fn history(truths: &[(f64, f64, f64)]) -> Vec<Truth> {
        truths
            .iter()
            .map(|(unix, running, pending)| Truth { unix: *unix, moving: [*running, *pending] })
            .collect()
    }

    #[test]
    fn a_page_that_tells_the_truth_agrees() {
        let history = history(&[(50.0, 900.0, 0.0), (98.0, 198.0, 990.0), (101.0, 230.0, 1100.0)]);
        let comparison = compare(PAGE, &state(), &history);
        assert_eq!(comparison, Comparison { compared: 6, mismatches: vec![] });
        assert_eq!((nodes(PAGE), nodes("up 1\n")), (Some(100), None));
    }

    #[test]
    fn a_fixed_fact_must_be_equal() {
        let mut state = state();
        state["gpus"]["total"] = json!(13);
        let comparison = compare(PAGE, &state, &history(&[(98.0, 200.0, 1000.0)]));
        assert_eq!(
            comparison.mismatches,
            ["GPUs: the page says 12 (slurm_cluster_gpus_total), the simulator 13 (/gpus/total)"]
        );
    }

    #[test]
    fn a_moving_fact_must_lie_within_what_was_true_since_it_was_read() {
        // Far away before the poll, which does not count.
        let history = history(&[(10.0, 200.0, 1000.0), (94.0, 195.0, 90.0), (100.0, 205.0, 95.0)]);
        assert_eq!(
            compare(PAGE, &state(), &history).mismatches,
            [
                "pending jobs: the page says 1000 (slurm_cluster_jobs), the simulator had 90 to 95 (jobs_by_state PENDING)"
            ]
        );
    }

    #[test]
    fn what_is_missing_differs() {
        assert_eq!(compare("up 1\n", &json!({}), &[]).mismatches.len(), FIXED.len() + 1);
        assert!(Truth::of(&json!({})).is_none());
        assert_eq!(compare(PAGE, &state(), &[]).mismatches.len(), MOVING.len());
    }
}
