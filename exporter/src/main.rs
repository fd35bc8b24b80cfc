//! The story of the process: read the configuration, bind, poll, serve, stop on a signal.
//! Everything else is in the library.

mod allocator;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use exporter::{cli, process};

fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os(), &cli::environment()) {
        Ok(invocation) => *invocation,
        Err(ending) => return ending.print(),
    };
    let config = &invocation.loaded.config;
    let log_level = process::start_logging(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Runtime::new().context("failed to start the async runtime");
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let listeners = process::listen(&invocation.loaded).await?;
            // For whoever started us on port 0: all that stdout gets.
            write!(std::io::stdout(), "{}", listeners.addresses()?).context("failed to write to stdout")?;
            process::run(invocation, listeners, log_level, process::signalled()?).await
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
