//! slurmrestd over HTTP: one request per poll, in a version that both sides know, as the user of the token.
//! It sends no request twice, except once with a token that was replaced meanwhile or in a version found anew.
//!
//! Every request has its own connection, unless `slurm.keep_alive` says otherwise. Polls are seconds apart, so that a kept one would only hold one of
//! slurmrestd's 124 places; and what a server sends after its answer (26.05 sends most error answers twice, and all
//! versions add a header after the body of some) is never taken for the next answer.
//!
//! A body is decoded on the runtime's own thread: a chunk has at most 408 KiB, hyper's largest read, which took at most
//! 0.6 ms to decode (57 MB of jobs, two cores), and other tasks run while the next one is awaited. `block_in_place`
//! would hand the worker's tasks to another thread once per chunk for so little.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION};

use super::answer::{Body, Limits, Reply};
use super::auth::{Credentials, Signature};
use super::client::Connections;
use super::error::{ErrorClass, Failure, PollError, SourceError};
use super::incoming::Incoming;
use super::negotiate::Negotiation;
use super::rate_limit::Limiter;
use super::{Fetch, Poll, Request, Source, client};
use crate::config::{Scheme, Slurm, Token};
use crate::model::accounting::window_end;
use crate::model::endpoint::Daemon;
use crate::model::{Endpoint, Release, Timestamp};
use crate::wire::{Answer, Api};

/// What can be asked for with `update_time`. Nodes could, but their list counts as changed at every look (recorded).
const INCREMENTAL: [Endpoint; 3] = [Endpoint::Jobs, Endpoint::Partitions, Endpoint::Reservations];

/// A cluster behind one slurmrestd.
#[derive(Debug)]
pub struct Rest {
    slurm: Slurm,
    /// Without a slash at its end.
    base: String,
    connections: Connections,
    limiter: Limiter,
    credentials: Credentials,
    negotiation: Negotiation,
    /// Who answered last: a 304 has no body to tell it.
    release: Mutex<Option<Release>>,
    limits: Limits,
}

impl Rest {
    /// A source for this section; reads the token, connects to nothing yet.
    ///
    /// # Errors
    /// When a token file is named and holds no token, and when TLS cannot be set up.
    pub fn new(slurm: &Slurm) -> Result<Self, SourceError> {
        Ok(Self {
            base: client::base(slurm),
            connections: Connections::new(slurm)?,
            limiter: Limiter::new(&slurm.rate_limit),
            credentials: Credentials::new(&slurm.auth)?,
            negotiation: Negotiation::new(slurm.api_version),
            release: Mutex::new(None),
            limits: Limits::from(slurm),
            slurm: slurm.clone(),
        })
    }

    async fn ask(
        &self,
        endpoint: Endpoint,
        since: Timestamp,
        requests: &mut Vec<Request>,
    ) -> Result<Answer, PollError> {
        let mut signature = self.signature().await.map_err(|failure| PollError::new(endpoint, &failure))?;
        let mut api = self.negotiate(endpoint, signature.as_ref(), requests).await?;
        let mut may_negotiate = true;
        let mut may_reread = true;
        loop {
            if !api.serves(endpoint) {
                let message = format!("{} has no such endpoint", api.version);
                let url = self.url(api, endpoint, Timestamp::NONE);
                let failure = Failure::new(ErrorClass::HttpStatus, &url, message);
                return Err(PollError { not_served: true, ..PollError::new(endpoint, &failure) });
            }
            let (request, reply) = self.request(api, endpoint, since, signature.as_ref()).await;
            requests.push(request);
            if reply.is_not_served() && std::mem::take(&mut may_negotiate) {
                self.negotiation.forget(api);
                let served = self.negotiate(endpoint, signature.as_ref(), requests).await?;
                if served.version != api.version {
                    api = served;
                    continue;
                }
            }
            if reply.blames_token() && std::mem::take(&mut may_reread) {
                // The answer that blames the token says more than why there is no other.
                match self.credentials.after_refusal(signature.as_ref()).await {
                    Ok(now) if now != signature => {
                        signature = now;
                        continue;
                    }
                    Ok(_) | Err(_) => {}
                }
            }
            return reply.into_result(endpoint);
        }
    }

    async fn signature(&self) -> Result<Option<Signature>, Failure> {
        let signature = self.credentials.current().await;
        signature.map_err(|message| Failure::new(ErrorClass::Auth, &self.base, message))
    }

