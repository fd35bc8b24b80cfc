//! When the configuration is read again, and what then happens: all of it or nothing.
//! What a change means for the polling is the clusters' business.

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::cluster::Clusters;
use super::logging::LogLevel;
use crate::cli::Invocation;
use crate::config::{Config, Inputs, Loaded};
use crate::telemetry::ProcessTelemetry;

/// Keys, or the beginnings of keys, whose new value waits for a restart.
const AT_RESTART: &[&str] = &[
    "server.",
    "metrics.",
    "performance.memory_limit",
    "collection.max_workers",
    "collection.backoff_on_throttle",
    "collection.cpu_throttle_threshold",
    "ha.leader_election",
    "ha.lease",
    "ha.service_account",
    "ha.lock_file",
    "log.format",
];

/// A reload that was asked for over HTTP, and where its outcome is told: none, or why nothing has changed.
pub(super) type Request = oneshot::Sender<Result<(), String>>;

/// The configuration in use, and the watch for another.
#[derive(Debug)]
pub(super) struct Reloader {
    inputs: Arc<Inputs>,
    /// At the start: what of it waits for a restart is still in use.
    started: Loaded,
    loaded: Loaded,
    /// Of the file that was tried last, good or bad.
    tried: Option<u32>,
    page: Arc<ArcSwap<String>>,
    log_level: LogLevel,
    telemetry: Arc<ProcessTelemetry>,
    hangup: Signal,
    requests: mpsc::Receiver<Request>,
    poll: Option<Interval>,
}

/// Why the configuration is read again.
#[derive(Debug)]
pub(super) enum Trigger {
    Hangup,
    Request(Request),
    FileChanged,
}

impl Reloader {
    /// Watches from here on: SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// When the signal handler cannot be installed.
    pub(super) fn new(
        invocation: Invocation,
        log_level: LogLevel,
        telemetry: Arc<ProcessTelemetry>,
        requests: mpsc::Receiver<Request>,
    ) -> anyhow::Result<Self> {
        let Invocation { inputs, loaded } = invocation;
        telemetry.configured(loaded.hash);
        let every = loaded.config.server.reload_interval;
        let poll = (loaded.hash.is_some() && !every.is_zero()).then(|| {
            let mut poll = interval(every);
            poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
            poll
        });
        Ok(Self {
            inputs: Arc::new(inputs),
            tried: loaded.hash,
            page: Arc::new(ArcSwap::from_pointee(loaded.settings.page(&[]))),
            started: loaded.clone(),
            loaded,
            log_level,
            telemetry,
            hangup: signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?,
            requests,
            poll,
        })
    }

    /// The configuration in use.
    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The configuration in use as `/config` shows it, at any time.
    pub(super) fn page(&self) -> Arc<ArcSwap<String>> {
        Arc::clone(&self.page)
    }

    /// Completes when the configuration is to be read again.
    pub(super) async fn next(&mut self) -> Trigger {
        loop {
            tokio::select! {
                Some(()) = self.hangup.recv() => return Trigger::Hangup,
                Some(request) = self.requests.recv() => return Trigger::Request(request),
                () = tick(&mut self.poll) => {
                    let inputs = Arc::clone(&self.inputs);
                    // A file on a dead network file system must not stop the runtime.
                    let hash = tokio::task::spawn_blocking(move || inputs.hash()).await;
                    if hash.is_ok_and(|hash| hash != self.tried) {
                        return Trigger::FileChanged;
                    }
                }
            }
        }
    }

    /// Reads the configuration and goes over to it, or logs why not and leaves everything as it is.
    pub(super) async fn reload(&mut self, trigger: Trigger, clusters: &mut Clusters) {
        let outcome = self.try_reload(clusters).await;
        match &outcome {
            Ok(()) => tracing::info!(cause = trigger.word(), "reloaded the configuration"),
            Err(lines) => {
                self.telemetry.reload_failed();
                for line in lines.lines() {
                    tracing::error!("{line}");
                }
                tracing::error!(
                    cause = trigger.word(),
                    "the new configuration is refused; the one before stays in use"
                );
            }
        }
        if let Trigger::Request(told) = trigger {
            // Whoever asked may be gone.
            let _ = told.send(outcome);
        }
    }

    async fn try_reload(&mut self, clusters: &mut Clusters) -> Result<(), String> {
        let inputs = Arc::clone(&self.inputs);
        let loaded = tokio::task::spawn_blocking(move || (inputs.load(), inputs.hash())).await;
        let (loaded, hash) = loaded.map_err(|error| format!("failed to read the configuration: {error}"))?;
        self.tried = loaded.as_ref().map_or(hash, |loaded| loaded.hash);
        let loaded = loaded.map_err(|errors| errors.to_string())?;
        clusters.reload(&loaded.config).await.map_err(|error| format!("{error:#}"))?;
        for warning in
            loaded.config.warnings.iter().filter(|line| !self.loaded.config.warnings.contains(line))
        {
            tracing::warn!("{warning}");
        }
        if loaded.config.log.level != self.loaded.config.log.level {
            self.log_level.set(loaded.config.log.level);
        }
        let is_waiting = |path: &&str| AT_RESTART.iter().any(|start| path.starts_with(start));
        let waiting: Vec<_> =
            loaded.settings.changed(&self.started.settings).into_iter().filter(is_waiting).collect();
        for path in &waiting {
            tracing::warn!(key = path, "has no effect before a restart");
        }
        self.page.store(Arc::new(loaded.settings.page(&waiting)));
        self.telemetry.configured(loaded.hash);
        self.loaded = loaded;
        Ok(())
    }
}

impl Trigger {
    fn word(&self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Request(_) => "request",
            Self::FileChanged => "changed file",
        }
    }
}

async fn tick(poll: &mut Option<Interval>) {
    match poll {
        Some(poll) => {
            poll.tick().await;
        }
        None => std::future::pending().await,
    }
}
