//! A folder of recorded answers, served as they are: `<endpoint>.json` is the body of a good answer, `<endpoint>.http`
//! any answer with its head. Not here: making recordings; `slurm-exporter record` writes such a folder.

use super::answer::{self, Answer, AnswerBody};
use super::refusal;
use super::router::Route;
use crate::wire::ApiVersion;
use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Recorded answers of one API version.
#[derive(Clone, Debug)]
pub struct Replay {
    api: ApiVersion,
    answers: BTreeMap<&'static str, Recorded>,
}

#[derive(Clone, Debug)]
struct Recorded {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// Why a folder cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {trouble}", path.display())]
pub struct BadRecording {
    path: PathBuf,
    trouble: String,
}

/// The path below the version, with `slurmdb/` in front for slurmdbd's, and the name of its file.
const FILES: [(&str, &str); 18] = [
    ("ping", "ping"),
    ("diag", "diag"),
    ("nodes", "nodes"),
    ("jobs", "jobs"),
    ("jobs/state", "job_states"),
    ("partitions", "partitions"),
    ("reservations", "reservations"),
    ("licenses", "licenses"),
    ("shares", "shares"),
    ("slurmdb/ping", "database_ping"),
    ("slurmdb/jobs", "accounting"),
    ("slurmdb/jobs?state=RUNNING", "steps"),
    ("slurmdb/qos", "qos"),
    ("slurmdb/associations", "associations"),
    ("slurmdb/users", "users"),
    ("slurmdb/accounts", "accounts"),
    ("slurmdb/tres", "tres"),
    ("slurmdb/clusters", "clusters"),
];

impl Replay {
    /// Reads every answer of the folder.
    ///
    /// # Errors
    /// When there is none, one cannot be read, or they tell no API version that is spoken here.
    pub fn read(folder: &Path) -> Result<Self, BadRecording> {
        let bad = |path: &Path, trouble: String| BadRecording { path: path.to_owned(), trouble };
        if !folder.is_dir() {
            return Err(bad(folder, "is no folder".to_owned()));
        }
        let (mut answers, mut api) = (BTreeMap::new(), None);
        for (path, name) in FILES {
            for (ending, parse) in
                [("json", good as fn(Vec<u8>) -> Result<Recorded, String>), ("http", with_head)]
            {
                let file = folder.join(format!("{name}.{ending}"));
                let bytes = match std::fs::read(&file) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(bad(&file, error.to_string())),
                };
                let recorded = parse(bytes).map_err(|trouble| bad(&file, trouble))?;
                api = api.or_else(|| version(&recorded.body));
                answers.entry(path).or_insert(recorded);
            }
        }
        if answers.is_empty() {
            let names = FILES.map(|(_, name)| name).join(", ");
            return Err(bad(
                folder,
                format!("no answer is in it: expected NAME.json or NAME.http, NAME one of {names}"),
            ));
        }
        let api = api.ok_or_else(|| {
            let trouble = "no answer in it tells its API version in meta.plugin.data_parser, or none that is spoken here";
            bad(folder, trouble.to_owned())
        })?;
        Ok(Self { api, answers })
    }

    /// The version that was recorded; no other is served.
    pub fn api(&self) -> ApiVersion {
        self.api
    }

    /// What was recorded, or what slurmrestd says where it knows nothing.
    pub(super) fn answer(&self, route: &Route) -> Answer {
        let path = route.endpoint.path();
        // Steps of running jobs are asked for under the path of finished jobs.
        let running = route.query.iter().any(|(key, value)| key == "state" && value == "RUNNING");
        let steps = format!("{path}?state=RUNNING");
        let recorded =
            self.answers.get(steps.as_str()).filter(|_| running).or_else(|| self.answers.get(path));
        let Some(recorded) = recorded else { return refusal::not_found(self.api.release()) };
        let mut response = Response::new(AnswerBody::whole(recorded.body.clone()));
        *response.status_mut() = recorded.status;
        response.extensions_mut().insert(answer::reason(recorded.status));
        response.headers_mut().extend(recorded.headers.iter().cloned());
        response
    }
}

