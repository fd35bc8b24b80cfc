//! JSON with its keys in order, and shapes: the order of keys and the types of values, without the values.
//! Not here: which shapes are right; the recordings know.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Scalar(&'static str, String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("not JSON: {error}"))
    }

    pub(crate) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Object(entries) => {
                &entries.iter().find(|(name, _)| name == key).unwrap_or_else(|| panic!("no {key}")).1
            }
            _ => panic!("{key} of what is no object"),
        }
    }

    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => panic!("no list: {self:?}"),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Scalar(_, text) => text,
            _ => panic!("no scalar: {self:?}"),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.text().parse().unwrap_or_else(|_| panic!("no number: {self:?}"))
    }
}

/// The types seen in one place and what is inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    types: BTreeSet<&'static str>,
    keys: Vec<(String, Shape)>,
    /// Keys that some objects have and others lack.
    optional: BTreeSet<String>,
    items: Option<Box<Shape>>,
}

impl Shape {
    pub(crate) fn add(&mut self, json: &Json) {
        match json {
            Json::Scalar(kind, _) => {
                self.types.insert(kind);
            }
            Json::List(items) => {
                self.types.insert("list");
                for item in items {
                    self.items.get_or_insert_default().add(item);
                }
            }
            // An empty object is one of several types here: v0.0.40 writes it where later versions write null.
            Json::Object(entries) if entries.is_empty() => {
                self.types.insert("empty object");
            }
            Json::Object(entries) => {
                let first = !self.types.insert("object") || !self.keys.is_empty();
                self.add_entries(entries, !first);
            }
        }
    }

    /// Panics when a key stands elsewhere than in an object before.
    fn add_entries(&mut self, entries: &[(String, Json)], first: bool) {
        let mut cursor = 0;
        for (key, value) in entries {
            let numbered = key.bytes().all(|byte| byte.is_ascii_digit());
            let key = if numbered { "<number>" } else { key };
            if numbered {
                cursor = 0;
            }
            let Some(skipped) = self.keys[cursor..].iter().position(|(name, _)| name == key) else {
                assert!(
                    !self.keys[..cursor].iter().any(|(name, _)| name == key),
                    "{key} has another place than in {:?}",
                    self.keys.iter().map(|(name, _)| name).collect::<Vec<_>>()
                );
                if !first {
                    self.optional.insert(key.to_owned());
                }
                let mut shape = Self::default();
                shape.add(value);
                self.keys.insert(cursor, (key.to_owned(), shape));
                cursor += 1;
                continue;
            };
            let missing = self.keys[cursor..cursor + skipped].iter().map(|(name, _)| name.clone());
            self.optional.extend(missing);
            cursor += skipped + 1;
            self.keys[cursor - 1].1.add(value);
        }
        self.optional.extend(self.keys[cursor..].iter().map(|(name, _)| name.clone()));
    }

    /// How many keys it has, with all below.
    pub(crate) fn count(&self) -> usize {
        let below = self.keys.iter().map(|(_, shape)| shape.count()).sum::<usize>();
        self.keys.len() + below + self.items.as_ref().map_or(0, |items| items.count())
    }

    /// What in `self`, ours, is not as in `recorded`.
    pub(crate) fn differences(&self, recorded: &Self, path: &str, found: &mut Vec<String>) {
        // v0.0.38 has null where the recorded cluster had no limit, and a number where there is one.
        let is_limit = path.contains(".max.") && recorded.types.iter().eq(["null"].iter());
        let fits = self.types.is_subset(&recorded.types);
        let limited = is_limit && self.types.is_subset(&["int", "null"].into());
        if !(fits || limited) {
            found.push(format!("{path}: {:?}, recorded {:?}", self.types, recorded.types));
        }
        let names = |shape: &Self| shape.keys.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let ours_names = names(self);
        let mut expected = names(recorded);
        // What the recording has only sometimes may never be needed here.
        expected.retain(|name| !recorded.optional.contains(name) || ours_names.contains(name));
        if self.types.contains("object") && ours_names != expected {
            found.push(format!("{path}: keys {ours_names:?}, recorded {expected:?}"));
            return;
        }
        for (key, ours) in &self.keys {
            if let Some((_, theirs)) = recorded.keys.iter().find(|(name, _)| name == key) {
                ours.differences(theirs, &format!("{path}.{key}"), found);
            }
        }
        match (&self.items, &recorded.items) {
            (Some(ours), Some(theirs)) => ours.differences(theirs, &format!("{path}[]"), found),
            // Lists of trackable resources look the same everywhere.
            (Some(ours), None) if names(ours) == ["type", "name", "id", "count"] => {}
            (Some(_), None) => found.push(format!("{path}: has elements, recorded empty")),
            (None, _) => {}
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Scalar("null", "null".to_owned()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Scalar("bool", value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Scalar("int", value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Scalar("int", value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Scalar("float", value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Scalar("string", value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    list.push(entry);
                }
                Ok(Json::Object(list))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
