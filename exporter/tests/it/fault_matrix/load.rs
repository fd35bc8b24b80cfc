//! Scrapers at work: what Prometheus does to the exporter while something happens.
//! What happens meanwhile is the caller's business.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Lets scrapers work until `act` is done, and gives what it returns with the time of each scrape.
pub(super) fn under_load<T>(
    address: &str,
    scrapers: u32,
    pause: Duration,
    act: impl FnOnce() -> T,
) -> (T, Vec<Duration>) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let scrapers: Vec<_> = (0..scrapers)
            .map(|_| {
                scope.spawn(|| {
                    let mut latencies = Vec::new();
                    while !over.load(Ordering::SeqCst) {
                        latencies.push(scrape(address));
                        std::thread::sleep(pause);
                    }
                    latencies
                })
            })
            .collect();
        // Also when it panics: the scrapers would go on for ever, and the test with them.
        let end = SetOnDrop(&over);
        let result = act();
        drop(end);
        let latencies = scrapers.into_iter().flat_map(|scraper| scraper.join().expect("scrapes work"));
        (result, latencies.collect())
    })
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// One scrape as Prometheus makes it: compressed, to its last byte.
fn scrape(address: &str) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the exporter accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout above zero");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
        .expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer is whole");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..100]));
    start.elapsed()
}
