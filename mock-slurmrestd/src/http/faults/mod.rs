//! Trouble on demand: one fault, which requests it strikes, and how it is written down.
//! Not here: when faults are in force (force.rs), or what they do (answer.rs, body.rs, rewrite.rs, payload.rs).
//!
//! A new fault is a row of the table in kind.rs, its effect, and a case of the test that looks at the wire.

mod answer;
mod body;
mod force;
mod kind;
mod payload;
mod rewrite;
mod schedule;

pub use force::Planned;
pub use kind::{FaultKind, fault_list};
pub use schedule::{BadSchedule, read_schedule};

pub(super) use body::Sent;
pub(super) use force::{Faults, Strike};

use crate::wire::{ApiVersion, Endpoint};
use kind::Takes;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// One kind of trouble and the requests that it strikes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    /// Delay before the effect; for `latency` and `jitter` it is the effect.
    pub delay: Duration,
    /// Only this endpoint; every one if `None`.
    pub endpoint: Option<Endpoint>,
    /// Strikes a matching request with this probability, 0 to 1.
    pub probability: f64,
    /// Strikes at most so many times.
    pub times: Option<u64>,
    /// The keys that only this kind has, checked, with their defaults.
    settings: Vec<(&'static str, Setting)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Setting {
    Whole(i64),
    Number(f64),
    Text(String),
    Versions(RangeInclusive<ApiVersion>),
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("fault {fault:?}: {trouble}")]
pub struct BadFault {
    fault: String,
    trouble: String,
}

/// The keys that every fault takes.
const COMMON_KEYS: &str = "ms, endpoint, probability, times";

impl Fault {
    /// A fault that strikes every request, with every key at its default.
    pub fn always(kind: FaultKind) -> Self {
        let defaults = kind.keys().iter().filter_map(|key| {
            let setting = setting(key.takes, key.default?).ok()?;
            Some((key.name, setting))
        });
        Self {
            kind,
            delay: Duration::from_millis(kind.delay_ms()),
            endpoint: None,
            probability: 1.0,
            times: None,
            settings: defaults.collect(),
        }
    }

    /// The same with this delay.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same for this endpoint alone.
    pub fn at(self, endpoint: Endpoint) -> Self {
        Self { endpoint: Some(endpoint), ..self }
    }

    /// Sets a key, from the text that a person typed.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let whole = || value.parse().map_err(|_| format!("{key}={value}: expected a whole number"));
        match key {
            "ms" => self.delay = Duration::from_millis(whole()?),
            "endpoint" => {
                self.endpoint = Some(value.parse().map_err(|error| format!("{key}={value}: {error}"))?);
            }
            "probability" => match value.parse::<f64>() {
                Ok(probability) if (0.0..=1.0).contains(&probability) => self.probability = probability,
                _ => return Err(format!("{key}={value}: expected a number from 0 to 1")),
            },
            "times" => self.times = Some(whole()?),
            _ => {
                let Some(known) = self.kind.keys().iter().find(|known| known.name == key) else {
                    let own = self.kind.keys().iter().map(|key| format!(", {}", key.name));
                    let own = own.collect::<String>();
                    return Err(format!("unknown key {key:?}, expected one of {COMMON_KEYS}{own}"));
                };
                let setting = setting(known.takes, value)
                    .map_err(|()| format!("{key}={value}: expected {}", known.takes))?;
                self.settings.retain(|(name, _)| *name != known.name);
                self.settings.push((known.name, setting));
            }
        }
        Ok(())
    }

    /// What only all keys together tell.
    fn check(&self) -> Result<(), String> {
        let word = self.kind.word();
        if self.kind.only_delays() && self.delay.is_zero() {
            return Err(format!("{word} needs ms, as in {word}:ms=500"));
        }
        if self.kind == FaultKind::Upgrade && self.versions().is_none() {
            return Err(format!("{word} needs serve, as in {word}:serve=v0.0.43..v0.0.45"));
        }
        match self.endpoint {
            Some(endpoint) if !self.strikes(endpoint) => {
                let felt = Endpoint::ALL.into_iter().filter(|endpoint| self.kind.strikes(*endpoint));
                let felt = felt.map(Endpoint::path).collect::<Vec<_>>().join(", ");
                Err(format!("endpoint={endpoint}: {word} is felt only at {felt}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is felt at this endpoint, and meant to be.
    fn strikes(&self, endpoint: Endpoint) -> bool {
        let felt = self.kind.strikes(endpoint) || self.text("field").is_some();
        felt && self.endpoint.is_none_or(|only| only == endpoint)
    }

    /// From a kind and its keys, in any order.
    fn of<'a>(kind: &str, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut fault = Self::always(FaultKind::named(kind)?);
        for (key, value) in settings {
            fault.set(key, value)?;
        }
        fault.check()?;
        Ok(fault)
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, setting)| setting)
    }

    fn whole(&self, name: &str) -> i64 {
        match self.setting(name) {
            Some(Setting::Whole(number)) => *number,
            _ => 0,
        }
    }

    /// A whole number that its key keeps from being negative.
    fn count(&self, name: &str) -> u64 {
        self.whole(name).unsigned_abs()
    }

    fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.count(name))
    }

    fn number(&self, name: &str) -> f64 {
        match self.setting(name) {
            Some(Setting::Number(number)) => *number,
            _ => 0.0,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.setting(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The field of a row that is changed.
    fn field(&self, endpoint: Endpoint) -> Option<&str> {
        self.text("field").or_else(|| self.kind.usual_field(endpoint))
    }

    fn versions(&self) -> Option<&RangeInclusive<ApiVersion>> {
        match self.setting("serve") {
            Some(Setting::Versions(versions)) => Some(versions),
            _ => None,
        }
    }
}

/// The error is told by the caller, who knows the key.
fn setting(takes: Takes, text: &str) -> Result<Setting, ()> {
    match takes {
        Takes::Whole(least, most) => match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => {
                i64::try_from(number).map(Setting::Whole).map_err(drop)
            }
            _ => Err(()),
        },
        Takes::Signed => text.parse().map(Setting::Whole).map_err(drop),
        Takes::Number(least, most) => match text.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Setting::Number(number)),
            _ => Err(()),
        },
        Takes::Word(words) if words.contains(&text) => Ok(Setting::Text(text.to_owned())),
        // It goes into a header, or between quotes.
        Takes::Text(_)
            if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') =>
        {
            Ok(Setting::Text(text.to_owned()))
        }
        Takes::Word(_) | Takes::Text(_) => Err(()),
        Takes::Versions => window(text).map(Setting::Versions).ok_or(()),
    }
}

