//! The server of known behaviour: a process of its own that answers as `truth` says.
//! It speaks just enough HTTP for our own client, on the loopback.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::truth::{self, Weather};

/// A page as short as a page can be.
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 35\r\n\r\n\
                      # HELP up Up.\n# TYPE up gauge\nup 1\n";
/// The longest request head.
const MAX_HEAD: usize = 16 << 10;

/// Serves until the process is ended.
///
/// # Errors
/// When no port of the loopback can be had, or nobody reads where it listens.
pub(crate) async fn serve(weather: Weather) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to listen on the loopback")?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    let (start, requests) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    loop {
        let (stream, _) = listener.accept().await?;
        let requests = Arc::clone(&requests);
        // A client that goes away is its own business.
        tokio::spawn(async move { converse(stream, weather, start, &requests).await.ok() });
    }
}

async fn converse(
    mut stream: TcpStream,
    weather: Weather,
    start: Instant,
    requests: &AtomicU64,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let received = start.elapsed().as_secs_f64();
        let latency = truth::latency(requests.fetch_add(1, Ordering::Relaxed));
        let answer_at = start + Duration::from_secs_f64(truth::answered(weather, received, latency));
        tokio::time::sleep_until(answer_at.into()).await;
        stream.write_all(ANSWER.as_bytes()).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_length_that_it_says() {
        let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
