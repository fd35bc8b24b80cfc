//! One exporter process from its configuration to its end: what `main` calls, and tests call without a `main`.
//! What is one per cluster is in `cluster`; here is what all of them share.

mod cluster;
mod cpu_throttle;
mod listeners;
mod logging;
mod memory_guard;
mod once;
mod pressure;
mod reload;
mod rules;
mod standing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use cluster::{Clusters, Shared};
pub use listeners::{Listeners, listen};
pub use logging::{LogLevel, start_logging};
pub use once::{Once, once};
use reload::Reloader;
use standing::Standing;

use crate::cli::Invocation;
use crate::config;
use crate::exposition::Publisher;
use crate::ha::{Election, Role};
use crate::server::{self, AdminState, Door, Limits, ServerState, WebConfig};
use crate::telemetry::ProcessTelemetry;

/// How often the own families of the process are encoded, if anything happened: more often than anybody scrapes, and no
/// more, since one of them has a sample for each family of the page.
const REPORT: Duration = Duration::from_secs(5);

/// Polls and serves until `shutdown` completes, then answers what is in flight.
///
/// # Errors
/// When a source cannot be set up or a listener fails.
pub async fn run(
    invocation: Invocation,
    listeners: Listeners,
    log_level: LogLevel,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let config = invocation.loaded.config.clone();
    let shared = Shared::new(&config)?;
    let (publisher, legacy) = (Arc::clone(&shared.publisher), Arc::clone(&shared.legacy));
    let budget = Arc::clone(&shared.budget);
    let telemetry = Arc::new(ProcessTelemetry::default());
    let role = Role::at_start(&config.ha);
    let mut election =
        Election::new(&config.ha).context("failed to take part in the election of a leader")?;
    let mut clusters = Clusters::start(&config, shared, role.leads()).await?;
    let (roles, elected) = watch::channel(role);
    let mut standing = Standing::new(elected, Arc::clone(&telemetry));
    let (reload, requests) = mpsc::channel(1);
    let admin = AdminState {
        reload,
        log_level: {
            let level = log_level.clone();
            Arc::new(move || level.get())
        },
        set_log_level: {
            let set = log_level.clone();
            Arc::new(move |level| set.set(level))
        },
    };
    let mut reloader = Reloader::new(invocation, log_level, Arc::clone(&telemetry), requests)?;
    let (boards, role) = (clusters.boards(), standing.in_force());
    let page = reloader.page();
    let state = ServerState {
        publisher: Arc::clone(&publisher),
        legacy,
        ready: Arc::new(move || cluster::readiness(&role.load(), &boards.load())),
        on_scrape: {
            let telemetry = Arc::clone(&telemetry);
            Arc::new(move |scrape| telemetry.scraped(scrape.handler))
        },
        config: Arc::new(move || page.load().as_str().to_owned()),
        version: concat!("slurm-exporter ", env!("CARGO_PKG_VERSION")).into(),
        metrics_path: config.server.metrics_path.clone(),
    };
    let limits = limits(&config.server.limits);
    let door = Door { router: server::routes(state), web: listeners.web.clone() };
    let ended = tokio::select! {
        served = server::serve(listeners.metrics, door, limits, shutdown) => {
            served.context("failed to accept connections")
        }
        served = serve_admin(listeners.admin, admin) => served.context("failed to accept connections for admin"),
        // Polling never ends by itself: an exporter that only serves old data is worse than one that restarts.
        ended = poll(&mut clusters, &mut reloader, &mut standing, &roles) => ended,
        () = elect(&mut election, &roles) => Ok(()),
        () = report(&telemetry, &publisher) => Ok(()),
        () = pressure::watch(&config, &budget, &telemetry) => Ok(()),
        () = watch(listeners.web) => Ok(()),
    };
    if let Some(mut election) = election {
        election.release().await;
    }
    ended
}

/// Polls until the polling of a cluster fails, and goes over to every new configuration and every new role.
async fn poll(
    clusters: &mut Clusters,
    reloader: &mut Reloader,
    standing: &mut Standing,
    roles: &watch::Sender<Role>,
) -> anyhow::Result<()> {
    let elects = reloader.config().ha.leader_election;
    loop {
        tokio::select! {
            ended = clusters.ended() => return ended.context("failed to go on polling"),
            trigger = reloader.next() => {
                reloader.reload(trigger, clusters).await;
                if !elects {
                    roles.send_replace(Role::at_start(&reloader.config().ha));
                }
            }
            () = standing.changed() => standing.follow(clusters, reloader.config()).await?,
        }
    }
}

/// Takes part in the election for ever, if there is one.
async fn elect(election: &mut Option<Election>, roles: &watch::Sender<Role>) {
    match election {
        Some(election) => election.run(roles).await,
        None => std::future::pending().await,
    }
}

/// Reads the web config file anew whenever it changes, for ever.
async fn watch(web: Option<Arc<WebConfig>>) {
    match web {
        // Over only when the runtime shuts down, as is all else then.
        Some(web) => web.watch().await,
        None => std::future::pending().await,
    }
}

async fn serve_admin(listener: Option<TcpListener>, state: AdminState) -> std::io::Result<()> {
    let Some(listener) = listener else { return std::future::pending().await };
    let limits =
        Limits { max_connections: 8, write_timeout: server::LONGEST_ADMIN_ANSWER, ..Limits::default() };
    server::serve(listener, server::admin_routes(state), limits, std::future::pending()).await
}

/// Encodes the own families of the process for ever.
async fn report(telemetry: &ProcessTelemetry, publisher: &Publisher) {
    let mut tick = interval(REPORT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        telemetry.publish(publisher);
        publisher.forget_unasked(Instant::now());
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
