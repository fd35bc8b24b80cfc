//! The face of slurmrestd: one listener, tokens, latency, faults, and a control port beside it.
//! Not here: what a cluster is (cluster/) or how it is written (wire/).

mod answer;
mod auth;
mod connection;
mod control;
mod control_orders;
mod counters;
mod faults;
mod latency;
mod lookup;
mod manners;
mod openapi;
mod parameters;
mod query;
mod refusal;
mod replay;
mod router;
mod service;
mod session;
mod tokens;
mod url;
mod when;
mod yaml;

pub use auth::{Auth, token};
pub use counters::{EndpointCounts, Requests};
pub use faults::{BadFault, BadSchedule, Fault, FaultKind, Planned, fault_list, read_schedule};
pub use latency::Latency;
pub use replay::{BadRecording, Replay};

use crate::cluster::clock::Millis;
use crate::cluster::stats::{Rpc, Sender};
use crate::cluster::{Clock, Cluster, Oracle};
use crate::wire::{ApiVersion, Endpoint, Release, Style};
use connection::Connection;
use counters::Counters;
use faults::{Faults, Strike};
use hyper::HeaderMap;
use manners::Manners;
use router::Served;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokens::Tokens;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Brings a fault for one request, in the words of `--fault`.
const FAULT_HEADER: &str = "x-sim-fault";

/// How often a cluster in `Clock::Auto` moves on.
const TICK: Duration = Duration::from_millis(100);

/// Everything about a simulator but its listeners.
#[derive(Debug)]
pub struct Config {
    pub cluster: Cluster,
    pub clock: Clock,
    pub auth: Auth,
    pub latency: Latency,
    /// Requests that are worked on at a time when latency is imitated; more wait in line.
    pub workers: usize,
    /// More clients than this are not accepted and wait in silence, as in slurmrestd.
    pub max_connections: usize,
    pub faults: Vec<Planned>,
    /// Whether a request may bring its own fault, in the header `X-Sim-Fault`.
    pub fault_header: bool,
    /// Serves these answers instead of the cluster's.
    pub replay: Option<Replay>,
    /// For the probabilities of faults.
    pub seed: u64,
    pub style: Style,
    /// The release that answers, with its oddities on the wire. Without one, each version is answered as by the
    /// release that was recorded for it, on connections without oddities.
    pub release: Option<Release>,
    pub served: RangeInclusive<ApiVersion>,
}

impl Config {
    /// The same as one release: its versions, its manners.
    #[must_use]
    pub fn as_release(self, release: Release) -> Self {
        Self { release: Some(release), served: release.versions(), ..self }
    }

    /// An open, fault-free, frozen simulator without latency that serves every version: what a test wants.
    pub fn still(cluster: Cluster) -> Self {
        Self {
            cluster,
            clock: Clock::Explicit,
            auth: Auth::Open,
            latency: Latency::None,
            workers: 2,
            max_connections: 123,
            faults: Vec::new(),
            fault_header: false,
            replay: None,
            seed: 0,
            style: Style::Pretty,
            release: None,
            served: ApiVersion::V0_0_38..=ApiVersion::V0_0_45,
        }
    }
}

/// A running or not yet running simulator; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Simulator(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cluster: Mutex<Moving>,
    /// When the simulator started, in the cluster's time.
    begin: Millis,
    tokens: Tokens,
    latency: Latency,
    workers: Semaphore,
    connections: Arc<Semaphore>,
    faults: Faults,
    fault_header: bool,
    replay: Option<Replay>,
    counters: Counters,
    style: Style,
    served: Served,
    manners: &'static Manners,
}

/// The cluster and what moves it. Readers keep an `Arc`; moving on copies the cluster only when one is kept.
#[derive(Debug)]
struct Moving {
    cluster: Arc<Cluster>,
    clock: Clock,
    /// Messages that reached slurmctld through us and are not in its statistics yet.
    rpcs: Vec<Rpc>,
}

impl Moving {
    fn advance(&mut self, by: Duration) {
        Arc::make_mut(&mut self.cluster).advance(by);
        self.settle_rpcs();
    }

    fn settle_rpcs(&mut self) {
        if self.rpcs.is_empty() {
            return;
        }
        let cluster = Arc::make_mut(&mut self.cluster);
        for rpc in self.rpcs.drain(..) {
            cluster.record(rpc, Sender::Rest, 1);
        }
    }
}

