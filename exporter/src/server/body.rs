//! The body of every answer: chunks that exist already, handed out by reference count.
//! It copies nothing and never waits.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::connection::Sending;
use crate::exposition::Page;

/// Bytes of one answer with an exact length.
#[derive(Debug)]
pub struct ReplyBody {
    content: Content,
    next: usize,
    remaining: u64,
    /// Tells the connection when the last chunk is handed over.
    _sending: Option<Sending>,
}

#[derive(Debug)]
enum Content {
    Bytes(Bytes),
    Page { page: Arc<Page>, gzip: bool },
}

impl ReplyBody {
    pub(super) fn bytes(bytes: Bytes) -> ReplyBody {
        ReplyBody::new(Content::Bytes(bytes))
    }

    pub(super) fn page(page: Arc<Page>, gzip: bool) -> ReplyBody {
        ReplyBody::new(Content::Page { page, gzip })
    }

    pub(super) fn watched(mut self, sending: Sending) -> ReplyBody {
        self._sending = Some(sending);
        self
    }

    fn new(content: Content) -> ReplyBody {
        let remaining = content.chunks().iter().map(|chunk| chunk.len() as u64).sum();
        ReplyBody { content, next: 0, remaining, _sending: None }
    }
}

impl Content {
    fn chunks(&self) -> &[Bytes] {
        match self {
            Content::Bytes(bytes) => std::slice::from_ref(bytes),
            Content::Page { page, gzip: true } => page.gzip(),
            Content::Page { page, gzip: false } => page.identity(),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.content.chunks().get(self.next).cloned();
        self.next += 1;
        if let Some(chunk) = &chunk {
            self.remaining -= chunk.len() as u64;
        }
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
