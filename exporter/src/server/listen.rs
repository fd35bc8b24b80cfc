//! The hardened accept loop: a cap on connections, time limits per phase, an orderly end.
//! It knows nothing of routes; what a connection does is in `connection`.
//!
//! While three quarters of the slots or more are taken, each answer announces that its connection ends with it, so that more
//! clients than slots take turns and nobody's next request meets a connection that was closed meanwhile.
//!
//! At the cap a newcomer is never refused; one open connection is closed for it, in this order:
//! the oldest that never sent a complete request, the one that is idle longest between requests, the one
//! whose client has taken nothing of its answer for longest (the slowest reader). The age of an answer does not count:
//! where slow readers come back as fast as they are cut, a good one would soon be the oldest of them. So `/health` needs no reserved slots: its request is
//! complete with its first packet, answered at once, and never the first choice to be closed.
//! Nobody is judged before its first packet is read, and a quarter of the slots lets newcomers take the
//! twentieth part of the header timeout: otherwise clients that hold the other slots by reading slowly
//! would make every newcomer push out the one before it.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{AbortHandle, Id, JoinSet},
    time::MissedTickBehavior,
};

use super::{
    WebConfig,
    connection::{self, Phase, Progress},
};

/// Connections that the kernel keeps until they are accepted; it lowers this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// What is behind the port: pages, and whom they are shown to.
#[derive(Clone, Debug)]
pub struct Door {
    pub router: Router,
    /// None for plain HTTP and everybody.
    pub web: Option<Arc<WebConfig>>,
}

impl From<Router> for Door {
    fn from(router: Router) -> Self {
        Self { router, web: None }
    }
}

/// What one listener grants its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// 0 counts as 1.
    pub max_connections: usize,
    /// From the start of a connection, or from a later request's first byte, to a request's last header byte.
    pub header_timeout: Duration,
    /// An answer of which the client takes nothing for this long is given up.
    pub write_timeout: Duration,
    /// Between two requests on a kept-alive connection; longer than a scrape interval.
    pub idle_timeout: Duration,
    /// Request line and headers; less than 8 KiB counts as 8 KiB.
    pub max_header_bytes: usize,
    /// Time for answers in flight after the shutdown signal.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: 64,
            header_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(180),
            max_header_bytes: 16 * 1024,
            drain_timeout: Duration::from_millis(4_500),
        }
    }
}

/// Serves until `shutdown` completes, then answers what is in flight and returns within the drain timeout.
///
/// # Errors
/// When the listener itself fails. Running out of descriptors or memory is waited out, with a warning.
pub async fn serve(
    listener: TcpListener,
    door: impl Into<Door>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    // The standard library's queue of 128 overflows in a burst, and a dropped connect is retried after 1 s.
    socket2::SockRef::from(&listener).listen(BACKLOG)?;
    let mut open = Open {
        connections: HashMap::new(),
        tasks: JoinSet::new(),
        is_nearly_full: Arc::default(),
        door: door.into(),
        limits,
    };
    let mut sweep = tokio::time::interval(limits.sweep_interval());
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            _ = sweep.tick() => open.close_overdue(),
            Some(ended) = open.tasks.join_next_with_id() => open.forget(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    open.make_room().await;
                    open.start(stream);
                }
                Err(error) if is_about_one_peer(&error) => {}
                Err(error) if is_about_resources(&error) => {
                    tracing::warn!(error = %error, connections = open.connections.len(), "cannot accept connections");
                    open.close_one();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error),
            },
        }
    }
    drop(listener);
    open.drain(&mut sweep).await;
    Ok(())
}

impl Limits {
    /// Fine enough that no limit is exceeded by more than a fifth.
    fn sweep_interval(&self) -> Duration {
        let shortest = self.header_timeout.min(self.write_timeout).min(self.idle_timeout);
        (shortest / 5).clamp(Duration::from_millis(1), Duration::from_secs(1))
    }

    fn is_overdue(&self, progress: &Progress) -> bool {
        match progress.phase() {
            Phase::New | Phase::Waiting | Phase::Head => progress.in_phase() > self.header_timeout,
            Phase::Idle => progress.in_phase() > self.idle_timeout,
            Phase::Answering | Phase::Flushing => progress.since_write() > self.write_timeout,
        }
    }
}

struct Connection {
    progress: Arc<Progress>,
    task: AbortHandle,
    finish: Option<oneshot::Sender<()>>,
}

/// All open connections; only the accept loop touches it.
struct Open {
    connections: HashMap<Id, Connection>,
    /// Also holds closed ones until their descriptor is gone.
    tasks: JoinSet<()>,
    /// Read by each connection when it answers.
    is_nearly_full: Arc<AtomicBool>,
    door: Door,
    limits: Limits,
}

