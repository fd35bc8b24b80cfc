//! Who may ask: JSON web tokens signed with HS256, as `auth/jwt` of Slurm takes and `scontrol token` makes them.
//! Not here: users' rights; whoever has a token sees everything but slurmdbd's counters.

use crate::wire::Release;
use hyper::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The claims of Slurm's tokens: expiry and issue in Unix seconds, and the user's name.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    exp: u64,
    iat: u64,
    sun: String,
}

/// What a request has to show.
#[derive(Clone)]
pub enum Auth {
    /// Nothing.
    Open,
    /// A token signed with a key.
    Key {
        check: DecodingKey,
        /// To sign new tokens with, when the old ones are made to expire.
        sign: Vec<u8>,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key itself stays out of logs.
        f.write_str(match self {
            Self::Open => "Open",
            Self::Key { .. } => "Key",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Slurm's own user or root, who may see slurmdbd's counters.
    Administrator,
    Welcome,
    /// No token at all: refused before slurmctld is asked.
    Missing,
    /// A token that slurmctld refuses; slurmrestd finds out only when it asks.
    Refused,
}

impl Verdict {
    pub(super) fn is_welcome(self) -> bool {
        matches!(self, Self::Administrator | Self::Welcome)
    }
}

impl Auth {
    /// `key` is the content of the key file, used as it is, as Slurm does.
    pub fn key(key: &[u8]) -> Self {
        Self::Key { check: DecodingKey::from_secret(key), sign: key.to_owned() }
    }

    /// From 24.11 on the token alone is enough; 22.05 wants the name too and knows no `Authorization`.
    /// A token that was issued until `expired_until` counts as expired, whatever it says.
    pub(super) fn check(&self, headers: &HeaderMap, release: Release, expired_until: u64) -> Verdict {
        let Self::Key { check: key, .. } = self else { return Verdict::Administrator };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let is_old = release == Release::S22_05;
        if is_old
            && !(headers.contains_key("x-slurm-user-token") && headers.contains_key("x-slurm-user-name"))
        {
            return Verdict::Missing;
        }
        let Some(token) = text("x-slurm-user-token").or(bearer) else { return Verdict::Missing };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        let Ok(token) = jsonwebtoken::decode::<Claims>(token, key, &validation) else {
            return Verdict::Refused;
        };
        match text("x-slurm-user-name") {
            _ if token.claims.iat <= expired_until => Verdict::Refused,
            Some(name) if name != token.claims.sun => Verdict::Refused,
            _ if ["root", "slurm"].contains(&token.claims.sun.as_str()) => Verdict::Administrator,
            _ => Verdict::Welcome,
        }
    }
}

/// A token for `user` that is good for `lifespan` seconds from `now_unix`.
///
/// # Errors
/// When the claims cannot be signed, which an HS256 key of any length prevents.
pub fn token(
    key: &[u8],
    user: &str,
    now_unix: u64,
    lifespan: u64,
) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Claims { exp: now_unix.saturating_add(lifespan), iat: now_unix, sun: user.to_owned() };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(release: Release, headers: &[(&'static str, &str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| {
            (
                hyper::header::HeaderName::from_static(name),
                hyper::header::HeaderValue::from_str(value).unwrap(),
            )
        });
        Auth::key(b"secret").check(&headers.collect(), release, 0)
    }

    #[test]
    fn a_token_is_judged_by_its_key_its_end_and_its_name() {
        let far = 4_000_000_000;
        let good = token(b"secret", "alice", far, 3_600).unwrap();
        let foreign = token(b"other", "alice", far, 3_600).unwrap();
        let expired = token(b"secret", "alice", 1_000, 3_600).unwrap();
        let bearer = format!("Bearer {good}");
        let cases: [(&[(&'static str, &str)], Verdict); 8] = [
            (&[("x-slurm-user-token", &good)], Verdict::Welcome),
            (&[("x-slurm-user-token", &good), ("x-slurm-user-name", "alice")], Verdict::Welcome),
            (&[("authorization", &bearer)], Verdict::Welcome),
            (&[("x-slurm-user-token", &good), ("x-slurm-user-name", "root")], Verdict::Refused),
            (&[("x-slurm-user-token", &foreign)], Verdict::Refused),
            (&[("x-slurm-user-token", &expired)], Verdict::Refused),
            (&[("x-slurm-user-token", "garbage")], Verdict::Refused),
            (&[("x-slurm-user-name", "alice")], Verdict::Missing),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(Release::S24_11, headers), expected, "{headers:?}");
        }
        for (headers, expected) in [
            (&[("x-slurm-user-token", good.as_str()), ("x-slurm-user-name", "alice")][..], Verdict::Welcome),
            (&[("x-slurm-user-token", &good)], Verdict::Missing),
            (&[("authorization", &bearer)], Verdict::Missing),
        ] {
            assert_eq!(verdict(Release::S22_05, headers), expected, "22.05: {headers:?}");
        }
    }
}
