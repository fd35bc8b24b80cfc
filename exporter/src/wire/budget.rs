//! How much memory the answers that are read at one time may take together. What one takes its decoder says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Shared by the decoders that were given it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    taken: AtomicUsize,
}

impl Budget {
    /// So many bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, taken: AtomicUsize::new(0) }))
    }

    pub(super) fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    pub(super) fn most(&self) -> usize {
        self.0.most
    }

    pub(super) fn portion(self) -> Portion {
        Portion { budget: self, bytes: 0 }
    }
}

/// What one decoder has of it, until it is dropped.
#[derive(Debug)]
pub(super) struct Portion {
    budget: Budget,
    bytes: usize,
}

impl Portion {
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Makes it so many bytes, if they are there.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let Shared { most, taken } = &*self.budget.0;
        let taken = taken.fetch_add(more, Relaxed).saturating_add(more);
        self.bytes += more;
        taken <= *most
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.budget.0.taken.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_takes_another_lacks_until_it_is_dropped() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.clone().portion(), budget.portion());
        assert!(one.grow_to(60) && one.grow_to(50) && other.grow_to(40));
        assert!(!other.grow_to(41));
        drop(one);
        assert!(other.grow_to(100) && !other.grow_to(101));
    }
}
