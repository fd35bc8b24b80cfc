//! Reading and writing the documents: the version is checked before the body, files appear whole or not at all.
//! It knows no field of any document but `format`.

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
    #[error("{}: not a JSON document with a \"format\" field (line {}, column {})", path.display(), source.line(), source.column())]
    NoFormat { path: PathBuf, source: serde_json::Error },
    #[error("{}: format is \"{found}\", expected {}", path.display(), expected.join(" or "))]
    WrongFormat { path: PathBuf, found: String, expected: &'static [&'static str] },
    #[error("{}: line {}, column {}: {source}", path.display(), source.line(), source.column())]
    Invalid { path: PathBuf, source: serde_json::Error },
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
        .map_err(|source| DocumentError::NoFormat { path: path.into(), source })?;
    if !D::READABLE.contains(&head.format.as_str()) {
        return Err(DocumentError::WrongFormat {
            path: path.into(),
            found: head.format,
            expected: D::READABLE,
        });
    }
    serde_json::from_str(&text).map_err(|source| DocumentError::Invalid { path: path.into(), source })
}

/// Writes one document as indented JSON with a final newline.
///
/// # Errors
/// When the file cannot be written; the file then has its old content, or does not exist.
pub fn write<D: Document>(path: &Path, document: &D) -> Result<(), DocumentError> {
    let mut text = serde_json::to_string_pretty(document)
        .map_err(|source| DocumentError::Invalid { path: path.into(), source })?;
    text.push('\n');
    write_whole(path, text.as_bytes()).map_err(|source| DocumentError::Write { path: path.into(), source })
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
