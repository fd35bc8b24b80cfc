//! Who asks: the token, read again for every poll or made anew by a command, and what it says about itself.
//! Nothing here checks a signature: slurmctld does that.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::error::SourceError;
use super::program::Program;
use crate::config::{Auth, Token, TokenSource};

/// Longer than any token; a wrong path must not fill the memory.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// How long a command may take that makes a token.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// A refused token is not made anew more often than this: an outage looks like a refusal, too.
const COMMAND_REST: Duration = Duration::from_secs(60);

/// Where the token comes from, and the one that was used last.
#[derive(Debug)]
pub(super) struct Credentials {
    user: Option<String>,
    origin: TokenSource,
    last: Mutex<Last>,
    /// Held while the command runs; keeps when it ran last.
    making: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Last {
    token: Option<Token>,
    claims: Claims,
    /// From when on a command is to make another one, in Unix seconds: a tenth of its life before its end.
    renew_at: Option<u64>,
    /// Whether it could be read or made the last time, so that a failure is logged once.
    is_fresh: bool,
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
        let token = match &auth.token {
            // A command runs with the first poll: what it needs may come up after us.
            TokenSource::None | TokenSource::Command(_) => None,
            TokenSource::Given(token) => Some(token.clone()),
            TokenSource::File(path) => Some(read(path)?),
        };
        let claims = token.as_ref().map(Claims::of).unwrap_or_default();
        let last = Mutex::new(Last { token, claims, renew_at: None, is_fresh: true });
        let making = tokio::sync::Mutex::new(None);
        Ok(Self { user: auth.user.clone(), origin: auth.token.clone(), last, making })
    }

    /// The signature for the next request; none when requests go out without a token. A file that cannot be read, for
    /// example in the middle of being replaced, or a command that fails leaves the token of the time before in use.
    ///
    /// # Errors
    /// Why there is no token, when a command was to make one.
    pub(super) async fn current(&self) -> Result<Option<Signature>, String> {
        match &self.origin {
            TokenSource::None | TokenSource::Given(_) => {}
            TokenSource::File(path) => self.read_again(path.clone()).await,
            TokenSource::Command(words) => {
                let mut made_at = self.making.lock().await;
                let is_due = {
                    let last = self.lock();
                    last.token.is_none() || last.renew_at.is_some_and(|at| at <= unix_now())
                };
                if is_due {
                    self.make(words, &mut made_at).await?;
                }
            }
        }
        Ok(self.last())
    }

    /// The signature after one was refused: another one if there is any.
    ///
    /// # Errors
    /// As in [`Self::current`].
    pub(super) async fn after_refusal(
        &self,
        refused: Option<&Signature>,
    ) -> Result<Option<Signature>, String> {
        match &self.origin {
            TokenSource::None | TokenSource::Given(_) => {}
            TokenSource::File(path) => self.read_again(path.clone()).await,
            TokenSource::Command(words) => {
                let mut made_at = self.making.lock().await;
                let has_rested = made_at.is_none_or(|at| at.elapsed() >= COMMAND_REST);
                // Another poll may have had it made while this one waited.
                if has_rested && self.last().as_ref() == refused {
                    self.make(words, &mut made_at).await?;
                }
            }
        }
        Ok(self.last())
    }

    async fn read_again(&self, path: PathBuf) {
        // A file on a dead network file system must not stop the runtime.
        // It fails only while the runtime shuts down.
        if let Ok(read) = tokio::task::spawn_blocking(move || read(&path)).await {
            self.take(read.map_err(|error| error.to_string()));
        }
    }

    /// Runs the command and takes what it prints. Fails only where there is no token at all.
    async fn make(&self, words: &[String], made_at: &mut Option<Instant>) -> Result<(), String> {
        *made_at = Some(Instant::now());
        let made = run(words).await;
        let failed = made.as_ref().err().cloned();
        self.take(made);
        match failed {
            Some(message) if self.lock().token.is_none() => Err(message),
            _ => Ok(()),
        }
    }

