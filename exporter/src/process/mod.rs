//! One exporter process from its configuration to its end: what `main` calls, and tests call without a `main`.
//! What is one per cluster is in `cluster`; here is what all of them share.

mod cluster;
mod logging;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use cluster::Clusters;
pub use logging::start_logging;

use crate::collectors::COLLECTORS;
use crate::config::{self, Config};
use crate::exposition::{Names, Publisher};
use crate::server::{self, Limits, ServerState};
use crate::telemetry::{self, ProcessTelemetry};

/// How often the own families of the process are encoded, if anything happened.
const TICK: Duration = Duration::from_secs(1);

/// Polls and serves until `shutdown` completes, then answers what is in flight.
///
/// # Errors
/// When a source cannot be set up or the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let publisher = Arc::new(Publisher::new(names(&config)));
    let telemetry = Arc::new(ProcessTelemetry::default());
    let mut clusters = Clusters::start(&config, &publisher)?;
    let boards = clusters.boards();
    let state = ServerState {
        publisher: Arc::clone(&publisher),
        ready: Arc::new(move || cluster::readiness(&boards)),
        on_scrape: {
            let telemetry = Arc::clone(&telemetry);
            Arc::new(move |scrape| telemetry.scraped(scrape.handler))
        },
        version: concat!("slurm-exporter ", env!("CARGO_PKG_VERSION")).into(),
        metrics_path: config.server.metrics_path.clone(),
    };
    tokio::select! {
        served = server::serve(listener, state, limits(&config.server.limits), shutdown) => {
            served.context("failed to accept connections")
        }
        // Polling never ends by itself: an exporter that only serves old data is worse than one that restarts.
        ended = clusters.ended() => ended.context("failed to go on polling"),
        () = report(&telemetry, &publisher) => Ok(()),
    }
}

/// Encodes the own families of the process for ever.
async fn report(telemetry: &ProcessTelemetry, publisher: &Publisher) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        telemetry.publish(publisher);
        publisher.forget_unasked(Instant::now());
    }
}

/// What may be asked for before it is on the page.
fn names(config: &Config) -> Names {
    let collectors = COLLECTORS.iter().map(|collector| collector.name);
    let enabled = collectors.filter(|name| config.collectors.is_enabled(name));
    Names {
        collectors: enabled.chain([telemetry::COLLECTOR]).map(str::to_owned).collect(),
        clusters: config.clusters().iter().filter_map(|slurm| slurm.name.clone()).collect(),
    }
}

fn limits(configured: &config::Limits) -> Limits {
    Limits {
        max_connections: configured.max_connections,
        header_timeout: configured.header_timeout,
        write_timeout: configured.write_timeout,
        max_header_bytes: configured.max_header_bytes,
        ..Limits::default()
    }
}

/// Completes with the first SIGTERM or SIGINT.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn signalled() -> anyhow::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => tracing::info!("SIGTERM: stopping"),
            _ = int.recv() => tracing::info!("SIGINT: stopping"),
        }
    })
}