fn good(body: Vec<u8>) -> Result<Recorded, String> {
    let body = Bytes::from(body);
    let headers = vec![
        (CONTENT_LENGTH, body.len().into()),
        (hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ];
    Ok(Recorded { status: StatusCode::OK, headers, body })
}

/// An answer as it went over the wire; only the first, where 26.05 sent it twice.
fn with_head(bytes: Vec<u8>) -> Result<Recorded, String> {
    let bytes = Bytes::from(bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or("expected an HTTP answer: its head has no end")?;
    let head =
        std::str::from_utf8(&bytes[..end]).map_err(|_| "expected an HTTP answer: its head is no text")?;
    let mut lines = head.split("\r\n");
    let status =
        lines.next().filter(|line| line.starts_with("HTTP/")).and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| StatusCode::from_str(status).ok());
    let status = status.ok_or("expected an HTTP answer: it does not begin with a status line")?;
    let mut headers = Vec::new();
    for line in lines {
        let header = line.split_once(':').and_then(|(name, value)| {
            Some((HeaderName::from_str(name).ok()?, HeaderValue::from_str(value.trim()).ok()?))
        });
        headers.push(header.ok_or_else(|| format!("expected a header, not {line:?}"))?);
    }
    let promised = headers.iter().find(|(name, _)| *name == CONTENT_LENGTH);
    let promised = promised.and_then(|(_, value)| value.to_str().ok()?.parse::<usize>().ok());
    let body = bytes.slice(end + 4..);
    let length = promised.unwrap_or(body.len()).min(body.len());
    // A recording may have been shortened since.
    headers.retain(|(name, _)| *name != CONTENT_LENGTH);
    if promised.is_some() {
        headers.insert(0, (CONTENT_LENGTH, length.into()));
    }
    Ok(Recorded { status, headers, body: body.slice(..length) })
}

/// The version that `meta.plugin.data_parser` names.
fn version(body: &[u8]) -> Option<ApiVersion> {
    #[derive(serde::Deserialize)]
    struct Document {
        meta: Meta,
    }
    #[derive(serde::Deserialize)]
    struct Meta {
        plugin: Plugin,
    }
    #[derive(serde::Deserialize)]
    struct Plugin {
        #[serde(default)]
        data_parser: String,
        #[serde(default)]
        r#type: String,
    }
    let plugin = serde_json::from_slice::<Document>(body).ok()?.meta.plugin;
    // 22.05 has the version in the name of the plugin instead: openapi/v0.0.38.
    let named =
        plugin.data_parser.strip_prefix("data_parser/").or_else(|| plugin.r#type.strip_prefix("openapi/"));
    named?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_answer_keeps_status_headers_and_the_first_body() {
        let twice =
            b"HTTP/1.1 502 BAD GATEWAY\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 502 BAD"
                .to_vec();
        let recorded = with_head(twice).unwrap();
        assert_eq!((recorded.status, &recorded.body[..]), (StatusCode::BAD_GATEWAY, &b"{}"[..]));
        assert_eq!(recorded.headers.len(), 2);
        for (bytes, told) in [
            (&b"{}"[..], "its head has no end"),
            (b"{}\r\n\r\n", "does not begin with a status line"),
            (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "expected a header, not \"nonsense\""),
        ] {
            let error = with_head(bytes.to_vec()).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn the_version_is_read_from_both_forms_of_meta() {
        let new = br#"{"pings": [], "meta": {"plugin": {"type": "openapi/slurmctld", "data_parser": "data_parser/v0.0.43"}}}"#;
        assert_eq!(version(new), Some(ApiVersion::V0_0_43));
        assert_eq!(version(b"{}"), None);
    }
}
