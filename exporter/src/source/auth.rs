//! Who asks: the token, read again for every poll, and what it says about itself.
//! Nothing here checks a signature: slurmctld does that.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::error::SourceError;
use crate::config::{Auth, Token, TokenSource};

/// Longer than any token; a wrong path must not fill the memory.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// Where the token comes from, and the one that was used last.
#[derive(Debug)]
pub(super) struct Credentials {
    user: Option<String>,
    file: Option<PathBuf>,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    token: Option<Token>,
    claims: Claims,
    /// Whether the file could be read the last time, so that its loss is logged once.
    is_readable: bool,
}

/// What one request is signed with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signature {
    pub(super) token: Token,
    pub(super) user: Option<String>,
}

/// The parts of a JWT that concern us.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct Claims {
    /// Unix seconds; RFC 7519 allows a fraction.
    #[serde(default)]
    exp: Option<f64>,
    /// Slurm's user name.
    #[serde(default)]
    sun: Option<String>,
}

impl Credentials {
    /// Reads the token for the first time.
    ///
    /// # Errors
    /// When a token file is named and holds no token.
    pub(super) fn new(auth: &Auth) -> Result<Self, SourceError> {
        let (file, token) = match &auth.token {
            TokenSource::None => (None, None),
            TokenSource::Given(token) => (None, Some(token.clone())),
            TokenSource::File(path) => (Some(path.clone()), Some(read(path)?)),
        };
        let claims = token.as_ref().map(Claims::of).unwrap_or_default();
        let last = Mutex::new(Last { token, claims, is_readable: true });
        Ok(Self { user: auth.user.clone(), file, last })
    }

    /// The signature for the next request; none when requests go out without a token. A file that cannot be read, for
    /// example in the middle of being replaced, leaves the token of the time before in use.
    pub(super) async fn current(&self) -> Option<Signature> {
        if let Some(path) = self.file.clone() {
            // A file on a dead network file system must not stop the runtime.
            // It fails only while the runtime shuts down.
            if let Ok(read) = tokio::task::spawn_blocking(move || read(&path)).await {
                self.take(read);
            }
        }
        self.last()
    }

    fn take(&self, read: Result<Token, SourceError>) {
        let mut last = self.lock();
        match read {
            Ok(token) => {
                last.is_readable = true;
                if last.token.as_ref() != Some(&token) {
                    last.claims = Claims::of(&token);
                    last.token = Some(token);
                    tracing::info!(expires_at = last.claims.exp, "the token was replaced");
                }
            }
            Err(error) => {
                if std::mem::replace(&mut last.is_readable, false) {
                    tracing::warn!(error = %error, "keeping the last token");
                }
            }
        }
    }

    /// The signature as it was for the last request.
    pub(super) fn last(&self) -> Option<Signature> {
        let last = self.lock();
        let user = self.user.clone().or_else(|| last.claims.sun.clone());
        last.token.clone().map(|token| Signature { token, user })
    }

    /// When the token ends, in Unix seconds.
    pub(super) fn expiry(&self) -> Option<u64> {
        // A negative or absurd number saturates, which is as good an answer as any.
        self.lock().claims.exp.map(|exp| exp as u64)
    }

    /// Whether the token says that its time is over, by this host's clock.
    pub(super) fn is_expired(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.expiry().is_some_and(|exp| exp <= now.as_secs())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Signature {
    /// The value of `X-SLURM-USER-TOKEN`, which is kept out of every debug output.
    pub(super) fn token_header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.token.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Claims {
    /// A token that is no JWT claims nothing.
    fn of(token: &Token) -> Self {
        let payload = token.expose().split('.').nth(1).unwrap_or_default();
        let decoded = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default();
        let mut claims: Self = serde_json::from_slice(&decoded).unwrap_or_default();
        claims.sun = claims.sun.filter(|name| !name.is_empty() && HeaderValue::from_str(name).is_ok());
        claims
    }
}

/// Reads a token file.
///
/// # Errors
/// When it cannot be read or holds no token.
pub(crate) fn read(path: &Path) -> Result<Token, SourceError> {
    let failed = |source| SourceError::TokenFile { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    let unusable = |message| SourceError::NoToken { path: path.to_owned(), message };
    if text.len() as u64 > MAX_TOKEN_BYTES {
        return Err(unusable("is longer than any token"));
    }
    Token::from_text(&text).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> Token {
        Token::from_text(&format!("eyJhbGciOiJIUzI1NiJ9.{}.sig", URL_SAFE_NO_PAD.encode(claims))).unwrap()
    }

    #[test]
    fn a_token_tells_its_user_and_its_end() {
        let claims = Claims::of(&jwt(r#"{"exp":1795309458,"iat":1795223058,"sun":"slurmrest"}"#));
        assert_eq!(claims, Claims { exp: Some(1_795_309_458.0), sun: Some("slurmrest".to_owned()) });
    }

    #[test]
    fn text_that_is_no_jwt_claims_nothing() {
        for token in [jwt("{}"), jwt("[]"), jwt("no json"), Token::from_text("opaque").unwrap()] {
            assert_eq!(Claims::of(&token), Claims::default());
        }
        assert_eq!(Claims::of(&jwt("{\"sun\":\"a\\nb\"}")), Claims::default());
    }

    #[test]
    fn the_configured_user_goes_before_the_token_s() {
        let auth = |user: Option<&str>| Auth {
            user: user.map(str::to_owned),
            token: TokenSource::Given(jwt(r#"{"sun":"slurmrest"}"#)),
        };
        let user = |auth: &Auth| Credentials::new(auth).unwrap().last().unwrap().user;
        assert_eq!(user(&auth(None)).as_deref(), Some("slurmrest"));
        assert_eq!(user(&auth(Some("alice"))).as_deref(), Some("alice"));
    }

    #[test]
    fn a_token_file_that_holds_no_token_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let refused = |path: &Path| {
            let auth = Auth { user: None, token: TokenSource::File(path.to_owned()) };
            Credentials::new(&auth).unwrap_err().to_string().replace(&path.display().to_string(), "FILE")
        };
        assert_eq!(
            refused(&path),
            "failed to read the token file FILE: No such file or directory (os error 2)"
        );
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(refused(&path), "failed to read the token file FILE: it is empty");
        std::fs::write(&path, "x".repeat(70_000)).unwrap();
        assert_eq!(refused(&path), "failed to read the token file FILE: it is longer than any token");
    }

    #[tokio::test]
    async fn a_file_that_vanishes_leaves_the_last_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "first").unwrap();
        let auth = Auth { user: None, token: TokenSource::File(path.clone()) };
        let credentials = Credentials::new(&auth).unwrap();
        std::fs::write(&path, "second").unwrap();
        assert_eq!(credentials.current().await.unwrap().token.expose(), "second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(credentials.current().await.unwrap().token.expose(), "second");
    }

    #[test]
    fn nothing_prints_the_token() {
        let auth = Auth { user: None, token: TokenSource::Given(Token::from_text("a.canary.c").unwrap()) };
        let credentials = Credentials::new(&auth).unwrap();
        let signature = credentials.last().unwrap();
        let header = signature.token_header().unwrap();
        assert!(!format!("{auth:?} {credentials:?} {signature:?} {header:?}").contains("canary"));
    }
}
