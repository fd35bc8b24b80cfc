//! Durations (`15s`, `1m30s`, `500ms`), sizes (`4GiB`) and switches as people write them in a configuration.
//! Every reader says what it expected; where the text stood is the caller's business.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Units of a duration, the longest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of a size, in bytes.
const SIZE_UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Reads whole numbers with units, each unit once, the longest first: `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as 15s, 1m30s or 500ms, got \"{text}\"");
    let mut rest = text;
    let mut units = TIME_UNITS.iter();
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(letters);
        let (_, unit) = units.find(|(unit, _)| *unit == name).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        millis = number.checked_mul(*unit).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(millis)) }
}

/// Reads a duration that is longer than nothing.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("expected a duration longer than 0, got \"{text}\"")),
        time => Ok(time),
    }
}

/// Reads a size in bytes; without a unit it is bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a size such as 16KiB, 64MiB or 4GiB, got \"{text}\"");
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "" => 1,
        name => SIZE_UNITS.iter().find(|(unit, _)| *unit == name).ok_or_else(wrong)?.1,
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

/// Reads a whole number within bounds.
pub(super) fn count<T>(text: &str, bounds: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        format!("expected a number from {} to {}, got \"{text}\"", bounds.start(), bounds.end())
    })
}

/// Reads a number within bounds; not NaN, which is in none.
pub(super) fn number(text: &str, bounds: RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        format!("expected a number from {} to {}, got \"{text}\"", bounds.start(), bounds.end())
    })
}

/// Reads `true` or `false`, in the three spellings of YAML 1.2's core schema.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("expected true or false, got \"{text}\"")),
    }
}

/// The items of a list: one a line, each with its end, as the file's reader writes them, or separated by commas.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    text.split(separator).map(str::trim).filter(|item| !item.is_empty())
}

/// The items of a list, each once.
pub(super) fn names(text: &str) -> BTreeSet<String> {
    list(text).map(str::to_owned).collect()
}

/// Reads the path of a file or folder.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Reads one of the named values.
pub(super) fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}, got \"{text}\"", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("15s", 15_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("1s500ms", 1_500),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in ["", "15", "s", "15 s", "1.5s", "-1s", "30s1m", "1s1s", "15sec", "99999999999999999999s"]
        {
            assert!(duration(text).unwrap_err().contains("expected a duration such as 15s"), "{text}");
        }
    }

    #[test]
    fn numbers_lie_within_their_bounds() {
        assert_eq!(count("3", 1..=64_u32), Ok(3));
        assert_eq!(number("0.8", 0.0..=1.0), Ok(0.8));
        for text in ["", "0", "65", "-1", "1.5", "many"] {
            let expected = format!("expected a number from 1 to 64, got \"{text}\"");
            assert_eq!(count(text, 1..=64_u32), Err(expected), "{text}");
        }
        for text in ["", "-0.1", "1.01", "NaN", "inf", "half"] {
            let expected = format!("expected a number from 0 to 1, got \"{text}\"");
            assert_eq!(number(text, 0.0..=1.0), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_switch_is_what_yaml_calls_a_boolean() {
        for (text, on) in [("true", true), ("True", true), ("FALSE", false), ("false", false)] {
            assert_eq!(switch(text), Ok(on), "{text}");
        }
        for text in ["yes", "on", "1", "", "tRUE"] {
            assert!(switch(text).unwrap_err().contains("expected true or false"), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_with_binary_units() {
        for (text, bytes) in [("16KiB", 16_384), ("4GiB", 4 << 30), ("512", 512), ("1B", 1)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "16KB", "1.5GiB", "-1", "99999999TiB"] {
            assert!(size(text).unwrap_err().contains("expected a size such as 16KiB"), "{text}");
        }
    }
}
