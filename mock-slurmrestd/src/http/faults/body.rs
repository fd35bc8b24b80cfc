//! The body that is sent: the answer's own bytes, changed or replaced, at a fault's pace and up to a fault's end.
//! Not here: which fault does what (answer.rs).

use super::super::answer::AnswerBody;
use super::super::connection::Ending;
use super::super::counters::InFlight;
use super::rewrite::Rewriter;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// What goes over the wire behind a head.
#[derive(Debug)]
pub(in crate::http) struct Sent {
    source: Source,
    /// Bytes that `Content-Length` promises and that have not been handed out; `None` when nothing is promised.
    left: Option<u64>,
    /// Taken from the source and not handed out.
    rest: Bytes,
    pace: Pace,
    pause: Option<Pin<Box<Sleep>>>,
    /// The connection ends after so many more bytes.
    cut: Option<(u64, Ending)>,
    _in_flight: Option<InFlight>,
}

enum Source {
    Answer(AnswerBody),
    Changed(AnswerBody, Box<Rewriter>),
    Made(Box<dyn Iterator<Item = Bytes> + Send>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer",
            Self::Changed(..) => "Changed",
            Self::Made(_) => "Made",
        })
    }
}

/// How fast it comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    AsAsked,
    /// So many bytes at a time.
    Drops {
        bytes: u64,
        every: Duration,
    },
    /// Silence after so many more bytes, once.
    Stall {
        after: u64,
        how_long: Duration,
    },
}

impl From<AnswerBody> for Sent {
    fn from(body: AnswerBody) -> Self {
        let left = Some(body.length());
        Self::new(Source::Answer(body), left)
    }
}

impl Sent {
    fn new(source: Source, left: Option<u64>) -> Self {
        let (pace, pause, cut) = (Pace::AsAsked, None, None);
        Self { source, left, rest: Bytes::new(), pace, pause, cut, _in_flight: None }
    }

    /// The answer as `rewriter` changes it; the length has to be known already.
    pub(super) fn changed(body: AnswerBody, rewriter: Rewriter, length: u64) -> Self {
        Self::new(Source::Changed(body, Box::new(rewriter)), Some(length))
    }

    /// Without a length it comes in chunks.
    pub(super) fn made(pieces: Box<dyn Iterator<Item = Bytes> + Send>, length: Option<u64>) -> Self {
        Self::new(Source::Made(pieces), length)
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.left
    }

    /// Leaves out all but the first so many bytes, and promises no more.
    pub(super) fn shorten(&mut self, length: u64) {
        self.left = Some(length);
    }

    pub(super) fn pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Ends the connection after so many bytes, whatever was promised.
    pub(super) fn cut_after(&mut self, bytes: u64, ending: Ending) {
        self.cut = Some((bytes, ending));
    }

    /// Counts the request as in flight until the body is sent or dropped.
    pub(in crate::http) fn hold(&mut self, in_flight: InFlight) {
        self._in_flight = Some(in_flight);
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        match &mut self.source {
            Source::Answer(body) => body.next_piece(),
            Source::Changed(body, rewriter) => body.next_piece().map(|piece| rewriter.push(&piece).into()),
            Source::Made(pieces) => pieces.next(),
        }
    }

    /// How many bytes may go now.
    fn room(&self) -> u64 {
        let paced = match self.pace {
            Pace::AsAsked => u64::MAX,
            Pace::Drops { bytes, .. } => bytes,
            Pace::Stall { after, .. } => after,
        };
        let before_cut = self.cut.as_ref().map_or(u64::MAX, |(bytes, _)| *bytes);
        paced.min(before_cut).min(self.left.unwrap_or(u64::MAX))
    }

    /// Notes what went, and begins the pause that may follow.
    fn went(&mut self, bytes: u64) {
        if let Some(left) = &mut self.left {
            *left -= bytes;
        }
        if let Some((before_cut, _)) = &mut self.cut {
            *before_cut -= bytes;
        }
        match &mut self.pace {
            Pace::AsAsked => {}
            Pace::Drops { every, .. } => self.pause = Some(Box::pin(tokio::time::sleep(*every))),
            Pace::Stall { after, .. } => *after -= bytes,
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            if self.left == Some(0) {
                return Poll::Ready(None);
            }
            if let Some((0, ending)) = &self.cut {
                // hyper flushes when the body has nothing for now, and the flush is where the connection ends.
                ending.cut();
                return Poll::Pending;
            }
            if let Pace::Stall { after: 0, how_long } = self.pace {
                self.pace = Pace::AsAsked;
                self.pause = Some(Box::pin(tokio::time::sleep(how_long)));
                continue;
            }
            while self.rest.is_empty() {
                match self.next_piece() {
                    Some(piece) => self.rest = piece,
                    None => return Poll::Ready(None),
                }
            }
            let room = usize::try_from(self.room()).unwrap_or(usize::MAX).min(self.rest.len());
            let piece = self.rest.split_to(room);
            self.went(piece.len() as u64);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
