//! How a poll can fail: the class that a metric counts, and one line for a person.
//! Which answer is in which class is decided in `rest`.

use std::path::PathBuf;

use crate::model::{Endpoint, Reading};
use crate::wire::ApiError;

/// The kinds of failure that need different hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The token is missing, wrong, expired or lacks rights.
    Auth,
    /// Connected, but the answer was not complete in time.
    Timeout,
    /// No connection, or one that broke before the answer was complete.
    Connect,
    /// Any other status than 200, an API version that is not served, and a command that failed.
    HttpStatus,
    /// An answer that is not what this API version promises.
    Decode,
    /// Data that came together with errors, or errors under a 200.
    Partial,
    /// More than `slurm.max_body_bytes`, or a single value beyond reason.
    TooLarge,
}

/// Why a poll gave no trustworthy reading.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PollError {
    pub class: ErrorClass,
    /// One line; never contains the token.
    pub message: String,
    /// What came along with the errors: only for [`ErrorClass::Partial`].
    pub reading: Option<Reading>,
    /// The server has no such endpoint in this API version.
    pub not_served: bool,
    /// The field that made the answer undecodable, where one is to blame.
    pub drifted_field: Option<String>,
}

/// Why a source cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("failed to read the token file {path}: {source}", path = path.display())]
    TokenFile { path: PathBuf, source: std::io::Error },
    #[error("failed to read the token file {path}: it {message}", path = path.display())]
    NoToken { path: PathBuf, message: &'static str },
    #[error("failed to read {path}: {message}", path = path.display())]
    NoPem { path: PathBuf, message: String },
    #[error("failed to set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    #[error("failed to read the recording {path}: {message}", path = path.display())]
    Recording { path: PathBuf, message: String },
}

/// A failure of one request, before it is known for which poll it was made.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    /// Where the answer was to come from: a URL, a command line or a path.
    pub(super) place: String,
    /// Without the place.
    pub(super) message: String,
    /// See [`PollError::drifted_field`].
    pub(super) drifted_field: Option<String>,
}

impl SourceError {
    /// The key of the cluster's section to look at.
    pub fn key(&self) -> &'static str {
        match self {
            Self::TokenFile { .. } | Self::NoToken { .. } => "auth.token_file",
            Self::NoPem { .. } => "tls",
            Self::Client(_) => "url",
            Self::Recording { .. } => "recorded.directory",
        }
    }
}

impl ErrorClass {
    pub const ALL: [Self; 7] = [
        Self::Auth,
        Self::Timeout,
        Self::Connect,
        Self::HttpStatus,
        Self::Decode,
        Self::Partial,
        Self::TooLarge,
    ];

    /// The value of the label `class`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::HttpStatus => "http_status",
            Self::Decode => "decode",
            Self::Partial => "partial",
            Self::TooLarge => "too_large",
        }
    }
}

impl std::fmt::Display for ErrorClass {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl PollError {
    pub(super) fn new(endpoint: Endpoint, failure: &Failure) -> Self {
        let message = format!("failed to poll {endpoint}: {}: {}", failure.place, failure.message);
        let drifted_field = failure.drifted_field.clone();
        Self { class: failure.class, message, reading: None, not_served: false, drifted_field }
    }
}

impl Failure {
    pub(super) fn new(class: ErrorClass, place: &str, message: impl Into<String>) -> Self {
        Self { class, place: place.to_owned(), message: message.into(), drifted_field: None }
    }

    /// What reqwest says, down to the cause, without the URL, which the caller knows better.
    pub(super) fn from_transport(url: &str, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let class = if error.is_connect() {
            // Also when connecting timed out: slurmrestd has seen no request that it could still be working on.
            ErrorClass::Connect
        } else if error.is_timeout() {
            ErrorClass::Timeout
        } else if error.is_decode() && source_chain(&error).all(|cause| !cause.is::<hyper::Error>()) {
            // A content encoding that is none. reqwest calls a connection that breaks within a body so too.
            ErrorClass::Decode
        } else if source_chain(&error)
            .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
            .any(hyper::Error::is_parse)
        {
            ErrorClass::Decode
        } else {
            ErrorClass::Connect
        };
        let cause = source_chain(&error)
            .last()
            .map_or_else(|| error.to_string(), |cause| one_line(&cause.to_string()));
        let message = match class {
            ErrorClass::Timeout => "no complete answer in time".to_owned(),
            ErrorClass::Decode => format!("not an HTTP answer: {cause}"),
            _ if error.is_connect() && error.is_timeout() => "no connection in time".to_owned(),
            _ => cause,
        };
        Self::new(class, url, message)
    }
}

fn source_chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
}

/// Text of a server as part of one line: no line breaks or other control characters, at most 300 letters.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<_> =
        text.split(|letter: char| letter.is_control() || letter == ' ').filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

/// Errors of an answer, after each other.
pub(super) fn join(errors: &[ApiError]) -> String {
    let lines: Vec<_> = errors.iter().take(3).map(ToString::to_string).collect();
    one_line(&lines.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_class_has_its_own_name() {
        let names: BTreeSet<_> = ErrorClass::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), ErrorClass::ALL.len());
    }

    #[test]
    fn foreign_text_becomes_one_short_line() {
        assert_eq!(one_line("a\r\n  b\u{1b}[31m"), "a b [31m");
        assert_eq!(one_line(&"ä".repeat(400)).chars().count(), 303);
    }
}
