//! Places for the requests that may be under way at once. Whoever waits is let in by rank, then by turn, so that when every
//! request runs into its time-out, those that most of the page comes from are not at the end of the line.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::model::Endpoint;

#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    free: usize,
    waiting: BinaryHeap<Reverse<Waiter>>,
    turn: u64,
}

#[derive(Debug)]
struct Waiter {
    rank: u8,
    turn: u64,
    admit: oneshot::Sender<Place>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Places);

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Line { free: count, waiting: BinaryHeap::new(), turn: 0 })))
    }

    pub(super) async fn wait(&self, endpoint: Endpoint) -> Place {
        let admitted = {
            let mut line = self.line();
            if line.free > 0 {
                line.free -= 1;
                return Place(self.clone());
            }
            let (admit, admitted) = oneshot::channel();
            let turn = line.turn;
            line.turn += 1;
            line.waiting.push(Reverse(Waiter { rank: rank(endpoint), turn, admit }));
            admitted
        };
        admitted.await.expect("a waiter is only taken from the line to be admitted")
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut line = self.0.line();
            let next = line.waiting.pop();
            line.free += usize::from(next.is_none());
            next
        };
        if let Some(Reverse(waiter)) = next {
            // Whoever has gone meanwhile gives it back, and so to the next one.
            drop(waiter.admit.send(Place(self.0.clone())));
        }
    }
}

/// Lower first.
fn rank(endpoint: Endpoint) -> u8 {
    match endpoint {
        Endpoint::Nodes | Endpoint::Jobs => 0,
        _ => 1,
    }
}

impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.rank, self.turn).cmp(&(other.rank, other.turn))
    }
}

impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiter {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn who_waits_comes_by_rank_and_then_by_turn() {
        let places = Places::new(1);
        let first = places.wait(Endpoint::Shares).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for endpoint in [Endpoint::Ping, Endpoint::Qos, Endpoint::Nodes, Endpoint::Diag, Endpoint::Jobs] {
            let (places, order) = (places.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let _place = places.wait(endpoint).await;
                order.lock().unwrap().push(endpoint);
            });
            tokio::task::yield_now().await;
        }
        assert!(order.lock().unwrap().is_empty());
        drop(first);
        tasks.join_all().await;
        use Endpoint::{Diag, Jobs, Nodes, Ping, Qos};
        assert_eq!(*order.lock().unwrap(), [Nodes, Jobs, Ping, Qos, Diag]);
    }

    #[tokio::test]
    async fn who_gave_up_waiting_takes_no_place_along() {
        let places = Places::new(2);
        let (first, second) = (places.wait(Endpoint::Ping).await, places.wait(Endpoint::Diag).await);
        for _ in 0..3 {
            let late = tokio::time::timeout(Duration::from_millis(1), places.wait(Endpoint::Nodes));
            assert!(late.await.is_err());
        }
        drop((first, second));
        let (_first, _second) = (places.wait(Endpoint::Ping).await, places.wait(Endpoint::Diag).await);
        let third = tokio::time::timeout(Duration::from_millis(1), places.wait(Endpoint::Nodes));
        assert!(third.await.is_err(), "there are two");
    }
}