    async fn negotiate(
        &self,
        endpoint: Endpoint,
        signature: Option<&Signature>,
        requests: &mut Vec<Request>,
    ) -> Result<&'static Api, PollError> {
        let probe = |api| self.probe(api, signature);
        self.negotiation.api(requests, probe).await.map_err(|mut failure| {
            if failure.place.is_empty() {
                failure.place = format!("{}/slurm", self.base);
            }
            PollError::new(endpoint, &failure)
        })
    }

    /// Whether a version is served: any answer but 404, since 401, 500 and 511 come from a version that is.
    async fn probe(
        &self,
        api: &'static Api,
        signature: Option<&Signature>,
    ) -> (Request, Result<bool, Failure>) {
        self.limiter.ready().await;
        let started = Instant::now();
        let url = self.url(api, Endpoint::Ping, Timestamp::NONE);
        let answer = self.send(&url, Endpoint::Ping, signature).await;
        let code = answer.as_ref().ok().and_then(Incoming::code);
        let is_served = answer.map(|incoming| incoming.status != StatusCode::NOT_FOUND);
        (Request { endpoint: Endpoint::Ping, code, duration: started.elapsed(), bytes: 0 }, is_served)
    }

    async fn request(
        &self,
        api: &'static Api,
        endpoint: Endpoint,
        since: Timestamp,
        signature: Option<&Signature>,
    ) -> (Request, Reply) {
        self.limiter.ready().await;
        let started = Instant::now();
        let is_incremental = INCREMENTAL.contains(&endpoint) && since.get().is_some();
        let url = self.url(api, endpoint, since);
        let mut code = None;
        let mut body = Body::new(api, endpoint, &url, self.limits.clone());
        let mut reply = match self.send(&url, endpoint, signature).await {
            Ok(mut incoming) => {
                code = incoming.code();
                match incoming.status {
                    // For jobs only 22.05 answers so; later versions send an empty list.
                    StatusCode::NOT_MODIFIED if is_incremental => {
                        Reply::unchanged(endpoint, self.last_release(api))
                    }
                    _ => body.read(&mut incoming, self.credentials.is_expired()).await,
                }
            }
            Err(failure) => failure.into(),
        };
        if let Reply::Answer(answer) = &reply {
            *self.release.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.release.clone());
        }
        if let Some(signature) = signature {
            reply.redact(signature.token.expose());
        }
        (Request { endpoint, code, duration: started.elapsed(), bytes: body.bytes() }, reply)
    }

    /// Sends a request and waits for the head of its answer.
    async fn send(
        &self,
        url: &str,
        endpoint: Endpoint,
        signature: Option<&Signature>,
    ) -> Result<Incoming, Failure> {
        let client = self.connections.client().await;
        let mut request =
            client.get(url).timeout(self.slurm.timeout(endpoint)).header(ACCEPT, "application/json");
        if let Some(signature) = signature {
            request = match self.slurm.auth.scheme {
                Scheme::Slurm => request.header("x-slurm-user-token", signature.header("")),
                Scheme::Bearer => request.header(AUTHORIZATION, signature.header("Bearer ")),
            };
        }
        // With Bearer the token alone says who asks, unless a name was asked for.
        let of_token = signature.filter(|_| self.slurm.auth.scheme == Scheme::Slurm);
        let user =
            self.slurm.auth.user.as_deref().or(of_token.and_then(|signature| signature.user.as_deref()));
        if let Some(user) = user {
            request = request.header("x-slurm-user-name", user);
        }
        let response = request.send().await.map_err(|error| Failure::from_transport(url, error))?;
        Ok(Incoming::http(url, response))
    }

    fn last_release(&self, api: &Api) -> Release {
        let last = self.release.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.filter(|release| release.api_version == api.version).unwrap_or(Release {
            cluster: None,
            slurm_version: String::new(),
            api_version: api.version,
        })
    }

    fn url(&self, api: &Api, endpoint: Endpoint, since: Timestamp) -> String {
        let root = match endpoint.daemon() {
            Daemon::Slurmctld => "slurm",
            Daemon::Slurmdbd => "slurmdb",
        };
        let url = format!("{}/{root}/{}/{}", self.base, api.version, endpoint.path());
        match since.get() {
            Some(from) if endpoint == Endpoint::Accounting => {
                format!("{url}?{}", api.accounting_query(from, window_end(from)))
            }
            Some(last_update) if INCREMENTAL.contains(&endpoint) => {
                format!("{url}?update_time={last_update}")
            }
            _ => url,
        }
    }
}

impl Source for Rest {
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>> {
        Box::pin(async move {
            let mut requests = Vec::new();
            let outcome = self.ask(endpoint, since, &mut requests).await;
            Poll { outcome, requests }
        })
    }

    fn token_expiry(&self) -> Option<u64> {
        self.credentials.expiry()
    }

    fn user(&self) -> Option<String> {
        self.credentials.last().and_then(|signature| signature.user)
    }
}

impl Fetch for Rest {
    fn fetch<'a>(
        &'a self,
        endpoint: Endpoint,
        since: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Incoming>, Failure>> + Send + 'a>> {
        Box::pin(async move {
            let signature = self.signature().await?;
            let probe = |api| self.probe(api, signature.as_ref());
            let api = self.negotiation.api(&mut Vec::new(), probe).await?;
            if !api.serves(endpoint) {
                return Ok(None);
            }
            self.limiter.ready().await;
            self.send(&self.url(api, endpoint, since), endpoint, signature.as_ref()).await.map(Some)
        })
    }

    fn token(&self) -> Option<Token> {
        self.credentials.last().map(|signature| signature.token)
    }
}
