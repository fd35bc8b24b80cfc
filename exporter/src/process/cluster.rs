//! What is one per cluster: source, schedule, board and telemetry, from the start of polling to its end.
//! The clusters share the page and nothing else, so that a dead one takes nothing from the others.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::{JoinError, JoinSet};

use crate::collectors::{COLLECTORS, Settings};
use crate::config::{Config, Slurm};
use crate::exposition::Publisher;
use crate::model::Endpoint;
use crate::schedule::{self, Board, Cluster, Plan};
use crate::server::Readiness;
use crate::source::Rest;
use crate::telemetry::Telemetry;

/// The clusters that are polled; dropping it ends the polling.
#[derive(Debug)]
pub(super) struct Clusters {
    boards: Vec<Arc<Board>>,
    polling: JoinSet<()>,
}

impl Clusters {
    /// Starts to poll every configured cluster.
    ///
    /// # Errors
    /// When the source of one cannot be set up.
    pub(super) fn start(config: &Config, publisher: &Arc<Publisher>) -> anyhow::Result<Self> {
        let mut clusters = Self { boards: Vec::new(), polling: JoinSet::new() };
        for (index, slurm) in config.clusters().iter().enumerate() {
            let cluster = cluster(config, slurm, publisher)
                .with_context(|| format!("failed to set up {}", config.key_of_cluster(index, "url")))?;
            clusters.boards.push(Arc::clone(&cluster.board));
            clusters.polling.spawn(schedule::run(cluster));
        }
        Ok(clusters)
    }

    pub(super) fn boards(&self) -> Vec<Arc<Board>> {
        self.boards.clone()
    }

    /// Completes when the polling of any cluster ends, which it never does by itself.
    pub(super) async fn ended(&mut self) -> Result<(), JoinError> {
        self.polling.join_next().await.unwrap_or(Ok(()))
    }
}

fn cluster(config: &Config, slurm: &Slurm, publisher: &Arc<Publisher>) -> anyhow::Result<Cluster> {
    let source = Rest::new(slurm).context("failed to set up the connection to slurmrestd")?;
    let collectors: Vec<_> =
        COLLECTORS.iter().copied().filter(|collector| config.collectors.is_enabled(collector.name)).collect();
    // Ping is asked in any case: without it nobody could tell an outage from an idle cluster.
    let needed = |endpoint| {
        endpoint == Endpoint::Ping || collectors.iter().any(|collector| collector.needs.contains(&endpoint))
    };
    let endpoints: Vec<_> = Endpoint::ALL.into_iter().filter(|endpoint| needed(*endpoint)).collect();
    let board = Arc::new(Board::new(slurm.name.as_deref().map(Into::into), &endpoints));
    let names: Vec<_> = collectors.iter().map(|collector| collector.name).collect();
    let telemetry = Arc::new(Telemetry::new(Arc::clone(&board), &names));
    Ok(Cluster {
        source: Arc::new(source),
        plan: Plan { endpoints, collection: config.collection.clone(), max_in_flight: slurm.max_in_flight },
        collectors,
        settings: Settings::default(),
        board,
        publisher: Arc::clone(publisher),
        telemetry,
        seed: fastrand::u64(..),
    })
}

/// Ready once any cluster is: to wait for a dead one would take the others out of the Service as well. With several
/// clusters each line begins with the name of its own.
pub(super) fn readiness(boards: &[Arc<Board>]) -> Readiness {
    let mut ready = false;
    let mut endpoints = Vec::new();
    for board in boards {
        let cluster = board.cluster();
        let of_one = board.readiness();
        ready |= of_one.ready;
        endpoints.extend(of_one.endpoints.into_iter().map(|line| match &cluster {
            Some(name) if boards.len() > 1 => format!("{name}/{line}"),
            _ => line,
        }));
    }
    Readiness { ready, endpoints }
}