/// One version, or the first and the last.
fn window(text: &str) -> Option<RangeInclusive<ApiVersion>> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// `KIND[:key=value,...]`
impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |trouble: String| BadFault { fault: text.to_owned(), trouble };
        let (kind, settings) = text.split_once(':').unwrap_or((text, ""));
        let pairs = settings.split(',').filter(|setting| !setting.is_empty()).map(|setting| {
            setting.split_once('=').ok_or_else(|| bad(format!("{setting:?}: expected key=value")))
        });
        Self::of(kind, pairs.collect::<Result<Vec<_>, _>>()?.into_iter()).map_err(bad)
    }
}

/// As it would be typed, with every key.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:ms={},probability={}", self.kind.word(), self.delay.as_millis(), self.probability)?;
        if let Some(endpoint) = self.endpoint {
            write!(f, ",endpoint={endpoint}")?;
        }
        if let Some(times) = self.times {
            write!(f, ",times={times}")?;
        }
        for (name, setting) in &self.settings {
            match setting {
                Setting::Whole(number) => write!(f, ",{name}={number}")?,
                Setting::Number(number) => write!(f, ",{name}={number}")?,
                Setting::Text(text) => write!(f, ",{name}={text}")?,
                Setting::Versions(versions) => write!(f, ",{name}={}..{}", versions.start(), versions.end())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_from_its_words() {
        let fault: Fault = "latency:ms=500,endpoint=jobs/state,probability=0.5,times=3".parse().unwrap();
        let expected = Fault {
            delay: Duration::from_millis(500),
            endpoint: Some(Endpoint::JobsState),
            probability: 0.5,
            times: Some(3),
            ..Fault::always(FaultKind::Latency)
        };
        assert_eq!(fault, expected);
        assert_eq!("reset".parse(), Ok(Fault::always(FaultKind::Reset)));
        assert_eq!("reset:".parse(), Ok(Fault::always(FaultKind::Reset)));
    }

    #[test]
    fn what_is_wrong_with_a_fault_is_told_with_what_was_expected() {
        for (text, told) in [
            ("", "unknown kind \"\", expected one of latency, jitter"),
            ("latency", "latency needs ms, as in latency:ms=500"),
            ("reset:when=now", "unknown key \"when\", expected one of ms, endpoint, probability, times"),
            ("drip:when=now", "probability, times, bytes, every_ms"),
            ("reset:probability=2", "probability=2: expected a number from 0 to 1"),
            ("reset:ms", "\"ms\": expected key=value"),
            ("drip:bytes=0", "bytes=0: expected a whole number from 1 to 1073741824"),
            ("latency:ms=1,shape=square", "shape=square: expected one of fixed, lognormal, bimodal"),
            ("502:endpoint=jbos", "endpoint=jbos: unknown endpoint \"jbos\""),
            ("fail-over:endpoint=jobs", "endpoint=jobs: fail-over is felt only at ping"),
            ("upgrade", "upgrade needs serve, as in upgrade:serve=v0.0.43..v0.0.45"),
            ("upgrade:serve=v0.0.45..v0.0.43", "expected API versions, such as v0.0.43..v0.0.45"),
            ("content-type:type=a\"b", "expected a media type"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("fault {text:?}: ")) && error.contains(told), "{error}");
        }
    }

    #[test]
    fn every_kind_is_written_as_it_is_read() {
        for kind in FaultKind::ALL {
            let mut fault = Fault { delay: Duration::from_millis(7), ..Fault::always(kind) };
            if kind == FaultKind::Upgrade {
                fault.set("serve", "v0.0.43..v0.0.45").unwrap();
            }
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
    }
}
