//! Sends bytes and reads every byte that comes back, as answers of HTTP and how the connection ended.
//! Not an HTTP client: what is sent may be no HTTP, and what comes back may be more than was promised.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// One of the answers on a connection.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status_line: String,
    /// Names and values in order; of Content-Length only the name.
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

/// What came after the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Another answer.
    Next,
    /// The connection stays open.
    Open,
    /// It closes, after so many bytes that belong to no answer.
    Closed { stray: usize },
}

/// Silence after which nothing more is expected; a real slurmrestd never closes an idle connection.
const SILENCE: Duration = Duration::from_secs(1);
/// A real one may have to wait for a slurmctld that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn exchange(address: &str, request: &[u8]) -> Vec<Answer> {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    // It may have answered and closed before all is sent.
    let _ = stream.write_all(request);
    let (mut bytes, mut closed) = (Vec::new(), true);
    let mut piece = vec![0; 64 << 10];
    loop {
        let wait = if is_answered(&bytes) { SILENCE } else { PATIENCE };
        stream.set_read_timeout(Some(wait)).expect("a timeout above zero");
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                closed = false;
                break;
            }
            // Closed with a reset: what we sent was not all read.
            Err(_) => break,
        }
    }
    answers(&bytes, closed)
}

/// Whether a whole answer has come; another may follow.
fn is_answered(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"HTTP/1.1 100 CONTINUE\r\n\r\n").unwrap_or(bytes);
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    bytes.len() >= end + 4 + length.unwrap_or(0)
}

fn answers(mut bytes: &[u8], closed: bool) -> Vec<Answer> {
    let mut found: Vec<Answer> = Vec::new();
    while let Some((mut answer, rest)) = first(bytes) {
        answer.end = if closed { End::Closed { stray: 0 } } else { End::Open };
        if let Some(before) = found.last_mut() {
            before.end = End::Next;
        }
        found.push(answer);
        bytes = rest;
    }
    if let Some(Answer { end: End::Closed { stray }, .. }) = found.last_mut() {
        *stray = bytes.len();
    }
    found
}

/// The first answer and what follows it.
fn first(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    if !bytes.starts_with(b"HTTP/") {
        return None;
    }
    // Heads without an empty line were seen: before the next status line, or before the end.
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let next = bytes[5..].windows(5).position(|five| five == b"HTTP/").map(|at| at + 5);
    let end = match (end, next) {
        (Some(end), Some(next)) => end.min(next),
        (end, next) => end.or(next).unwrap_or(bytes.len()),
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next().unwrap_or_default().to_owned();
    let lines: Vec<_> = lines.collect();
    let length = lines.iter().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    let headers = lines.iter().map(|line| match line.split_once(": ") {
        Some((name @ "Content-Length", _)) => name.to_owned(),
        _ => (*line).to_owned(),
    });
    let headers = headers.collect();
    let body = &bytes[end..];
    let (body, rest) = body.split_at(length.unwrap_or(0).min(body.len()));
    Some((Answer { status_line, headers, body: body.to_vec(), end: End::Open }, rest))
}

#[test]
fn answers_are_told_apart_with_what_is_beyond_them() {
    let twice = b"HTTP/1.1 401 NO\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 400 BAD\r\nConnection: Close\r\nConnection: Close\r\n";
    let found = answers(twice, true);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].end, &found[0].body[..]), (End::Next, &b"ab"[..]));
    assert_eq!(found[1].headers, ["Connection: Close", "Connection: Close"]);
    let stray = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxConnection: Close\r\n", true);
    assert_eq!(stray[0].end, End::Closed { stray: 19 });
}
