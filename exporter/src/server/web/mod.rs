//! The web config file at work: TLS for each connection, users and headers for each request.
//! The file and what it names are read again when their content changes; a bad change is logged and has no effect.

mod tls;
mod users;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::time::{MissedTickBehavior, interval};

use self::users::{Users, Verified};
use super::line;
use crate::config::{Pem, Web};

/// How often the content of the files is compared.
const LOOK: Duration = Duration::from_secs(2);

/// One web config file, as it was when it was good last.
#[derive(Debug)]
pub struct WebConfig {
    file: PathBuf,
    verified: Arc<Verified>,
    current: ArcSwap<Current>,
}

/// What connections and requests go by.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
    /// What has no effect.
    warnings: Vec<String>,
}

/// The web config file, or a file that it names, cannot be used; a line per mistake.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WebError(String);

impl WebConfig {
    /// Reads the file and all that it names.
    ///
    /// # Errors
    /// Every mistake, with its place where it has one.
    pub fn load(file: &Path) -> Result<Self, WebError> {
        let verified = Arc::default();
        let current = read(file, &verified).1?;
        current.warn(file);
        let current = ArcSwap::from_pointee(current);
        Ok(Self { file: file.to_owned(), verified, current })
    }

    /// Whether clients have to speak TLS.
    pub fn has_tls(&self) -> bool {
        self.current.load().tls.is_some()
    }

    /// Reads the files again whenever they change, for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            look.tick().await;
            let web = Arc::clone(&self);
            // A file on a dead network file system must not stop the runtime. It fails only while that shuts down.
            let Ok((now, read)) = tokio::task::spawn_blocking(move || {
                let (files, read) = read(&web.file, &web.verified);
                (fingerprint(&files), read)
            })
            .await
            else {
                return;
            };
            let is_news = seen.replace(now).is_some_and(|before| before != now);
            match read {
                Ok(current) if is_news => {
                    tracing::info!(file = %self.file.display(), "read the web config file anew");
                    current.warn(&self.file);
                    self.current.store(Arc::new(current));
                }
                Err(error) if is_news => {
                    tracing::error!("{error}");
                    tracing::error!(file = %self.file.display(), "the new web config is refused; the one before stays in use");
                }
                _ => {}
            }
        }
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }
}

impl Current {
    fn warn(&self, file: &Path) {
        for warning in &self.warnings {
            tracing::warn!(file = %file.display(), "{warning}");
        }
    }

    /// The refusal of a request that shows no known user.
    pub(super) async fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        if self.users.admit(headers).await {
            return None;
        }
        let mut reply = line(StatusCode::UNAUTHORIZED, "Unauthorized");
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        Some(reply)
    }

    /// Adds the configured headers to an answer.
    pub(super) fn decorate(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// The files that matter, as far as they are known, and what they say.
fn read(file: &Path, verified: &Arc<Verified>) -> (Vec<PathBuf>, Result<Current, WebError>) {
    let mut files = vec![file.to_owned()];
    let web = match Web::read(file) {
        Ok(web) => web,
        Err(errors) => return (files, Err(WebError(errors.to_string()))),
    };
    if let Some(tls) = &web.tls {
        let pems = [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()];
        files.extend(pems.into_iter().flatten().filter_map(|pem| match pem {
            Pem::File(path) => Some(path.clone()),
            Pem::Text(_) => None,
        }));
    }
    let tls = web.tls.as_ref().map(tls::server_config).transpose();
    let current = tls.map_err(|error| WebError(format!("{}: tls_server_config: {error}", file.display())));
    let users = Users::new(web.users, Arc::clone(verified));
    (
        files,
        current.map(|tls| Current {
            tls: tls.map(Arc::new),
            headers: web.headers,
            users,
            warnings: web.warnings,
        }),
    )
}

/// Another number for other content; a file that cannot be read is content, too.
fn fingerprint(files: &[PathBuf]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for file in files {
        match fs::read(file) {
            Ok(bytes) => hasher.update(&bytes),
            Err(error) => hasher.update(error.to_string().as_bytes()),
        }
    }
    hasher.finalize()
}
