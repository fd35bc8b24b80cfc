//! Which of several exporters for the same clusters polls and serves them: one leads, the others stand by.
//! What a standby does without is the process's business; here is only who it is.

#[cfg(feature = "kubernetes")]
mod candidacy;
mod file_lock;
#[cfg(feature = "kubernetes")]
mod lease;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::{Ha, Mode};
use file_lock::FileLock;
#[cfg(feature = "kubernetes")]
use lease::Lease;

/// How often the lock is tried, and looked at while it is held.
const LOOK_AT_LOCK: Duration = Duration::from_secs(1);

/// How long a secondary lets the others go first at the start.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ending must not wait long for anybody.
const LONGEST_RELEASE: Duration = Duration::from_secs(2);

/// What this process is to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Leader,
    Standby {
        /// What the leader calls itself, if there is one and it is known.
        leader: Option<String>,
    },
}

impl Role {
    /// The role before any election.
    pub fn at_start(ha: &Ha) -> Self {
        match (ha.leader_election, ha.mode) {
            (false, Mode::Primary) => Self::Leader,
            _ => Self::Standby { leader: None },
        }
    }

    pub fn leads(&self) -> bool {
        matches!(self, Self::Leader)
    }
}

/// Why the process cannot take part in an election, or not now.
#[derive(Debug, thiserror::Error)]
pub enum HaError {
    #[error("failed to lock {path}: {message}")]
    Lock { path: String, message: String },
    #[cfg(feature = "kubernetes")]
    #[error(
        "failed to find the API server: {0} is not set, so this is no pod; outside of Kubernetes set ha.lock_file"
    )]
    NoPod(&'static str),
    #[cfg(feature = "kubernetes")]
    #[error("failed to read {path}: {message}")]
    ServiceAccount { path: String, message: String },
    #[cfg(feature = "kubernetes")]
    #[error("failed to {action} the Lease {lease}: {message}")]
    Lease { action: &'static str, lease: String, message: String },
}

/// What only one process at a time can hold.
#[derive(Debug)]
enum Prize {
    File(Arc<Mutex<FileLock>>),
    #[cfg(feature = "kubernetes")]
    Lease(Box<Lease>),
}

/// The part of this process in an election.
#[derive(Debug)]
pub struct Election {
    prize: Prize,
    /// How long others go first.
    patience: Duration,
    /// How often it is tried or renewed.
    every: Duration,
}

impl Election {
    /// The election that the configuration asks for, if it does.
    ///
    /// # Errors
    /// When this process cannot take part in it.
    pub fn new(ha: &Ha) -> Result<Option<Self>, HaError> {
        if !ha.leader_election {
            return Ok(None);
        }
        let patience = if ha.mode == Mode::Secondary { PATIENCE } else { Duration::ZERO };
        if let Some(path) = &ha.lock_file {
            let lock = FileLock::new(path.clone(), name_of_this_process());
            let prize = Prize::File(Arc::new(Mutex::new(lock)));
            return Ok(Some(Self { prize, patience, every: LOOK_AT_LOCK }));
        }
        #[cfg(feature = "kubernetes")]
        {
            let lease = Lease::new(ha, name_of_this_process())?;
            let every = lease.every();
            Ok(Some(Self { prize: Prize::Lease(Box::new(lease)), patience, every }))
        }
        #[cfg(not(feature = "kubernetes"))]
        unreachable!("the configuration is checked")
    }

    /// Takes part for ever; `roles` gets every change.
    pub async fn run(&mut self, roles: &watch::Sender<Role>) {
        sleep(self.patience).await;
        let mut tick = interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaint = String::new();
        loop {
            tick.tick().await;
            let (role, failed) = self.prize.attempt().await;
            // Once, not at every attempt.
            let said = failed.map(|error| error.to_string()).unwrap_or_default();
            if said != complaint && !said.is_empty() {
                tracing::warn!("{said}");
            }
            complaint = said;
            roles.send_if_modified(|before| {
                let is_news = *before != role;
                if is_news {
                    announce(before, &role);
                    *before = role;
                }
                is_news
            });
        }
    }

    /// Lets another lead at once; for the end of the process.
    pub async fn release(&mut self) {
        if tokio::time::timeout(LONGEST_RELEASE, self.prize.release()).await.is_err() {
            tracing::warn!("failed to hand over in time: the others wait until the lease is over");
        }
    }
}

impl Prize {
    /// Tries to get it or to keep it: the role that follows from the outcome, and what went wrong.
    async fn attempt(&mut self) -> (Role, Option<HaError>) {
        match self {
            Self::File(lock) => {
                let lock = Arc::clone(lock);
                // The file may be on a network file system that is slow to answer.
                let attempt = tokio::task::spawn_blocking(move || held(&lock).attempt()).await;
                attempt.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            }
            #[cfg(feature = "kubernetes")]
            Self::Lease(lease) => lease.attempt().await,
        }
    }

    async fn release(&mut self) {
        match self {
            Self::File(lock) => {
                let lock = Arc::clone(lock);
                // It fails only when the process ends, which frees the lock as well.
                let _ = tokio::task::spawn_blocking(move || held(&lock).release()).await;
            }
            #[cfg(feature = "kubernetes")]
            Self::Lease(lease) => lease.release().await,
        }
    }
}

fn held(lock: &Mutex<FileLock>) -> MutexGuard<'_, FileLock> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn announce(before: &Role, now: &Role) {
    match now {
        Role::Leader => tracing::info!("leading: polling and serving"),
        Role::Standby { leader } => {
            let who = leader.as_deref().unwrap_or("nobody known");
            match before {
                Role::Leader => tracing::warn!(leader = who, "no longer leading: standing by"),
                Role::Standby { .. } => tracing::info!(leader = who, "standing by"),
            }
        }
    }
}

/// A name that tells who leads, and that no other process has: in a pod the host's name is the pod's.
fn name_of_this_process() -> String {
    let mut name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let _ = write!(name, "_{:016x}", fastrand::u64(..));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_election_the_mode_decides() {
        let ha = |mode, leader_election| Ha { mode, leader_election, ..Ha::default() };
        assert!(Role::at_start(&ha(Mode::Primary, false)).leads());
        assert!(!Role::at_start(&ha(Mode::Secondary, false)).leads());
        assert!(!Role::at_start(&ha(Mode::Primary, true)).leads(), "not before it is elected");
        assert!(Election::new(&ha(Mode::Secondary, false)).unwrap().is_none());
    }

    #[test]
    fn no_two_processes_have_the_same_name() {
        assert_ne!(name_of_this_process(), name_of_this_process());
    }
}
