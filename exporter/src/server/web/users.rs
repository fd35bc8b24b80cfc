//! Basic auth against bcrypt hashes: each credential is verified once, off the async threads, and then remembered.
//! What is remembered is a keyed digest, so that no password stays in memory.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{constant_time, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use tokio::sync::Semaphore;

/// Credentials that are remembered; then all are forgotten. bcrypt reads only 72 bytes of a password, so that one user
/// has more of them than anybody needs.
const MOST_VERIFIED: usize = 100;

/// What an unknown user's password is compared with, so that the answer takes as long as for a known one. Of no
/// password that anybody knows.
const NOBODY: &str = "$2y$10$gPaQK5Zs5rGku77prxbiQej5aMiS/.pPT/xxgBqscgpjoEH4FqwNa";

/// The users of one reading of the file.
#[derive(Debug)]
pub(super) struct Users {
    users: Vec<(String, String)>,
    verified: Arc<Verified>,
}

/// What was verified since the start, under whichever hash.
#[derive(Debug)]
pub(super) struct Verified {
    key: hmac::Key,
    tags: Mutex<Vec<hmac::Tag>>,
    /// bcrypt is slow on purpose: wrong passwords must not take every thread.
    turn: Semaphore,
}

impl Default for Verified {
    fn default() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        Self {
            key: key.expect("the system gives random numbers"),
            tags: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }
}

impl Users {
    pub(super) fn new(users: Vec<(String, String)>, verified: Arc<Verified>) -> Self {
        Self { users, verified }
    }

    /// Whether the request shows a known user with the right password, or no user is needed.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let Some((user, password)) = credentials(headers) else { return false };
        let found = self.users.iter().find(|(name, _)| *name == user);
        let (known, hash) = found.map_or((false, NOBODY), |(_, hash)| (true, hash.as_str()));
        let text = format!("{user}\0{hash}\0{password}");
        let tag = hmac::sign(&self.verified.key, text.as_bytes());
        if known && self.verified.knows(&tag) {
            return true;
        }
        let Ok(_turn) = self.verified.turn.acquire().await else { return false };
        let hash = hash.to_owned();
        let verified = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let is_right = verified.await.unwrap_or(false) && known;
        if is_right {
            self.verified.learn(tag);
        }
        is_right
    }
}

impl Verified {
    fn knows(&self, tag: &hmac::Tag) -> bool {
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &hmac::Tag| constant_time::verify_slices_are_equal(known.as_ref(), tag.as_ref());
        tags.iter().any(|known| same(known).is_ok())
    }

    fn learn(&self, tag: hmac::Tag) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if tags.len() >= MOST_VERIFIED {
            tags.clear();
        }
        tags.push(tag);
    }
}

/// User and password of an `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn shown(user: &str, password: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        [(header::AUTHORIZATION, HeaderValue::try_from(value).unwrap())].into_iter().collect()
    }

    fn users(verified: &Arc<Verified>, hash: &str) -> Users {
        Users::new(vec![("ann".to_owned(), hash.to_owned())], Arc::clone(verified))
    }

    #[test]
    fn nobody_has_a_hash_that_is_one() {
        assert!(NOBODY.parse::<bcrypt::HashParts>().is_ok());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_admitted() {
        let verified = Arc::default();
        let users = users(&verified, &bcrypt::hash("right", 4).unwrap());
        assert!(users.admit(&shown("ann", "right")).await);
        assert!(!users.admit(&shown("ann", "wrong")).await);
        assert!(!users.admit(&shown("bob", "right")).await);
        assert!(!users.admit(&HeaderMap::new()).await);
        assert_eq!(verified.tags.lock().unwrap().len(), 1, "only what was right is remembered");
    }

    #[tokio::test]
    async fn what_was_verified_needs_no_second_turn_until_the_hash_changes() {
        let verified = Arc::default();
        let before = users(&verified, &bcrypt::hash("right", 4).unwrap());
        assert!(before.admit(&shown("ann", "right")).await);
        // Nobody gets a turn any more: only what is remembered is admitted.
        verified.turn.close();
        assert!(before.admit(&shown("ann", "right")).await);
        let after = users(&verified, &bcrypt::hash("other", 4).unwrap());
        assert!(!after.admit(&shown("ann", "right")).await);
    }
}
