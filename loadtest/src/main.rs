//! The `loadtest` program: arguments in, exit code out.
//! Everything else is in the library.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use loadtest::{Cli, UsageError};
use tracing_subscriber::filter::LevelFilter;

/// Goose speaks by the `log` facade; its warnings belong to stderr with ours.
struct Forward;

impl log::Log for Forward {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            tracing::warn!(from = record.target(), "{}", record.args());
        }
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let color =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .with_max_level(LevelFilter::INFO)
        // A closed stderr must not end the run.
        .log_internal_errors(false)
        .init();
    // Only fails when a logger is installed already, and none is.
    _ = log::set_logger(&Forward).map(|()| log::set_max_level(log::LevelFilter::Warn));
    match loadtest::execute(cli) {
        Ok(code) => code.into(),
        Err(error) => {
            let code = if error.is::<UsageError>() { 2 } else { 4 };
            // With a closed stderr there is nobody left to tell.
            _ = writeln!(anstream::stderr(), "loadtest: {error:#}");
            code.into()
        }
    }
}
