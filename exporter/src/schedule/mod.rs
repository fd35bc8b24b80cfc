//! Polls the endpoints of one cluster on time, keeps its snapshot and publishes what the collectors make of it.
//! One flight per endpoint, whatever the number of scrapers; scrapes never wait for anything here.

mod board;
mod breaker;
mod budget;
mod places;
mod plan;
mod poll;
mod retry;
mod view;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use board::{Board, Status};
pub use breaker::Circuit;
pub use budget::Budget;
use places::Places;
pub use plan::Plan;
use poll::Gate;

use crate::collectors::{Collector, Settings};
use crate::exposition::{Batch, Publisher};
use crate::legacy;
use crate::lifecycle::{DiagTotals, JobLife, Ledger, NodeLife, Pseudonyms};
use crate::model::endpoint::Daemon;
use crate::model::{Diag, Endpoint, Nodes, Reading, Snapshot, Timestamp};
use crate::source::{Poll, PollError, Source};
use crate::telemetry::{self, Telemetry};
use crate::wire::Answer;

/// How often ages are checked and the own families encoded.
const TICK: Duration = Duration::from_secs(1);

/// What one cluster is polled with, and where its data goes.
#[derive(Debug)]
pub struct Cluster {
    pub source: Arc<dyn Source>,
    pub plan: Plan,
    /// The collectors that are switched on.
    pub collectors: Vec<&'static Collector>,
    pub settings: Settings,
    /// What stands for the names of users and jobs; none when they are shown.
    pub pseudonyms: Option<Pseudonyms>,
    pub board: Arc<Board>,
    pub publisher: Arc<Publisher>,
    /// The pages in the names of other exporters.
    pub legacy: Arc<legacy::Pages>,
    pub telemetry: Arc<Telemetry>,
    /// What was polled before, by whoever polled this cluster last; empty at the start.
    pub memory: Memory,
    /// Shared with the other clusters of the process.
    pub budget: Arc<Budget>,
    /// Seed of the jitter, so that a fleet of exporters does not poll in step and a test does.
    pub seed: u64,
}

/// What is known of a cluster: kept when its polling ends and begins anew, so that no counter starts again.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

impl Memory {
    /// Has the next poll of jobs bring all of them, changed or not: what is kept lacks something that is wanted now.
    pub async fn ask_for_all_jobs(&self) {
        if let Some(jobs) = &mut self.0.lock().await.snapshot.jobs {
            Arc::make_mut(jobs).last_update = Timestamp::NONE;
        }
    }

    /// Forgets the readings, which were those of another Slurm, but not what was counted.
    pub async fn clear(&self) {
        let mut kept = self.0.lock().await;
        kept.snapshot = Snapshot::default();
        kept.job_life.forget_readings();
    }
}