    fn take(&self, read: Result<Token, String>) {
        let mut last = self.lock();
        match read {
            Ok(token) => {
                last.is_fresh = true;
                if last.token.as_ref() != Some(&token) {
                    last.claims = Claims::of(&token);
                    last.token = Some(token);
                    let now = unix_now();
                    last.renew_at =
                        last.claims.expiry().map(|exp| exp.saturating_sub(exp.saturating_sub(now) / 10));
                    tracing::info!(expires_at = last.claims.exp, "a new token");
                }
            }
            Err(error) => {
                if std::mem::replace(&mut last.is_fresh, false) {
                    tracing::warn!(error = %error, "no new token");
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
        self.lock().claims.expiry()
    }

    /// Whether the token says that its time is over, by this host's clock.
    pub(super) fn is_expired(&self) -> bool {
        self.expiry().is_some_and(|exp| exp <= unix_now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Signature {
    /// The token as the value of a header, which is kept out of every debug output.
    pub(super) fn header(&self, scheme: &'static str) -> HeaderValue {
        let text = format!("{scheme}{}", self.token.expose());
        let mut value = HeaderValue::try_from(text).expect("a token is printable ASCII");
        value.set_sensitive(true);
        value
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

    fn expiry(&self) -> Option<u64> {
        // A negative or absurd number saturates, which is as good an answer as any.
        self.exp.map(|exp| exp as u64)
    }
}

/// Runs the command that prints a token; says nothing of what it printed.
async fn run(words: &[String]) -> Result<Token, String> {
    let failed = |message: String| format!("failed to have {} make a token: {message}", words[0]);
    let mut program =
        Program::start(words, |_| true, COMMAND_TIME).map_err(|error| failed(error.to_string()))?;
    let output = program.output(MAX_TOKEN_BYTES as usize + 1).await;
    let (output, ended) = output.map_err(|error| failed(error.to_string()))?;
    if ended.code != Some(0) {
        return Err(failed(ended.to_string()));
    }
    if output.len() as u64 > MAX_TOKEN_BYTES {
        return Err(failed("what it prints is longer than any token".to_owned()));
    }
    let text = String::from_utf8(output).map_err(|_| failed("what it prints is not text".to_owned()))?;
    Token::from_text(&text).map_err(|message| failed(format!("what it prints {message}")))
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Reads a token file.
///
/// # Errors
/// When it cannot be read or holds no token.
fn read(path: &Path) -> Result<Token, SourceError> {
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
            ..Auth::default()
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
            let auth = Auth { token: TokenSource::File(path.to_owned()), ..Auth::default() };
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
        let auth = Auth { token: TokenSource::File(path.clone()), ..Auth::default() };
        let credentials = Credentials::new(&auth).unwrap();
        std::fs::write(&path, "second").unwrap();
        assert_eq!(credentials.current().await.unwrap().unwrap().token.expose(), "second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(credentials.current().await.unwrap().unwrap().token.expose(), "second");
    }

    fn made_by(script: &str) -> Credentials {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        Credentials::new(&Auth { token: TokenSource::Command(words), ..Auth::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_command_runs_again_when_its_token_ends_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let token = |exp: u64| jwt(&format!("{{\"exp\":{exp}}}")).expose().to_owned();
        // The first token is over, the second lives.
        let script = format!(
            "echo x >>{count}; case $(wc -l <{count}) in 1) echo SLURM_JWT={old};; *) echo {new};; esac",
            count = count.display(),
            old = token(1),
            new = token(4_102_444_800),
        );
        let credentials = made_by(&script);
        let ran = || std::fs::read_to_string(&count).map_or(0, |text| text.lines().count());
        assert_eq!((ran(), credentials.expiry()), (0, None));
        credentials.current().await.unwrap();
        assert_eq!((ran(), credentials.expiry()), (1, Some(1)));
        for _ in 0..3 {
            credentials.current().await.unwrap();
            assert_eq!((ran(), credentials.expiry()), (2, Some(4_102_444_800)));
        }
    }

    #[tokio::test]
    async fn a_command_that_makes_no_token_is_told_without_what_it_printed() {
        for (script, expected) in [
            ("echo canary; echo 'no rights' >&2; exit 3", "exit status 3: no rights"),
            ("echo two canaries", "what it prints holds blanks or characters that no token has"),
            ("true", "what it prints is empty"),
        ] {
            let message = made_by(script).current().await.unwrap_err();
            assert_eq!(message, format!("failed to have sh make a token: {expected}"));
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_made_anew_but_not_over_and_over() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let credentials = made_by(&format!("echo x >>{0}; echo token$(wc -l <{0})", count.display()));
        let first = credentials.current().await.unwrap();
        // It was made this moment: another one would be refused as well.
        assert_eq!(credentials.after_refusal(first.as_ref()).await.unwrap(), first);
        *credentials.making.lock().await = Instant::now().checked_sub(COMMAND_REST);
        let second = credentials.after_refusal(first.as_ref()).await.unwrap();
        assert_eq!(second.as_ref().unwrap().token.expose(), "token2");
        *credentials.making.lock().await = Instant::now().checked_sub(COMMAND_REST);
        // Whoever was refused the first one takes the second that is there.
        assert_eq!(credentials.after_refusal(first.as_ref()).await.unwrap(), second);
    }

    #[test]
    fn nothing_prints_the_token() {
        let auth =
            Auth { token: TokenSource::Given(Token::from_text("a.canary.c").unwrap()), ..Auth::default() };
        let credentials = Credentials::new(&auth).unwrap();
        let signature = credentials.last().unwrap();
        let header = signature.header("Bearer ");
        assert!(!format!("{auth:?} {credentials:?} {signature:?} {header:?}").contains("canary"));
    }
}
