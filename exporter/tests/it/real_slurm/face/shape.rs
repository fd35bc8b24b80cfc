//! The shape of a JSON document: its keys and the types under them, with all rows of a list as one.
//! Not its values, nor the order of its keys, which the recordings judge.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    /// None when it was empty.
    List(Option<Box<Shape>>),
    Object(BTreeMap<String, Shape>),
    /// Rows that are not alike.
    Mixed,
}

/// Two shapes side by side.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Keys that both have.
    pub(super) keys: usize,
    /// Paths whose shapes contradict each other, with both.
    pub(super) differences: Vec<(String, String, String)>,
}

/// Objects whose keys are names of the site, or that depend on what happened: v0.0.38 has a signal only where one was.
const BY_CHANCE: [&str; 2] = ["sockets", "signal"];

impl Shape {
    fn word(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::Float => "float".to_owned(),
            Self::Text => "text".to_owned(),
            Self::List(_) => "list".to_owned(),
            Self::Object(_) => "object".to_owned(),
            Self::Mixed => "mixed".to_owned(),
        }
    }

    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::List(None), list @ Self::List(_)) | (list @ Self::List(_), Self::List(None)) => list,
            (Self::List(Some(one)), Self::List(Some(other))) => Self::List(Some(Box::new(one.merge(*other)))),
            (Self::Object(mut one), Self::Object(other)) => {
                for (key, shape) in other {
                    let merged = match one.remove(&key) {
                        Some(before) => before.merge(shape),
                        None => shape,
                    };
                    one.insert(key, merged);
                }
                Self::Object(one)
            }
            // Some rows have it, others do not.
            (Self::Null, other) | (other, Self::Null) => other,
            (one, other) if one == other => one,
            _ => Self::Mixed,
        }
    }

    /// What one side has no example of, it does not contradict.
    pub(super) fn compared(&self, other: &Self) -> Comparison {
        let mut found = Comparison::default();
        self.compare(other, "$", &mut found);
        found
    }

    fn compare(&self, other: &Self, path: &str, found: &mut Comparison) {
        match (self, other) {
            (Self::Object(one), Self::Object(other)) => {
                for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                    let path = format!("{path}.{key}");
                    match (one.get(key), other.get(key)) {
                        _ if BY_CHANCE.contains(&key.as_str()) => {}
                        (Some(one), Some(other)) => {
                            found.keys += 1;
                            one.compare(other, &path, found);
                        }
                        (one, other) => {
                            let word =
                                |side: Option<&Self>| side.map_or_else(|| "nothing".to_owned(), Self::word);
                            found.differences.push((path, word(one), word(other)));
                        }
                    }
                }
            }
            (Self::List(Some(one)), Self::List(Some(other))) => {
                one.compare(other, &format!("{path}[]"), found);
            }
            (Self::List(_), Self::List(_)) => {}
            // v0.0.38 has null for whatever is not there, and texts beside numbers.
            (Self::Null | Self::Mixed, _) | (_, Self::Null | Self::Mixed) => {}
            (one, other) if one.word() == other.word() => {}
            (one, other) => found.differences.push((path.to_owned(), one.word(), other.word())),
        }
    }
}

impl From<&Value> for Shape {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_f64() => Self::Float,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::List(items.iter().map(Self::from).reduce(Self::merge).map(Box::new)),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

#[test]
fn shapes_differ_in_keys_and_types_and_not_in_values_or_empty_lists() {
    let differences = |one: &str, other: &str| {
        let [one, other] =
            [one, other].map(|text| Shape::from(&serde_json::from_str::<Value>(text).expect("it is JSON")));
        one.compared(&other).differences.into_iter().map(|(path, ..)| path).collect::<Vec<_>>()
    };
    assert!(differences(r#"{"a": 1, "b": []}"#, r#"{"b": ["x"], "a": 2}"#).is_empty());
    assert!(differences(r#"[{"a": 1}, {"a": 1, "b": 2}]"#, r#"[{"a": 3, "b": 4}]"#).is_empty());
    assert_eq!(
        differences(r#"{"a": 1, "c": [{"d": 1}]}"#, r#"{"a": "x", "c": [{"e": 1}]}"#),
        ["$.a", "$.c[].d", "$.c[].e"]
    );
    assert_eq!(differences(r#"{"a": 1}"#, r#"{"a": 1.0}"#), ["$.a"]);
}
