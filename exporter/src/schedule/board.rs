//! How each endpoint of a cluster is doing: what `/ready` answers from and `slurm_exporter_endpoint_*` shows.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::Endpoint;
use crate::model::endpoint::Cost;
use crate::server::Readiness;

/// The state of one endpoint since the start.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Result of the last poll; none before the first one.
    pub up: Option<bool>,
    /// This Slurm does not serve it.
    pub absent: bool,
    /// When its data was last refreshed, on the clock of the host and on one that never jumps.
    pub refreshed_at: Option<(SystemTime, Instant)>,
    /// Its data was withdrawn for its age.
    pub stale: bool,
    /// Why the last poll failed; empty when it did not.
    pub error: String,
}

/// The endpoints that are polled, with their states.
#[derive(Debug)]
pub struct Board {
    cells: Mutex<Cells>,
    changed: Notify,
}

#[derive(Debug)]
struct Cells {
    /// The value of the `cluster` label, once it is known.
    cluster: Option<Arc<str>>,
    statuses: Vec<(Endpoint, Status)>,
}

impl Board {
    /// A board on which nothing has been polled yet.
    pub fn new(cluster: Option<Arc<str>>, endpoints: &[Endpoint]) -> Self {
        let statuses = endpoints.iter().map(|endpoint| (*endpoint, Status::default())).collect();
        Self { cells: Mutex::new(Cells { cluster, statuses }), changed: Notify::new() }
    }

    /// Keeps the states of what is polled as before, and waits for the first poll of what is not.
    pub fn set_endpoints(&self, endpoints: &[Endpoint]) {
        let mut cells = self.lock();
        let mut before = std::mem::take(&mut cells.statuses);
        cells.statuses = endpoints
            .iter()
            .map(|endpoint| {
                let known = before.iter().position(|(name, _)| name == endpoint);
                known.map_or_else(|| (*endpoint, Status::default()), |at| before.swap_remove(at))
            })
            .collect();
    }

    /// The value of the `cluster` label; none before the first answer of a cluster that the configuration does not
    /// name.
    pub fn cluster(&self) -> Option<Arc<str>> {
        self.lock().cluster.clone()
    }

    pub(crate) fn fix_cluster(&self, name: Arc<str>) {
        self.lock().cluster.get_or_insert(name);
    }

    /// A copy of every endpoint's state.
    pub fn statuses(&self) -> Vec<(Endpoint, Status)> {
        self.lock().statuses.clone()
    }

    pub(super) fn status(&self, endpoint: Endpoint) -> Status {
        let cells = self.lock();
        let found = cells.statuses.iter().find(|(name, _)| *name == endpoint);
        found.map(|(_, status)| status.clone()).unwrap_or_default()
    }

    pub(super) fn set(&self, endpoint: Endpoint, status: Status) {
        if let Some((_, kept)) = self.lock().statuses.iter_mut().find(|(name, _)| *name == endpoint) {
            *kept = status;
        }
        self.changed.notify_waiters();
    }

    /// Completes once the outcome of every endpoint's first poll is on the board.
    pub async fn polled(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on: what happens between the look and the wait would go unheard otherwise.
            changed.as_mut().enable();
            if self.statuses().iter().all(|(_, status)| status.up.is_some() || status.absent) {
                return;
            }
            changed.await;
        }
    }

    /// Ready once nodes were read, and for as long as not every critical and important endpoint is stale:
    /// a dead Slurm must not take the exporter, and with it the news of the outage, out of the Service at once.
    pub fn readiness(&self) -> Readiness {
        let statuses = self.statuses();
        let mut vital = statuses.iter().filter(|(endpoint, _)| endpoint.cost() <= Cost::Important);
        let all_stale =
            vital.clone().next().is_some() && vital.all(|(_, status)| status.stale || status.absent);
        let nodes_read = statuses
            .iter()
            .filter(|(endpoint, _)| *endpoint == Endpoint::Nodes)
            .all(|(_, status)| status.refreshed_at.is_some());
        Readiness {
            ready: nodes_read && !all_stale,
            endpoints: statuses.iter().map(|(endpoint, status)| describe(*endpoint, status)).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(endpoint: Endpoint, status: &Status) -> String {
    let age = status.refreshed_at.map(|(_, at)| at.elapsed()).unwrap_or_default();
    let age = Duration::from_secs(age.as_secs());
    match (status.up, status.absent) {
        (_, true) => format!("{endpoint}: not served by this slurmrestd"),
        (None, _) => format!("{endpoint}: first poll under way"),
        (Some(true), _) => format!("{endpoint}: ok, {age:?} old"),
        (Some(false), _) if status.refreshed_at.is_none() => {
            format!("{endpoint}: failed, no data: {}", status.error)
        }
        (Some(false), _) if status.stale => format!("{endpoint}: failed, data withdrawn: {}", status.error),
        (Some(false), _) => format!("{endpoint}: failed, data {age:?} old: {}", status.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refreshed() -> Status {
        let now = Some((SystemTime::UNIX_EPOCH, Instant::now()));
        Status { up: Some(true), refreshed_at: now, ..Status::default() }
    }

    #[test]
    fn ready_waits_for_the_nodes() {
        let board = Board::new(None, &Endpoint::ALL);
        assert!(!board.readiness().ready);
        board.set(Endpoint::Ping, refreshed());
        assert!(!board.readiness().ready);
        board.set(Endpoint::Nodes, refreshed());
        assert!(board.readiness().ready);
        assert_eq!(board.readiness().endpoints.len(), Endpoint::ALL.len());
    }

    #[test]
    fn ready_ends_only_when_everything_vital_is_stale() {
        let board = Board::new(None, &Endpoint::ALL);
        let vital = || Endpoint::ALL.into_iter().filter(|endpoint| endpoint.cost() <= Cost::Important);
        for endpoint in vital() {
            board.set(endpoint, refreshed());
        }
        for endpoint in vital() {
            assert!(board.readiness().ready, "before {endpoint} is stale");
            board.set(endpoint, Status { stale: true, ..refreshed() });
        }
        assert!(!board.readiness().ready);
        board.set(Endpoint::Jobs, refreshed());
        assert!(!board.readiness().ready, "jobs alone are no health");
        board.set(Endpoint::Diag, refreshed());
        assert!(board.readiness().ready);
    }

    #[tokio::test]
    async fn a_board_is_polled_when_its_last_endpoint_is() {
        let board = Board::new(None, &[Endpoint::Ping, Endpoint::Nodes]);
        board.set(Endpoint::Ping, Status { absent: true, ..Status::default() });
        let (polled, ()) = tokio::join!(
            async {
                board.polled().await;
                board.status(Endpoint::Nodes).up
            },
            // After the other has begun to wait.
            async { board.set(Endpoint::Nodes, Status { up: Some(false), ..Status::default() }) }
        );
        assert_eq!(polled, Some(false));
        board.polled().await;
    }

    #[test]
    fn the_cluster_label_is_fixed_once() {
        let board = Board::new(None, &[]);
        board.fix_cluster("first".into());
        board.fix_cluster("second".into());
        assert_eq!(board.cluster().as_deref(), Some("first"));
    }
}