/// Polls until the returned future is dropped; nothing is published after that.
pub async fn run(cluster: Cluster) {
    let endpoints = cluster.plan.endpoints.clone();
    let keeper = Arc::new(Keeper {
        started_at: Instant::now(),
        places: Places::new(cluster.plan.max_in_flight),
        gates: Gate::each(&cluster.plan.circuit_breaker),
        publishing: std::sync::Mutex::new(true),
        cluster,
    });
    let _end = End(Arc::clone(&keeper));
    keeper.publish_known().await;
    let mut tasks = JoinSet::new();
    for endpoint in endpoints {
        keeper.cluster.telemetry.set_circuit(endpoint.daemon(), Circuit::Closed);
        tasks.spawn(Arc::clone(&keeper).poll_for_ever(endpoint));
    }
    tasks.spawn(keeper.watch_for_ever());
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            // A bug here must not leave an exporter that serves but no longer polls.
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

#[derive(Debug)]
struct Keeper {
    cluster: Cluster,
    started_at: Instant,
    /// For the requests under way.
    places: Places,
    gates: [Gate; Daemon::ALL.len()],
    /// Whether anything may still be published; held while it is.
    publishing: std::sync::Mutex<bool>,
}

/// Ends the publishing when the polling is dropped: a collection that is under way cannot be aborted.
struct End(Arc<Keeper>);

impl Drop for End {
    fn drop(&mut self) {
        *self.0.publishing.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// What is known before a poll.
#[derive(Clone, Debug)]
struct AskedWith {
    /// When it begins, on the clock of this host.
    at: Timestamp,
    /// The `update_time` to ask with, only for a list that we still have and that may go on to count as unchanged; or
    /// where the window of finished jobs starts.
    since: Timestamp,
    /// The statistics that were read last, with the controller's clock.
    diag: Option<Arc<Diag>>,
}

/// What is known of the cluster now. Locked for a change and for collecting from it, never for a request.
#[derive(Debug, Default)]
struct Kept {
    snapshot: Snapshot,
    diag_totals: DiagTotals,
    job_life: JobLife,
    node_life: NodeLife,
    /// When the nodes in the snapshot were taken into it.
    nodes_since: Option<Instant>,
    ledger: Ledger,
    /// When each endpoint last sent all that it has, and not that nothing changed.
    read_in_full: BTreeMap<Endpoint, Instant>,
}

impl Keeper {
    /// Enters the outcome of a poll everywhere: counts, board, snapshot, page.
    async fn take(self: &Arc<Self>, endpoint: Endpoint, asked: AskedWith, poll: Poll, took: Duration) {
        let telemetry = &self.cluster.telemetry;
        for request in &poll.requests {
            telemetry.requested(request);
        }
        telemetry.set_token_expiry(self.cluster.source.token_expiry());
        let mut kept = self.cluster.memory.0.lock().await;
        let status = match poll.outcome {
            Ok(answer) => {
                kept.snapshot.polls.answered(endpoint, took);
                telemetry.answered(answer.unchanged);
                if !answer.unchanged {
                    kept.read_in_full.insert(endpoint, Instant::now());
                }
                kept.snapshot.confirm(endpoint, asked.at);
                let clock = asked.diag.as_ref().map(|diag| diag.taken_at);
                self.enter(&mut kept, answer, clock.unwrap_or_default());
                if let Some(partial) = view::is_partial(endpoint, &kept.snapshot, asked.diag.as_deref()) {
                    telemetry.set_partial_view(endpoint, Some(partial));
                }
                Status { up: Some(true), ..refreshed() }
            }
            Err(error) => {
                if error.reading.is_some() {
                    kept.snapshot.confirm(endpoint, asked.at);
                }
                self.fail(&mut kept, endpoint, error)
            }
        };
        if let (Endpoint::Jobs, Some(jobs)) = (endpoint, &kept.snapshot.jobs) {
            let truncated = jobs.rows.iter().filter(|job| job.tasks_truncated).count();
            telemetry.set_truncated_arrays(Some(truncated as u64));
        }
        self.publish(&kept, endpoint).await;
        // Last, so that whoever was told "ready" finds the data on the page.
        self.cluster.board.set(endpoint, status);
    }

    fn enter(&self, kept: &mut Kept, answer: Answer, clock: Timestamp) {
        let named = answer.release.cluster.as_deref().unwrap_or(telemetry::UNNAMED);
        self.cluster.board.fix_cluster(named.into());
        if kept.snapshot.release.as_deref() != Some(&answer.release) {
            tracing::info!(
                slurm = %answer.release.slurm_version,
                api = answer.release.api_version,
                cluster = named,
                "answered"
            );
            kept.snapshot.release = Some(Arc::new(answer.release));
        }
        for warning in &answer.warnings {
            tracing::debug!(warning = %warning, "slurmrestd warns");
        }
        let is_jobs = matches!(answer.reading, Reading::Jobs(_));
        if !answer.unchanged {
            self.set(kept, answer.reading);
        }
        // From the snapshot, where names are hidden that must be. What is partial does not come here.
        let Kept { snapshot, job_life, .. } = kept;
        if let Some(jobs) = snapshot.jobs.as_deref().filter(|_| is_jobs) {
            snapshot.job_totals = if answer.unchanged {
                job_life.pass(jobs, clock)
            } else {
                job_life.advance(jobs, clock, &self.cluster.settings.job_buckets)
            };
        }
    }

    fn set(&self, kept: &mut Kept, mut reading: Reading) {
        let telemetry = &self.cluster.telemetry;
        if let Some(pseudonyms) = &self.cluster.pseudonyms {
            pseudonyms.hide(&mut reading);
        }
        let reading = match reading {
            Reading::Diag(diag) => {
                if let (Some(theirs), Ok(ours)) =
                    (diag.taken_at.get(), SystemTime::now().duration_since(UNIX_EPOCH))
                {
                    telemetry.set_clock_skew(
                        i64::from(theirs) - i64::try_from(ours.as_secs()).unwrap_or(i64::MAX),
                    );
                }
                Reading::Diag(Box::new(kept.diag_totals.advance(&diag)))
            }
            Reading::Accounting(window) => {
                let buckets = &self.cluster.settings.job_buckets;
                Reading::Accounting(Box::new(kept.ledger.advance(&window, buckets)))
            }
            other => other,
        };
        let nodes = matches!(reading, Reading::Nodes(_)).then(|| kept.snapshot.nodes.clone());
        kept.snapshot.set(reading);
        if let Some(before) = nodes {
            Self::compare_nodes(kept, before.as_deref());
        }
    }

    /// Counts how the nodes fared since `before`, unless that reading was withdrawn or there was none.
    fn compare_nodes(kept: &mut Kept, before: Option<&Nodes>) {
        let now = Instant::now();
        let since = kept.nodes_since.replace(now);
        if let (Some(before), Some(nodes), Some(since)) = (before, &kept.snapshot.nodes, since) {
            kept.snapshot.node_totals = kept.node_life.advance(before, nodes, now.duration_since(since));
        }
    }

    /// Counts a failure and gives the endpoint's new state.
    fn fail(&self, kept: &mut Kept, endpoint: Endpoint, error: PollError) -> Status {
        let Cluster { board, telemetry, .. } = &self.cluster;
        if error.not_served {
            tracing::debug!(endpoint = %endpoint, "not served by this slurmrestd");
            kept.snapshot.clear(endpoint);
            return Status { absent: true, ..Status::default() };
        }
        tracing::warn!(endpoint = %endpoint, class = error.class.name(), error = %error, "poll failed");
        kept.snapshot.polls.failed(endpoint);
        if let Some(field) = &error.drifted_field {
            telemetry.drifted(endpoint, field);
        }
        self.missed(endpoint, error.class.name());
        let message = error.to_string();
        // An answer with errors that still carries rows (slurmdbd down: 500 with all partitions) is used:
        // the poll has failed and says so, but the data is as fresh as any.
        let before = match error.reading.filter(|reading| self.is_believed(reading)) {
            Some(mut reading) => {
                if let Reading::Jobs(jobs) = &mut reading {
                    // What changed since may be among the rows that are missing: the next poll asks for all.
                    jobs.last_update = Timestamp::NONE;
                }
                self.set(kept, reading);
                refreshed()
            }
            None => board.status(endpoint),
        };
        Status { up: Some(false), absent: false, error: message, ..before }
    }

    /// slurmrestd 26.05 says "no database" for a refused token too: it is the database only while slurmctld takes the
    /// token. A ping does not tell, which slurmrestd answers in any case.
    fn is_believed(&self, reading: &Reading) -> bool {
        let is_taken = |(endpoint, status): &(Endpoint, Status)| {
            endpoint.daemon() == Daemon::Slurmctld && *endpoint != Endpoint::Ping && status.up == Some(true)
        };
        !matches!(reading, Reading::DatabasePing(_)) || self.cluster.board.statuses().iter().any(is_taken)
    }

    /// Counts a refresh that the collectors of an endpoint miss.
    fn missed(&self, endpoint: Endpoint, error_type: &'static str) {
        let Cluster { collectors, telemetry, .. } = &self.cluster;
        for collector in collectors.iter().filter(|collector| collector.needs.contains(&endpoint)) {
            telemetry.missed(collector.name, error_type);
        }
    }

    /// The interval that an endpoint has now.
    async fn interval(&self, endpoint: Endpoint) -> Duration {
        let took = self.cluster.memory.0.lock().await.snapshot.polls.of(endpoint).took.unwrap_or_default();
        self.cluster.plan.interval(endpoint, took, self.cluster.budget.stretch())
    }

    /// What was read before this polling began is published without a new reading, unless it is too old.
    async fn publish_known(self: &Arc<Self>) {
        self.withdraw_stale().await;
        let kept = self.cluster.memory.0.lock().await;
        for (endpoint, status) in self.cluster.board.statuses() {
            if status.refreshed_at.is_some() && !status.stale {
                self.publish(&kept, endpoint).await;
            }
        }
    }

    /// Runs the collectors that need the endpoint and replaces their units, all in one step.
    async fn publish(self: &Arc<Self>, kept: &Kept, endpoint: Endpoint) {
        let Some(label) = self.cluster.board.cluster() else { return };
        let snapshot = kept.snapshot.clone();
        let keeper = Arc::clone(self);
        let _worker = self.cluster.budget.workers.acquire().await;
        // Off the async threads: a large cluster takes tens of milliseconds.
        let done = tokio::task::spawn_blocking(move || {
            let Cluster { collectors, publisher, legacy, .. } = &keeper.cluster;
            let due = collectors.iter().filter(|collector| collector.needs.contains(&endpoint));
            let batches: Vec<_> = due.map(|collector| keeper.collect(collector, &snapshot, &label)).collect();
            if *keeper.publishing.lock().unwrap_or_else(PoisonError::into_inner) {
                publisher.replace(batches);
                legacy.publish(&snapshot, endpoint, &label);
            }
        });
        if let Err(error) = done.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// What the collector makes of the snapshot; nothing, which withdraws what it published before, when it panics.
    fn collect(&self, collector: &'static Collector, snapshot: &Snapshot, label: &str) -> Batch {
        let telemetry = &self.cluster.telemetry;
        let start = Instant::now();
        let batch = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = Batch::new(collector.name, Some(label));
            (collector.collect)(snapshot, &self.cluster.settings, &mut batch);
            batch
        }));
        telemetry.collected(collector.name, start.elapsed());
        if batch.is_err() {
            telemetry.missed(collector.name, telemetry::PANIC);
            tracing::error!(collector = collector.name, "the collector panicked");
        }
        batch.unwrap_or_else(|_| Batch::new(collector.name, Some(label)))
    }

    /// Once a second: withdraws what has grown old or is no longer read, and encodes the own families if anything happened.
    async fn watch_for_ever(self: Arc<Self>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.withdraw_stale().await;
            let Cluster { publisher, telemetry, .. } = &self.cluster;
            publisher.replace(telemetry.encode());
        }
    }

    async fn withdraw_stale(self: &Arc<Self>) {
        let mut kept = self.cluster.memory.0.lock().await;
        for (endpoint, status) in self.cluster.board.statuses() {
            // What never came is as old as the polling.
            let refreshed_at = status.refreshed_at.map_or(self.started_at, |(_, at)| at);
            let Cluster { plan, budget, .. } = &self.cluster;
            let is_old = refreshed_at.elapsed()
                > plan.stale_after(
                    endpoint,
                    kept.snapshot.polls.of(endpoint).took.unwrap_or_default(),
                    budget.stretch(),
                );
            let is_dropped = endpoint.cost() > budget.level();
            if !status.stale && !status.absent && (is_old || is_dropped) {
                if is_old {
                    tracing::warn!(endpoint = %endpoint, "data is stale");
                }
                self.cluster.board.set(endpoint, Status { stale: true, ..status });
                kept.snapshot.clear(endpoint);
                self.cluster.telemetry.set_partial_view(endpoint, None);
                if endpoint == Endpoint::Jobs {
                    self.cluster.telemetry.set_truncated_arrays(None);
                }
                self.publish(&kept, endpoint).await;
            }
        }
    }
}

/// The state of an endpoint whose data is new.
fn refreshed() -> Status {
    Status { refreshed_at: Some((SystemTime::now(), Instant::now())), ..Status::default() }
}
