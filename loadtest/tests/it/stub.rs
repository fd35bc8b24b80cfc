//! A target whose behaviour a test sets, the program under test, and its result.
//! Short runs: two judged seconds after one of warm-up.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reports::model::{RunRecord, Verdict};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub(crate) const GOOD_PAGE: &str = "\
# HELP slurm_nodes_total Nodes by state.
# TYPE slurm_nodes_total gauge
slurm_nodes_total{state=\"idle\"} 60
slurm_nodes_total{state=\"down\"} 40
# HELP slurm_cluster_cpus_total CPUs.
# TYPE slurm_cluster_cpus_total gauge
slurm_cluster_cpus_total 6400
# HELP slurm_cluster_memory_total_bytes Memory.
# TYPE slurm_cluster_memory_total_bytes gauge
slurm_cluster_memory_total_bytes 1e12
# HELP slurm_cluster_gpus_total GPUs.
# TYPE slurm_cluster_gpus_total gauge
slurm_cluster_gpus_total{gpu_type=\"h100\"} 8
# HELP slurm_cluster_jobs Jobs.
# TYPE slurm_cluster_jobs gauge
slurm_cluster_jobs{state=\"running\"} 30
slurm_cluster_jobs{state=\"pending\"} 70
# HELP slurm_exporter_last_success_timestamp_seconds Read.
# TYPE slurm_exporter_last_success_timestamp_seconds gauge
slurm_exporter_last_success_timestamp_seconds{endpoint=\"jobs\"} 1.7e9
# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
# HELP process_resident_memory_bytes RSS.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1e7
# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e9
";

/// What the stub answers on `/metrics`.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub(crate) page: String,
    pub(crate) content_type: &'static str,
    pub(crate) delay: Duration,
    /// From this request on every answer takes 40 ms more.
    pub(crate) slow_after: u64,
    /// Every so-manieth request is answered with 503; 0 for none.
    pub(crate) fail_every: u64,
    /// From this request on the page says that it comes from another process.
    pub(crate) restart_after: u64,
    /// From this request on the page says nothing of its process.
    pub(crate) anonymous_after: u64,
    /// After this request no answer comes any more.
    pub(crate) hang_after: u64,
    /// Whether `/ready` answers 200; its requests count only when it does not.
    pub(crate) ready: bool,
    /// What the simulator's control port says about its nodes.
    pub(crate) true_nodes: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            page: GOOD_PAGE.into(),
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            delay: Duration::ZERO,
            slow_after: u64::MAX,
            fail_every: 0,
            restart_after: u64::MAX,
            anonymous_after: u64::MAX,
            hang_after: u64::MAX,
            ready: true,
            true_nodes: 100,
        }
    }
}

struct Served {
    behaviour: Behaviour,
    requests: AtomicU64,
    seen: watch::Sender<u64>,
}

/// A running stub; it ends with the test, or before it by `die`.
pub(crate) struct Stub {
    pub(crate) url: String,
    seen: watch::Receiver<u64>,
    /// Its own, so that it can end with all its connections.
    runtime: Option<Runtime>,
}

impl Stub {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let (seen_by, seen) = watch::channel(0);
        let served = Arc::new(Served { behaviour, requests: AtomicU64::new(0), seen: seen_by });
        let app = Router::new()
            .route("/metrics", get(metrics))
            .route("/ready", get(ready))
            .route("/sim/state", get(state))
            .with_state(served);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listener = listener.into_std().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await
        });
        Self { url, seen, runtime: Some(runtime) }
    }

    /// Ends it as the end of its process would: connections break, and new ones are refused.
    pub(crate) fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Waits until so many requests have come.
    pub(crate) async fn requests(&mut self, count: u64) {
        self.seen.wait_for(|seen| *seen >= count).await.unwrap();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // A runtime must not be dropped by a task of another one.
        self.die();
    }
}

