//! Why an answer could not be decoded, in words that name the field.

use crate::model::Endpoint;

/// An answer that is not what slurmrestd promises.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("{endpoint}: invalid JSON at byte {at}: {source}")]
    Syntax { endpoint: Endpoint, at: u64, source: serde_json::Error },
    #[error("{endpoint}: {row} has an unexpected value in field \"{field}\": {source}")]
    WrongType { endpoint: Endpoint, row: String, field: String, source: serde_json::Error },
    #[error("{endpoint}: {row} lacks the field \"{field}\"")]
    MissingField { endpoint: Endpoint, row: String, field: &'static str },
    #[error("{endpoint}: {row} repeats the {field} \"{value}\" of another one")]
    Repeated { endpoint: Endpoint, row: String, field: &'static str, value: String },
    #[error("{endpoint}: the answer has no \"{member}\"")]
    MissingMember { endpoint: Endpoint, member: &'static str },
    #[error("{endpoint}: \"{member}\" stands twice in the answer")]
    DuplicateMember { endpoint: Endpoint, member: &'static str },
    #[error("{endpoint}: one value of the answer is too large to be one")]
    TooLarge { endpoint: Endpoint },
    #[error(
        "{endpoint}: what the answer lists, with what is read beside it, takes more memory than slurm.max_reading_bytes ({limit})"
    )]
    TooMuch { endpoint: Endpoint, limit: usize },
    #[error("{endpoint}: the answer ends in the middle, after {at} bytes")]
    Truncated { endpoint: Endpoint, at: u64 },
    #[error("{endpoint}: the answer is not a JSON object")]
    NotAnObject { endpoint: Endpoint },
    #[error("{endpoint}: the answer holds rows of several clusters and does not say which is its own")]
    SeveralClusters { endpoint: Endpoint },
}

impl DecodeError {
    /// The field to blame, for the schema-drift counter.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::WrongType { field, .. } => Some(field),
            Self::MissingField { field, .. } | Self::Repeated { field, .. } => Some(field),
            Self::MissingMember { member, .. } | Self::DuplicateMember { member, .. } => Some(member),
            Self::Syntax { .. }
            | Self::TooLarge { .. }
            | Self::TooMuch { .. }
            | Self::Truncated { .. }
            | Self::NotAnObject { .. }
            | Self::SeveralClusters { .. } => None,
        }
    }

    /// Whether the answer was refused for its size.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMuch { .. })
    }
}

/// Why one value could not be read; becomes a [`DecodeError`] where endpoint and place are known.
#[derive(Debug)]
pub(super) enum ValueError {
    /// The bytes end inside the value: ask again with more.
    Incomplete,
    Syntax(serde_json::Error),
    WrongType {
        field: String,
        source: serde_json::Error,
    },
    Missing(&'static str),
    /// With this row there are more than may be kept.
    TooMuch,
    /// Two rows that must differ in this field do not, and would become the same series.
    Repeated {
        field: &'static str,
        value: String,
    },
}
