//! Takes from an object on many lines, as slurmrestd writes it, only the members that are read: a job has 150, of which
//! 26 are. What the rest holds is passed over by its indentation, unread.
//!
//! No text in JSON holds a line break, so every line starts between two tokens; and where a writer indents, the lines of a
//! member that is an object or a list stand deeper than it, up to one with its own indentation and the closing bracket.
//! What looks any other way, such as compact JSON, is read by serde_json alone, and so is whatever it finds wrong in what
//! was taken. A writer indents all rows of an answer alike: after its first objects and lists, whose every line is looked
//! at, the end is searched for and the lines before it are taken to stand deeper.

use memchr::memmem::Finder;
use memchr::{memchr, memchr2};
use serde::Deserialize;
use serde::de::{self, Visitor};

use super::error::ValueError;
use super::stream::read_value;

/// Which members are taken, and what is kept from one object to the next.
#[derive(Debug, Default)]
pub(super) struct Skimmer {
    /// By length; empty before the first object.
    wanted: Vec<Vec<&'static [u8]>>,
    layout: Layout,
    kept: Vec<u8>,
}

/// How members are indented, and what follows from it.
#[derive(Debug, Default)]
struct Layout {
    /// As many spaces as stand before a member, and one more.
    deeper: Vec<u8>,
    /// A line that ends an object, and one that ends a list; `None` before the first object.
    ends: Option<[Finder<'static>; 2]>,
    /// Objects and lists whose lines all were looked at.
    checked: u32,
}

/// So many objects and lists are looked at line by line before a layout is trusted: those of a few rows.
const CHECKED: u32 = 100;

/// Why an object was not skimmed.
#[derive(Debug, PartialEq, Eq)]
enum Not {
    /// The bytes end before it does.
    Complete,
    /// It is not written as slurmrestd writes.
    Familiar,
}

impl Skimmer {
    /// As [`read_value`] reads it; only members that `T` has are looked at.
    pub(super) fn read<'a, T: Deserialize<'a>>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Result<(T, usize), ValueError> {
        if self.wanted.is_empty() {
            self.want(fields::<T>());
        }
        match self.skim(bytes) {
            Ok(len) => match serde_json::from_slice(&self.kept) {
                Ok(value) => Ok((value, len)),
                // Where it is wrong is told of the whole.
                Err(_) => read_value(bytes),
            },
            Err(Not::Complete) => Err(ValueError::Incomplete),
            Err(Not::Familiar) => read_value(bytes),
        }
    }

    fn want(&mut self, fields: &[&'static str]) {
        let longest = fields.iter().map(|field| field.len()).max().unwrap_or(0);
        self.wanted.resize(longest + 1, Vec::new());
        for field in fields {
            self.wanted[field.len()].push(field.as_bytes());
        }
    }

    /// Fills `kept`; gives the length of the object.
    fn skim(&mut self, bytes: &[u8]) -> Result<usize, Not> {
        self.kept.clear();
        self.kept.push(b'{');
        let indentation = match bytes {
            [b'{', b'\n', rest @ ..] => spaces(rest)?,
            [b'{'] => return Err(Not::Complete),
            _ => return Err(Not::Familiar),
        };
        self.layout.set(indentation);
        let mut at = 2 + indentation;
        loop {
            let (value, end) = member(bytes, at, &mut self.layout)?;
            let key = &bytes[at + 1..value.key_end];
            // Names of one length mostly differ in the first letter already.
            let is_wanted = |name: &&[u8]| name.first() == key.first() && *name == key;
            if self.wanted.get(key.len()).is_some_and(|names| names.iter().any(is_wanted)) {
                if self.kept.len() > 1 {
                    self.kept.push(b',');
                }
                self.kept.extend_from_slice(&bytes[at..end]);
            }
            match bytes.get(end).ok_or(Not::Complete)? {
                b',' => {
                    let line = bytes.get(end + 1..).unwrap_or_default();
                    let [b'\n', line @ ..] = line else { return Err(unless_over(line)) };
                    if spaces(line)? != indentation {
                        return Err(Not::Familiar);
                    }
                    at = end + 2 + indentation;
                }
                b'\n' => {
                    let closing = end + 1 + spaces(&bytes[end + 1..])?;
                    if bytes[closing] != b'}' || closing - end > indentation {
                        return Err(Not::Familiar);
                    }
                    self.kept.push(b'}');
                    return Ok(closing + 1);
                }
                _ => return Err(Not::Familiar),
            }
        }
    }
}

/// Where the key of a member ends.
struct Key {
    key_end: usize,
}

/// The member whose key's quote stands at this place, and where its value ends.
fn member(bytes: &[u8], at: usize, layout: &mut Layout) -> Result<(Key, usize), Not> {
    let key = bytes.get(at..).unwrap_or_default();
    let [b'"', key @ ..] = key else { return Err(unless_over(key)) };
    let len = memchr2(b'"', b'\\', key).ok_or(Not::Complete)?;
    if key[len] == b'\\' {
        return Err(Not::Familiar);
    }
    let key_end = at + 1 + len;
    let colon = bytes.get(key_end + 1..).unwrap_or_default();
    let value = match colon {
        [b':', b' ', ..] => key_end + 3,
        [b':', ..] if colon.len() > 1 => key_end + 2,
        _ => return Err(unless_over(colon)),
    };
    let rest = bytes.get(value..).unwrap_or_default();
    let len = match rest {
        [b'{', b'\n', ..] => layout.end_of(rest, b'}')?,
        [b'[', b'\n', ..] => layout.end_of(rest, b']')?,
        _ => on_one_line(rest)?,
    };
    Ok((Key { key_end }, value + len))
}

impl Layout {
    fn set(&mut self, indentation: usize) {
        if self.ends.is_some() && self.deeper.len() == indentation + 1 {
            return;
        }
        self.deeper.clear();
        self.deeper.resize(indentation + 1, b' ');
        self.ends = Some([b'}', b']'].map(|bracket| {
            let mut end = self.deeper.clone();
            end[indentation] = bracket;
            end.insert(0, b'\n');
            Finder::new(&end).into_owned()
        }));
        self.checked = 0;
    }

