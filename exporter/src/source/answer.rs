//! What an HTTP answer means: read as its status asks for, then put into its class. Status first, then errors.
//! Whatever brings it looks like HTTP here; which request follows from it is decided in `rest`.

use reqwest::StatusCode;

use super::error::{ErrorClass, Failure, PollError, join, one_line};
use super::incoming::Incoming;
use crate::config::Slurm;
use crate::model::{Endpoint, Reading, Release};
use crate::wire::{self, Answer, Api, ApiError, Budget, DecodeError, Decoder};

/// As much of an answer as is kept for the errors in it.
const HEAD_BYTES: usize = 64 << 10;

/// `SLURM_PROTOCOL_AUTHENTICATION_ERROR` (recorded: 511 of 24.11 and 26.05).
const AUTHENTICATION_ERROR: i64 = 1007;

/// `ESLURM_ACCESS_DENIED` (recorded: slurmdb/diag without admin level).
const ACCESS_DENIED: i64 = 2002;

/// `ESLURM_DB_CONNECTION` (recorded: 502 of 24.11 and 26.05).
const NO_DATABASE: i64 = 7000;

/// How 24.11 describes it when slurmdbd refused the token; 26.05 says the same for that and for no slurmdbd (recorded).
const DATABASE_REFUSES: &str = "authentication error";

/// slurmrestd 22.05 says this for a refused token and for a slurmctld that is down, byte for byte the same.
const UNSPECIFIED_ERROR: i64 = -1;

/// What one request gave.
#[derive(Debug)]
pub(super) enum Reply {
    Answer(Answer),
    Failed {
        failure: Failure,
        /// Data that came along with the errors.
        reading: Option<Reading>,
        /// A 404 in plain text: no such API version, or no such endpoint in it.
        not_served: bool,
        /// Another token might have had another answer.
        blames_token: bool,
    },
}

/// How much of an answer is read and kept. Its clones share the memory for what is kept.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    body_bytes: u64,
    readings: Budget,
    job_details: bool,
}

impl From<&Slurm> for Limits {
    fn from(slurm: &Slurm) -> Self {
        Self {
            body_bytes: slurm.max_body_bytes,
            readings: Budget::new(slurm.max_reading_bytes),
            job_details: slurm.job_details,
        }
    }
}

/// One answer while it is read.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) api: &'static Api,
    pub(super) endpoint: Endpoint,
    /// Where it comes from, for messages.
    pub(super) place: &'a str,
    limits: Limits,
    /// The first bytes, for the errors in an answer that does not decode.
    head: Vec<u8>,
    bytes: u64,
}

