//! What stands around every list: who answered, and the errors and warnings that came along.

use serde::Deserialize;

use super::no_val::{Number, Text};

/// One entry of `errors`. 200 answers may carry them too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// Slurm's error number; 22.05 calls it `errno` in some answers.
    pub number: Option<i64>,
    pub message: String,
    /// What was done when it happened; the same as the message where that is all there is.
    pub description: String,
    /// The function inside slurmrestd, where it says so.
    pub source: String,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        match self.number {
            Some(number) => write!(formatter, " (error {number})"),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireError<'a> {
    #[serde(default, borrow)]
    description: Text<'a>,
    #[serde(default, borrow)]
    error: Text<'a>,
    #[serde(default, alias = "errno")]
    error_number: Option<i64>,
    #[serde(default, borrow)]
    source: Text<'a>,
}

impl From<WireError<'_>> for ApiError {
    fn from(wire: WireError<'_>) -> Self {
        let description = wire.description.0.into_owned();
        let message = if wire.error.0.is_empty() { description.clone() } else { wire.error.0.into_owned() };
        Self { number: wire.error_number, message, description, source: wire.source.0.into_owned() }
    }
}

#[derive(Deserialize)]
pub(super) struct Warning<'a> {
    #[serde(default, borrow)]
    pub(super) description: Text<'a>,
}

#[derive(Default, Deserialize)]
pub(super) struct Meta<'a> {
    /// Capitalised in 22.05.
    #[serde(default, borrow, alias = "Slurm")]
    pub(super) slurm: Slurm<'a>,
}

#[derive(Default, Deserialize)]
pub(super) struct Slurm<'a> {
    #[serde(default, borrow)]
    pub(super) release: Text<'a>,
    /// Absent in 22.05.
    #[serde(default, borrow)]
    pub(super) cluster: Text<'a>,
}

/// The `errors` of an error answer's body; none when the body is not such a document.
pub fn read_errors(body: &[u8]) -> Vec<ApiError> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(default, borrow)]
        errors: Vec<WireError<'a>>,
    }
    // 26.05 sends most error answers twice on one connection: only the first document counts.
    let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<Body<'_>>();
    match documents.next() {
        Some(Ok(body)) => body.errors.into_iter().map(ApiError::from).collect(),
        Some(Err(_)) | None => Vec::new(),
    }
}

/// The API version that a whole answer says it is written in, ours or not; none when it says nothing.
pub fn version_of(body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Plugin<'a> {
        /// `data_parser/v0.0.42`.
        #[serde(borrow)]
        data_parser: Text<'a>,
        /// `openapi/v0.0.38` in 22.05, `openapi/dbv0.0.38` for accounting; without a version later.
        #[serde(borrow, rename = "type")]
        kind: Text<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta<'a> {
        #[serde(borrow)]
        plugin: Plugin<'a>,
    }
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        meta: Meta<'a>,
    }
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let Plugin { data_parser, kind } = body.meta.plugin;
    let versions = [data_parser.0, kind.0].map(|text| text.find("v0.").map(|at| text[at..].to_owned()));
    versions.into_iter().flatten().next()
}

/// `last_update` and its like: seconds, 0 where nothing changed since.
pub(super) type LastUpdate = Number;
