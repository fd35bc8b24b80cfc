//! What this process is to the others, in force: the polling, `/ready` and `slurm_exporter_leader` follow the role.
//! Who gets which role is the election's business.

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::cluster::Clusters;
use crate::config::Config;
use crate::ha::Role;
use crate::telemetry::ProcessTelemetry;

#[derive(Debug)]
pub(super) struct Standing {
    roles: watch::Receiver<Role>,
    in_force: Arc<ArcSwap<Role>>,
    telemetry: Arc<ProcessTelemetry>,
}

impl Standing {
    pub(super) fn new(roles: watch::Receiver<Role>, telemetry: Arc<ProcessTelemetry>) -> Self {
        let role = roles.borrow().clone();
        telemetry.set_leads(role.leads());
        Self { roles, in_force: Arc::new(ArcSwap::from_pointee(role)), telemetry }
    }

    /// The role that the rest of the process acts by, at any time.
    pub(super) fn in_force(&self) -> Arc<ArcSwap<Role>> {
        Arc::clone(&self.in_force)
    }

    /// Completes when there is a new role.
    pub(super) async fn changed(&mut self) {
        // The sender lives as long as the process.
        if self.roles.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Puts the newest role in force: who no longer leads is not ready first of all, who leads is so last of all.
    ///
    /// # Errors
    /// When the clusters cannot go over to it. Then the process has to end, so that another one leads.
    pub(super) async fn follow(&mut self, clusters: &mut Clusters, config: &Config) -> anyhow::Result<()> {
        let role = self.roles.borrow_and_update().clone();
        let leads = role.leads();
        if !leads {
            self.put(role.clone());
        }
        if clusters.leads() != leads {
            clusters.lead(leads, config).await.context("failed to change the role")?;
        }
        if leads {
            self.put(role);
        }
        Ok(())
    }

    fn put(&self, role: Role) {
        self.telemetry.set_leads(role.leads());
        self.in_force.store(Arc::new(role));
    }
}
