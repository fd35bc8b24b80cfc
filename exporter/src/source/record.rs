//! Writes the answers of a source into a folder that the source `recorded` reads: whole answers, or no folder.
//! Nothing is decoded on the way, so that an answer that cannot be decoded can be recorded and sent to us.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use reqwest::StatusCode;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::anonymise::{Anonymiser, Pseudonyms};
use super::incoming::Incoming;
use super::recorded::{Recorded, good, other};
use super::{Source, SourceError, open_for_fetching};
use crate::config::{Kind, Slurm, Token};
use crate::model::accounting::LONGEST_WINDOW;
use crate::model::{Endpoint, Timestamp};

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("failed to write {path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("failed to record anything: {}", .0.join("; "))]
    Nothing(Vec<String>),
}

/// What became of one endpoint.
#[derive(Debug)]
pub struct Line {
    pub endpoint: Endpoint,
    /// In words: the file, or why there is none.
    pub outcome: String,
}

/// The folder while it is filled; dropping it takes it away.
#[derive(Debug)]
struct Incomplete(PathBuf);

/// Asks for every endpoint once and writes the answers. `out` must not exist; it appears when all is written.
///
/// # Errors
/// When the source cannot be set up, nothing answers, or the folder cannot be written.
pub async fn record(slurm: &Slurm, out: &Path, anonymise: bool) -> Result<Vec<Line>, RecordError> {
    let pseudonyms = anonymise.then(Pseudonyms::default);
    let source = open_for_fetching(slurm)?;
    let folder = Incomplete::create(out)?;
    let mut lines = Vec::new();
    let mut written = Vec::new();
    for endpoint in Endpoint::ALL {
        let since = match endpoint {
            Endpoint::Accounting => Timestamp::of(SystemTime::now() - LONGEST_WINDOW),
            _ => Timestamp::NONE,
        };
        let outcome = match source.fetch(endpoint, since).await {
            Err(failure) => Err(format!("{}: {}", failure.place, failure.message)),
            Ok(None) => Err("this Slurm has no such endpoint".to_owned()),
            Ok(Some(incoming)) => {
                let name = if incoming.status == StatusCode::OK { good(endpoint) } else { other(endpoint) };
                let path = folder.0.join(&name);
                let taken = write(incoming, &path, slurm, source.token(), pseudonyms.as_ref()).await?;
                taken.map(|bytes| (name, bytes))
            }
        };
        let outcome = match outcome {
            Ok((name, bytes)) => {
                written.push(endpoint);
                format!("{name}, {bytes} bytes")
            }
            Err(message) => format!("not recorded: {}", without(source.token(), message)),
        };
        lines.push(Line { endpoint, outcome });
    }
    if written.is_empty() {
        let said = lines.into_iter().map(|line| format!("{}: {}", line.endpoint, line.outcome));
        return Err(RecordError::Nothing(said.collect()));
    }
    try_out(&folder.0, slurm, &written, &mut lines).await;
    folder.complete(out)?;
    Ok(lines)
}

