//! Numbers as any API version writes them: plain, null, or `{"set","infinite","number"}`, with Slurm's
//! magic values for "not set" and "infinite" taken out. Text that may be null is here too.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A number that may be unset or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NoVal<T> {
    #[default]
    Unset,
    Infinite,
    Value(T),
}

/// A whole number.
pub(super) type Number = NoVal<u64>;

/// A number with a fraction.
pub(super) type Fraction = NoVal<f64>;

/// NO_VAL and INFINITE of 32 and 64 bits (slurm.h); 22.05 lets them through as plain numbers, or as -2 and -1.
const NO_VAL: u64 = 0xffff_fffe;
const INFINITE: u64 = 0xffff_ffff;
const NO_VAL64: u64 = 0xffff_ffff_ffff_fffe;
const INFINITE64: u64 = 0xffff_ffff_ffff_ffff;
/// From here a float is INFINITE64 or NO_VAL64 that was rounded.
const INFINITE_FLOAT: f64 = 1.8e19;

impl<T> NoVal<T> {
    /// The number, if there is one.
    pub(super) fn get(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Infinite => None,
        }
    }
}

impl Number {
    /// The number as `u32`; larger ones count as the largest.
    pub(super) fn get_u32(self) -> Option<u32> {
        self.get().map(|value| u32::try_from(value).unwrap_or(u32::MAX))
    }
}

/// What a plain number of the wire is.
trait Plain: Sized {
    fn from_u64(value: u64) -> NoVal<Self>;
    fn from_f64(value: f64) -> NoVal<Self>;
}

impl Plain for u64 {
    fn from_u64(value: u64) -> Number {
        match value {
            NO_VAL | NO_VAL64 => NoVal::Unset,
            INFINITE | INFINITE64 => NoVal::Infinite,
            value => NoVal::Value(value),
        }
    }

    fn from_f64(value: f64) -> Number {
        if value >= INFINITE_FLOAT {
            NoVal::Infinite
        } else if value >= 0.0 {
            Self::from_u64(value as u64)
        } else {
            NoVal::Unset
        }
    }
}

impl Plain for f64 {
    fn from_u64(value: u64) -> Fraction {
        Self::from_f64(value as f64)
    }

    fn from_f64(value: f64) -> Fraction {
        match u64::from_f64(value) {
            NoVal::Value(_) => NoVal::Value(value),
            NoVal::Infinite => NoVal::Infinite,
            NoVal::Unset => NoVal::Unset,
        }
    }
}

impl<'de, T: Plain> Deserialize<'de> for NoVal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor(PhantomData))
    }
}

struct NumberVisitor<T>(PhantomData<T>);

impl<'de, T: Plain> Visitor<'de> for NumberVisitor<T> {
    type Value = NoVal<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, null or {set, infinite, number}")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<NoVal<T>, E> {
        Ok(T::from_u64(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<NoVal<T>, E> {
        Ok(u64::try_from(value).map_or(NoVal::Unset, T::from_u64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<NoVal<T>, E> {
        Ok(T::from_f64(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<NoVal<T>, E> {
        Ok(NoVal::Unset)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoVal<T>, A::Error> {
        let (mut set, mut infinite, mut number) = (true, false, NoVal::Unset);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Set => set = map.next_value()?,
                Key::Infinite => infinite = map.next_value()?,
                Key::Number => number = map.next_value::<PlainNumber<T>>()?.0,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(if infinite {
            NoVal::Infinite
        } else if set {
            number
        } else {
            NoVal::Unset
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
struct PlainNumber<T>(NoVal<T>);

impl<'de, T: Plain> Deserialize<'de> for PlainNumber<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlainVisitor<T>(PhantomData<T>);

        impl<T: Plain> Visitor<'_> for PlainVisitor<T> {
            type Value = PlainNumber<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PlainNumber<T>, E> {
                Ok(PlainNumber(T::from_u64(value)))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PlainNumber<T>, E> {
                NumberVisitor(PhantomData).visit_i64(value).map(PlainNumber)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<PlainNumber<T>, E> {
                Ok(PlainNumber(T::from_f64(value)))
            }

            fn visit_unit<E: de::Error>(self) -> Result<PlainNumber<T>, E> {
                Ok(PlainNumber(NoVal::Unset))
            }
        }

        deserializer.deserialize_any(PlainVisitor(PhantomData))
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

/// For a text that must be there, though it may be null: none only where the field is missing.
pub(super) fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Text<'a>>, D::Error> {
    Text::deserialize(deserializer).map(Some)
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
    fn fractions_are_spelt_alike() {
        let fraction = |json| serde_json::from_str::<Fraction>(json).unwrap();
        assert_eq!(fraction("0.25"), Fraction::Value(0.25));
        assert_eq!(fraction("1"), Fraction::Value(1.0));
        assert_eq!(fraction(r#"{"set":true,"infinite":false,"number":1.5}"#), Fraction::Value(1.5));
        assert_eq!(fraction(r#"{"set":false,"infinite":true,"number":0.0}"#), Fraction::Infinite);
        assert_eq!(fraction(r#"{"set":false,"infinite":false,"number":0.0}"#), Fraction::Unset);
        assert_eq!(
            fraction(r#"{"set":true,"infinite":false,"number":1.8446744073709552e+19}"#),
            Fraction::Infinite
        );
        assert_eq!(fraction("4294967294.0"), Fraction::Unset);
        assert_eq!(fraction("null"), Fraction::Unset);
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
