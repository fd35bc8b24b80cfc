//! The HTTP client for one slurmrestd: TCP, TLS or a Unix socket, and nothing that was not asked for.
//! It knows no token and no path.

use std::path::Path;
use std::sync::Arc;

use reqwest::{Certificate, Client, Identity, Proxy};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::SourceError;
use crate::config::Slurm;

/// What a PEM file may have: a bundle of all public authorities has a quarter of this.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// What sends the requests of one slurmrestd. Connections that are kept end with the client that keeps them.
#[derive(Debug)]
pub(super) struct Connections {
    slurm: Arc<Slurm>,
    current: Mutex<(Client, Instant)>,
}

impl Connections {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When a certificate or key cannot be read or used.
    pub(super) fn new(slurm: &Slurm) -> Result<Self, SourceError> {
        Ok(Self { slurm: Arc::new(slurm.clone()), current: Mutex::new((client(slurm)?, Instant::now())) })
    }

    /// The client for the next request: another one when the connections of the last have grown old.
    pub(super) async fn client(&self) -> Client {
        let connections = &self.slurm.connections;
        let mut current = self.current.lock().await;
        let (_, made_at) = &*current;
        if connections.keep_alive && made_at.elapsed() >= connections.lifetime {
            let slurm = Arc::clone(&self.slurm);
            // It reads certificates, maybe from a slow disk.
            match tokio::task::spawn_blocking(move || client(&slurm)).await {
                Ok(Ok(client)) => *current = (client, Instant::now()),
                Ok(Err(error)) => tracing::warn!(error = %error, "keeping the connections that there are"),
                Err(error) => tracing::error!(error = %error, "keeping the connections that there are"),
            }
        }
        current.0.clone()
    }
}

/// A client that follows no redirect and tries nothing twice, and keeps no connection unless it is told to.
///
/// # Errors
/// When a certificate or key cannot be read or used.
fn client(slurm: &Slurm) -> Result<Client, SourceError> {
    let mut builder = Client::builder()
        .user_agent(concat!("slurm-exporter/", env!("CARGO_PKG_VERSION")))
        // The token is in a header of its own name, which no redirect may carry to another host.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // Neither are the proxies of the environment meant for this host's neighbours.
        .no_proxy()
        .gzip(slurm.connections.compression)
        .http1_only()
        .pool_max_idle_per_host(if slurm.connections.keep_alive { slurm.connections.max_idle } else { 0 })
        .pool_idle_timeout(slurm.connections.lifetime)
        .connect_timeout(slurm.connect_timeout);
    if let Some(url) = &slurm.proxy_url {
        builder = builder.proxy(Proxy::all(url.clone()).map_err(SourceError::Client)?);
    }
    if let Some(path) = slurm.socket() {
        builder = builder.unix_socket(path);
    }
    let tls = &slurm.tls;
    if let Some(path) = &tls.ca_file {
        let bundle = Certificate::from_pem_bundle(&read(path)?).map_err(|source| unusable(path, &source))?;
        if bundle.is_empty() {
            return Err(SourceError::NoPem {
                path: path.clone(),
                message: "holds no certificate".to_owned(),
            });
        }
        // Beside the system's: a cluster may sit behind a gateway with a public certificate.
        builder = builder.tls_certs_merge(bundle);
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        let pem = [read(key)?, b"\n".to_vec(), read(cert)?].concat();
        let identity = Identity::from_pem(&pem).map_err(|source| unusable(cert, &source))?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(SourceError::Client)
}

/// The base of every URL, without a slash at its end. Over a Unix socket the host is only a header.
pub(super) fn base(slurm: &Slurm) -> String {
    match slurm.socket() {
        Some(_) => "http://localhost".to_owned(),
        None => slurm.url.as_str().trim_end_matches('/').to_owned(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |message: String| SourceError::NoPem { path: path.to_owned(), message };
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > MAX_PEM_BYTES {
        return Err(failed("is longer than any certificate".to_owned()));
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

fn unusable(path: &Path, source: &reqwest::Error) -> SourceError {
    // reqwest says only "builder error"; what is wrong stands below it.
    let cause = std::iter::successors(Some(source as &dyn std::error::Error), |error| error.source()).last();
    let message = cause.map_or_else(String::new, ToString::to_string);
    SourceError::NoPem { path: path.to_owned(), message }
}
