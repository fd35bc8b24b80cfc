//! An answer as YAML, with the tags and quotes of libyaml as slurmrestd uses it.
//! Not a general writer: it turns JSON that we wrote ourselves into the same data.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write};

/// The same data; what is no JSON, such as a bare Infinity, ends the document early.
pub(super) fn from_json(json: &[u8]) -> Vec<u8> {
    let mut out = "%YAML 1.1\n---".to_owned();
    let mut input = serde_json::Deserializer::from_slice(json);
    if let Err(error) = (Node { out: &mut out, depth: 0, item: false }).deserialize(&mut input) {
        tracing::warn!(%error, "failed to turn an answer into YAML");
    }
    out.push_str("...\n");
    out.into_bytes()
}

/// One value, written behind its key or its dash.
struct Node<'a> {
    out: &'a mut String,
    /// Of what is inside a map here.
    depth: usize,
    /// Whether it is an element of a list, whose maps are indented once more.
    item: bool,
}

impl Node<'_> {
    fn scalar<E: Error>(self, tag: &str, text: impl fmt::Display) -> Result<(), E> {
        writeln!(self.out, " !!{tag} {text}").map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar("null", "null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar("bool", value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar("int", value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar("int", value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar("float", value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar("str", quoted(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut empty = true;
        self.out.push_str(" !!seq");
        // libyaml puts the dashes of a list under its key, not right of it.
        let depth = if self.item { self.depth } else { self.depth.saturating_sub(1) };
        loop {
            let start = self.out.len();
            let lead = format!("{}{}-", if empty { "\n" } else { "" }, "  ".repeat(depth));
            self.out.push_str(&lead);
            if list.next_element_seed(Node { out: self.out, depth: depth + 1, item: true })?.is_none() {
                self.out.truncate(start);
                break;
            }
            empty = false;
        }
        if empty {
            self.out.push_str(" []\n");
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut empty = true;
        self.out.push_str(" !!map");
        while let Some(key) = map.next_key::<String>()? {
            if empty {
                self.out.push('\n');
            }
            empty = false;
            let indent = "  ".repeat(self.depth);
            write!(self.out, "{indent}!!str {}:", quoted(&key)).map_err(A::Error::custom)?;
            map.next_value_seed(Node { out: self.out, depth: self.depth + 1, item: false })?;
        }
        if empty {
            self.out.push_str(" {}\n");
        }
        Ok(())
    }
}

/// A text plain if YAML takes it so, else in single quotes.
fn quoted(text: &str) -> String {
    let indicator = |first: char| "-?:,[]{}#&*!|>'\"%@`".contains(first);
    let plain = text.chars().next().is_some_and(|first| !indicator(first))
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains('\n');
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::from_json;

    #[test]
    fn data_is_tagged_and_indented_as_recorded() {
        let json = br#"{"pings": [{"host": "a", "up": true, "list": ["x", "y"]}, {"host": "[b]"}],
            "meta": {"command": [], "version": {"major": "26"}, "power": {}}, "share": 0.5, "none": null}"#;
        let expected = "%YAML 1.1
--- !!map
!!str pings: !!seq
- !!map
  !!str host: !!str a
  !!str up: !!bool true
  !!str list: !!seq
  - !!str x
  - !!str y
- !!map
  !!str host: !!str '[b]'
!!str meta: !!map
  !!str command: !!seq []
  !!str version: !!map
    !!str major: !!str 26
  !!str power: !!map {}
!!str share: !!float 0.5
!!str none: !!null null
...
";
        assert_eq!(String::from_utf8(from_json(json)).unwrap(), expected);
    }
}