/// Reads the recording as the source `recorded` will, and says what it makes of it.
async fn try_out(folder: &Path, slurm: &Slurm, written: &[Endpoint], lines: &mut [Line]) {
    let section = Slurm { source: Kind::Recorded, recording: Some(folder.to_owned()), ..slurm.clone() };
    let recorded = Recorded::new(&section);
    for line in lines.iter_mut().filter(|line| written.contains(&line.endpoint)) {
        let message = match &recorded {
            Ok(recorded) => match recorded.poll(line.endpoint, Timestamp::NONE).await.outcome {
                Ok(_) => continue,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        line.outcome.push_str(&format!("; it says: {message}"));
    }
}

/// Writes one answer. The inner error is the source's: then there is no file.
async fn write(
    mut incoming: Incoming,
    path: &Path,
    slurm: &Slurm,
    token: Option<Token>,
    pseudonyms: Option<&Pseudonyms>,
) -> Result<Result<u64, String>, RecordError> {
    let failed = |source| RecordError::Write { path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create_new(path).await.map_err(failed)?);
    if incoming.status != StatusCode::OK {
        let kind = incoming.media_type.as_deref().map(|kind| format!("Content-Type: {kind}\r\n"));
        let head = format!("HTTP/1.1 {}\r\n{}\r\n", incoming.status, kind.unwrap_or_default());
        file.write_all(head.as_bytes()).await.map_err(failed)?;
    }
    let mut filter = Filter::new(&incoming, token, pseudonyms);
    let (mut bytes, mut out) = (0, Vec::new());
    let outcome = loop {
        out.clear();
        let chunk = match incoming.chunk().await {
            Ok(chunk) => chunk,
            Err(failure) => break Err(failure.message),
        };
        bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if bytes > slurm.max_body_bytes {
            break Err(format!(
                "the answer has more bytes than slurm.max_body_bytes ({})",
                slurm.max_body_bytes
            ));
        }
        let filtered = match &chunk {
            Some(chunk) => filter.push(chunk, &mut out),
            None => filter.finish(&mut out),
        };
        if let Err(message) = filtered {
            break Err(message);
        }
        file.write_all(&out).await.map_err(failed)?;
        if chunk.is_none() {
            break Ok(bytes);
        }
    };
    file.flush().await.map_err(failed)?;
    if outcome.is_err() {
        tokio::fs::remove_file(path).await.map_err(failed)?;
    }
    Ok(outcome)
}

/// What stands between an answer and its file: the token never passes, names only where they may.
struct Filter<'a> {
    token: Vec<u8>,
    /// Bytes that may be the beginning of the token.
    held: Vec<u8>,
    anonymiser: Option<Anonymiser<'a>>,
    /// Text that is not JSON cannot be anonymised and is left out.
    is_dropped: bool,
}

impl<'a> Filter<'a> {
    fn new(incoming: &Incoming, token: Option<Token>, pseudonyms: Option<&'a Pseudonyms>) -> Self {
        let is_json = incoming.media_type.as_deref() == Some("application/json");
        Self {
            token: token.map(|token| token.expose().as_bytes().to_vec()).unwrap_or_default(),
            held: Vec::new(),
            anonymiser: pseudonyms.map(Anonymiser::new),
            is_dropped: pseudonyms.is_some() && !is_json,
        }
    }

    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.held.extend_from_slice(chunk);
        if !self.token.is_empty() {
            while let Some(at) = position(&self.held, &self.token) {
                self.held.splice(at..at + self.token.len(), *b"[token]");
            }
        }
        let safe = self.held.len().saturating_sub(self.token.len().saturating_sub(1));
        self.release(safe, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        self.release(self.held.len(), out)?;
        if let Some(anonymiser) = self.anonymiser.take() {
            anonymiser.finish(out);
        }
        Ok(())
    }

    fn release(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let bytes = self.held.drain(..length);
        match &mut self.anonymiser {
            _ if self.is_dropped => drop(bytes),
            Some(anonymiser) => anonymiser.push(bytes.as_slice(), out)?,
            None => out.extend(bytes),
        }
        Ok(())
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted.first()?;
    let starts = text.iter().enumerate().filter(|(_, byte)| *byte == first).map(|(at, _)| at);
    starts.into_iter().find(|at| text[*at..].starts_with(wanted))
}

fn without(token: Option<Token>, message: String) -> String {
    match token {
        Some(token) => message.replace(token.expose(), "[token]"),
        None => message,
    }
}

impl Incomplete {
    /// Makes a folder beside the one that is wanted, which only its owner may read.
    fn create(out: &Path) -> Result<Self, RecordError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let failed = |path: &Path, source| RecordError::Write { path: path.to_owned(), source };
        if std::fs::symlink_metadata(out).is_ok() {
            return Err(failed(out, io::ErrorKind::AlreadyExists.into()));
        }
        let mut name =
            out.file_name().ok_or_else(|| failed(out, io::ErrorKind::InvalidInput.into()))?.to_owned();
        name.push(".incomplete");
        let path = out.with_file_name(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|source| failed(&path, source))?;
        Ok(Self(path))
    }

    fn complete(mut self, out: &Path) -> Result<(), RecordError> {
        std::fs::rename(&self.0, out)
            .map_err(|source| RecordError::Write { path: out.to_owned(), source })?;
        self.0.clear();
        Ok(())
    }
}

impl Drop for Incomplete {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // Whoever sees it knows by its name that it is of no use.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_pass_wherever_a_chunk_ends() {
        let token = "header.canary.signature";
        let text = format!("before {token}{token} after header.canary");
        for size in 1..text.len() {
            let mut filter =
                Filter { token: token.into(), held: Vec::new(), anonymiser: None, is_dropped: false };
            let mut out = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                filter.push(chunk, &mut out).unwrap();
            }
            filter.finish(&mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), "before [token][token] after header.canary");
        }
    }
}
