//! One client's connection: requests are read and answers written as slurmrestd does it in HTTP/1, byte by byte.
//! Not here: which answer a request gets (service.rs); a library would mend the oddities that belong here.

use super::Simulator;
use super::answer::Again;
use super::connection::{Connection, Ending};
use super::faults::Sent;
use super::manners::Manners;
use super::service;
use bytes::{Buf, Bytes, BytesMut};
use hyper::body::Body;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// More header bytes than this are no request.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;

/// Answers until the client goes away, or the manners end the connection.
pub(super) async fn serve(simulator: Simulator, connection: Connection, ending: Ending) -> io::Result<()> {
    let manners = simulator.manners();
    let mut session = Session { simulator, connection, ending, manners, read: BytesMut::new() };
    while session.exchange().await? {}
    session.connection.shutdown().await
}

struct Session {
    simulator: Simulator,
    connection: Connection,
    ending: Ending,
    manners: &'static Manners,
    /// What arrived and is not understood yet.
    read: BytesMut,
}

/// What the next bytes are.
enum Arrival {
    Request(Box<Request<()>>),
    Garbled,
    /// The client has closed.
    End,
}

impl Session {
    /// One request and its answer; whether another may follow.
    async fn exchange(&mut self) -> io::Result<bool> {
        let request = match self.next_request().await? {
            Arrival::Request(request) => *request,
            Arrival::Garbled => {
                self.connection.write_all(self.manners.garbled.as_bytes()).await?;
                return Ok(false);
            }
            Arrival::End => return Ok(false),
        };
        if let Some(refusal) = self.refusal(&request) {
            self.connection.write_all(refusal.as_bytes()).await?;
            return Ok(false);
        }
        if self.manners.says_continue && is(request.headers(), &EXPECT, "100-continue") {
            self.connection.write_all(b"HTTP/1.1 100 CONTINUE\r\n\r\n").await?;
        }
        let body = self.request_body(request.headers()).await?;
        let version = request.version();
        let wants_close = is(request.headers(), &CONNECTION, "close");
        let (simulator, ending) = (self.simulator.clone(), self.ending.clone());
        let answer = pin!(service::handle(simulator, request, body, ending));
        let Ok(answer) = self.while_client_stays(answer).await? else {
            // Dropped as it is, so that nothing but the reset goes out.
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        self.answer(answer, version, wants_close).await
    }

    async fn next_request(&mut self) -> io::Result<Arrival> {
        loop {
            match parsed(&self.read) {
                Parsed::Request(parts, length) => {
                    self.read.advance(length);
                    return Ok(Arrival::Request(Box::new(Request::from_parts(*parts, ()))));
                }
                Parsed::Garbled => return Ok(Arrival::Garbled),
                Parsed::Partial => {}
            }
            if poll_fn(|cx| self.poll_more(cx)).await? == 0 {
                return Ok(Arrival::End);
            }
        }
    }

    /// What is refused before the path is looked at.
    fn refusal(&self, request: &Request<()>) -> Option<&'static str> {
        if request.headers().contains_key(TRANSFER_ENCODING) {
            return Some(self.manners.chunked);
        }
        if request.method() == Method::CONNECT {
            return Some(self.manners.connect);
        }
        let is_upgrade =
            request.headers().contains_key(UPGRADE) && is(request.headers(), &CONNECTION, "upgrade");
        let refused = self.manners.upgrade.filter(|_| is_upgrade);
        refused.or_else(|| self.manners.head.filter(|_| request.method() == Method::HEAD))
    }

