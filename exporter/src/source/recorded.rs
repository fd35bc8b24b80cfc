//! A folder of recorded answers as a cluster that stands still: for tests, demonstrations and bug reports.
//!
//! `<endpoint>.json` is the body of a good answer, `<endpoint>.http` any other one with its head; an endpoint with
//! neither is one that this Slurm lacks. `slurm-exporter record` writes such a folder; answers that somebody saved with
//! curl do as well.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Instant;

use reqwest::StatusCode;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader};

use super::answer::{Body, Limits};
use super::error::{ErrorClass, Failure, PollError, SourceError};
use super::incoming::Incoming;
use super::{Fetch, Poll, Request, Source};
use crate::config::Slurm;
use crate::model::{Endpoint, Timestamp};
use crate::wire::{self, Answer, Api};

/// The longest head of an answer.
const MAX_HEAD_BYTES: u64 = 64 << 10;

/// A cluster as it was once.
#[derive(Debug)]
pub struct Recorded {
    folder: PathBuf,
    api: &'static Api,
    limits: Limits,
}

impl Recorded {
    /// A source for this section; reads as much as tells the API version.
    ///
    /// # Errors
    /// When the folder holds no answer, or none that tells its API version while none is configured.
    pub fn new(slurm: &Slurm) -> Result<Self, SourceError> {
        let folder = slurm.recording.clone().unwrap_or_default();
        let failed = |message: String| SourceError::Recording { path: folder.clone(), message };
        let recorded = sizes(&folder).map_err(|error| failed(error.to_string()))?;
        if recorded.is_empty() {
            return Err(failed("no answer is in it, such as nodes.json".to_owned()));
        }
        let api = match slurm.api_version.and_then(wire::by_version) {
            Some(pinned) => pinned,
            None => version(recorded).map_err(failed)?,
        };
        Ok(Self { folder, api, limits: Limits::from(slurm) })
    }

    async fn ask(&self, endpoint: Endpoint, requests: &mut Vec<Request>) -> Result<Answer, PollError> {
        let started = Instant::now();
        let found = self.find(endpoint).await.map_err(|failure| PollError::new(endpoint, &failure))?;
        let Some(mut incoming) = found else {
            let place = self.folder.display().to_string();
            let failure = Failure::new(ErrorClass::HttpStatus, &place, "it was not recorded");
            return Err(PollError { not_served: true, ..PollError::new(endpoint, &failure) });
        };
        let place = incoming.place.clone();
        let mut body = Body::new(self.api, endpoint, &place, self.limits.clone());
        let reply = body.read(&mut incoming, false).await;
        let (code, bytes) = (incoming.code(), body.bytes());
        requests.push(Request { endpoint, code, duration: started.elapsed(), bytes });
        reply.into_result(endpoint)
    }

    async fn find(&self, endpoint: Endpoint) -> Result<Option<Incoming>, Failure> {
        for (name, is_bare) in [(good(endpoint), true), (other(endpoint), false)] {
            let path = self.folder.join(name);
            let place = path.display().to_string();
            let opened = match File::open(&path).await {
                Ok(file) if is_bare => bare(&place, file).await,
                Ok(file) => with_head(&place, file).await,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Err(error),
            };
            let failed = |error: io::Error| Failure::new(ErrorClass::Connect, &place, error.to_string());
            return opened.map(Some).map_err(failed);
        }
        Ok(None)
    }
}

/// The name of the file with a good answer.
pub(super) fn good(endpoint: Endpoint) -> String {
    format!("{endpoint}.json")
}

/// The name of the file with any other answer.
pub(super) fn other(endpoint: Endpoint) -> String {
    format!("{endpoint}.http")
}

/// The good answers that are there, the smallest first.
fn sizes(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_answer = |endpoint: Endpoint| name == *good(endpoint);
        if Endpoint::ALL.into_iter().any(is_answer) {
            found.push((entry.metadata()?.len(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// All answers of a Slurm are in one version, so that the smallest tells it for all.
fn version(recorded: Vec<(u64, PathBuf)>) -> Result<&'static Api, String> {
    let mut named = None;
    for (_, path) in recorded {
        let body = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if let Some(version) = wire::version_of(&body) {
            if let Some(api) = wire::by_version(&version) {
                return Ok(api);
            }
            named = Some(version);
        }
    }
    Err(match named {
        Some(version) => {
            format!("it is in {version}, which is none of ours; set slurm.api_version to a near one")
        }
        None => "its answers do not tell their API version; set slurm.api_version".to_owned(),
    })
}

async fn bare(place: &str, file: File) -> io::Result<Incoming> {
    let length = file.metadata().await?.len();
    Ok(Incoming::file(place, StatusCode::OK, Some("application/json"), length, file))
}

async fn with_head(place: &str, file: File) -> io::Result<Incoming> {
    let wrong = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message.to_owned());
    let whole = file.metadata().await?.len();
    let mut reader = BufReader::new(file.take(MAX_HEAD_BYTES));
    let mut line = String::new();
    let mut head_bytes = reader.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| wrong("it does not begin with the status line of an HTTP answer"))?;
    let (mut media_type, mut length) = (None, None);
    loop {
        line.clear();
        let read = reader.read_line(&mut line).await?;
        head_bytes += read;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            match (read, line.trim_end()) {
                (1.., "") => break,
                _ => return Err(wrong("the head of its answer has no end")),
            }
        };
        match name.to_ascii_lowercase().as_str() {
            "content-type" => media_type = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().ok(),
            _ => {}
        }
    }
    let mut file = reader.into_inner().into_inner();
    file.seek(io::SeekFrom::Start(head_bytes as u64)).await?;
    // 26.05 sends most error answers twice; the second is not part of the first.
    let length = length.unwrap_or(u64::MAX).min(whole - head_bytes as u64);
    Ok(Incoming::file(place, status, media_type.as_deref(), length, file))
}

impl Source for Recorded {
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        _: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>> {
        Box::pin(async move {
            let mut requests = Vec::new();
            let outcome = self.ask(endpoint, &mut requests).await;
            Poll { outcome, requests }
        })
    }

    fn token_expiry(&self) -> Option<u64> {
        None
    }
}

impl Fetch for Recorded {
    fn fetch<'a>(
        &'a self,
        endpoint: Endpoint,
        _: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Incoming>, Failure>> + Send + 'a>> {
        Box::pin(self.find(endpoint))
    }
}
