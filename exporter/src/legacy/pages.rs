//! A page for each set that is switched on. Without the label `cluster`, which the other exporters do not know.
//! How a page is asked for is the server's business.

use std::sync::Arc;

use super::Set;
use crate::exposition::{Batch, Names, Publisher};
use crate::model::{Endpoint, Snapshot};

/// The pages, in the order of [`super::SETS`].
#[derive(Debug, Default)]
pub struct Pages(Vec<(&'static Set, Arc<Publisher>)>);

impl Pages {
    /// Empty pages of these sets.
    pub fn new(sets: impl IntoIterator<Item = &'static Set>) -> Self {
        Self(sets.into_iter().map(|set| (set, Arc::new(Publisher::new(Names::default())))).collect())
    }

    /// The page of the set of this name, if it is switched on.
    pub fn of(&self, set: &str) -> Option<&Arc<Publisher>> {
        self.0.iter().find(|(known, _)| known.name == set).map(|(_, publisher)| publisher)
    }

    /// Whether a set that is switched on is made from this endpoint.
    pub fn need(&self, endpoint: Endpoint) -> bool {
        self.0.iter().flat_map(|(set, _)| set.parts).any(|part| part.needs.contains(&endpoint))
    }

    /// Makes again what depends on the endpoint.
    pub fn publish(&self, snapshot: &Snapshot, endpoint: Endpoint, cluster: &str) {
        for (set, publisher) in &self.0 {
            let due = set.parts.iter().filter(|part| part.needs.contains(&endpoint));
            publisher.replace(due.map(|part| {
                let mut batch = Batch::unlabelled(part.name, cluster);
                (part.collect)(snapshot, &mut batch);
                batch
            }));
        }
    }
}
