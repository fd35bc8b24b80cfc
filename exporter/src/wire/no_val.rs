//! Numbers as any API version writes them: plain, null, or `{"set","infinite","number"}`, with Slurm's
//! magic values for "not set" and "infinite" taken out. Text that may be null is here too.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A whole number that may be unset or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Number {
    #[default]
    Unset,
    Infinite,
    Value(u64),
}

/// NO_VAL and INFINITE of 32 and 64 bits (slurm.h); 22.05 lets them through as plain numbers, or as -2 and -1.
const NO_VAL: u64 = 0xffff_fffe;
const INFINITE: u64 = 0xffff_ffff;
const NO_VAL64: u64 = 0xffff_ffff_ffff_fffe;
const INFINITE64: u64 = 0xffff_ffff_ffff_ffff;
/// From here a float is INFINITE64 or NO_VAL64 that was rounded.
const INFINITE_FLOAT: f64 = 1.8e19;

impl Number {
    /// The number, if there is one.
    pub(super) fn get(self) -> Option<u64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Infinite => None,
        }
    }

    /// The number as `u32`; larger ones count as the largest.
    pub(super) fn get_u32(self) -> Option<u32> {
        self.get().map(|value| u32::try_from(value).unwrap_or(u32::MAX))
    }

    fn from_u64(value: u64) -> Self {
        match value {
            NO_VAL | NO_VAL64 => Self::Unset,
            INFINITE | INFINITE64 => Self::Infinite,
            value => Self::Value(value),
        }
    }

    fn from_f64(value: f64) -> Self {
        if value >= INFINITE_FLOAT {
            Self::Infinite
        } else if value >= 0.0 {
            Self::from_u64(value as u64)
        } else {
            Self::Unset
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, null or {set, infinite, number}")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number::from_u64(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
        Ok(u64::try_from(value).map_or(Number::Unset, Number::from_u64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number::from_f64(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
        Ok(Number::Unset)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        let (mut set, mut infinite, mut number) = (true, false, Number::Unset);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Set => set = map.next_value()?,
                Key::Infinite => infinite = map.next_value()?,
                Key::Number => number = map.next_value::<PlainNumber>()?.0,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(if infinite {
            Number::Infinite
        } else if set {
            number
        } else {
            Number::Unset
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Set,
    Infinite,
    Number,
    #[serde(other)]
    Other,
}

/// The inner number: no object in an object.
struct PlainNumber(Number);

impl<'de> Deserialize<'de> for PlainNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plain;

        impl Visitor<'_> for Plain {
            type Value = PlainNumber;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PlainNumber, E> {
                Ok(PlainNumber(Number::from_u64(value)))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PlainNumber, E> {
                NumberVisitor.visit_i64(value).map(PlainNumber)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<PlainNumber, E> {
                Ok(PlainNumber(Number::from_f64(value)))
            }

            fn visit_unit<E: de::Error>(self) -> Result<PlainNumber, E> {
                Ok(PlainNumber(Number::Unset))
            }
        }

        deserializer.deserialize_any(Plain)
    }
}

/// Text, borrowed from the answer where it has no escapes; null is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text or null")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Number {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_spelling_of_a_number_is_read() {
        assert_eq!(number("7"), Number::Value(7));
        assert_eq!(number("7.0"), Number::Value(7));
        assert_eq!(number("null"), Number::Unset);
        assert_eq!(number(r#"{"set":true,"infinite":false,"number":7}"#), Number::Value(7));
        assert_eq!(number(r#"{"number":7,"set":false,"infinite":false}"#), Number::Unset);
        assert_eq!(number(r#"{"set":false,"infinite":true,"number":0}"#), Number::Infinite);
        assert_eq!(number(r#"{"set":true,"infinite":false,"number":7,"new":[1]}"#), Number::Value(7));
    }

    #[test]
    fn leaked_magic_values_are_no_numbers() {
        assert_eq!(number("4294967294"), Number::Unset);
        assert_eq!(number("4294967295"), Number::Infinite);
        assert_eq!(number("-2"), Number::Unset);
        assert_eq!(number("18446744073709551614"), Number::Unset);
        assert_eq!(number("1.8446744073709552e+19"), Number::Infinite);
        assert_eq!(
            number(r#"{"set":true,"infinite":false,"number":1.8446744073709552e+19}"#),
            Number::Infinite
        );
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        assert!(serde_json::from_str::<Number>("\"7\"").unwrap_err().to_string().contains("a number"));
        assert!(serde_json::from_str::<Text<'_>>("[]").is_err());
    }

    #[test]
    fn text_may_be_null_and_is_borrowed_unless_escaped() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap().0;
        assert!(matches!(read("\"plain\""), Cow::Borrowed("plain")));
        assert_eq!(read(r#""a\/b""#), "a/b");
        assert_eq!(read("null"), "");
    }
}