impl Shared {
    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.moving().cluster)
    }

    /// The cluster's time since the simulator started, by which faults are planned.
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.moving().cluster.now().saturating_sub(self.begin))
    }

    /// What strikes a request: the fault that it brings, else those in force.
    fn strike(&self, headers: &HeaderMap, endpoint: Endpoint, now: Duration) -> Result<Strike, String> {
        match headers.get(FAULT_HEADER).filter(|_| self.fault_header) {
            None => Ok(self.faults.strike(endpoint, now)),
            Some(asked) => {
                let asked = asked.to_str().map_err(|_| "the header is no text".to_owned());
                let fault = asked.and_then(|asked| asked.parse::<Fault>().map_err(|error| error.to_string()));
                let fault = fault.map_err(|trouble| format!("{FAULT_HEADER}: {trouble}"))?;
                self.faults
                    .strike_with(&fault, endpoint)
                    .map_err(|trouble| format!("{FAULT_HEADER}: {trouble}"))
            }
        }
    }

    /// The cluster after noting this message; with all messages in its statistics when `settled`.
    fn cluster_with_rpcs(&self, rpc: Rpc, settled: bool) -> Arc<Cluster> {
        let mut moving = self.moving();
        moving.rpcs.push(rpc);
        if settled {
            moving.settle_rpcs();
        }
        Arc::clone(&moving.cluster)
    }
}

impl Simulator {
    pub fn new(config: Config) -> Self {
        let begin = config.cluster.now();
        let moving = Moving { cluster: Arc::new(config.cluster), clock: config.clock, rpcs: Vec::new() };
        Self(Arc::new(Shared {
            cluster: Mutex::new(moving),
            begin,
            tokens: Tokens::new(config.auth),
            latency: config.latency,
            workers: Semaphore::new(config.workers.max(1)),
            connections: Arc::new(Semaphore::new(config.max_connections.max(1))),
            faults: Faults::new(config.faults, config.seed),
            fault_header: config.fault_header,
            replay: config.replay,
            counters: Counters::default(),
            style: config.style,
            served: Served { release: config.release, versions: config.served },
            manners: Manners::of(config.release),
        }))
    }

    fn manners(&self) -> &'static Manners {
        self.0.manners
    }

    /// The cluster as it is now.
    pub fn cluster(&self) -> Arc<Cluster> {
        self.0.cluster()
    }

    pub fn oracle(&self) -> Oracle {
        self.cluster().oracle()
    }

    /// Lets simulated time pass, whatever the clock.
    pub fn advance(&self, by: Duration) {
        self.0.moving().advance(by);
    }

    /// Changes the cluster as an administrator or user would; readers keep what they have.
    pub fn change<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        change(Arc::make_mut(&mut self.0.moving().cluster))
    }

    pub fn clock(&self) -> Clock {
        self.0.moving().clock
    }

    pub fn set_clock(&self, clock: Clock) {
        self.0.moving().clock = clock;
    }

    /// Replaces all faults, planned ones too; these are in force from now on. Counts per fault start again.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.0.faults.replace(faults.into_iter().map(Planned::from).collect());
    }

    /// Each planned fault and how many requests it struck.
    pub fn faults(&self) -> Vec<(Fault, u64)> {
        self.0.faults.counts().into_iter().map(|(planned, count)| (planned.fault, count)).collect()
    }

    /// How many requests each kind of fault struck since the start, by whatever way it came.
    pub fn struck(&self) -> BTreeMap<FaultKind, u64> {
        self.0.faults.struck()
    }

    pub fn requests(&self) -> Requests {
        self.0.counters.snapshot()
    }

    /// Serves until `shutdown` is ready; then open connections are dropped.
    ///
    /// # Errors
    /// When the listener breaks for good.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_time(self.clone()));
        tokio::select! {
            result = accept(&self, &listener, &mut tasks) => result,
            () = shutdown => Ok(()),
        }
    }

    /// Serves the control port until `shutdown` is ready.
    ///
    /// # Errors
    /// When the listener breaks for good.
    pub async fn serve_control(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        tokio::select! {
            result = control::serve(self, listener) => result,
            () = shutdown => Ok(()),
        }
    }
}

/// Builds a simulator and serves it until `shutdown` is ready. Whoever needs a handle uses [`Simulator`].
///
/// # Errors
/// When the listener breaks for good.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    Simulator::new(config).serve(listener, shutdown).await
}

async fn keep_time(simulator: Simulator) {
    let mut tick = tokio::time::interval(TICK);
    let mut before = Instant::now();
    loop {
        tick.tick().await;
        let now = Instant::now();
        let mut moving = simulator.0.moving();
        let passed = moving.clock.simulated(now - before);
        before = now;
        if !passed.is_zero() {
            moving.advance(passed);
        }
    }
}

async fn accept(simulator: &Simulator, listener: &TcpListener, tasks: &mut JoinSet<()>) -> io::Result<()> {
    loop {
        // Without a free slot nothing is accepted: connect succeeds and then nothing happens, as in slurmrestd.
        let Ok(slot) = Arc::clone(&simulator.0.connections).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(TICK).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        simulator.0.counters.connection();
        let simulator = simulator.clone();
        tasks.spawn(async move {
            let _slot = slot;
            let (connection, ending) = Connection::new(stream);
            if let Err(error) = session::serve(simulator, connection, ending).await {
                tracing::debug!(%error, "connection ended");
            }
        });
        // Reap what has ended, so that the set does not grow.
        while tasks.try_join_next().is_some() {}
    }
}

/// Whether accepting may work again: the client left early, or file descriptors are short for now.
fn is_passing(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
        || matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}