    /// The length of a value whose first line is its bracket.
    fn end_of(&mut self, bytes: &[u8], closing: u8) -> Result<usize, Not> {
        match &self.ends {
            Some([object, list]) if self.checked >= CHECKED => {
                let end = if closing == b'}' { object } else { list };
                // The first line break may be the one before the end.
                let found = end.find(&bytes[1..]).ok_or(Not::Complete)?;
                Ok(1 + found + end.needle().len())
            }
            _ => {
                let len = on_deeper_lines(bytes, &self.deeper, closing)?;
                self.checked += 1;
                Ok(len)
            }
        }
    }
}

/// The same, with a look at every line.
fn on_deeper_lines(bytes: &[u8], deeper: &[u8], closing: u8) -> Result<usize, Not> {
    let mut line = 2;
    while bytes[line..].starts_with(deeper) {
        line += memchr(b'\n', &bytes[line..]).ok_or(Not::Complete)? + 1;
    }
    let (spaces, last) = deeper.split_at(deeper.len() - 1);
    debug_assert_eq!(last, b" ");
    match bytes[line..].strip_prefix(spaces) {
        Some([bracket, ..]) if *bracket == closing => Ok(line + spaces.len() + 1),
        Some([_, ..]) => Err(Not::Familiar),
        _ if deeper.starts_with(&bytes[line..]) => Err(Not::Complete),
        _ => Err(Not::Familiar),
    }
}

/// The length of a value that does not go on in another line.
fn on_one_line(bytes: &[u8]) -> Result<usize, Not> {
    match bytes {
        [b'"', text @ ..] => {
            let mut at = 0;
            loop {
                let found = at + memchr2(b'"', b'\\', &text[at..]).ok_or(Not::Complete)?;
                match text[found] {
                    b'"' => return Ok(found + 2),
                    // With the letter behind it.
                    _ => at = found + 2,
                }
                if at > text.len() {
                    return Err(Not::Complete);
                }
            }
        }
        [b'{', b'}', ..] | [b'[', b']', ..] => Ok(2),
        [] | [b'{' | b'['] => Err(Not::Complete),
        [b'{' | b'[', ..] => Err(Not::Familiar),
        _ => bytes.iter().position(|letter| matches!(letter, b',' | b'\n')).ok_or(Not::Complete),
    }
}

/// How many there are before something else.
fn spaces(bytes: &[u8]) -> Result<usize, Not> {
    bytes.iter().position(|letter| *letter != b' ').ok_or(Not::Complete)
}

/// Something else stands there, or nothing yet.
fn unless_over(bytes: &[u8]) -> Not {
    if bytes.len() < 2 { Not::Complete } else { Not::Familiar }
}

/// The names of the members of a type, with their other spellings.
fn fields<'a, T: Deserialize<'a>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It fails on purpose, once it was told the names.
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

/// A deserializer that has nothing to give and remembers what it was asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> de::Deserializer<'de> for Asked<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only the names were asked for"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize as _;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Row {
        one: u32,
        #[serde(alias = "zwei")]
        two: Vec<u32>,
        text: String,
    }

    const PRETTY: &str = "{\n   \"skipped\": {\n      \"one\": 9,\n      \"a\": [\n         \"}\",\n         {\n         }\n      ]\n   },\n   \
                          \"one\": 1,\n   \"s\": \"x,{[\\\"\",\n   \"empty\": [\n   ],\n   \"none\": {},\n   \"zwei\": [\n      2,\n      3\n   ],\n   \
                          \"text\": \"a, \\n }\"\n  }";

    fn expected() -> Row {
        Row { one: 1, two: vec![2, 3], text: "a, \n }".to_owned() }
    }

