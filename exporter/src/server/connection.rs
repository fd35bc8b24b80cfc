//! One connection: HTTP/1, with or without TLS, over a stream that notes how far each request and its answer have come.
//! It judges nothing; `listen` reads the notes and decides which connection has to go.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU8, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::{
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::{Door, Limits, body::Held, refusal};

/// What hyper accepts as a limit.
const SMALLEST_HEADER_LIMIT: usize = 8 * 1024;

/// How far a connection is with its current request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Accepted; what has arrived is not read yet.
    New,
    /// Nothing more to read, and never a complete request.
    Waiting,
    /// Between two requests.
    Idle,
    /// Part of a later request has arrived.
    Head,
    /// A request is complete, its answer is on the way to the kernel.
    Answering,
    /// The last bytes of the answer are buffered, not yet written.
    Flushing,
}

const PHASES: [Phase; 6] =
    [Phase::New, Phase::Waiting, Phase::Idle, Phase::Head, Phase::Answering, Phase::Flushing];

/// Notes of one connection, written by its own task. The phase is stored last and loaded first, so that
/// whoever sees a phase sees the times that belong to it.
#[derive(Debug)]
pub(super) struct Progress {
    base: Instant,
    phase: AtomicU8,
    /// Microseconds after `base`.
    phase_since: AtomicU64,
    written_at: AtomicU64,
    /// Drop unsent bytes and reset instead of an orderly close.
    reset: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress {
            base: Instant::now(),
            phase: AtomicU8::new(Phase::New as u8),
            phase_since: AtomicU64::new(0),
            written_at: AtomicU64::new(0),
            reset: AtomicBool::new(false),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Acquire))]
    }

    /// Time in the current phase; a connection that never completed a request counts from its start.
    pub(super) fn in_phase(&self) -> Duration {
        self.since(&self.phase_since)
    }

    /// Time since the kernel last took bytes of the current answer.
    pub(super) fn since_write(&self) -> Duration {
        self.since(&self.written_at)
    }

    pub(super) fn reset_on_close(&self) {
        self.reset.store(true, Relaxed);
    }

    fn since(&self, mark: &AtomicU64) -> Duration {
        self.base.elapsed().saturating_sub(Duration::from_micros(mark.load(Relaxed)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn enter(&self, phase: Phase) {
        self.phase_since.store(self.now(), Relaxed);
        self.phase.store(phase as u8, Release);
    }

    fn bytes_read(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    fn nothing_to_read(&self) {
        if self.phase() == Phase::New {
            // Not `enter`: the time counts from the start.
            self.phase.store(Phase::Waiting as u8, Release);
        }
    }

    fn request_complete(&self) {
        self.bytes_written();
        self.enter(Phase::Answering);
    }

    fn bytes_written(&self) {
        self.written_at.store(self.now(), Relaxed);
    }

    fn flushed(&self) {
        if self.phase() == Phase::Flushing {
            self.enter(Phase::Idle);
        }
    }
}

/// Held by an answer's body; its drop notes that the last chunk is handed over.
#[derive(Debug)]
pub(super) struct Sending(Arc<Progress>);

impl Drop for Sending {
    fn drop(&mut self) {
        // Not `enter`: the answer counts from its request.
        self.0.phase.store(Phase::Flushing as u8, Release);
    }
}

/// Serves requests until the peer or a limit ends it; `graceful` finishes the current answer and closes.
/// An answer that begins while `is_last` says so is the last one, and its head tells the client.
pub(super) async fn run(
    stream: TcpStream,
    progress: Arc<Progress>,
    door: Door,
    limits: Limits,
    is_last: Arc<AtomicBool>,
    mut graceful: oneshot::Receiver<()>,
) {
    let io = Watched { stream, progress: progress.clone() };
    let tls = door.web.as_ref().and_then(|web| web.current().tls.clone());
    let Some(tls) = tls else { return serve(io, progress, door, limits, is_last, graceful).await };
    // The head's time limit runs meanwhile, from the start of the connection.
    let shaken = tokio::select! {
        shaken = TlsAcceptor::from(tls).accept(io) => shaken,
        _ = &mut graceful => return,
    };
    match shaken {
        Ok(io) => serve(io, progress, door, limits, is_last, graceful).await,
        Err(error) => tracing::debug!(error = %error, "no TLS connection came about"),
    }
}

async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin,
    progress: Arc<Progress>,
    door: Door,
    limits: Limits,
    is_last: Arc<AtomicBool>,
    graceful: oneshot::Receiver<()>,
) {
    let notes = progress.clone();
    let service = service_fn(move |request| {
        notes.request_complete();
        let sending = Sending(notes.clone());
        let mut door = door.clone();
        let is_last = is_last.load(Relaxed);
        async move {
            let web = door.web.map(|web| web.current());
            let mut refused = refusal(&request);
            if let (None, Some(web)) = (&refused, &web) {
                refused = web.refusal(request.headers()).await;
            }
            let mut reply = match refused {
                Some(reply) => reply,
                None => door.router.call(request).await?,
            };
            if let Some(web) = web {
                web.decorate(reply.headers_mut());
            }
            if is_last {
                reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(reply.map(|body| Held::new(body, sending)))
        }
    });
    let io = TokioIo::new(io);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            // A client may shut its sending side down and still read the answer.
            .half_close(true)
            // The time limits are kept by `listen`: hyper's would also cut a kept-alive client between scrapes.
            .header_read_timeout(None)
            .max_buf_size(limits.max_header_bytes.max(SMALLEST_HEADER_LIMIT))
            .serve_connection(io, service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = graceful => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "connection ended early");
    }
}

/// The stream with its notes.
struct Watched {
    stream: TcpStream,
    progress: Arc<Progress>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        match polled {
            Poll::Pending => self.progress.nothing_to_read(),
            Poll::Ready(_) if buf.filled().len() > before => self.progress.bytes_read(),
            Poll::Ready(_) => {}
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.progress.bytes_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.progress.bytes_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Called only when every buffered byte is written.
        self.progress.flushed();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.progress.reset.load(Relaxed) {
            // Frees the send buffer at once; a failure only means that the peer was faster.
            let _ = self.stream.set_zero_linger();
        }
    }
}
