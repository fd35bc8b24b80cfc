//! Section `log`: how much is logged to stderr, and in which form.
//! The subscriber is set up by `main`.

use tracing::Level;

use super::{Key, quantity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub level: Level,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::INFO, format: Format::Text }
    }
}

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// The level of this name.
///
/// # Errors
/// What is expected.
pub fn level(text: &str) -> Result<Level, String> {
    quantity::one_of(text, &LEVELS)
}

const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "log.level",
        flag: Some("log.level"),
        value: "LEVEL",
        help: "error, warn, info, debug or trace",
        default: "info",
        set: |config, text| {
            config.log.level = level(text)?;
            Ok(())
        },
    },
    Key {
        path: "log.format",
        flag: Some("log.format"),
        value: "FORMAT",
        help: "text or json",
        default: "text",
        set: |config, text| {
            config.log.format = quantity::one_of(text, &FORMATS)?;
            Ok(())
        },
    },
];
