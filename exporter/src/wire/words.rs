//! State words as any API version writes them: one string, or an array whose first word is the base.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::no_val::Text;
use crate::model::state::{State, Word};
use crate::model::{Symbol, Symbols};

/// The words of one state, in the order of the answer. One word costs no allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Words<'a> {
    first: Text<'a>,
    rest: Vec<Text<'a>>,
}

impl<'a> Words<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first)
            .chain(&self.rest)
            .map(|word| word.0.as_ref())
            .filter(|word| !word.is_empty())
    }

    /// Adds words from another field (v0.0.38 has a node's flags apart).
    pub(super) fn extend(&mut self, others: Words<'a>) {
        if !others.first.0.is_empty() {
            self.rest.push(others.first);
        }
        self.rest.extend(others.rest);
    }

    pub(super) fn first(&self) -> &str {
        &self.first.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;

        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a state word or a list of them")
            }

            fn visit_borrowed_str<E: de::Error>(self, word: &'de str) -> Result<Words<'de>, E> {
                Ok(Words { first: Text(word.into()), rest: Vec::new() })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Words<'de>, E> {
                Ok(Words { first: Text(word.to_owned().into()), rest: Vec::new() })
            }

            fn visit_unit<E: de::Error>(self) -> Result<Words<'de>, E> {
                Ok(Words::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words<'de>, A::Error> {
                let first = list.next_element()?.unwrap_or_default();
                let mut rest = Vec::new();
                while let Some(word) = list.next_element()? {
                    rest.push(word);
                }
                Ok(Words { first, rest })
            }
        }

        deserializer.deserialize_any(WordsVisitor)
    }
}

/// Sorts words into base and flags, whatever their order. The first word that is in
/// neither table is the base when no known one is there; others go to `other_flags`, in lower case.
pub(super) fn sort(
    words: &Words<'_>,
    base_of: fn(&str) -> Option<u8>,
    flag_of: fn(&str) -> Option<u8>,
    implied_base: fn(u8) -> Option<u8>,
    symbols: &mut Symbols,
    other_flags: &mut Vec<Symbol>,
) -> State {
    let mut base = None;
    let mut flags = 0;
    let mut unknown = Vec::new();
    for word in words.iter() {
        if let Some(index) = base_of(word) {
            base = base.or(Some(Word::Known(index)));
        } else if let Some(index) = flag_of(word) {
            flags |= 1 << index;
        } else {
            unknown.push(symbols.intern(&word.to_ascii_lowercase()));
        }
    }
    let mut unknown = unknown.into_iter();
    let base = base.unwrap_or_else(|| match (unknown.next(), flag_of(words.first())) {
        (Some(word), _) => Word::Other(word),
        // v0.0.38 gives a job one word, and that may be a flag.
        (None, Some(flag)) => implied_base(flag)
            .map_or_else(|| Word::Other(symbols.intern(&words.first().to_ascii_lowercase())), Word::Known),
        (None, None) => Word::Other(symbols.intern("unknown")),
    });
    other_flags.extend(unknown);
    State { base, flags }
}