impl Open {
    fn start(&mut self, stream: TcpStream) {
        // A failure here means that the peer is gone already; the first read will say so.
        let _ = stream.set_nodelay(true);
        // The kernel keeps the write timeout for what it has buffered, also after an orderly close.
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(self.limits.write_timeout));
        let progress = Arc::new(Progress::new());
        let (finish, graceful) = oneshot::channel();
        let ends_with_answer = self.is_nearly_full.clone();
        let run = connection::run(
            stream,
            progress.clone(),
            self.door.clone(),
            self.limits,
            ends_with_answer,
            graceful,
        );
        let task = self.tasks.spawn(run);
        self.connections.insert(task.id(), Connection { progress, task, finish: Some(finish) });
        self.count();
    }

    fn count(&self) {
        let is_nearly_full = self.connections.len() >= self.limits.max_connections.saturating_mul(3) / 4;
        self.is_nearly_full.store(is_nearly_full, Relaxed);
    }

    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.forget(ended);
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(error = %error, "a connection's task panicked");
                }
                error.id()
            }
        };
        self.connections.remove(&id);
        self.count();
    }

    /// Returns with a free slot. Closed connections whose descriptor is not gone yet count up to the cap again,
    /// so that a flood does not wait for each of them.
    async fn make_room(&mut self) {
        let cap = self.limits.max_connections.max(1);
        self.forget_ended();
        while self.connections.len() >= cap {
            if self.connections.values().any(|open| open.progress.phase() == Phase::New) {
                // Nobody is judged before its first packet is read: it may be a whole request.
                tokio::task::yield_now().await;
                self.forget_ended();
            } else {
                self.close_one();
            }
        }
        while self.tasks.len() >= 2 * cap {
            let Some(ended) = self.tasks.join_next_with_id().await else { break };
            self.forget(ended);
        }
    }

    fn close_one(&mut self) {
        let waiting = |open: &&Connection| matches!(open.progress.phase(), Phase::New | Phase::Waiting);
        let waiting = self.connections.values().filter(waiting).count();
        let crowded = waiting + 1 > self.limits.max_connections / 4;
        let grace = self.limits.header_timeout / 20;
        let rank = |progress: &Progress| {
            let since = progress.in_phase();
            match progress.phase() {
                Phase::New | Phase::Waiting if crowded || since > grace => (3, since),
                Phase::Idle | Phase::Head => (2, since),
                Phase::Answering | Phase::Flushing => (1, progress.since_write()),
                Phase::New | Phase::Waiting => (0, since),
            }
        };
        let ranked = self.connections.iter().map(|(id, open)| (rank(&open.progress), *id));
        if let Some((_, id)) = ranked.max_by_key(|(rank, _)| *rank) {
            self.close(id);
        }
    }

    fn close_overdue(&mut self) {
        let overdue = |open: &Connection| self.limits.is_overdue(&open.progress);
        let ids: Vec<Id> =
            self.connections.iter().filter(|(_, open)| overdue(open)).map(|(id, _)| *id).collect();
        for id in ids {
            self.close(id);
        }
    }

    fn close(&mut self, id: Id) {
        if let Some(open) = self.connections.remove(&id) {
            let phase = open.progress.phase();
            tracing::debug!(?phase, "closing a connection at its limit");
            // Between requests the last answer may still be on its way out of the kernel: let it go.
            if !matches!(phase, Phase::Idle | Phase::Head) {
                open.progress.reset_on_close();
            }
            open.task.abort();
            self.count();
        }
    }

    async fn drain(mut self, sweep: &mut tokio::time::Interval) {
        let end = tokio::time::Instant::from_std(Instant::now() + self.limits.drain_timeout);
        for open in self.connections.values_mut() {
            if let Some(finish) = open.finish.take() {
                // The other end is gone only if the connection has ended.
                let _ = finish.send(());
            }
        }
        loop {
            tokio::select! {
                biased;
                ended = self.tasks.join_next_with_id() => match ended {
                    Some(ended) => self.forget(ended),
                    None => return,
                },
                _ = sweep.tick() => self.close_overdue(),
                () = tokio::time::sleep_until(end) => break,
            }
        }
        tracing::warn!(connections = self.connections.len(), "giving up answers that are still being read");
        self.tasks.shutdown().await;
    }
}

/// The peer went away between its connect and our accept.
fn is_about_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn is_about_resources(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].iter().any(|resource| code == Some(*resource))
}
