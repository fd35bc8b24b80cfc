//! Faults by the clock: a YAML or JSON file that says which begins when, for how long, and whom it strikes.
//! Not here: the flag's short form of a fault (mod.rs), or looking at the clock (force.rs).

use super::{Fault, FaultKind, Planned};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Everything that is wrong with a schedule, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadSchedule(Vec<String>);

/// What `at` and `for` take.
const DURATION: &str = "a duration such as 500ms, 30s, 5m, 2h or 1d";

/// One fault of the file: its keys and values as they are written, with their places.
#[derive(Debug)]
struct Entry(Vec<(Spanned<String>, Spanned<String>)>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault as keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Entry(pairs))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// Reads a schedule: a list of faults, each with `kind`, and `at`, `for` and the keys of the kind as wanted.
///
/// # Errors
/// Every mistake with its file, line and key, and what was expected.
pub fn read_schedule(path: &Path) -> Result<Vec<Planned>, BadSchedule> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| BadSchedule(vec![format!("{}: {error}", path.display())]))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Planned>, BadSchedule> {
    let place =
        |location: Location, trouble: String| format!("{}:{}: {trouble}", path.display(), location.line());
    let options = serde_saphyr::options! { with_snippet: false };
    let entries: Vec<Spanned<Entry>> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            let trouble = format!("{message}; expected a list of faults, each with kind, at and for");
            BadSchedule(vec![match error.location() {
                Some(location) => place(location, trouble),
                None => format!("{}: {trouble}", path.display()),
            }])
        })?;
    let (mut planned, mut wrong) = (Vec::new(), Vec::new());
    for entry in entries {
        let pairs: Vec<_> =
            entry.value.0.iter().map(|(key, value)| (key.value.as_str(), value.value.as_str())).collect();
        match plan(&pairs) {
            Ok(fault) => planned.push(fault),
            Err(Trouble { at, message }) => {
                // The place of the key that is to blame; of the whole fault where none alone is.
                let location = at.map_or(entry.referenced, |at| entry.value.0[at].0.referenced);
                wrong.push(place(location, message));
            }
        }
    }
    if wrong.is_empty() { Ok(planned) } else { Err(BadSchedule(wrong)) }
}

/// What is wrong with a fault, and at which of its keys.
#[derive(Debug)]
struct Trouble {
    at: Option<usize>,
    message: String,
}

impl Planned {
    /// A fault from the keys and values of a schedule; `at` counts from zero.
    pub(in crate::http) fn read(pairs: &[(&str, &str)]) -> Result<Self, String> {
        plan(pairs).map_err(|trouble| trouble.message)
    }
}

fn plan(pairs: &[(&str, &str)]) -> Result<Planned, Trouble> {
    let value = |name: &str| pairs.iter().position(|(key, _)| *key == name).map(|at| (at, pairs[at].1));
    let time = |name: &str| {
        value(name).map(|(at, text)| {
            let message = || format!("{name}: {text:?}: expected {DURATION}");
            duration(text).ok_or_else(|| Trouble { at: Some(at), message: message() })
        })
    };
    let (at, kind) = value("kind").ok_or_else(|| Trouble {
        at: None,
        message: "kind is missing: which fault, such as kind: latency".to_owned(),
    })?;
    let from = time("at").transpose()?.unwrap_or_default();
    let until = time("for").transpose()?.map(|how_long| from + how_long);
    let mut fault =
        FaultKind::named(kind).map(Fault::always).map_err(|message| Trouble { at: Some(at), message })?;
    for (at, (key, value)) in pairs.iter().enumerate() {
        match *key {
            "kind" | "at" | "for" => {}
            _ => fault.set(key, value).map_err(|message| Trouble {
                at: Some(at),
                message: message.replace("one of ms", "one of kind, at, for, ms"),
            })?,
        }
    }
    fault.check().map_err(|message| Trouble { at: None, message })?;
    Ok(Planned { fault, from, until })
}

/// A whole number and its unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Endpoint;

    fn read(text: &str) -> Result<Vec<Planned>, String> {
        parse(Path::new("trouble.yaml"), text).map_err(|error| error.to_string())
    }

    const YAML: &str = "# An outage.\n- {kind: slurmctld-down, at: 1m, for: 30s}\n\
                        - kind: latency\n  at: 90s\n  ms: 800\n  endpoint: jobs\n  probability: 0.5\n";

    #[test]
    fn a_schedule_is_read_from_yaml_and_from_json() {
        let planned = read(YAML).unwrap();
        let second = Duration::from_secs;
        assert_eq!(planned[0].fault.kind, FaultKind::ControllerDown);
        assert_eq!((planned[0].from, planned[0].until), (second(60), Some(second(90))));
        assert_eq!((planned[1].from, planned[1].until), (second(90), None));
        assert_eq!((planned[1].fault.endpoint, planned[1].fault.probability), (Some(Endpoint::Jobs), 0.5));
        let json = r#"[
            {"kind": "slurmctld-down", "at": "1m", "for": "30s"},
            {"kind": "latency", "at": "90s", "ms": 800, "endpoint": "jobs", "probability": 0.5}]"#;
        assert_eq!(read(json), Ok(planned));
        assert_eq!(read("[]"), Ok(Vec::new()));
    }

    #[test]
    fn mistakes_are_told_all_at_once_with_line_key_and_what_was_expected() {
        let text = "- at: 1m\n- kind: latancy\n- kind: drip\n  at: soon\n- kind: drip\n  bytes: 3\n  speed: 9\n\
                    - kind: latency\n  shape: square\n- {kind: jitter}\n";
        let told = read(text).unwrap_err();
        let lines: Vec<_> = told.lines().collect();
        for (line, expected) in lines.iter().zip([
            "trouble.yaml:1: kind is missing: which fault, such as kind: latency",
            "trouble.yaml:2: unknown kind \"latancy\", expected one of latency, jitter, ",
            "trouble.yaml:4: at: \"soon\": expected a duration such as 500ms, 30s, 5m, 2h or 1d",
            "trouble.yaml:7: unknown key \"speed\", expected one of kind, at, for, ms, endpoint, probability, times, bytes",
            "trouble.yaml:9: shape=square: expected one of fixed, lognormal, bimodal",
            "trouble.yaml:10: jitter needs ms, as in jitter:ms=500",
        ]) {
            assert!(line.starts_with(expected), "{line}");
        }
        assert_eq!(lines.len(), 6, "{told}");
    }

    #[test]
    fn what_is_no_list_of_faults_is_told_with_its_line() {
        for text in [
            "kind: latency\n",
            "- latency\n",
            "- {kind: latency\n",
            "- kind: a\n  kind: b\n",
            "- kind: [a]\n",
        ] {
            let told = read(text).unwrap_err();
            assert!(
                told.starts_with("trouble.yaml:") && told.contains("expected a list of faults"),
                "{told}"
            );
        }
    }
}