    /// Reads the body that a request says it has, and keeps as much of it as a head may have.
    async fn request_body(&mut self, headers: &HeaderMap) -> io::Result<Vec<u8>> {
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let (mut left, mut body) = (length.unwrap_or(0), Vec::new());
        while left > 0 {
            if self.read.is_empty() && poll_fn(|cx| self.poll_more(cx)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = left.min(self.read.len());
            let kept = part.min(MOST_HEAD - body.len());
            body.extend_from_slice(&self.read[..kept]);
            self.read.advance(part);
            left -= part;
        }
        Ok(body)
    }

    async fn answer(
        &mut self,
        mut answer: Response<Sent>,
        version: Version,
        wants_close: bool,
    ) -> io::Result<bool> {
        let old = version == Version::HTTP_10;
        let status = answer.status();
        let mut closes = answer.headers().contains_key(CONNECTION);
        let asked_to_close = !closes && (wants_close || (old && !self.manners.keeps_old_clients));
        if asked_to_close && !self.manners.closes_late {
            answer.headers_mut().insert(CONNECTION, hyper::header::HeaderValue::from_static("Close"));
        }
        // Without a length only the end of the connection ends the body.
        let bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        closes |= asked_to_close || (!bodyless && !answer.headers().contains_key(CONTENT_LENGTH));
        self.connection.write_all(&head(&answer, version)).await?;
        let again = answer.extensions_mut().remove::<Again>();
        self.body(answer.into_body()).await?;
        if let Some(Again(text)) = again.filter(|_| self.manners.errors_twice) {
            let length = text.len();
            let again = format!(
                "{} {} {}\r\n{CLOSE}Content-Length: {length}\r\nContent-Type: text/plain\r\n\r\n{text}",
                words(version),
                status.as_u16(),
                super::answer::reason_words(status),
            );
            self.connection.write_all(again.as_bytes()).await?;
        }
        if asked_to_close && self.manners.closes_late {
            self.connection.write_all(CLOSE.as_bytes()).await?;
        }
        self.connection.flush().await?;
        Ok(!closes)
    }

    async fn body(&mut self, body: Sent) -> io::Result<()> {
        let mut body = pin!(body);
        loop {
            let frame = poll_fn(|cx| body.as_mut().poll_frame(cx));
            let Some(Ok(frame)) = self.while_client_stays(pin!(frame)).await? else { break };
            if let Ok(mut piece) = frame.into_data() {
                self.connection.write_all_buf(&mut piece).await?;
            }
        }
        Ok(())
    }

    /// Waits, unless the client goes away or a fault cuts the connection: what was written is flushed meanwhile.
    async fn while_client_stays<T>(
        &mut self,
        mut future: Pin<&mut impl Future<Output = T>>,
    ) -> io::Result<T> {
        poll_fn(|cx| {
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if let Poll::Ready(Err(error)) = Pin::new(&mut self.connection).poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            while self.read.len() < MOST_HEAD {
                match self.poll_more(cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Reads what has arrived; 0 at the end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; 8 * 1024];
        let mut buffer = ReadBuf::new(&mut bytes);
        std::task::ready!(Pin::new(&mut self.connection).poll_read(cx, &mut buffer))?;
        self.read.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

const CLOSE: &str = "Connection: Close\r\n";

enum Parsed {
    /// The request and the length of its head.
    Request(Box<Parts>, usize),
    Partial,
    Garbled,
}

fn parsed(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => match parts(&request) {
            Some(parts) => Parsed::Request(Box::new(parts), length),
            None => Parsed::Garbled,
        },
        Ok(httparse::Status::Partial) if bytes.len() < MOST_HEAD => Parsed::Partial,
        _ => Parsed::Garbled,
    }
}

fn parts(request: &httparse::Request<'_, '_>) -> Option<Parts> {
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::HEAD,
        Method::PATCH,
        Method::TRACE,
        Method::CONNECT,
    ];
    let method = known.into_iter().find(|method| Some(method.as_str()) == request.method)?;
    let version = if request.version? == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    // Two slashes at the start would be read as an authority.
    let path = request.path?;
    let path = path
        .strip_prefix('/')
        .map_or_else(|| path.to_owned(), |rest| format!("/{}", rest.trim_start_matches('/')));
    let mut built = Request::builder().method(method).uri(path).version(version);
    for header in request.headers.iter() {
        built = built.header(header.name, header.value);
    }
    Some(built.body(()).ok()?.into_parts().0)
}

/// Whether a header is this word, in any case.
fn is(headers: &HeaderMap, name: &hyper::header::HeaderName, word: &str) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
}

fn words(version: Version) -> &'static str {
    if version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }
}

fn head(answer: &Response<Sent>, version: Version) -> Bytes {
    let reason = answer.extensions().get::<ReasonPhrase>().map_or(&b""[..], ReasonPhrase::as_bytes);
    let mut head = BytesMut::from(format!("{} {} ", words(version), answer.status().as_u16()).as_bytes());
    head.extend_from_slice(reason);
    head.extend_from_slice(b"\r\n");
    for (name, value) in answer.headers() {
        head.extend_from_slice(title_case(name.as_str()).as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.freeze()
}

/// `content-length` to `Content-Length`.
fn title_case(name: &str) -> String {
    let mut start = true;
    let case = |letter: char| {
        let cased = if start { letter.to_ascii_uppercase() } else { letter };
        start = letter == '-';
        cased
    };
    name.chars().map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_is_garbled_and_what_is_half_is_waited_for() {
        let kind = |text: &str| match parsed(text.as_bytes()) {
            Parsed::Request(parts, length) => format!("{} {} {length}", parts.method, parts.uri),
            Parsed::Partial => "partial".to_owned(),
            Parsed::Garbled => "garbled".to_owned(),
        };
        for (text, expected) in [
            ("GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\nrest", "GET /a?b=1 32"),
            ("GET //slurm//v0.0.42/ping/ HTTP/1.0\r\n\r\n", "GET /slurm//v0.0.42/ping/ 39"),
            ("GET /a HTT", "partial"),
            ("BREW /a HTTP/1.1\r\n\r\n", "garbled"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "garbled"),
            ("what is this\r\n\r\n", "garbled"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn header_names_are_in_title_case() {
        assert_eq!(title_case("content-length"), "Content-Length");
    }
}
