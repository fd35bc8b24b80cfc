//! The body of a page's answer: chunks that exist already, handed out by reference count.
//! It copies nothing and never waits.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::exposition::Page;

/// A page as the body of an answer, with its exact length.
#[derive(Debug)]
pub struct ReplyBody {
    page: Arc<Page>,
    gzip: bool,
    next: usize,
    remaining: u64,
}

impl ReplyBody {
    pub(super) fn page(page: Arc<Page>, gzip: bool) -> ReplyBody {
        let mut body = ReplyBody { page, gzip, next: 0, remaining: 0 };
        body.remaining = body.chunks().iter().map(|chunk| chunk.len() as u64).sum();
        body
    }

    fn chunks(&self) -> &[Bytes] {
        if self.gzip { self.page.gzip() } else { self.page.identity() }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks().get(self.next).cloned();
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

/// Any body, held together with something that is dropped when its last byte is handed over.
#[derive(Debug)]
pub(super) struct Held<T> {
    body: axum::body::Body,
    _held: T,
}

impl<T> Held<T> {
    pub(super) fn new(body: axum::body::Body, held: T) -> Held<T> {
        Held { body, _held: held }
    }
}

impl<T: Unpin> Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
