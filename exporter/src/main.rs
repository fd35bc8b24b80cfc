//! The story of the process: read the configuration, bind, poll, serve, stop on a signal.
//! Everything else is in the library.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use exporter::{cli, process};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let config = match cli::parse(std::env::args_os(), &cli::environment()) {
        Ok(config) => config,
        Err(ending) => return ending.print(),
    };
    process::start_logging(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Runtime::new().context("failed to start the async runtime");
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind(config.server.listen)
                .await
                .with_context(|| format!("failed to listen on {}", config.server.listen))?;
            let address = listener.local_addr().context("failed to read the address in use")?;
            // For whoever started us on port 0: the one line of stdout.
            writeln!(std::io::stdout(), "listening on http://{address}")
                .context("failed to write to stdout")?;
            process::run(*config, listener, process::signalled()?).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(4)
        }
    }
}
