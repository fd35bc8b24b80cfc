//! An answer that has begun: its head, and its body as it arrives, whatever brings it.
//! What it means is decided in `answer`; whether it is decoded or recorded, by who reads it.

use bytes::{Bytes, BytesMut};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, Take};

use super::error::{ErrorClass, Failure};
use super::program::{Ended, Program, ProgramError};

/// As much of a file as is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Where it comes from, for messages: a URL, a command line or a path.
    pub(super) place: String,
    pub(super) status: StatusCode,
    /// Without its parameters, in lower case; none when the answer names none.
    pub(super) media_type: Option<String>,
    /// Of the body, where it is known beforehand.
    pub(super) length: Option<u64>,
    body: Body,
    exit_code: Option<u16>,
}

#[derive(Debug)]
enum Body {
    Http(Response),
    /// Until its end.
    Program(Box<Program>),
    File(Take<File>, BytesMut),
    /// What has been read already.
    Whole(Option<Bytes>),
}

impl Incoming {
    pub(super) fn http(url: &str, response: Response) -> Self {
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            status: response.status(),
            media_type: media_type.map(without_parameters),
            length: response.content_length(),
            ..Self::json(url, Body::Http(response))
        }
    }

    /// JSON that a program prints. It has not failed yet.
    pub(super) fn program(command_line: &str, program: Program) -> Self {
        Self::json(command_line, Body::Program(Box::new(program)))
    }

    /// A recorded answer: the head that stood before the body, and the rest of the file.
    pub(super) fn file(
        path: &str,
        status: StatusCode,
        media_type: Option<&str>,
        length: u64,
        file: File,
    ) -> Self {
        let body = Body::File(file.take(length), BytesMut::new());
        let media_type = media_type.map(without_parameters);
        Self { status, media_type, length: Some(length), ..Self::json(path, body) }
    }

    /// JSON that is here already.
    pub(super) fn whole(place: &str, body: Vec<u8>, exit_code: Option<i32>) -> Self {
        let exit_code = exit_code.and_then(|code| code.try_into().ok());
        Self {
            length: Some(body.len() as u64),
            exit_code,
            ..Self::json(place, Body::Whole(Some(body.into())))
        }
    }

    fn json(place: &str, body: Body) -> Self {
        Self {
            place: place.to_owned(),
            status: StatusCode::OK,
            media_type: Some("application/json".to_owned()),
            length: None,
            body,
            exit_code: None,
        }
    }

    /// What is counted of this answer: the HTTP status, or how the program ended, which is known last.
    pub(super) fn code(&self) -> Option<u16> {
        match &self.body {
            Body::Http(_) | Body::File(..) => Some(self.status.as_u16()),
            Body::Program(_) | Body::Whole(_) => self.exit_code,
        }
    }

    /// The next part of the body; none at its end.
    ///
    /// # Errors
    /// When it breaks off, takes too long, or the program that prints it fails.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match &mut self.body {
            Body::Http(response) => {
                response.chunk().await.map_err(|error| Failure::from_transport(&self.place, error))
            }
            Body::Program(program) => {
                if let Some(chunk) = program.chunk().await.map_err(|error| failed(&self.place, &error))? {
                    return Ok(Some(chunk));
                }
                let ended = program.end().await.map_err(|error| failed(&self.place, &error))?;
                self.exit_code = ended.code.and_then(|code| code.try_into().ok());
                match ended.code {
                    Some(0) => Ok(None),
                    _ => Err(ended_badly(&self.place, &ended)),
                }
            }
            Body::File(file, buffer) => {
                buffer.reserve(CHUNK_BYTES);
                match file.read_buf(buffer).await {
                    Ok(0) => Ok(None),
                    Ok(_) => Ok(Some(buffer.split().freeze())),
                    Err(error) => Err(Failure::new(ErrorClass::Connect, &self.place, error.to_string())),
                }
            }
            Body::Whole(body) => Ok(body.take()),
        }
    }
}

/// A program that did not come to its end.
pub(super) fn failed(command_line: &str, error: &ProgramError) -> Failure {
    let class = match error {
        ProgramError::Timeout => ErrorClass::Timeout,
        ProgramError::Start(_) | ProgramError::Read(_) => ErrorClass::Connect,
    };
    Failure::new(class, command_line, error.to_string())
}

/// A command of Slurm's that gave up, classed by Slurm's words for it (slurm_errno of 24.11, tried: connect failure).
pub(super) fn ended_badly(command_line: &str, ended: &Ended) -> Failure {
    const WORDS: [(&str, ErrorClass); 5] = [
        ("Unable to contact slurm controller", ErrorClass::Connect),
        ("Unable to connect to database", ErrorClass::Connect),
        ("authentication", ErrorClass::Auth),
        ("Access/permission denied", ErrorClass::Auth),
        ("timed out", ErrorClass::Timeout),
    ];
    let class = WORDS.iter().find(|(words, _)| ended.said.contains(words));
    Failure::new(class.map_or(ErrorClass::HttpStatus, |(_, class)| *class), command_line, ended.to_string())
}

fn without_parameters(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or(media_type).trim().to_ascii_lowercase()
}