impl<'a> Body<'a> {
    pub(super) fn new(api: &'static Api, endpoint: Endpoint, place: &'a str, limits: Limits) -> Self {
        Self { api, endpoint, place, limits, head: Vec::new(), bytes: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads an answer and classes it. `token_has_expired` decides where Slurm's words leave open whether it was the
    /// token.
    pub(super) async fn read(&mut self, incoming: &mut Incoming, token_has_expired: bool) -> Reply {
        let status = incoming.status;
        let media_type = incoming.media_type.clone();
        let is_json = media_type.as_deref().is_none_or(|media_type| media_type == "application/json");
        match status {
            StatusCode::OK if is_json => match self.decode(incoming).await {
                Ok(answer) => self.judge_success(answer, token_has_expired),
                Err(failure) => failure.into(),
            },
            StatusCode::OK => {
                let message = format!("the answer is {}, not JSON", media_type.unwrap_or_default());
                self.failure(ErrorClass::Decode, one_line(&message)).into()
            }
            StatusCode::NOT_FOUND if media_type.as_deref() == Some("text/plain") => {
                let failure = self.refusal(incoming, ErrorClass::HttpStatus).await;
                Reply::Failed { failure, reading: None, not_served: true, blames_token: false }
            }
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => {
                let failure = self.refusal(incoming, ErrorClass::Auth).await;
                Reply::Failed { failure, reading: None, not_served: false, blames_token: true }
            }
            _ if status.is_server_error() && is_json => match self.decode(incoming).await {
                Ok(answer) => self.judge_error(status, answer, token_has_expired),
                Err(failure) if failure.class == ErrorClass::TooLarge => failure.into(),
                // The status was there before the connection broke, and says more.
                Err(failure) => {
                    let message = format!("{status}; {}", failure.message);
                    self.failure(ErrorClass::HttpStatus, message).into()
                }
            },
            _ => self.refusal(incoming, ErrorClass::HttpStatus).await.into(),
        }
    }

    /// 200 does not mean success: errors may stand in the body, and a ping tells of a slurmctld that does not answer.
    fn judge_success(&self, answer: Result<Answer, DecodeError>, token_has_expired: bool) -> Reply {
        let (errors, reading) = match answer {
            Ok(answer) if answer.errors.is_empty() => {
                if token_has_expired && is_silent(&answer.reading) {
                    // 24.11 answers so for a refused token too: whether slurmctld lives is unknown, not "down".
                    return self.blame_token("no slurmctld answers, and the token has expired".to_owned());
                }
                return Reply::Answer(answer);
            }
            Ok(answer) => (answer.errors, (answer.rows > 0).then_some(answer.reading)),
            Err(error) => match wire::read_errors(&self.head) {
                errors if errors.is_empty() => return self.undecodable(&error).into(),
                errors => (errors, None),
            },
        };
        let message = format!("200 with errors: {}", join(&errors));
        if is_auth(&errors) {
            return self.blame_token(message);
        }
        let reading = self.usable(reading);
        self.partial(message, reading)
    }

    /// A part of a window of finished jobs is of no use: the window counts as read only when it was read whole.
    fn usable(&self, reading: Option<Reading>) -> Option<Reading> {
        reading.filter(|_| self.endpoint != Endpoint::Accounting)
    }

    /// An error status may still carry the data: 26.05 answers `/partitions` so while slurmdbd is down.
    fn judge_error(
        &self,
        status: StatusCode,
        answer: Result<Answer, DecodeError>,
        token_has_expired: bool,
    ) -> Reply {
        let (errors, reading) = match answer {
            Ok(answer) => (answer.errors, (answer.rows > 0).then_some(answer.reading)),
            Err(_) => (wire::read_errors(&self.head), None),
        };
        let mut message = status.to_string();
        if !errors.is_empty() {
            message = format!("{message}: {}", join(&errors));
        }
        if is_auth(&errors) {
            return self.blame_token(message);
        }
        if self.endpoint == Endpoint::DatabasePing
            && errors.iter().any(|error| error.number == Some(NO_DATABASE))
        {
            // The failure is the answer: nobody is there.
            let failure = self.failure(ErrorClass::HttpStatus, message);
            let reading = Some(Reading::empty(self.endpoint));
            return Reply::Failed { failure, reading, not_served: false, blames_token: false };
        }
        // Statistics come as one object, in error answers an empty one: there is no part of them to use.
        let data = self.usable(reading).filter(|_| self.endpoint != Endpoint::Diag);
        if data.is_some() {
            return self.partial(message, data);
        }
        let blames_token = errors.iter().any(|error| error.number == Some(UNSPECIFIED_ERROR));
        if blames_token && token_has_expired {
            return self.blame_token(format!("{message}; the token has expired"));
        }
        if blames_token {
            message.push_str(
                "; slurmrestd 22.05 says this for a refused token and for a slurmctld that is down",
            );
        }
        let failure = self.failure(ErrorClass::HttpStatus, message);
        Reply::Failed { failure, reading: None, not_served: false, blames_token }
    }

    /// Decodes the body while it arrives. The outer error is the transport's, or the limit; the inner one the
    /// decoder's.
    async fn decode(&mut self, incoming: &mut Incoming) -> Result<Result<Answer, DecodeError>, Failure> {
        let limit = self.limits.body_bytes;
        if let Some(length) = incoming.length.filter(|length| *length > limit) {
            let message = format!("the answer has {length} bytes, more than slurm.max_body_bytes ({limit})");
            return Err(self.failure(ErrorClass::TooLarge, message));
        }
        let mut decoder = Decoder::new(self.api, self.endpoint)
            .within(self.limits.readings.clone())
            .with_job_details(self.limits.job_details);
        while let Some(chunk) = self.chunk(incoming).await? {
            if self.bytes > limit {
                let message = format!("the answer has more bytes than slurm.max_body_bytes ({limit})");
                return Err(self.failure(ErrorClass::TooLarge, message));
            }
            if let Err(error) = decoder.push(&chunk) {
                self.fill_head(incoming).await;
                return Ok(Err(error));
            }
        }
        Ok(decoder.finish())
    }

    async fn chunk(&mut self, incoming: &mut Incoming) -> Result<Option<bytes::Bytes>, Failure> {
        let chunk = incoming.chunk().await?;
        if let Some(chunk) = &chunk {
            self.bytes += chunk.len() as u64;
            let room = HEAD_BYTES - self.head.len();
            self.head.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(chunk)
    }

    /// Reads on for the sake of a message; what goes wrong with that is of no interest.
    async fn fill_head(&mut self, incoming: &mut Incoming) {
        while self.head.len() < HEAD_BYTES && matches!(self.chunk(incoming).await, Ok(Some(_))) {}
    }

    /// The failure that a status alone stands for, with what the server says about it.
    async fn refusal(&mut self, incoming: &mut Incoming, class: ErrorClass) -> Failure {
        self.fill_head(incoming).await;
        let errors = wire::read_errors(&self.head);
        let is_text = incoming.media_type.as_deref() == Some("text/plain");
        let said = match errors.is_empty() {
            false => join(&errors),
            true if is_text => one_line(&String::from_utf8_lossy(&self.head)),
            true => String::new(),
        };
        let status = incoming.status;
        let message = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
        self.failure(class, message)
    }

    fn failure(&self, class: ErrorClass, message: impl Into<String>) -> Failure {
        Failure::new(class, self.place, message)
    }

    fn undecodable(&self, error: &DecodeError) -> Failure {
        let class = if error.is_too_large() { ErrorClass::TooLarge } else { ErrorClass::Decode };
        let message = error.to_string();
        // The endpoint is told once, in front.
        let message = message.strip_prefix(&format!("{}: ", self.endpoint)).unwrap_or(&message);
        let drifted_field = error.field().map(str::to_owned);
        Failure { drifted_field, ..self.failure(class, one_line(message)) }
    }

    fn blame_token(&self, message: String) -> Reply {
        let failure = self.failure(ErrorClass::Auth, message);
        Reply::Failed { failure, reading: None, not_served: false, blames_token: true }
    }

    fn partial(&self, message: String, reading: Option<Reading>) -> Reply {
        let failure = self.failure(ErrorClass::Partial, message);
        Reply::Failed { failure, reading, not_served: false, blames_token: false }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self::Failed { failure, reading: None, not_served: false, blames_token: false }
    }
}

impl Reply {
    /// The answer that a 304 stands for.
    pub(super) fn unchanged(endpoint: Endpoint, release: Release) -> Self {
        Self::Answer(Answer {
            reading: Reading::empty(endpoint),
            rows: 0,
            release,
            errors: Vec::new(),
            warnings: Vec::new(),
            unchanged: true,
        })
    }

    pub(super) fn is_not_served(&self) -> bool {
        matches!(self, Self::Failed { not_served: true, .. })
    }

    /// A refused token is told by status or error number; by 24.11's ping only as a slurmctld that is silent.
    pub(super) fn blames_token(&self) -> bool {
        match self {
            Self::Answer(answer) => is_silent(&answer.reading),
            Self::Failed { blames_token, .. } => *blames_token,
        }
    }

    /// Takes a secret out of what the server said: it may quote what it was sent.
    pub(super) fn redact(&mut self, secret: &str) {
        if let Self::Failed { failure, .. } = self {
            failure.message = failure.message.replace(secret, "[token]");
        }
    }

    pub(super) fn into_result(self, endpoint: Endpoint) -> Result<Answer, PollError> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Failed { failure, reading, not_served, .. } => {
                Err(PollError { reading, not_served, ..PollError::new(endpoint, &failure) })
            }
        }
    }
}

/// A ping that no slurmctld answered.
fn is_silent(reading: &Reading) -> bool {
    matches!(reading, Reading::Ping(controllers) if !controllers.rows.iter().any(|row| row.up))
}

fn is_auth(errors: &[ApiError]) -> bool {
    errors.iter().any(|error| match error.number {
        Some(AUTHENTICATION_ERROR | ACCESS_DENIED) => true,
        Some(NO_DATABASE) => error.description.contains(DATABASE_REFUSES),
        _ => false,
    })
}
