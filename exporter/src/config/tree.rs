//! A YAML file as a tree in which every key and value knows its line and column.
//! It knows no key of ours: `load` walks it against the sections' tables, so that all mistakes are told at once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned, Tagged};

/// Where something stands in a file; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    /// The YAML tag of the value, or of its key; no key of ours takes one.
    pub(super) tag: Option<String>,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing after the colon, or `null`.
    Nothing,
    /// Any scalar, as it was written, without its quotes: `010` is not the number ten.
    Text(String),
    List(Vec<Node>),
    /// In the file's order; a key may stand twice.
    Section(Vec<(String, Place, Node)>),
}

/// Why the file cannot be used at all: where, and what is wrong.
pub(super) type Refusal = (Option<Place>, String);

/// A node as the parser gives it.
type Parsed = Spanned<Tagged<Raw>>;

enum Raw {
    Nothing,
    Text(String),
    /// What the parser takes for a number or a truth value, whose text it does not keep.
    Guessed,
    List(Vec<Parsed>),
    Section(Vec<(Spanned<Tagged<String>>, Parsed)>),
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

/// Reads the whole text.
///
/// # Errors
/// Where the text is no YAML, and what is wrong with it, in one line.
pub(super) fn parse(text: &str) -> Result<Node, Refusal> {
    // Both of two equal keys reach the visitor, which keeps them for `load` to report beside the other mistakes.
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let read: Result<Parsed, _> = serde_saphyr::from_str_with_options(text, options);
    match read {
        Ok(root) => node(root, text),
        Err(error) => {
            let place = error.location().map(Place::from).filter(|place| place.line > 0);
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            // The place is told once, in front.
            let message = message.rsplit_once(" at line ").map_or(message, |(what, _)| what);
            Err((place, format!("not YAML: {message}")))
        }
    }
}

fn node(parsed: Parsed, text: &str) -> Result<Node, Refusal> {
    let place = parsed.referenced.into();
    let Tagged(raw, tag) = parsed.value;
    let value = match raw {
        Raw::Nothing => Value::Nothing,
        Raw::Text(text) => Value::Text(text),
        Raw::Guessed => {
            let written = written(text, parsed.defined);
            Value::Text(written.ok_or_else(|| (Some(place), "write this value in quotes".to_owned()))?)
        }
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| node(item, text)).collect::<Result<_, Refusal>>()?)
        }
        Raw::Section(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let Tagged(name, tag) = key.value;
                let mut node = node(value, text)?;
                node.tag = tag.map(short_tag).or(node.tag);
                Ok((name, key.referenced.into(), node))
            });
            Value::Section(entries.collect::<Result<_, Refusal>>()?)
        }
    };
    Ok(Node { place, tag: tag.map(short_tag), value })
}

/// A tag as people write it.
fn short_tag(tag: String) -> String {
    tag.strip_prefix("tag:yaml.org,2002:").map(|name| format!("!!{name}")).unwrap_or(tag)
}

/// The text of a plain scalar.
fn written(text: &str, location: Location) -> Option<String> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?).map(str::to_owned)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Guessed)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(Raw::Section(section))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(node: &Node) -> &[(String, Place, Node)] {
        match &node.value {
            Value::Section(entries) => entries,
            other => panic!("not a section: {other:?}"),
        }
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let root = parse("server:\n  listen: 0.0.0.0:9341\n  n: 64\nlist: [a, b]\nnone:\n").unwrap();
        let top = section(&root);
        assert_eq!((top[0].0.as_str(), top[0].1), ("server", Place { line: 1, column: 1 }));
        let server = section(&top[0].2);
        assert_eq!(server[0].2.place, Place { line: 2, column: 11 });
        assert!(matches!(&server[0].2.value, Value::Text(text) if text == "0.0.0.0:9341"));
        assert_eq!(server[1].1, Place { line: 3, column: 3 });
        assert!(matches!(&server[1].2.value, Value::Text(text) if text == "64"));
        assert!(matches!(&top[1].2.value, Value::List(items) if items.len() == 2));
        assert!(matches!(top[2].2.value, Value::Nothing));
    }

    #[test]
    fn a_key_that_stands_twice_is_kept_twice() {
        let root = parse("a: 1\nb: 2\na: 3\n").unwrap();
        let places: Vec<_> =
            section(&root).iter().map(|(key, place, _)| (key.as_str(), place.line)).collect();
        assert_eq!(places, [("a", 1), ("b", 2), ("a", 3)]);
    }

    #[test]
    fn an_empty_file_is_nothing() {
        for text in ["", "\n", "# only a comment\n", "---\n"] {
            assert!(matches!(parse(text).unwrap().value, Value::Nothing), "{text:?}");
        }
    }

    #[test]
    fn text_that_is_not_yaml_is_refused_with_its_place_in_one_line() {
        for text in ["a: [1, 2\nb: 3\n", "a: b: c\n", "a: 1\n---\nb: 2\n", "a: \"x\n"] {
            let (place, message) = parse(text).unwrap_err();
            assert!(place.is_some(), "{text:?}: {message}");
            assert!(!message.contains('\n') && !message.is_empty(), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_scalar_is_what_was_written() {
        for text in [
            "010",
            "yes",
            "True",
            "1e3",
            "0x10",
            "0o17",
            "1.50",
            "+5",
            "-0",
            "1_000",
            ".inf",
            "-.INF",
            ".nan",
            "1e999",
            "1_2:30",
            "123456789012345678901234567890",
            "-99999999999999999999999",
            "2026-01-02",
            "a b",
        ] {
            for yaml in [
                format!("a: {text}\n"),
                format!("a: {text}"),
                format!("\u{feff}a: {text}\n"),
                format!("# \u{e9}\u{1f511}\r\na:   {text}   # {text}\r\n"),
                format!("{{a: {text}}}"),
                format!("{{\u{e9}: {{b: x}}, a: {text} , c: 1}}"),
                format!("a:\n  {text}\n"),
                format!("a: &anchor {text}\n"),
                format!("b: &anchor {text}\na: *anchor\n"),
                format!("b: &anchor {{a: {text}}}\n<<: *anchor\n"),
                format!("a: '{text}'\n"),
                format!("a: \"{text}\"\n"),
                format!("a: >-\n  {text}\n"),
            ] {
                let root = parse(&yaml).unwrap();
                let (_, _, node) = section(&root).iter().find(|(key, ..)| key == "a").unwrap();
                assert!(matches!(&node.value, Value::Text(found) if found == text), "{yaml:?}: {node:?}");
            }
        }
    }
}
