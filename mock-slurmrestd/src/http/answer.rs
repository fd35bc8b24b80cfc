//! Answers as slurmrestd sends them: its headers, its reason phrases, and bodies written piece by piece.
//! Not here: which answer a request gets (service.rs), or how it goes over the wire (faults/body.rs).

use crate::cluster::Cluster;
use crate::wire::{Count, Page};
use bytes::Bytes;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::sync::Arc;

/// Bodies are written in pieces of about this size, so that a client's speed bounds our memory.
const PIECE: usize = 256 * 1024;

pub(super) type Answer = Response<AnswerBody>;

/// What a release that answers errors twice says the second time, as plain text.
#[derive(Clone, Debug)]
pub(super) struct Again(pub(super) String);

/// A body whose length is known before its first byte.
#[derive(Debug)]
pub(super) struct AnswerBody {
    source: Source,
    length: u64,
}

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    Pages {
        page: Arc<Page>,
        cluster: Arc<Cluster>,
        next: Next,
        /// How many more times the elements come.
        again: u64,
    },
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
        Self { length: bytes.len() as u64, source: Source::Whole(bytes) }
    }

    /// The length has to be what the page will write: see `Page::len`.
    pub(super) fn page(page: Page, cluster: Arc<Cluster>, length: u64) -> Self {
        Self { source: Source::Pages { page: Arc::new(page), cluster, next: Next::Head, again: 0 }, length }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The same from its first byte, of a body that nothing was taken from.
    pub(super) fn copy(&self) -> Self {
        let source = match &self.source {
            Source::Whole(bytes) => Source::Whole(bytes.clone()),
            Source::Pages { page, cluster, next, again } => Source::Pages {
                page: Arc::clone(page),
                cluster: Arc::clone(cluster),
                next: *next,
                again: *again,
            },
        };
        Self { source, length: self.length }
    }

    /// Has the elements come again and again until there are at least so many bytes.
    pub(super) fn repeated(mut self, bytes: u64) -> Self {
        if let Source::Pages { again, page, cluster, .. } = &mut self.source
            && page.elements(cluster) > 0
        {
            *again = bytes / self.length;
            // Between two rounds stands a comma.
            let mut around = Count::default();
            page.head(cluster, &mut around);
            page.tail(cluster, &mut around);
            self.length += *again * (self.length - around.0 + 1);
        }
        self
    }

    /// The next of its bytes; never an empty piece.
    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        let piece = match &mut self.source {
            Source::Whole(bytes) => std::mem::take(bytes),
            Source::Pages { page, cluster, next, again } => {
                let room = usize::try_from(self.length).map_or(PIECE, |length| length.min(PIECE + PIECE / 4));
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
                        Next::Element(_) if *again > 0 => {
                            *again -= 1;
                            piece.push(b',');
                            Next::Element(0)
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
        };
        (!piece.is_empty()).then_some(piece)
    }
}

/// Reason phrases as slurmrestd writes them, in capitals.
pub(super) fn reason_words(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "OK",
        204 => "NO CONTENT",
        304 => "NOT MODIFIED",
        400 => "BAD REQUEST",
        401 => "UNAUTHORIZED",
        404 => "NOT FOUND",
        405 => "NOT ALLOWED",
        415 => "UNSUPPORTED MEDIA TYPE",
        422 => "UNPROCESSABLE CONTENT",
        502 => "BAD GATEWAY",
        511 => "Network Authentication Required",
        _ => "INTERNAL ERROR",
    }
}

pub(super) fn reason(status: StatusCode) -> ReasonPhrase {
    ReasonPhrase::from_static(reason_words(status).as_bytes())
}

fn answer(status: StatusCode, kind: &'static str, body: AnswerBody) -> Answer {
    let length = body.length;
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

/// Data in another format.
pub(super) fn yaml(body: Vec<u8>) -> Answer {
    answer(StatusCode::OK, "application/yaml", AnswerBody::whole(body))
}

/// An error in words; a release that answers errors twice says the same again.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Answer {
    let text = text.into();
    let mut answer = answer(status, "text/plain", AnswerBody::whole(text.clone()));
    answer.extensions_mut().insert(Again(text));
    answer
}

/// An error that even those say only once.
pub(super) fn once(mut answer: Answer) -> Answer {
    answer.extensions_mut().remove::<Again>();
    answer
}

/// A status without a body, without a length, on a connection that stays open.
pub(super) fn bare(status: StatusCode) -> Answer {
    let mut response = Response::new(AnswerBody::whole(Bytes::new()));
    *response.status_mut() = status;
    response.extensions_mut().insert(reason(status));
    response
}
