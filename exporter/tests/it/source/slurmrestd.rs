//! A server that answers with exactly the bytes that a test gives it, and remembers what it was asked.
//! For a cluster that lives there is the simulator.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The number of its connection, from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
}

impl Asked {
    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What happens to a request.
pub(crate) enum Answer {
    /// The bytes; then the connection is closed.
    Close(Vec<u8>),
    /// The bytes; then the connection waits for the next request.
    Keep(Vec<u8>),
    /// The bytes again and again, until the client goes away.
    Endless { head: Vec<u8>, part: Vec<u8> },
    /// Nothing, until the client goes away.
    Silence,
}

#[derive(Debug)]
pub(crate) struct Slurmrestd {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Slurmrestd {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&asked);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (memory, answer) = (Arc::clone(&memory), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, connection, &memory, &*answer).await });
            }
        });
        Self { address, asked, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.path().to_owned()).collect()
    }
}

impl Drop for Slurmrestd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    memory: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked) -> Answer + Send + Sync),
) {
    while let Some(head) = request_head(&mut stream).await {
        let asked = Asked { connection, head };
        memory.lock().unwrap().push(asked.clone());
        match answer(&asked) {
            Answer::Keep(bytes) => stream.write_all(&bytes).await.unwrap(),
            Answer::Close(bytes) => {
                // The client may have seen enough before the end.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Answer::Endless { head, part } => {
                let mut sent = stream.write_all(&head).await;
                while sent.is_ok() {
                    sent = stream.write_all(&part).await;
                }
                return;
            }
            Answer::Silence => {
                let _ = stream.read(&mut [0; 64]).await;
                return;
            }
        }
    }
}

/// None when the client has closed the connection.
async fn request_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}

/// A recorded answer, byte for byte.
pub(crate) fn recorded(release: &str, name: &str) -> Vec<u8> {
    let file = format!("tests/fixtures/errors/{release}/{name}.http");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).expect(&file)
}

/// The body of a recorded good answer.
pub(crate) fn body(release: &str, file: &str) -> Vec<u8> {
    let file = format!("tests/fixtures/slurmrestd/{release}/{file}");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).expect(&file)
}

/// An answer as slurmrestd writes one.
pub(crate) fn http(status: &str, media_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: {media_type}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    http("200 OK", "application/json", body)
}

pub(crate) fn not_found() -> Vec<u8> {
    http("404 NOT FOUND", "text/plain", "Unable find requested URL.")
}
