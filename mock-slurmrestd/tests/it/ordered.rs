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
                self.types.insert("object");
                let first = self.keys.is_empty();
                for (at, (key, value)) in entries.iter().enumerate() {
                    let key = if key.bytes().all(|byte| byte.is_ascii_digit()) { "<number>" } else { key };
                    if first && !self.keys.iter().any(|(name, _)| name == key) {
                        self.keys.push((key.to_owned(), Self::default()));
                    }
                    let at = if key == "<number>" { 0 } else { at };
                    match self.keys.get_mut(at) {
                        Some((name, shape)) if name == key => shape.add(value),
                        other => {
                            panic!("key {key} where {:?} was before", other.map(|entry| entry.0.clone()))
                        }
                    }
                }
            }
        }
    }

    /// What in `self`, ours, is not as in `recorded`.
    pub(crate) fn differences(&self, recorded: &Self, path: &str, found: &mut Vec<String>) {
        if !self.types.is_subset(&recorded.types) {
            found.push(format!("{path}: {:?}, recorded {:?}", self.types, recorded.types));
        }
        let names = |shape: &Self| shape.keys.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        if self.types.contains("object") && names(self) != names(recorded) {
            found.push(format!("{path}: keys {:?}, recorded {:?}", names(self), names(recorded)));
            return;
        }
        for ((key, ours), (_, theirs)) in self.keys.iter().zip(&recorded.keys) {
            ours.differences(theirs, &format!("{path}.{key}"), found);
        }
        match (&self.items, &recorded.items) {
            (Some(ours), Some(theirs)) => ours.differences(theirs, &format!("{path}[]"), found),
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
