//! A client that shows every byte, and a simulator in this process for it.
//! Not here: anything that a polite HTTP library would hide.

use mock_slurmrestd::http::{Config, Simulator};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves until the test's runtime ends.
pub(crate) async fn start(config: Config) -> (SocketAddr, Simulator) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let simulator = Simulator::new(config);
    tokio::spawn(simulator.clone().serve(listener, std::future::pending()));
    (address, simulator)
}

/// Serves the control port of a simulator until the test's runtime ends.
pub(crate) async fn start_control(simulator: &Simulator) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(simulator.clone().serve_control(listener, std::future::pending()));
    address
}

/// What came back before the connection ended or the promised length was there.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status_line: String,
    /// Names and values as sent, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The error that ended the connection before the promised length, if one did.
    pub(crate) broken: Option<std::io::ErrorKind>,
    /// Whether the server closed the connection after the answer.
    pub(crate) closed: bool,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn promised(&self) -> usize {
        self.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    exchange(address, &format!("{request}\r\n")).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Reply {
    let length = body.len();
    exchange(
        address,
        &format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"),
    )
    .await
}

/// Sends a request and reads one answer; a hang is a failure of the test.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> Reply {
    tokio::time::timeout(Duration::from_secs(30), exchanged(address, request))
        .await
        .expect("an answer in time")
}

async fn exchanged(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let mut reply = Reply {
        status_line: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
        broken: None,
        closed: false,
    };
    let mut head_end = None;
    loop {
        let mut chunk = [0; 65_536];
        match stream.read(&mut chunk).await {
            Ok(0) => {
                reply.closed = true;
                break;
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => {
                reply.broken = Some(error.kind());
                break;
            }
        }
        if head_end.is_none() {
            head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
            if let Some(end) = head_end {
                read_head(&mut reply, &bytes[..end]);
            }
        }
        let complete = head_end.is_some_and(|end| bytes.len() >= end + reply.promised());
        // Answers that close are read to their end, so that what follows the body is seen.
        if complete && !reply.headers.iter().any(|(name, _)| name == "Connection") {
            break;
        }
    }
    reply.body = bytes.split_off(head_end.unwrap_or(bytes.len()).min(bytes.len()));
    reply
}

fn read_head(reply: &mut Reply, head: &[u8]) {
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    reply.status_line = lines.next().unwrap_or("").to_owned();
    reply.headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
}

/// Sends bytes and returns all that comes back: until the connection ends, or one whole answer that keeps it open.
pub(crate) async fn raw(address: SocketAddr, request: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let mut chunk = [0; 65_536];
        while !is_complete(&bytes) {
            match stream.read(&mut chunk).await.unwrap() {
                0 => break,
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // The last of several requests is one that closes, so only a single one is complete by its length.
    let answer = async {
        if request.matches("HTTP/1.").count() <= 1 {
            return answer.await;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    tokio::time::timeout(Duration::from_secs(30), answer).await.expect("an answer in time")
}

/// Whether these bytes are a whole answer on a connection that stays open.
fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (interim, text) = match text.strip_prefix("HTTP/1.1 100 CONTINUE\r\n\r\n") {
        Some(rest) => (true, rest.to_owned()),
        None => (false, text.into_owned()),
    };
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    let bodyless = head.contains(" 304 ") || head.contains(" 204 ");
    let _ = interim;
    !head.contains("Connection: ") && (bodyless || length.is_some_and(|length| body.len() >= length))
}
