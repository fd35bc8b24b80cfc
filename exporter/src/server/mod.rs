//! Answers requests from ready bytes. Routes (GET and HEAD only):
//!
//! | path                  | answer                                                                  |
//! |-----------------------|-------------------------------------------------------------------------|
//! | `/metrics`            | the page, text 0.0.4 or OpenMetrics 1.0, identity or gzip; `?collect[]=`, `?exclude[]=`, `?cluster=` |
//! | `/metrics/legacy/SET`  | the same in the names of another exporter, for those in `metrics.legacy`  |
//! | `/health`, `/-/healthy` | 200 while the process lives                                           |
//! | `/ready`, `/-/ready`  | 200 or 503; the body lists the endpoints, one per line                  |
//! | `/config`             | every setting in use with its origin; no secret                         |
//! | `/`                   | landing page                                                            |
//!
//! It encodes nothing, compresses nothing and takes no lock per request; `listen` owns the connections. Only the first
//! request for OpenMetrics in a while waits until that page is made, on a thread for such work.

mod accept;
mod accept_encoding;
mod admin;
mod body;
mod connection;
mod listen;
mod profile;
mod selection;
mod threads;
mod web;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Uri,
    header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, VARY},
};

pub use admin::{AdminState, LONGEST_ADMIN_ANSWER, admin_routes};
pub use body::ReplyBody;
pub use listen::{Door, Limits, serve};
pub use web::{WebConfig, WebError};

use crate::exposition::{Format, Page, Publisher};
use crate::legacy;

/// What the handlers read; shared by all connections.
#[derive(Clone)]
pub struct ServerState {
    pub publisher: Arc<Publisher>,
    /// The pages in the names of other exporters.
    pub legacy: Arc<legacy::Pages>,
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// Called once per request for the metrics path, after its answer is made and before it is sent.
    pub on_scrape: Arc<dyn Fn(&Scrape) + Send + Sync>,
    /// The answer of `/config`.
    pub config: Arc<dyn Fn() -> String + Send + Sync>,
    /// As shown on the landing page, for example `slurm-exporter 0.1.0`.
    pub version: String,
    pub metrics_path: String,
}

impl fmt::Debug for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerState")
            .field("version", &self.version)
            .field("metrics_path", &self.metrics_path)
            .finish_non_exhaustive()
    }
}

/// The answer of `/ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    pub ready: bool,
    /// One line per endpoint.
    pub endpoints: Vec<String>,
}

/// One answered request for the metrics path.
#[derive(Debug, Clone, Copy)]
pub struct Scrape {
    pub status: StatusCode,
    pub gzip: bool,
    /// Time to make the answer, without sending it.
    pub handler: Duration,
}

/// The routes. The metrics path is none of the others; the configuration sees to that.
pub fn routes(state: ServerState) -> Router {
    Router::new()
        .route(&state.metrics_path, get(metrics))
        .route("/metrics/legacy/{set}", get(legacy_metrics))
        .route("/health", get(health))
        .route("/-/healthy", get(health))
        .route("/ready", get(ready))
        .route("/-/ready", get(ready))
        .route("/config", get(config))
        .route("/", get(landing))
        .fallback(no_such_page)
        .method_not_allowed_fallback(only_get_and_head)
        .with_state(Arc::new(state))
}

/// The refusal of a request that carries a body, which nothing here reads.
pub(crate) fn refusal<B>(request: &Request<B>) -> Option<Response> {
    carries_body(request.headers()).then(|| {
        let mut reply = line(StatusCode::PAYLOAD_TOO_LARGE, "requests carry no body here");
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        reply
    })
}

async fn no_such_page() -> Response {
    line(StatusCode::NOT_FOUND, "no such page")
}

async fn only_get_and_head() -> Response {
    let mut reply = line(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

async fn health() -> Response {
    line(StatusCode::OK, "ok")
}

async fn metrics(State(state): State<Arc<ServerState>>, uri: Uri, headers: HeaderMap) -> Response {
    scrape(&state, &state.publisher, selection::select, &uri, &headers).await
}

async fn legacy_metrics(
    State(state): State<Arc<ServerState>>,
    Path(set): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match state.legacy.of(&set) {
        Some(publisher) => scrape(&state, publisher, selection::select_one_cluster, &uri, &headers).await,
        None => line(StatusCode::NOT_FOUND, "metrics.legacy names no such set"),
    }
}

/// The answer from a page, in the format and encoding that the headers ask for, of what the query selects.
async fn scrape(
    state: &ServerState,
    publisher: &Arc<Publisher>,
    select: fn(Arc<Page>, &str) -> Result<Arc<Page>, selection::Refused>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Response {
    let start = Instant::now();
    let gzip = accept_encoding::prefers_gzip(headers);
    let page = match accept::preferred_format(headers) {
        Format::Text => publisher.page(),
        Format::OpenMetrics => openmetrics(publisher, start).await,
    };
    let reply = match select(page, uri.query().unwrap_or_default()) {
        Ok(page) => {
            let content_type = page.format().content_type();
            let mut reply = Response::new(Body::new(ReplyBody::page(page, gzip)));
            let headers = reply.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
            if gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            reply
        }
        Err(refused) => line(StatusCode::BAD_REQUEST, &refused.to_string()),
    };
    (state.on_scrape)(&Scrape { status: reply.status(), gzip, handler: start.elapsed() });
    reply
}

/// The page as OpenMetrics. Who asks first waits for it rather than get what it did not ask for.
async fn openmetrics(publisher: &Arc<Publisher>, now: Instant) -> Arc<Page> {
    if let Some(page) = publisher.openmetrics(now) {
        return page;
    }
    let maker = Arc::clone(publisher);
    tokio::task::spawn_blocking(move || maker.make_openmetrics()).await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "failed to make the OpenMetrics page, answering in text");
        publisher.page()
    })
}

async fn ready(State(state): State<Arc<ServerState>>) -> Response {
    let readiness = (state.ready)();
    let (status, word) = match readiness.ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let mut text = String::from(word);
    for endpoint in &readiness.endpoints {
        text.push('\n');
        text.push_str(endpoint);
    }
    line(status, &text)
}

async fn config(State(state): State<Arc<ServerState>>) -> Response {
    text(StatusCode::OK, "text/plain; charset=utf-8", (state.config)())
}

async fn landing(State(state): State<Arc<ServerState>>) -> Response {
    let (version, metrics) = (escaped(&state.version), escaped(&state.metrics_path));
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{version}</title></head>\n<body>\n\
         <h1>{version}</h1>\n<ul>\n<li><a href=\"{metrics}\">Metrics</a></li>\n<li><a href=\"/health\">Health</a></li>\n\
         <li><a href=\"/ready\">Readiness</a></li>\n<li><a href=\"/config\">Configuration</a></li>\n</ul>\n</body>\n</html>\n"
    );
    text(StatusCode::OK, "text/html; charset=utf-8", html)
}

fn line(status: StatusCode, line: &str) -> Response {
    text(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut reply = Response::new(Body::from(text));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn carries_body(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::TRANSFER_ENCODING)
        || headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}
