//! What all clusters of a process may use together: threads to collect with, levels to read, how often.
//! It only holds what was decided; `process::pressure` decides.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, Semaphore};

use crate::model::endpoint::Cost;

#[derive(Debug)]
pub struct Budget {
    /// Collections under way at once.
    pub(super) workers: Semaphore,
    /// The dearest endpoints that are read.
    level: AtomicU8,
    /// By how much every interval is multiplied.
    stretch: AtomicU32,
    changed: Notify,
}

impl Budget {
    /// A budget with everything allowed, of which `workers` collections at once.
    pub fn new(workers: usize) -> Self {
        Self {
            workers: Semaphore::new(workers),
            level: AtomicU8::new(Cost::Detailed as u8),
            stretch: AtomicU32::new(1),
            changed: Notify::new(),
        }
    }

    /// The dearest endpoints that are read.
    pub fn level(&self) -> Cost {
        let level = self.level.load(Ordering::Relaxed);
        Cost::ALL.into_iter().find(|cost| *cost as u8 == level).unwrap_or(Cost::Detailed)
    }

    pub fn set_level(&self, level: Cost) {
        self.level.store(level as u8, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// By how much every interval is multiplied.
    pub fn stretch(&self) -> u32 {
        self.stretch.load(Ordering::Relaxed)
    }

    pub fn set_stretch(&self, factor: u32) {
        self.stretch.store(factor, Ordering::Relaxed);
    }

    /// Completes when the level changes.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}
