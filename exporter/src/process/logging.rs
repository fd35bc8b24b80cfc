//! Where log lines go: to stderr, as text or JSON, from a level on that can be changed while the process runs.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{Format, Log};

/// The level from which on lines are logged.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<LevelFilter, Registry>);

impl LogLevel {
    pub fn get(&self) -> Level {
        self.0.clone_current().and_then(LevelFilter::into_level).unwrap_or(Level::ERROR)
    }

    pub fn set(&self, level: Level) {
        // It fails only when the subscriber is gone, and with it the log.
        let _ = self.0.modify(|filter| *filter = LevelFilter::from_level(level));
    }
}

/// Sends log lines to stderr from here on.
pub fn start_logging(log: &Log) -> LogLevel {
    let (filter, handle) = reload::Layer::new(LevelFilter::from_level(log.level));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        // A log that nobody reads any more is no reason to stop: the complaint about it would panic.
        .log_internal_errors(false);
    let lines = match log.format {
        Format::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        Format::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    LogLevel(handle)
}