    /// One that knows the layout, after as many rows as that takes.
    fn trusting() -> Skimmer {
        let mut skimmer = Skimmer::default();
        while skimmer.layout.checked < CHECKED {
            assert_eq!(skimmer.read::<Row>(PRETTY.as_bytes()).unwrap(), (expected(), PRETTY.len()));
        }
        skimmer
    }

    #[test]
    fn only_what_is_read_is_kept() {
        for mut skimmer in [Skimmer::default(), trusting()] {
            let (value, len) = skimmer.read::<Row>(format!("{PRETTY}, {{").as_bytes()).unwrap();
            assert_eq!((value, len), (expected(), PRETTY.len()));
            let kept = String::from_utf8(skimmer.kept.clone()).unwrap();
            assert_eq!(kept, "{\"one\": 1,\"zwei\": [\n      2,\n      3\n   ],\"text\": \"a, \\n }\"}");
        }
    }

    #[test]
    fn an_object_cut_anywhere_is_incomplete_and_never_another() {
        let mut new = Skimmer::default();
        new.want(fields::<Row>());
        for mut skimmer in [new, trusting()] {
            for end in 0..PRETTY.len() {
                match skimmer.read::<Row>(&PRETTY.as_bytes()[..end]) {
                    Err(ValueError::Incomplete) => {}
                    other => panic!("{end}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn another_indentation_is_looked_at_anew() {
        let mut skimmer = trusting();
        let narrow = PRETTY.replace("   ", " ");
        assert_eq!(skimmer.read::<Row>(narrow.as_bytes()).unwrap(), (expected(), narrow.len()));
        assert_eq!(skimmer.layout.checked, 3);
    }

    #[test]
    fn what_is_written_otherwise_is_read_all_the_same() {
        let compact = "{\"skipped\":{\"one\":9},\"one\":1,\"two\":[2,3],\"text\":\"a, \\n }\"}";
        let mixed =
            "{\n \"skipped\": {\"one\": 9}, \"one\": 1,\n \"two\": [2,\n 3],\n \"text\": \"a, \\n }\"}";
        let inline = PRETTY.replace("3\n   ]", "3]").replace("         }\n      ]", "         }]");
        let tabs = "{\n\t\"one\": 1,\n\t\"two\": [2, 3],\n\t\"text\": \"a, \\n }\"\n}";
        for text in
            [compact, mixed, &inline, tabs, &PRETTY.replace("\": ", "\":"), &PRETTY.replace("   ", " ")]
        {
            let (value, len) = Skimmer::default().read::<Row>(text.as_bytes()).unwrap();
            assert_eq!((value, len), (expected(), text.len()), "{text}");
        }
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Wanted {
        one: serde_json::Value,
        #[serde(alias = "zwei")]
        two: serde_json::Value,
        text: serde_json::Value,
    }

    /// Any value, three levels deep at most; its texts hold what layout is made of.
    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let text = proptest::string::string_regex("[a-z\\[\\]{}:,\"\\\\ \n\u{e4}]{0,12}").unwrap();
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            text.prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a-z{}]{1,4}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn rows_of_any_values_are_read_as_without_skimming(
            rows in prop::collection::vec(
                prop::collection::btree_map("one|zwei|text|[a-m]{1,5}", any_value(), 1..8),
                1..40,
            ),
            checked in prop_oneof![Just(0), Just(CHECKED)],
        ) {
            let mut text = Vec::new();
            let layout = serde_json::ser::PrettyFormatter::with_indent(b"   ");
            rows.serialize(&mut serde_json::Serializer::with_formatter(&mut text, layout)).unwrap();
            let mut skimmer = Skimmer::default();
            let mut rest = &text[1..];
            for _ in &rows {
                let start = rest.iter().position(|letter| *letter == b'{').unwrap();
                rest = &rest[start..];
                let (expected, len) = read_value::<Wanted>(rest).unwrap();
                let (value, skimmed) = skimmer.read::<Wanted>(rest).unwrap();
                prop_assert_eq!((value, skimmed), (expected, len));
                prop_assert!(matches!(skimmer.read::<Wanted>(&rest[..len - 1]), Err(ValueError::Incomplete)));
                skimmer.layout.checked = skimmer.layout.checked.max(checked);
                rest = &rest[len..];
            }
        }
    }

    #[test]
    fn a_wrong_value_is_told_as_without_skimming() {
        let text = PRETTY.replace("\"one\": 1", "\"one\": true");
        let told = |error: ValueError| match error {
            ValueError::WrongType { field, source } => (field, source.to_string()),
            error => panic!("{error:?}"),
        };
        let skimmed = told(Skimmer::default().read::<Row>(text.as_bytes()).unwrap_err());
        assert_eq!(skimmed, told(read_value::<Row>(text.as_bytes()).unwrap_err()));
        assert_eq!(skimmed.0, "one");
    }
}
