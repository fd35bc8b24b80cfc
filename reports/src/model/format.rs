//! Reading and writing the documents: the version is checked before the body, files appear whole or not at all.
//! It knows no field of any document but `format`.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A document type and the format versions of it that this build reads.
pub trait Document: Serialize + DeserializeOwned {
    /// What is written, such as `perf-run/v1`.
    const FORMAT: &'static str;
    /// What is read; holds `FORMAT` and every older version that is still understood.
    const READABLE: &'static [&'static str];
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: cannot be written", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{}: not a JSON document with a \"format\" field: {place}", path.display())]
    NoFormat { path: PathBuf, place: Place },
    #[error("{}: format is \"{found}\", expected {}", path.display(), expected.join(" or "))]
    WrongFormat { path: PathBuf, found: String, expected: &'static [&'static str] },
    #[error("{}: {place}", path.display())]
    Invalid { path: PathBuf, place: Place },
}

/// What is wrong in a JSON text, and where.
#[derive(Debug)]
pub struct Place {
    /// Both from 1.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl From<serde_json::Error> for Place {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        // serde_json puts the place behind its message; ours comes first.
        let behind = format!(" at line {line} column {column}");
        Self { line, column, message: message.strip_suffix(&behind).unwrap_or(&message).to_owned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// The only field that is read before the format is known.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Reads one document.
///
/// # Errors
/// When the file cannot be read, has no format field, is of another format, or misses a field.
pub fn read<D: Document>(path: &Path) -> Result<D, DocumentError> {
    let text =
        fs::read_to_string(path).map_err(|source| DocumentError::Read { path: path.into(), source })?;
    let head: Head = serde_json::from_str(&text)
        .map_err(|error| DocumentError::NoFormat { path: path.into(), place: error.into() })?;
    if !D::READABLE.contains(&head.format.as_str()) {
        return Err(DocumentError::WrongFormat {
            path: path.into(),
            found: head.format,
            expected: D::READABLE,
        });
    }
    serde_json::from_str(&text)
        .map_err(|error| DocumentError::Invalid { path: path.into(), place: error.into() })
}

/// Writes one document as indented JSON with a final newline.
///
/// # Errors
/// When the file cannot be written; the file then has its old content, or does not exist.
pub fn write<D: Document>(path: &Path, document: &D) -> Result<(), DocumentError> {
    let failed = |source| DocumentError::Write { path: path.into(), source };
    let mut text = serde_json::to_string_pretty(document).map_err(|error| failed(error.into()))?;
    text.push('\n');
    write_whole(path, text.as_bytes()).map_err(failed)
}

/// Puts `content` at `path` by way of a file beside it and a rename, so that no reader sees half of it.
///
/// # Errors
/// When the folder is not writable or the disk is full; nothing is left behind.
pub fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = fs::File::create(&partial)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The first error is the one to report; a file that was never created cannot be removed.
        drop(fs::remove_file(&partial));
    }
    written
}
