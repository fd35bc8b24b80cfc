//! Which tokens are good at the moment: all of them can expire at once, and the key can be replaced, while it runs.
//! Not here: how one token is judged (auth.rs).

use super::auth::{Auth, Verdict, token};
use crate::wire::Release;
use hyper::HeaderMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(super) struct Tokens(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    auth: Auth,
    /// Unix seconds; what was issued until then is refused.
    expired_until: u64,
}

impl Tokens {
    pub(super) fn new(auth: Auth) -> Self {
        Self(Mutex::new(Inner { auth, expired_until: 0 }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn check(&self, headers: &HeaderMap, release: Release) -> Verdict {
        let inner = self.inner();
        inner.auth.check(headers, release, inner.expired_until)
    }

    /// Refuses every token issued until now, and gives a new one.
    pub(super) fn expire(&self, user: &str, now_unix: u64, lifespan: u64) -> Result<String, String> {
        let mut inner = self.inner();
        let Auth::Key { sign, .. } = &inner.auth else { return Err(open()) };
        // Issued a second later, so that it is not one of them.
        let fresh = token(sign, user, now_unix + 1, lifespan).map_err(|error| error.to_string())?;
        inner.expired_until = now_unix;
        Ok(fresh)
    }

    /// Takes another key from now on, and gives a token that is signed with it.
    pub(super) fn rotate(&self, user: &str, now_unix: u64, lifespan: u64) -> Result<String, String> {
        let mut inner = self.inner();
        let Auth::Key { sign, .. } = &inner.auth else { return Err(open()) };
        let key = [sign, &b" and another"[..]].concat();
        let fresh = token(&key, user, now_unix, lifespan).map_err(|error| error.to_string())?;
        // What had expired under the old key is refused by the new one anyway.
        *inner = Inner { auth: Auth::key(&key), expired_until: 0 };
        Ok(fresh)
    }
}

fn open() -> String {
    "everybody is let in; start with --jwt-key FILE to have tokens".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 4_000_000_000;

    fn verdict(tokens: &Tokens, token: &str) -> Verdict {
        let headers = [("x-slurm-user-token".parse().unwrap(), token.parse().unwrap())].into_iter().collect();
        tokens.check(&headers, Release::S24_11)
    }

    #[test]
    fn old_tokens_expire_and_the_new_one_is_good() {
        let tokens = Tokens::new(Auth::key(b"key"));
        let old = token(b"key", "alice", NOW, 3_600).unwrap();
        assert_eq!(verdict(&tokens, &old), Verdict::Welcome);
        let fresh = tokens.expire("alice", NOW, 60).unwrap();
        assert_eq!((verdict(&tokens, &old), verdict(&tokens, &fresh)), (Verdict::Refused, Verdict::Welcome));
    }

    #[test]
    fn a_rotated_key_takes_only_its_own_tokens() {
        let tokens = Tokens::new(Auth::key(b"key"));
        let old = tokens.expire("alice", NOW, 60).unwrap();
        let fresh = tokens.rotate("alice", NOW, 60).unwrap();
        assert_eq!((verdict(&tokens, &old), verdict(&tokens, &fresh)), (Verdict::Refused, Verdict::Welcome));
    }

    #[test]
    fn without_a_key_there_is_nothing_to_expire() {
        let tokens = Tokens::new(Auth::Open);
        assert!(tokens.expire("alice", NOW, 60).unwrap_err().contains("--jwt-key FILE"));
        assert!(tokens.rotate("alice", NOW, 60).is_err());
    }
}
