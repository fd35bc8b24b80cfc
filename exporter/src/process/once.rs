//! `slurm-exporter once`: every endpoint is polled once, as the running exporter would, and the page is handed over.
//! Nothing is served and nothing is polled a second time.

use std::sync::Arc;

use anyhow::Context as _;

use super::cluster::{Clusters, Shared};
use crate::config::Config;
use crate::exposition::Page;
use crate::telemetry::ProcessTelemetry;

/// What one poll of everything gave.
#[derive(Debug)]
pub struct Once {
    pub page: Arc<Page>,
    /// Why endpoints could not be read; the page lacks what they give.
    pub failures: Vec<String>,
}

/// Polls every endpoint that the collectors need, once.
///
/// # Errors
/// When a source cannot be set up, or polling ends.
pub async fn once(config: &Config) -> anyhow::Result<Once> {
    let shared = Shared::new(config)?;
    let publisher = Arc::clone(&shared.publisher);
    let mut clusters = Clusters::start(config, shared, true).await?;
    let boards = clusters.boards().load_full();
    let polled = async {
        for board in boards.iter() {
            board.polled().await;
        }
    };
    tokio::select! {
        () = polled => {}
        ended = clusters.ended() => ended.context("failed to poll")?,
    }
    clusters.report();
    let process = ProcessTelemetry::default();
    process.publish(&publisher);
    let statuses = boards.iter().flat_map(|board| board.statuses());
    let failures = statuses.filter(|(_, status)| status.up == Some(false)).map(|(_, status)| status.error);
    Ok(Once { page: publisher.page(), failures: failures.collect() })
}
