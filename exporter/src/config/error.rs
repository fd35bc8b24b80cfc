//! What is wrong with a configuration, one line each, all of them at once.
//! The lines are for the person who wrote it: where it stands, which key, what was expected.

use std::fmt;

use super::tree::Place;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File {
        /// As it was given on the command line.
        file: String,
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
    },
    /// The whole file: it cannot be read, or its parser told no place.
    WholeFile(String),
    /// The variable's name.
    Environment(String),
    /// The flag, without its dashes.
    Flag(&'static str),
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// None when something is missing, which stands nowhere.
    pub origin: Option<Origin>,
    /// The key's path with dots; empty when the mistake is about no single key.
    pub key: String,
    pub message: String,
}

/// Every mistake that was found, in the order of file, environment, flags, combinations. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl Origin {
    pub(super) fn at(file: &str, place: Place) -> Self {
        Self::File { file: file.to_owned(), line: place.line, column: place.column }
    }
}

impl ConfigError {
    pub(super) fn new(origin: Option<Origin>, key: &str, message: impl Into<String>) -> Self {
        Self { origin, key: key.to_owned(), message: message.into() }
    }

    /// Line and column, for sorting the mistakes of one file.
    pub(super) fn place(&self) -> Option<(u64, u64)> {
        match self.origin {
            Some(Origin::File { line, column, .. }) => Some((line, column)),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(formatter, "{file}:{line}:{column}"),
            Self::WholeFile(file) => formatter.write_str(file),
            Self::Environment(variable) => formatter.write_str(variable),
            Self::Flag(flag) => write!(formatter, "--{flag}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(formatter, "{origin}: ")?;
        }
        // A flag is named like its key.
        if !self.key.is_empty() && !matches!(self.origin, Some(Origin::Flag(_))) {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.message)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
