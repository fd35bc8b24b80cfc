//! One request as a scraper makes it: sent, read to the last byte, timed, judged. Shared by all users.
//! It keeps no pace of its own: when to send is the caller's decision.

use std::error::Error as _;
use std::time::{Duration, Instant};

use reports::model::run::Exposition;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, StatusCode, Url};

use crate::body::{BodyCheck, Incoming};
use crate::recorder::{Failure, Observation};
use crate::scenario::{Encoding, RequestSpec};

/// What Prometheus asks for when it wants the text format.
const TEXT_FORMAT: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
/// Every so-manieth body that differs from the one before is parsed as a whole.
const PARSE_EVERY: u64 = 20;

/// The requests of the mix, ready to be sent.
#[derive(Debug)]
pub(crate) struct Probe {
    client: Client,
    requests: Vec<Prepared>,
}

#[derive(Debug)]
struct Prepared {
    name: String,
    request: Request,
    check: BodyCheck,
}

impl Probe {
    /// Prepares the mix against `metrics`, the address of the target's metrics page.
    ///
    /// # Errors
    /// When the client cannot be set up, or a path of the mix does not fit the address.
    pub(crate) fn new(metrics: &Url, mix: &[RequestSpec], timeout: Duration) -> anyhow::Result<Self> {
        let requests = mix.iter().map(|spec| prepare(metrics, spec)).collect::<Result<_, _>>()?;
        Ok(Self { client: client(timeout)?, requests })
    }

    /// The one client that all users share, connections included.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The name of a request of the mix.
    pub(crate) fn name(&self, request: usize) -> &str {
        &self.requests[request].name
    }

    /// Sizes of the last page that was parsed, with the compressed size when any request asked for gzip.
    pub(crate) fn facts(&self) -> Option<Exposition> {
        let all = || self.requests.iter().filter_map(|prepared| prepared.check.facts());
        all().find(|facts| facts.compressed_bytes.is_some()).or_else(|| all().next())
    }

    /// Sends a request by `client` and waits for the last byte. The latency ends there; the check follows it.
    pub(crate) async fn fetch(&self, client: &Client, request: usize) -> Observation {
        let prepared = &self.requests[request];
        let mut body = prepared.check.incoming();
        // Without a body a request can always be cloned.
        let to_send = prepared
            .request
            .try_clone()
            .unwrap_or_else(|| Request::new(Method::GET, prepared.request.url().clone()));
        let started = Instant::now();
        let answer = exchange(client, to_send, &mut body).await;
        let finished = Instant::now();
        let bytes = body.len() as u64;
        let failure = match answer {
            Err(failure) => Some(failure),
            Ok(response) => prepared.check.check(response.headers(), body).err(),
        };
        Observation { request, finished, latency: finished - started, arrival: None, bytes, failure }
    }
}

/// The client of the load test: no redirects, no proxy, and bodies as they are on the wire.
pub(crate) fn client(timeout: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("loadtest/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .no_gzip()
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(usize::MAX)
        .timeout(timeout)
        .build()
}

fn prepare(metrics: &Url, spec: &RequestSpec) -> anyhow::Result<Prepared> {
    let url = match &spec.path {
        Some(path) => metrics.join(path)?,
        None => metrics.clone(),
    };
    let mut request = Request::new(Method::GET, url);
    let encoding = match spec.encoding {
        Encoding::Gzip => "gzip",
        Encoding::Identity => "identity",
    };
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(TEXT_FORMAT));
    Ok(Prepared { name: spec.name.clone(), request, check: BodyCheck::new(PARSE_EVERY) })
}

/// Sends, reads the whole body into `body`, and checks the status.
async fn exchange(client: &Client, request: Request, body: &mut Incoming) -> Result<Response, Failure> {
    let mut response = client.execute(request).await.map_err(|error| transport("reset", &error))?;
    while let Some(chunk) = response.chunk().await.map_err(|error| transport("truncated", &error))? {
        body.push(&chunk);
    }
    match response.status() {
        StatusCode::OK => Ok(response),
        status => {
            Err(Failure { kind: format!("status_{}", status.as_u16()), detail: format!("answered {status}") })
        }
    }
}

/// Names a failure below HTTP; `otherwise` when it is neither a timeout nor a refused connection.
fn transport(otherwise: &str, error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        otherwise
    };
    Failure { kind: kind.into(), detail: innermost(error) }
}

/// What happened, without the address that the outer messages repeat.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
