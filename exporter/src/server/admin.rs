//! The admin listener, for whoever runs the process. Routes:
//!
//! | path              | answer                                                                        |
//! |-------------------|-------------------------------------------------------------------------------|
//! | `/debug/pprof/profile?seconds=` | CPU profile for `go tool pprof`, 30 seconds unless told otherwise |
//! | `/debug/pprof/heap`, `/debug/pprof/allocs` | memory held now, or allocated since the start, by stack    |
//! | `/debug/pprof/goroutine` | tasks and threads as text                                              |
//! | `POST /-/reload`  | 200 once the configuration was read again, 500 with every mistake in it       |
//! | `/-/loglevel`     | GET tells the level, `PUT /-/loglevel?level=debug` changes it                 |
//!
//! It has no authentication: whoever reaches its address may do all of this.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode, Uri};
use tokio::sync::{mpsc, oneshot};
use tracing::Level;

use super::profile::{self, Heap, ProfileError};
use super::{line, no_such_page, threads};
use crate::config;

/// An answer may be silent for as long as the longest profile takes, and a little more.
pub const LONGEST_ADMIN_ANSWER: Duration = Duration::from_secs(LONGEST_PROFILE_SECONDS + 30);

const LONGEST_PROFILE_SECONDS: u64 = 300;

const DEFAULT_PROFILE_SECONDS: u64 = 30;

/// What the handlers use.
#[derive(Clone)]
pub struct AdminState {
    /// Where a reload is asked for; the outcome comes back.
    pub reload: mpsc::Sender<oneshot::Sender<Result<(), String>>>,
    pub log_level: Arc<dyn Fn() -> Level + Send + Sync>,
    pub set_log_level: Arc<dyn Fn(Level) + Send + Sync>,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AdminState").finish_non_exhaustive()
    }
}

/// The routes of the admin listener.
pub fn admin_routes(state: AdminState) -> Router {
    Router::new()
        .route("/debug/pprof/profile", get(cpu_profile))
        .route("/debug/pprof/heap", get(|| heap_profile(Heap::InUse)))
        .route("/debug/pprof/allocs", get(|| heap_profile(Heap::Allocated)))
        .route("/debug/pprof/goroutine", get(async || line(StatusCode::OK, threads::page().trim_end())))
        .route("/-/reload", post(reload).put(reload))
        .route("/-/loglevel", get(log_level).put(set_log_level))
        .fallback(no_such_page)
        .method_not_allowed_fallback(|| async {
            line(StatusCode::METHOD_NOT_ALLOWED, "not with this method")
        })
        .with_state(state)
}

async fn cpu_profile(uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default().as_bytes();
    let given = form_urlencoded::parse(query).find(|(key, _)| key == "seconds");
    let seconds = given.map_or(Ok(DEFAULT_PROFILE_SECONDS), |(_, text)| text.parse::<u64>());
    match seconds {
        Ok(seconds @ 1..=LONGEST_PROFILE_SECONDS) => {
            profiled(profile::cpu(Duration::from_secs(seconds)).await)
        }
        _ => line(StatusCode::BAD_REQUEST, &format!("expected seconds from 1 to {LONGEST_PROFILE_SECONDS}")),
    }
}

async fn heap_profile(which: Heap) -> Response {
    profiled(profile::heap(which).await)
}

fn profiled(profile: Result<Vec<u8>, ProfileError>) -> Response {
    match profile {
        Ok(bytes) => {
            let mut reply = Response::new(Body::from(bytes));
            let headers = reply.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            reply
        }
        Err(error) => {
            let status = match error {
                ProfileError::Busy => StatusCode::CONFLICT,
                ProfileError::NoHeapProfile => StatusCode::NOT_IMPLEMENTED,
                ProfileError::Cpu(_) | ProfileError::Heap(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            line(status, &error.to_string())
        }
    }
}

async fn reload(State(state): State<AdminState>) -> Response {
    let (told, outcome) = oneshot::channel();
    let sent = state.reload.send(told).await.is_ok();
    match outcome.await {
        Ok(Ok(())) if sent => line(StatusCode::OK, "reloaded"),
        Ok(Err(lines)) => line(StatusCode::INTERNAL_SERVER_ERROR, &lines),
        _ => line(StatusCode::SERVICE_UNAVAILABLE, "the process is about to end"),
    }
}

async fn log_level(State(state): State<AdminState>) -> Response {
    line(StatusCode::OK, &(state.log_level)().as_str().to_ascii_lowercase())
}

async fn set_log_level(State(state): State<AdminState>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default().as_bytes();
    let given = form_urlencoded::parse(query).find(|(key, _)| key == "level");
    let Some((_, text)) = given else {
        return line(StatusCode::BAD_REQUEST, "expected a query such as ?level=debug");
    };
    match config::level(&text) {
        Ok(level) => {
            (state.set_log_level)(level);
            // Whatever the level: that it was changed has to be found in the log.
            tracing::error!(level = level.as_str(), "the log level was set by request");
            line(StatusCode::OK, &text)
        }
        Err(expected) => line(StatusCode::BAD_REQUEST, &expected),
    }
}
