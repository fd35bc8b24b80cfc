//! Limits out of their nest of objects, by a table of paths: what is set, under one name and in base units.
//! Which paths there are is told by the tables of `qos` and `association`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::no_val::Number;
use super::tres_list::Item;
use crate::model::Symbols;
use crate::model::limit::Limit;

/// Where a limit stands, its name in our words, and how it is written.
pub(super) struct Rule(pub(super) &'static str, pub(super) &'static str, pub(super) Form);

#[derive(Clone, Copy)]
pub(super) enum Form {
    Number,
    Minutes,
    Tres,
    TresMinutes,
}

impl Form {
    fn unit(self) -> u64 {
        match self {
            Self::Number | Self::Tres => 1,
            Self::Minutes | Self::TresMinutes => 60,
        }
    }
}

/// The limits that one kind of row may have.
pub(super) trait Rules {
    const RULES: &'static [Rule];
}

/// The limits of one row.
pub(super) struct Limits<'a, R> {
    set: Vec<Set<'a>>,
    rules: PhantomData<R>,
}

struct Set<'a> {
    name: &'static str,
    tres: Cow<'a, str>,
    value: u64,
}

impl<R> Default for Limits<'_, R> {
    fn default() -> Self {
        Self { set: Vec::new(), rules: PhantomData }
    }
}

impl<R> Limits<'_, R> {
    /// As rows of the table that owns the symbols.
    pub(super) fn intern(&self, symbols: &mut Symbols) -> Vec<Limit> {
        let limits = self.set.iter();
        limits
            .map(|set| Limit { name: set.name, tres: symbols.intern(&set.tres), value: set.value })
            .collect()
    }
}

impl<'de: 'a, 'a, R: Rules> Deserialize<'de> for Limits<'a, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut limits = Self::default();
        let mut path = String::new();
        Walk { rules: R::RULES, path: &mut path, set: &mut limits.set }.deserialize(deserializer)?;
        Ok(limits)
    }
}

/// Goes down the objects and stops where a rule stands.
struct Walk<'w, 'a> {
    rules: &'static [Rule],
    path: &'w mut String,
    set: &'w mut Vec<Set<'a>>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(Rule(_, name, form)) = self.rules.iter().find(|Rule(path, ..)| path == self.path) else {
            return deserializer.deserialize_any(self);
        };
        match form {
            Form::Number | Form::Minutes => {
                if let Some(count) = Number::deserialize(deserializer)?.get() {
                    let value = count.saturating_mul(form.unit());
                    self.set.push(Set { name, tres: Cow::Borrowed(""), value });
                }
            }
            Form::Tres | Form::TresMinutes => {
                let items = Option::<Vec<Item<'de>>>::deserialize(deserializer)?.unwrap_or_default();
                self.set.extend(items.iter().filter_map(|item| {
                    let value = item.in_base_units()?.saturating_mul(form.unit());
                    Some(Set { name, tres: item.name(), value })
                }));
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let len = self.path.len();
            if len > 0 {
                self.path.push('/');
            }
            self.path.push_str(&key);
            map.next_value_seed(Walk { rules: self.rules, path: self.path, set: self.set })?;
            self.path.truncate(len);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Some3;

    impl Rules for Some3 {
        const RULES: &'static [Rule] = &[
            Rule("max/jobs", "max_jobs", Form::Number),
            Rule("max/wall", "max_wall_seconds", Form::Minutes),
            Rule("max/tres/total", "grp_tres", Form::Tres),
            Rule("max/tres/minutes", "grp_tres_seconds", Form::TresMinutes),
        ];
    }

    fn read(json: &str) -> Vec<(&'static str, String, u64)> {
        let limits: Limits<'_, Some3> = serde_json::from_str(json).unwrap();
        limits.set.into_iter().map(|set| (set.name, set.tres.into_owned(), set.value)).collect()
    }

    #[test]
    fn limits_come_out_in_base_units() {
        let found = read(
            r#"{"grace": 3, "max": {"jobs": {"set": true, "infinite": false, "number": 5}, "wall": 2, "tres": {
                "total": [{"type": "mem", "name": null, "id": 2, "count": 3}, {"type": "gres", "name": "gpu", "count": 4}],
                "minutes": [{"type": "cpu", "name": "", "count": 7}]}}}"#,
        );
        let expected = [
            ("max_jobs", "", 5),
            ("max_wall_seconds", "", 120),
            ("grp_tres", "mem", 3 << 20),
            ("grp_tres", "gres/gpu", 4),
            ("grp_tres_seconds", "cpu", 420),
        ];
        assert_eq!(found, expected.map(|(name, tres, value)| (name, tres.to_owned(), value)));
    }

    #[test]
    fn what_is_unset_or_unlimited_is_no_limit() {
        assert_eq!(read(r#"{"max": null}"#), []);
        let json = r#"{"max": {"jobs": {"set": false, "infinite": true, "number": 0}, "wall": null,
            "tres": {"total": null, "minutes": [{"type": "cpu", "count": -2}]}}}"#;
        assert_eq!(read(json), []);
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        assert!(serde_json::from_str::<Limits<'_, Some3>>(r#"{"max": {"jobs": "five"}}"#).is_err());
    }
}
