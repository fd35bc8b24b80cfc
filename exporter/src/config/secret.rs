//! A token that cannot be printed, and URLs that can.
//! Where it comes from and what it says is `source::auth`'s business.

use std::borrow::Cow;
use std::fmt;

/// A JWT for slurmrestd. Only [`Token::expose`] gives the text away; `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes the text of a token file or of `SLURM_JWT`: trimmed, with or without the `SLURM_JWT=` that
    /// `scontrol token` prints.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub fn from_text(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let text = text.strip_prefix("SLURM_JWT=").unwrap_or(text);
        if text.is_empty() {
            Err("is empty")
        } else if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("holds blanks or characters that no token has")
        }
    }

    /// The text itself, for the request header.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(redacted)")
    }
}

/// A value as it may be shown: a URL without the user and the password in it, anything else as it is.
pub(super) fn without_user(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://(redacted){}", &rest[user.len()..]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, without_user};

    #[test]
    fn a_url_is_shown_without_its_user() {
        for (text, shown) in [
            ("http://ann:pa@ss@proxy:3128/x", "http://(redacted)@proxy:3128/x"),
            ("http://ann@proxy", "http://(redacted)@proxy"),
            ("http://proxy:3128/a@b", "http://proxy:3128/a@b"),
            ("ann@proxy", "ann@proxy"),
        ] {
            assert_eq!(without_user(text), shown);
        }
    }

    #[test]
    fn the_output_of_scontrol_token_is_a_token() {
        assert_eq!(Token::from_text("SLURM_JWT=a.b.c\n").unwrap().expose(), "a.b.c");
        assert_eq!(Token::from_text("  a.b.c\r\n").unwrap().expose(), "a.b.c");
    }

    #[test]
    fn what_is_no_header_value_is_no_token() {
        assert!(Token::from_text(" \n").is_err());
        assert!(Token::from_text("SLURM_JWT=").is_err());
        assert!(Token::from_text("a b").is_err());
        assert!(Token::from_text("a\nb").is_err());
    }

    #[test]
    fn debug_output_holds_no_token() {
        let token = Token::from_text("header.canary.signature").unwrap();
        assert!(!format!("{token:?} {token:#?}").contains("canary"));
    }
}
