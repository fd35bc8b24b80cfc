//! The API versions that are spoken, and the Slurm release behind each.
//! Not here: which field came or went when; that stands next to the field.

use std::fmt;
use std::str::FromStr;

/// A version of slurmrestd's data parser. Ordered, so that a field can say `api >= V0_0_43`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVersion {
    V0_0_40,
    V0_0_41,
    V0_0_42,
    V0_0_43,
    V0_0_44,
    V0_0_45,
}

impl ApiVersion {
    pub const ALL: [Self; 6] =
        [Self::V0_0_40, Self::V0_0_41, Self::V0_0_42, Self::V0_0_43, Self::V0_0_44, Self::V0_0_45];

    pub fn name(self) -> &'static str {
        match self {
            Self::V0_0_40 => "v0.0.40",
            Self::V0_0_41 => "v0.0.41",
            Self::V0_0_42 => "v0.0.42",
            Self::V0_0_43 => "v0.0.43",
            Self::V0_0_44 => "v0.0.44",
            Self::V0_0_45 => "v0.0.45",
        }
    }

    /// The release whose answers in this version were recorded and are imitated.
    pub fn release(self) -> Release {
        if self <= Self::V0_0_42 { Release::S24_11_5 } else { Release::S26_05_5 }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown API version {0:?}, expected one of v0.0.40 to v0.0.45")]
pub struct UnknownVersion(String);

impl FromStr for ApiVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|version| version.name() == text)
            .ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

/// A release of Slurm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    S24_11_5,
    S26_05_5,
}

impl Release {
    pub fn name(self) -> &'static str {
        match self {
            Self::S24_11_5 => "24.11.5",
            Self::S26_05_5 => "26.05.5",
        }
    }

    /// Major, micro and minor, in the order and with the zeros of `meta.slurm.version`.
    pub(crate) fn parts(self) -> [&'static str; 3] {
        match self {
            Self::S24_11_5 => ["24", "5", "11"],
            Self::S26_05_5 => ["26", "5", "05"],
        }
    }

    /// The text of a 404.
    pub(crate) fn not_found(self) -> &'static str {
        match self {
            Self::S24_11_5 => "Unable find requested URL. Please view /openapi/v3 for API reference.",
            Self::S26_05_5 => {
                "Unable to find requested URL endpoint. Please query the '/openapi/v3' endpoint or visit \
                 'https://slurm.schedmd.com/rest_api.html' for the OpenAPI specification which includes a list \
                 of all possible slurmrestd endpoints."
            }
        }
    }
}
