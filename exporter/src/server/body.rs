//! The body of a page's answer: chunks that exist already, handed out by reference count.
//! It copies only what is too small to be sent by itself, and never waits.

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

/// What goes to the kernel at once. hyper hands over at most 16 buffers a call, and a plain page has hundreds of
/// small ones: copying them is cheaper than the calls, and than the small segments that a reader waits for.
const GATHERED: usize = 64 << 10;

/// The first chunks as one, with their number: small ones copied together, a large one as it is.
fn gather(chunks: &[Bytes]) -> Option<(Bytes, usize)> {
    let first = chunks.first()?;
    let mut len = 0;
    let fitting = chunks.iter().take_while(|chunk| {
        len += chunk.len();
        len <= GATHERED
    });
    Some(match fitting.count() {
        0 | 1 => (first.clone(), 1),
        several => (chunks[..several].concat().into(), several),
    })
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = gather(&self.chunks()[self.next..]);
        Poll::Ready(frame.map(|(bytes, chunks)| {
            self.next += chunks;
            self.remaining -= bytes.len() as u64;
            Ok(Frame::data(bytes))
        }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_go_together_and_large_ones_alone() {
        let chunk = |len| Bytes::from(vec![b'x'; len]);
        let gathered = |sizes: &[usize]| {
            let chunks: Vec<_> = sizes.iter().map(|size| chunk(*size)).collect();
            gather(&chunks).map(|(bytes, taken)| (bytes.len(), taken))
        };
        assert_eq!(gathered(&[]), None);
        assert_eq!(gathered(&[10]), Some((10, 1)));
        assert_eq!(gathered(&[10, 20, 30]), Some((60, 3)));
        assert_eq!(gathered(&[10, GATHERED, 5]), Some((10, 1)));
        assert_eq!(gathered(&[GATHERED + 1, 5]), Some((GATHERED + 1, 1)));
        assert_eq!(gathered(&[GATHERED - 5, 5, 5]), Some((GATHERED, 2)));
    }
}
