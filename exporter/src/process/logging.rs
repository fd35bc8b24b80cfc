//! Where log lines go: to stderr, as text or JSON, from the configured level on.

use crate::config::{Format, Log};

/// Sends log lines to stderr from here on.
pub fn start_logging(log: &Log) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(log.level)
        .with_writer(std::io::stderr)
        // A log that nobody reads any more is no reason to stop: the complaint about it would panic.
        .log_internal_errors(false);
    match log.format {
        Format::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        Format::Json => builder.json().init(),
    }
}
