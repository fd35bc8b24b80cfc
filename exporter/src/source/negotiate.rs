//! Which API version both sides know: the newest that slurmrestd does not answer with 404.
//! How a version is probed is the caller's business; the OpenAPI document (1.8 MB, 0.4 s of slurmrestd) is never read.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Request;
use super::error::{ErrorClass, Failure};
use crate::wire::{self, Api};

/// The version in use, and the right to look for another one, which one poll at a time has.
#[derive(Debug)]
pub(super) struct Negotiation {
    /// In the order in which they are probed.
    candidates: Vec<&'static Api>,
    chosen: Mutex<Option<&'static Api>>,
    /// Held while probing; keeps what the last attempt failed with, for those who waited for it.
    probing: tokio::sync::Mutex<Option<Failure>>,
    attempts: AtomicU64,
}

impl Negotiation {
    /// Of every supported version, or of the one that the configuration pins, which is then taken without a probe
    /// until an answer says otherwise.
    pub(super) fn new(pinned: Option<&str>) -> Self {
        let pinned = pinned.and_then(wire::by_version);
        Self {
            candidates: pinned.map_or_else(|| wire::SUPPORTED.to_vec(), |api| vec![api]),
            chosen: Mutex::new(pinned),
            probing: tokio::sync::Mutex::new(None),
            attempts: AtomicU64::new(0),
        }
    }

    /// The version to use. `probe` tells whether one is served, and may fail; its requests are added to `requests`.
    pub(super) async fn api<P, F>(
        &self,
        requests: &mut Vec<Request>,
        probe: P,
    ) -> Result<&'static Api, Failure>
    where
        P: Fn(&'static Api) -> F,
        F: Future<Output = (Request, Result<bool, Failure>)>,
    {
        let attempts = self.attempts.load(Ordering::Acquire);
        if let Some(api) = *self.chosen() {
            return Ok(api);
        }
        let mut last_failure = self.probing.lock().await;
        if let Some(api) = *self.chosen() {
            return Ok(api);
        }
        if self.attempts.load(Ordering::Acquire) != attempts
            && let Some(failure) = &*last_failure
        {
            return Err(failure.clone());
        }
        let outcome = self.probe_all(requests, probe).await;
        *self.chosen() = outcome.as_ref().ok().copied();
        *last_failure = outcome.as_ref().err().cloned();
        self.attempts.fetch_add(1, Ordering::Release);
        outcome
    }

    async fn probe_all<P, F>(&self, requests: &mut Vec<Request>, probe: P) -> Result<&'static Api, Failure>
    where
        P: Fn(&'static Api) -> F,
        F: Future<Output = (Request, Result<bool, Failure>)>,
    {
        for api in &self.candidates {
            let (request, is_served) = probe(api).await;
            requests.push(request);
            if is_served? {
                tracing::info!(api_version = api.version, "negotiated");
                return Ok(api);
            }
        }
        let names: Vec<_> = self.candidates.iter().map(|api| api.version).collect();
        let message = format!("404 for every API version that was tried: {}", names.join(", "));
        Err(Failure::new(ErrorClass::HttpStatus, "", message))
    }

    /// Forgets a version that turned out not to be served, unless another poll has replaced it already.
    pub(super) fn forget(&self, api: &'static Api) {
        let mut chosen = self.chosen();
        if chosen.is_some_and(|chosen| chosen.version == api.version) {
            *chosen = None;
        }
    }

    fn chosen(&self) -> MutexGuard<'_, Option<&'static Api>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const REQUEST: Request = Request {
        endpoint: crate::model::Endpoint::Ping,
        code: Some(404),
        duration: Duration::ZERO,
        bytes: 0,
    };

    #[tokio::test]
    async fn the_newest_served_version_is_kept() {
        let negotiation = Negotiation::new(None);
        let mut requests = Vec::new();
        let served = |api: &'static Api| async move { (REQUEST, Ok(api.version <= "v0.0.42")) };
        assert_eq!(negotiation.api(&mut requests, served).await.unwrap().version, "v0.0.42");
        assert_eq!(requests.len(), 4);
        assert_eq!(negotiation.api(&mut requests, served).await.unwrap().version, "v0.0.42");
        assert_eq!(requests.len(), 4);
    }

    #[tokio::test]
    async fn those_who_waited_for_a_failing_attempt_share_its_failure() {
        let negotiation = Negotiation::new(None);
        let gate = tokio::sync::Semaphore::new(0);
        let probe = |_: &'static Api| async {
            gate.acquire().await.unwrap().forget();
            (REQUEST, Err(Failure::new(ErrorClass::Connect, "", "refused")))
        };
        let mut requests = [Vec::new(), Vec::new(), Vec::new()];
        let [first, second, third] = &mut requests;
        let open = async {
            // The three have been polled once, in this order, before this part is.
            gate.add_permits(1);
        };
        let (one, two, three, ()) = tokio::join!(
            negotiation.api(first, probe),
            negotiation.api(second, probe),
            negotiation.api(third, probe),
            open
        );
        for outcome in [one, two, three] {
            assert_eq!(outcome.unwrap_err().message, "refused");
        }
        assert_eq!(requests.map(|requests| requests.len()), [1, 0, 0]);
    }

    #[tokio::test]
    async fn a_pinned_version_is_probed_only_after_it_was_forgotten() {
        let negotiation = Negotiation::new(Some("v0.0.40"));
        let mut requests = Vec::new();
        let absent = |_: &'static Api| async { (REQUEST, Ok(false)) };
        let api = negotiation.api(&mut requests, absent).await.unwrap();
        assert_eq!((api.version, requests.len()), ("v0.0.40", 0));
        negotiation.forget(api);
        let failure = negotiation.api(&mut requests, absent).await.unwrap_err();
        assert_eq!(failure.message, "404 for every API version that was tried: v0.0.40");
    }

    #[test]
    fn forgetting_an_old_version_keeps_the_new_one() {
        let negotiation = Negotiation::new(Some("v0.0.42"));
        negotiation.forget(wire::by_version("v0.0.41").unwrap());
        assert!(negotiation.chosen().is_some());
    }
}
