//! The admin listener, for whoever runs the process. Routes:
//!
//! | path              | answer                                                                        |
//! |-------------------|-------------------------------------------------------------------------------|
//! | `POST /-/reload`  | 200 once the configuration was read again, 500 with every mistake in it       |
//! | `/-/loglevel`     | GET tells the level, `PUT /-/loglevel?level=debug` changes it                 |
//!
//! It has no authentication: whoever reaches its address may do all of this.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use tokio::sync::{mpsc, oneshot};
use tracing::Level;

use super::{line, no_such_page};
use crate::config;

/// An answer may be silent for as long as the longest profile takes, and a little more.
pub const LONGEST_ADMIN_ANSWER: Duration = Duration::from_secs(330);

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
        .route("/-/reload", post(reload).put(reload))
        .route("/-/loglevel", get(log_level).put(set_log_level))
        .fallback(no_such_page)
        .method_not_allowed_fallback(|| async {
            line(StatusCode::METHOD_NOT_ALLOWED, "not with this method")
        })
        .with_state(state)
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