async fn ready(State(served): State<Arc<Served>>) -> Response {
    if served.behaviour.ready {
        return "ok".into_response();
    }
    let number = served.requests.fetch_add(1, Ordering::Relaxed) + 1;
    served.seen.send_replace(number);
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

async fn metrics(State(served): State<Arc<Served>>) -> Response {
    let number = served.requests.fetch_add(1, Ordering::Relaxed) + 1;
    served.seen.send_replace(number);
    let behaviour = &served.behaviour;
    let more = if number > behaviour.slow_after { Duration::from_millis(40) } else { Duration::ZERO };
    tokio::time::sleep(behaviour.delay + more).await;
    if behaviour.fail_every > 0 && number.is_multiple_of(behaviour.fail_every) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if number > behaviour.hang_after {
        std::future::pending::<()>().await;
    }
    let mut page = behaviour.page.clone();
    if number > behaviour.restart_after {
        page = page.replace("start_time_seconds 1.7e9", "start_time_seconds 1.8e9");
    }
    if number > behaviour.anonymous_after
        && let Some((before, _)) = page.split_once("# HELP process_cpu_seconds_total")
    {
        page = before.to_owned();
    }
    ([(header::CONTENT_TYPE, behaviour.content_type)], page).into_response()
}

async fn state(State(served): State<Arc<Served>>) -> Response {
    let state = serde_json::json!({
        "nodes": served.behaviour.true_nodes,
        "cpus": {"total": 6400},
        "memory_bytes": {"total": 1_000_000_000_000_u64},
        "gpus": {"total": 8},
        "jobs_by_state": {"RUNNING": 30, "PENDING": 70},
    });
    axum::Json(state).into_response()
}

/// A folder with the files of a short run, and where its results go.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
}

/// Judged by 72 requests, which two seconds bring many times.
const RULES: &str = "\
[[rule]]
id = \"p95\"
metric = \"latency\"
quantile = 0.95
operator = \"<\"
value = \"5s\"

[[rule]]
id = \"error_rate\"
metric = \"error_rate\"
operator = \"<\"
value = \"5%\"

[[rule]]
id = \"content\"
metric = \"content_errors\"
operator = \"<=\"
value = 0
";

const SCENARIO: &str = "\
name = \"short\"
vus = 20
rate = 10.0
warmup = \"1s\"
duration = \"2s\"

[[requests]]
name = \"metrics_gzip\"
encoding = \"gzip\"
weight = 3

[[requests]]
name = \"metrics_identity\"
encoding = \"identity\"
";

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.write("short.toml", SCENARIO);
        bench.write("sla.toml", RULES);
        bench
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Starts a short run against `target`, with more flags.
    pub(crate) fn start(&self, target: &str, flags: &[&str]) -> Child {
        let mut arguments = vec!["run", "--scenario-file", "short.toml", "--sla", "sla.toml", "--out", "out"];
        arguments.extend(["--target", target].iter().filter(|_| !target.is_empty()));
        arguments.extend(flags);
        self.spawn(&arguments)
    }

    pub(crate) async fn run(&self, target: &str, flags: &[&str]) -> Answer {
        Answer::of(self.start(target, flags).wait_with_output().await.unwrap())
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(env!("CARGO_BIN_EXE_loadtest"), arguments).spawn().unwrap()
    }

    /// A program that runs in the bench and whose answer is kept.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn record(&self) -> RunRecord {
        reports::model::read(&self.out().join("run.json")).unwrap()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        reports::model::read(&self.out().join("verdict.json")).unwrap()
    }
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The exit code and the last line.
    pub(crate) fn verdict(&self) -> (Option<i32>, &str) {
        (self.code, self.stdout.lines().last().unwrap_or_default())
    }
}

pub(crate) fn is_empty(folder: &Path, but: &[&str]) -> bool {
    std::fs::read_dir(folder)
        .unwrap()
        .all(|entry| but.contains(&entry.unwrap().file_name().to_str().unwrap()))
}
