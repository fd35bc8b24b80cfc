//! The API versions that are spoken, the Slurm releases that speak them, and a face: one release in one version.
//! Not here: which field came or went when; that stands next to the field.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A version of slurmrestd's interface. Ordered, so that a field can say `api >= V0_0_43`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVersion {
    V0_0_38,
    V0_0_40,
    V0_0_41,
    V0_0_42,
    V0_0_43,
    V0_0_44,
    V0_0_45,
}

impl ApiVersion {
    pub const ALL: [Self; 7] = [
        Self::V0_0_38,
        Self::V0_0_40,
        Self::V0_0_41,
        Self::V0_0_42,
        Self::V0_0_43,
        Self::V0_0_44,
        Self::V0_0_45,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::V0_0_38 => "v0.0.38",
            Self::V0_0_40 => "v0.0.40",
            Self::V0_0_41 => "v0.0.41",
            Self::V0_0_42 => "v0.0.42",
            Self::V0_0_43 => "v0.0.43",
            Self::V0_0_44 => "v0.0.44",
            Self::V0_0_45 => "v0.0.45",
        }
    }

    /// The release that speaks this version when nobody chose one; its answers were recorded.
    pub fn release(self) -> Release {
        match self {
            Self::V0_0_38 => Release::S22_05,
            Self::V0_0_40 | Self::V0_0_41 | Self::V0_0_42 => Release::S24_11,
            Self::V0_0_43 | Self::V0_0_44 | Self::V0_0_45 => Release::S26_05,
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown API version {0:?}, expected v0.0.38 or one of v0.0.40 to v0.0.45")]
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

/// A release of Slurm. 22.05, 24.11 and 26.05 were recorded; 25.05 and 25.11 are put together from the fields of
/// their API versions and the manners of 24.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    S22_05,
    S24_11,
    S25_05,
    S25_11,
    S26_05,
}

impl Release {
    pub const ALL: [Self; 5] = [Self::S22_05, Self::S24_11, Self::S25_05, Self::S25_11, Self::S26_05];

    /// As on the command line: `24.11`.
    pub fn series(self) -> &'static str {
        &self.name()[..5]
    }

    /// As in answers: `24.11.5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S22_05 => "22.05.8",
            Self::S24_11 => "24.11.5",
            Self::S25_05 => "25.05.3",
            Self::S25_11 => "25.11.1",
            Self::S26_05 => "26.05.5",
        }
    }

    /// Its API versions, by Slurm's table of the lifetime of data parsers (rest_clients.html). 22.05 also spoke
    /// v0.0.36 and v0.0.37, which are not imitated.
    pub fn versions(self) -> RangeInclusive<ApiVersion> {
        match self {
            Self::S22_05 => ApiVersion::V0_0_38..=ApiVersion::V0_0_38,
            Self::S24_11 => ApiVersion::V0_0_40..=ApiVersion::V0_0_42,
            Self::S25_05 => ApiVersion::V0_0_40..=ApiVersion::V0_0_43,
            Self::S25_11 => ApiVersion::V0_0_41..=ApiVersion::V0_0_44,
            Self::S26_05 => ApiVersion::V0_0_42..=ApiVersion::V0_0_45,
        }
    }

    /// Major, micro and minor, in the order and with the zeros of `meta.slurm.version`.
    pub(crate) fn parts(self) -> [&'static str; 3] {
        match self {
            Self::S22_05 => ["22", "8", "5"],
            Self::S24_11 => ["24", "5", "11"],
            Self::S25_05 => ["25", "3", "05"],
            Self::S25_11 => ["25", "1", "11"],
            Self::S26_05 => ["26", "5", "05"],
        }
    }

    /// The number of its protocol between daemons: `rpc_version` of `/slurmdb/.../clusters`.
    pub(crate) fn protocol(self) -> u64 {
        match self {
            Self::S22_05 => 9_728,
            Self::S24_11 => 10_752,
            Self::S25_05 => 11_008,
            Self::S25_11 => 11_264,
            Self::S26_05 => 11_520,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.series())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown release {0:?}, expected one of 22.05, 24.11, 25.05, 25.11, 26.05")]
pub struct UnknownRelease(String);

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|release| release.series() == text)
            .ok_or_else(|| UnknownRelease(text.to_owned()))
    }
}

/// One release that speaks one version: all that decides how an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Face {
    pub release: Release,
    pub api: ApiVersion,
}

impl From<ApiVersion> for Face {
    fn from(api: ApiVersion) -> Self {
        Self { release: api.release(), api }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_speaks_its_versions_and_every_version_has_a_release() {
        for release in Release::ALL {
            assert_eq!(release.series().parse::<Release>().unwrap(), release);
            assert!(release.versions().start() <= release.versions().end());
        }
        for api in ApiVersion::ALL {
            assert_eq!(api.name().parse::<ApiVersion>().unwrap(), api);
            assert!(api.release().versions().contains(&api), "{api}");
        }
    }
}
