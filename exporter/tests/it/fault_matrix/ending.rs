//! The end of an exporter while scrapes are under way: each answer that has begun comes whole, and the exit code is 0.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::stack::Stack;

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Answers that had begun before SIGTERM, all of them whole.
    pub(super) answers: usize,
    /// Of one of them.
    pub(super) bytes: usize,
    /// From SIGTERM to the end of the process.
    pub(super) after: Duration,
}

impl Stack {
    /// Ends the exporter while it answers so many scrapes, of which each has read one byte.
    pub(super) fn end_while_answering(self, scrapes: usize) -> Ended {
        let mut begun: Vec<_> = (0..scrapes).map(|_| begin(&self.exporter.address)).collect();
        let exporter = self.exporter;
        let ending = std::thread::spawn(move || {
            let signalled = Instant::now();
            (exporter.terminate(), signalled.elapsed())
        });
        // Nobody may read on before the signal is there: then it refuses who is new.
        while TcpStream::connect(begun[0].peer_addr().expect("it is connected")).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let bytes = begun.iter_mut().map(finish).max().unwrap_or_default();
        let ((code, log), after) = ending.join().expect("it ends");
        assert_eq!(code, Some(0), "{log}");
        Ended { answers: scrapes, bytes, after }
    }
}

/// A scrape whose answer has begun; uncompressed, so that no buffer of the kernel holds a large one.
fn begin(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the exporter accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout above zero");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("the request is sent");
    let mut first = [0];
    stream.read_exact(&mut first).expect("it answers");
    stream
}

/// Reads the rest and gives the length of the body, which must be as announced.
fn finish(stream: &mut TcpStream) -> usize {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer is whole");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = answer.len() - end;
    assert_eq!(announced.and_then(|announced| announced.parse().ok()), Some(length), "{head}");
    length
}
