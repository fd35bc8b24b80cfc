//! Answers as slurmrestd sends them: its headers, its reason phrases, and bodies written piece by piece.
//! Not here: which answer a request gets (service.rs).

use super::connection::Ending;
use super::counters::InFlight;
use crate::cluster::Cluster;
use crate::wire::{Endpoint, Page, Problem, Release};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bodies are written in pieces of about this size, so that a client's speed bounds our memory.
const PIECE: usize = 256 * 1024;

pub(super) type Answer = Response<AnswerBody>;

/// A body whose length is known before its first byte.
#[derive(Debug)]
pub(super) struct AnswerBody {
    source: Source,
    /// Bytes that `Content-Length` promises and that have not been handed out.
    left: u64,
    /// A truncated body ends after so many more bytes, and the connection with it.
    cut_after: Option<(u64, Ending)>,
    _in_flight: Option<InFlight>,
}

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    Pages { page: Box<Page>, cluster: Arc<Cluster>, next: Next },
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Head,
    Element(usize),
    Done,
}

impl AnswerBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { left: bytes.len() as u64, source: Source::Whole(bytes), cut_after: None, _in_flight: None }
    }

    /// The length has to be what the page will write: see `Page::len`.
    pub(super) fn page(page: Page, cluster: Arc<Cluster>, length: u64) -> Self {
        let source = Source::Pages { page: Box::new(page), cluster, next: Next::Head };
        Self { source, left: length, cut_after: None, _in_flight: None }
    }

    /// Sends half of it and then ends the connection.
    pub(super) fn cut_in_half(&mut self, ending: Ending) {
        self.cut_after = Some((self.left / 2, ending));
    }

    /// Counts the request as in flight until the body is sent or dropped.
    pub(super) fn hold(&mut self, in_flight: InFlight) {
        self._in_flight = Some(in_flight);
    }

    fn next_piece(&mut self) -> Bytes {
        match &mut self.source {
            Source::Whole(bytes) => std::mem::take(bytes),
            Source::Pages { page, cluster, next } => {
                let room = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE + PIECE / 4));
                let mut piece = Vec::with_capacity(room);
                let elements = page.elements(cluster);
                while piece.len() < PIECE {
                    *next = match *next {
                        Next::Head => {
                            page.head(cluster, &mut piece);
                            Next::Element(0)
                        }
                        Next::Element(index) if index < elements => {
                            page.element(cluster, index, &mut piece);
                            Next::Element(index + 1)
                        }
                        Next::Element(_) => {
                            page.tail(cluster, &mut piece);
                            Next::Done
                        }
                        Next::Done => break,
                    };
                }
                piece.into()
            }
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some((0, ending)) = &self.cut_after {
            // hyper flushes when the body has nothing for now, and the flush is where the connection ends.
            ending.cut();
            return Poll::Pending;
        }
        let mut piece = self.next_piece();
        if let Some((before_cut, _)) = &mut self.cut_after {
            piece.truncate(usize::try_from(*before_cut).unwrap_or(usize::MAX));
            *before_cut -= piece.len() as u64;
        }
        self.left -= (piece.len() as u64).min(self.left);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Reason phrases as slurmrestd writes them, in capitals.
fn reason(status: StatusCode) -> ReasonPhrase {
    ReasonPhrase::from_static(match status.as_u16() {
        200 => b"OK",
        304 => b"NOT MODIFIED",
        401 => b"UNAUTHORIZED",
        404 => b"NOT FOUND",
        415 => b"UNSUPPORTED MEDIA TYPE",
        422 => b"UNPROCESSABLE CONTENT",
        502 => b"BAD GATEWAY",
        511 => b"Network Authentication Required",
        _ => b"INTERNAL ERROR",
    })
}

fn answer(status: StatusCode, kind: &'static str, body: AnswerBody) -> Answer {
    let length = body.left;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.extensions_mut().insert(reason(status));
    let headers = response.headers_mut();
    if !status.is_success() {
        headers.insert(CONNECTION, HeaderValue::from_static("Close"));
    }
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Data; every status but success closes the connection.
pub(super) fn json(status: StatusCode, body: AnswerBody) -> Answer {
    answer(status, "application/json", body)
}

pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    answer(status, "text/plain", AnswerBody::whole(text))
}

pub(super) fn not_found(release: Release) -> Answer {
    text(StatusCode::NOT_FOUND, release.not_found())
}

/// 304 without a body, without a length, on a connection that stays open.
pub(super) fn not_modified() -> Answer {
    let mut response = Response::new(AnswerBody::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.extensions_mut().insert(reason(StatusCode::NOT_MODIFIED));
    response
}

/// The error that slurmctld's silence or refusal causes, with the words of each endpoint.
pub(super) fn trouble(endpoint: Endpoint, number: i32, error: &'static str) -> Vec<Problem> {
    let (description, source) = match endpoint {
        Endpoint::Nodes => ("Failure to query nodes", "_dump_nodes"),
        Endpoint::Jobs => ("Unable to query jobs", "slurm_load_jobs()"),
        Endpoint::JobsState => ("Unable to query job states", "slurm_load_job_state()"),
        Endpoint::Diag => ("slurm_get_statistics() failed to get slurmctld statistics", "op_handler_diag"),
        Endpoint::Ping => ("Unable to ping slurmctld", "op_handler_ping"),
        // Recorded: /partitions fails with an empty list of errors.
        Endpoint::Partitions => return Vec::new(),
    };
    vec![Problem { description: description.to_owned(), number, error, source }]
}
