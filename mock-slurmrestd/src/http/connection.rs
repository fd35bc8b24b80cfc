//! One client's TCP connection, which a fault may end rudely.
//! Not here: HTTP, which hyper speaks over it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How the connection is to end, shared between the one who answers and the one who writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ending(Arc<AtomicU8>);

/// Both may be wanted.
const CUT: u8 = 1;
const RESET: u8 = 2;

impl Ending {
    /// Ends the connection as soon as everything written so far is on its way.
    pub(super) fn cut(&self) {
        self.0.fetch_or(CUT, Ordering::Relaxed);
    }

    /// Has the peer see a reset when the connection is dropped.
    pub(super) fn reset(&self) {
        self.0.fetch_or(RESET, Ordering::Relaxed);
    }

    fn is(&self, what: u8) -> bool {
        self.0.load(Ordering::Relaxed) & what != 0
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    ending: Ending,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> (Self, Ending) {
        let ending = Ending::default();
        // Answers are written in large pieces; waiting for more would only delay the last one.
        let _ = stream.set_nodelay(true);
        (Self { stream, ending: ending.clone() }, ending)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.ending.is(RESET) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) if self.ending.is(CUT) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault")))
            }
            other => other,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
