//! One exporter process from its configuration to its end: what `main` calls, and tests call without a `main`.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::collectors::COLLECTORS;
use crate::config::{Config, Format, Log};
use crate::exposition::{Names, Publisher};
use crate::model::Endpoint;
use crate::schedule::{self, Board, Cluster, Plan};
use crate::server::{self, Limits, ServerState};
use crate::source::Rest;
use crate::telemetry::{self, Telemetry};

/// Polls and serves until `shutdown` completes, then answers what is in flight.
///
/// # Errors
/// When the source cannot be set up or the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let source = Rest::new(&config.slurm).context("failed to set up the connection to slurmrestd")?;
    let collectors: Vec<_> =
        COLLECTORS.iter().copied().filter(|collector| config.collectors.is_enabled(collector.name)).collect();
    // Ping is asked in any case: without it nobody could tell an outage from an idle cluster.
    let needed = |endpoint| {
        endpoint == Endpoint::Ping || collectors.iter().any(|collector| collector.needs.contains(&endpoint))
    };
    let endpoints: Vec<_> = Endpoint::ALL.into_iter().filter(|endpoint| needed(*endpoint)).collect();
    let board = Arc::new(Board::new(config.slurm.name.as_deref().map(Into::into), &endpoints));
    let telemetry = Arc::new(Telemetry::new(
        Arc::clone(&board),
        &collectors.iter().map(|collector| collector.name).collect::<Vec<_>>(),
    ));
    let names = collectors.iter().map(|collector| collector.name).chain([telemetry::COLLECTOR]);
    let publisher = Arc::new(Publisher::new(Names {
        collectors: names.map(str::to_owned).collect(),
        clusters: config.slurm.name.iter().cloned().collect(),
    }));
    let state = ServerState {
        publisher: Arc::clone(&publisher),
        ready: {
            let board = Arc::clone(&board);
            Arc::new(move || board.readiness())
        },
        on_scrape: {
            let telemetry = Arc::clone(&telemetry);
            Arc::new(move |scrape| telemetry.scraped(scrape.handler))
        },
        version: concat!("slurm-exporter ", env!("CARGO_PKG_VERSION")).into(),
        metrics_path: config.server.metrics_path.clone(),
    };
    let configured = &config.server.limits;
    let limits = Limits {
        max_connections: configured.max_connections,
        header_timeout: configured.header_timeout,
        write_timeout: configured.write_timeout,
        max_header_bytes: configured.max_header_bytes,
        ..Limits::default()
    };
    let polling = tokio::spawn(schedule::run(Cluster {
        source: Arc::new(source),
        plan: Plan { endpoints, collection: config.collection, max_in_flight: config.slurm.max_in_flight },
        collectors,
        board,
        publisher,
        telemetry,
        seed: fastrand::u64(..),
    }));
    let stop = polling.abort_handle();
    let serving = server::serve(listener, state, limits, shutdown);
    tokio::select! {
        served = serving => {
            stop.abort();
            served.context("failed to accept connections")
        }
        // Polling never ends by itself: an exporter that only serves old data is worse than one that restarts.
        ended = polling => ended.context("failed to go on polling"),
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

/// Sends log lines to stderr from here on.
pub fn start_logging(log: &Log) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(log.level)
        .with_writer(std::io::stderr)
        // A log that nobody reads any more is no reason to stop: the complaint about it would panic.
        .log_internal_errors(false);
    match log.format {
        Format::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        Format::Json => builder.json().init(),
    }
}
