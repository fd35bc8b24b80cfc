//! Where the process listens: the port that Prometheus scrapes, and the one for whoever runs the process.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::Loaded;
use crate::server::WebConfig;

/// The bound ports.
#[derive(Debug)]
pub struct Listeners {
    pub metrics: TcpListener,
    /// Who may read, and how they speak.
    pub web: Option<Arc<WebConfig>>,
    pub admin: Option<TcpListener>,
}

/// Binds what the configuration names. That the default port of the admin listener is taken, as by a second exporter of
/// the host, is no reason not to start.
///
/// # Errors
/// When a port that the process cannot do without, or was told to use, cannot be bound.
pub async fn listen(loaded: &Loaded) -> anyhow::Result<Listeners> {
    let server = &loaded.config.server;
    let web = server.web_config_file.as_deref().map(WebConfig::load).transpose()?.map(Arc::new);
    let metrics = bind(server.listen).await?;
    let admin = match server.admin_listen {
        None => None,
        Some(address) if loaded.settings.is_set("server.admin_listen") => Some(bind(address).await?),
        Some(address) => bind(address)
            .await
            .inspect_err(|error| tracing::warn!("{error:#}; going on without server.admin_listen"))
            .ok(),
    };
    Ok(Listeners { metrics, web, admin })
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}

impl Listeners {
    /// A whole line for each listener, the one for scrapes first.
    ///
    /// # Errors
    /// When the system does not tell an address.
    pub fn addresses(&self) -> anyhow::Result<String> {
        let address =
            |listener: &TcpListener| listener.local_addr().context("failed to read the address in use");
        let mut lines = format!(
            "listening on http{}://{}\n",
            if self.web.as_ref().is_some_and(|web| web.has_tls()) { "s" } else { "" },
            address(&self.metrics)?
        );
        if let Some(admin) = &self.admin {
            lines += &format!("admin on http://{}\n", address(admin)?);
        }
        Ok(lines)
    }
}
