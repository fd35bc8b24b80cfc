//! What each kind of fault does to an answer: another answer instead, or the usual one with another head or body.
//! Not here: refusals in slurmrestd's own words, which the service writes (service.rs).

use super::super::answer::{self, Answer, AnswerBody};
use super::super::connection::Ending;
use super::body::{Pace, Sent};
use super::payload::payload;
use super::rewrite::{Change, Edit, Rewriter};
use super::{Fault, FaultKind};
use crate::wire::Endpoint;
use bytes::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use hyper::{Response, StatusCode};

const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
    <body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\n";

/// As slurmrestd writes an entry of `errors`.
const AN_ERROR: &str = r#"[{"description": "Simulated failure of a part", "error_number": 9202, "error": "Unable to convert Data type", "source": "simulator"}]"#;
const A_WARNING: &str = r#"[{"description": "Simulated warning", "source": "simulator"}]"#;
/// Names and types that no version has.
const BRAND_NEW: &str = r#""brand_new": {"list": [1, {"none": null}], "text": "a/b", "set": true}"#;

impl Fault {
    /// The answer that comes in place of slurmrestd's, whatever that would be.
    pub(in crate::http) fn instead(&self, endpoint: Endpoint) -> Option<Response<Sent>> {
        let plain = |status, kind, text: &'static str| {
            let text = Bytes::from_static(text.as_bytes());
            made(status, kind, Sent::made(Box::new(std::iter::once(text.clone())), Some(text.len() as u64)))
        };
        Some(match self.kind {
            FaultKind::Html => plain(StatusCode::OK, "text/html; charset=utf-8", LOGIN_PAGE),
            FaultKind::Unavailable => {
                let answer = plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "Service Unavailable");
                with(answer, RETRY_AFTER, self.count("retry_after").into())
            }
            FaultKind::TooManyRequests => {
                let answer = plain(StatusCode::TOO_MANY_REQUESTS, "text/plain", "Too Many Requests");
                with(answer, RETRY_AFTER, self.count("retry_after").into())
            }
            FaultKind::Redirect => {
                let place = format!("{}/moved", self.text("to").unwrap_or_default());
                // The key takes nothing that a header does not.
                let place = HeaderValue::try_from(place).ok()?;
                with(plain(StatusCode::FOUND, "text/plain", "Found"), LOCATION, place)
            }
            _ => {
                let payload = payload(self, endpoint)?;
                let sent = Sent::made(payload.pieces, payload.length);
                let mut answer = made(StatusCode::OK, "application/json", sent);
                if self.kind == FaultKind::GzipBomb {
                    answer = with(answer, CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                answer
            }
        })
    }

    /// The usual answer with this fault in it.
    pub(in crate::http) async fn dress(
        &self,
        usual: Answer,
        endpoint: Endpoint,
        ending: Ending,
    ) -> Response<Sent> {
        let (mut head, body) = usual.into_parts();
        if self.kind == FaultKind::ErrorWithData {
            head.status = StatusCode::INTERNAL_SERVER_ERROR;
            head.extensions.insert(answer::reason(head.status));
            head.headers.insert(CONNECTION, HeaderValue::from_static("Close"));
        }
        if let (FaultKind::ContentType, Some(Ok(kind))) =
            (self.kind, self.text("type").map(HeaderValue::from_str))
        {
            head.headers.insert(CONTENT_TYPE, kind);
        }
        let body = match (self.kind, self.change(endpoint)) {
            (FaultKind::HugeBody, _) => body.repeated(self.count("mib") << 20).into(),
            (_, Some(change)) => changed(body, change).await,
            (_, None) => body.into(),
        };
        let mut answer = Response::from_parts(head, body);
        self.pace(answer.body_mut(), ending);
        if let Some(length) = answer.body().length() {
            answer.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        if self.kind == FaultKind::TruncateJson {
            let half = answer.body().length().unwrap_or_default() / 2;
            answer.body_mut().shorten(half);
            answer.headers_mut().insert(CONTENT_LENGTH, half.into());
        }
        answer
    }

    fn pace(&self, body: &mut Sent, ending: Ending) {
        let half = body.length().unwrap_or_default() / 2;
        match self.kind {
            FaultKind::Drip => {
                body.pace(Pace::Drops { bytes: self.count("bytes"), every: self.millis("every_ms") });
            }
            FaultKind::StallBody => body.pace(Pace::Stall { after: half, how_long: self.millis("for_ms") }),
            FaultKind::Truncate => body.cut_after(half, ending),
            FaultKind::ResetBody => {
                ending.reset();
                body.cut_after(half, ending);
            }
            _ => {}
        }
    }

    /// What changes in the JSON.
    fn change(&self, endpoint: Endpoint) -> Option<Change> {
        let field = |edit| Some(Change::Field(self.field(endpoint)?.to_owned(), edit));
        let member = |name, text: &str| Some(Change::Member(name, text.to_owned()));
        match self.kind {
            FaultKind::ErrorWithData | FaultKind::Errors => member("errors", AN_ERROR),
            FaultKind::Warnings => member("warnings", A_WARNING),
            FaultKind::Empty => Some(Change::Empty),
            FaultKind::DuplicateKeys => field(Edit::Double),
            FaultKind::InvalidUtf8 => field(Edit::Texts(b"\xff\xc0\xaf")),
            FaultKind::Overflow => field(Edit::Numbers("123456789012345678901234567890")),
            FaultKind::NoVal => field(Edit::Numbers("4294967294")),
            FaultKind::Infinity => field(Edit::Numbers("Infinity")),
            FaultKind::FieldRenamed => field(Edit::Rename("renamed")),
            FaultKind::FieldAdded => Some(Change::Add(BRAND_NEW)),
            FaultKind::FieldRemoved => field(Edit::Remove),
            FaultKind::FieldRetyped => field(Edit::Retype),
            FaultKind::ClockSkew => Some(Change::MoveTimes(self.whole("seconds"))),
            _ => None,
        }
    }
}

/// The length comes first, so everything is changed twice: once to count, once to send.
async fn changed(body: AnswerBody, change: Change) -> Sent {
    let mut counting = body.copy();
    let rewriter = Rewriter::new(change.clone());
    let counted = tokio::task::spawn_blocking(move || {
        let mut rewriter = rewriter;
        let mut length = 0;
        while let Some(piece) = counting.next_piece() {
            length += rewriter.push(&piece).len() as u64;
        }
        length
    });
    match counted.await {
        Ok(length) => Sent::changed(body, Rewriter::new(change), length),
        // Counting panicked; the answer as it is.
        Err(_) => body.into(),
    }
}

fn made(status: StatusCode, kind: &'static str, body: Sent) -> Response<Sent> {
    let length = body.length();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn with(mut answer: Response<Sent>, name: HeaderName, value: HeaderValue) -> Response<Sent> {
    answer.headers_mut().insert(name, value);
    answer
}
