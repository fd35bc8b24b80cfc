//! A YAML file as a tree in which every key and value knows its line and column.
//! It knows no key of ours: `load` walks it against the sections' tables, so that all mistakes are told at once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};

/// Where something stands in a file; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing after the colon, or `null`.
    Nothing,
    /// Any scalar, as text that the key's own reader understands.
    Text(String),
    List,
    /// In the file's order; a key may stand twice.
    Section(Vec<(String, Place, Node)>),
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
pub(super) fn parse(text: &str) -> Result<Node, (Option<Place>, String)> {
    // Both of two equal keys reach the visitor, which keeps them for `load` to report beside the other mistakes.
    let options =
        serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins, with_snippet: false };
    let read: Result<Spanned<Value>, _> = serde_saphyr::from_str_with_options(text, options);
    match read {
        Ok(root) => Ok(root.into()),
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

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { place: spanned.referenced.into(), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut section = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let node: Spanned<Value> = entries.next_value()?;
            section.push((key.value, key.referenced.into(), node.into()));
        }
        Ok(Value::Section(section))
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
        assert!(matches!(top[1].2.value, Value::List));
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
}
