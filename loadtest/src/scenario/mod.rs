//! A scenario: how many users ask for what, how often and for how long. Read from TOML, validated once.
//! It starts nothing and knows no clock; `plan` turns it into users over time.
//!
//! Adding a scenario: one TOML file in `scenarios/` and one line in `BUILT_IN`.

mod file;
mod plan;
mod profile;
mod timetable;

use std::path::Path;
use std::time::Duration;

pub(crate) use self::file::{ConfigError, schema};
pub(crate) use self::plan::{ArrivalPlan, Load, LoadPlan, Shard, Step, UserPlan};
pub(crate) use self::profile::Walk;
#[cfg(test)]
pub(crate) use self::profile::{RateProfile, Segment};
pub(crate) use self::timetable::{Fault, TokenChange};

/// Every file of `scenarios/`, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("quick", include_str!("../../scenarios/quick.toml")),
    ("baseline", include_str!("../../scenarios/baseline.toml")),
    ("stress", include_str!("../../scenarios/stress.toml")),
    ("spike", include_str!("../../scenarios/spike.toml")),
    ("endurance", include_str!("../../scenarios/endurance.toml")),
    ("capacity", include_str!("../../scenarios/capacity.toml")),
    ("prometheus-ha", include_str!("../../scenarios/prometheus-ha.toml")),
    ("thundering-herd", include_str!("../../scenarios/thundering-herd.toml")),
    ("slow-upstream", include_str!("../../scenarios/slow-upstream.toml")),
    ("outage", include_str!("../../scenarios/outage.toml")),
    ("token-rotation", include_str!("../../scenarios/token-rotation.toml")),
    ("rolling-upgrade", include_str!("../../scenarios/rolling-upgrade.toml")),
];

/// The simulator's sizes of cluster.
pub(crate) const PRESETS: [&str; 4] = ["tiny", "small", "medium", "large"];

/// A validated scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The simulator's preset: the size of the cluster behind the exporter.
    pub(crate) preset: String,
    pub(crate) executor: Executor,
    /// Users at the highest point of a closed loop; 0 in an open one.
    pub(crate) vus: u32,
    /// Requests per second: of one user in a closed loop, of all at the highest point in an open one.
    pub(crate) rate: f64,
    /// Time in which the first users start, or the rate goes up from 0; part of the warm-up.
    pub(crate) ramp: Duration,
    /// Whole seconds at the start that are recorded but not judged.
    pub(crate) warmup: Duration,
    /// Whole seconds that are judged.
    pub(crate) duration: Duration,
    /// The request mix; at least one.
    pub(crate) requests: Vec<RequestSpec>,
    /// Changes of the number of users, or of the rate, within `duration`; empty for a steady load.
    pub(crate) stages: Vec<Stage>,
    /// How often the exporter polls; `None` as by its defaults.
    pub(crate) poll: Option<Duration>,
    /// What goes wrong, and when.
    pub(crate) faults: Vec<Fault>,
    pub(crate) tokens: Vec<TokenChange>,
    /// For a search of the capacity: rate, warm-up and duration are those of its steps.
    pub(crate) search: Option<Search>,
}

/// What bounds a search for the capacity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// Requests per second beyond which nothing is tried.
    pub(crate) highest_rate: f64,
    /// Share of the rate within which the knee is to be found.
    pub(crate) precision: f64,
    /// The most users of the closed loop that follows.
    pub(crate) vus: u32,
}

/// One kind of request of the mix.
#[derive(Clone, Debug)]
pub(crate) struct RequestSpec {
    /// The name in the record and in the interval log: letters, digits and `_`.
    pub(crate) name: String,
    /// Path on the target; `None` asks for the target's metrics page.
    pub(crate) path: Option<String>,
    pub(crate) encoding: Encoding,
    /// Share of the mix, relative to the other weights.
    pub(crate) weight: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Gzip,
    Identity,
}

/// How requests come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Executor {
    /// Users that wait for their answers.
    Closed,
    /// Arrivals at a rate, whatever became of those before. Without a cap, one that fits the rate is chosen.
    Open { arrivals: Arrivals, max_in_flight: Option<u32> },
}

/// How the arrivals of an open loop follow each other.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arrivals {
    /// Evenly.
    #[default]
    Constant,
    /// Independently of each other.
    Poisson,
    /// Evenly, but all of five seconds at their beginning: scrapers in step.
    Herd,
}

/// How a stage gets to its level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// At its beginning.
    #[default]
    Jump,
    /// Evenly over its whole length.
    Ramp,
}

/// A part of the run with its own level of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// Share of all users, or of the rate, 0 to 1.
    pub(crate) level: f64,
    pub(crate) change: Change,
    /// Share of the duration, 0 to 1.
    pub(crate) time: f64,
}

impl Scenario {
    /// The scenario of that name; the error names all known ones.
    pub(crate) fn built_in(name: &str) -> Result<Self, ConfigError> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            ConfigError::UnknownScenario { name: name.into(), known: known.join(", ") }
        })?;
        file::parse(&format!("scenarios/{name}.toml"), text)
    }

    /// The scenario in a file; the error names the file, the line and the key.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { file: name.clone(), source })?;
        file::parse(&name, &text)
    }

    /// The same load in at most `longest`: every time is shortened alike, no rate is.
    pub(crate) fn within(self, longest: Duration) -> Self {
        let total = (self.warmup + self.duration).as_secs_f64();
        let share = (longest.as_secs_f64() / total).min(1.0);
        // What takes time at all takes a second at least: users and faults are planned by the second.
        let shorten = |time: Duration| match time {
            Duration::ZERO => Duration::ZERO,
            time => Duration::from_secs(((time.as_secs_f64() * share).round() as u64).max(1)),
        };
        let faults = self.faults.into_iter().map(|fault| Fault {
            at: shorten(fault.at),
            length: fault.length.map(shorten),
            ..fault
        });
        let tokens = self.tokens.into_iter().map(|change| TokenChange {
            at: shorten(change.at),
            noticed_after: shorten(change.noticed_after),
            ..change
        });
        Self {
            warmup: shorten(self.warmup),
            ramp: shorten(self.ramp),
            duration: shorten(self.duration),
            poll: self.poll.map(shorten),
            faults: faults.collect(),
            tokens: tokens.collect(),
            ..self
        }
    }

    /// The kinds of faults that are planned, each once.
    pub(crate) fn fault_kinds(&self) -> Vec<String> {
        let kinds: std::collections::BTreeSet<&str> =
            self.faults.iter().map(|fault| fault.kind.as_str()).collect();
        kinds.into_iter().map(Into::into).collect()
    }

    /// Whether something goes wrong that only our own simulator can do.
    pub(crate) fn needs_simulator(&self) -> bool {
        self.poll.is_some() || !self.faults.is_empty() || !self.tokens.is_empty()
    }

    /// The same load by arrivals instead of users.
    pub(crate) fn open(self, arrivals: Arrivals, max_in_flight: Option<u32>) -> Self {
        let rate = match self.executor {
            Executor::Closed => self.rate * f64::from(self.vus),
            Executor::Open { .. } => self.rate,
        };
        Self { executor: Executor::Open { arrivals, max_in_flight }, vus: 0, rate, ..self }
    }

    /// The same load by so many users instead of arrivals; without effect on a closed loop, but for their number.
    pub(crate) fn closed(self, vus: u32) -> Self {
        let rate = match self.executor {
            Executor::Closed => self.rate,
            Executor::Open { .. } => self.rate / f64::from(vus),
        };
        Self { executor: Executor::Closed, vus, rate, ..self }
    }

    /// All built-in scenarios, in the order of `BUILT_IN`.
    pub(crate) fn all() -> Result<Vec<Self>, ConfigError> {
        BUILT_IN.iter().map(|(name, _)| Self::built_in(name)).collect()
    }
}

/// Reads `90s`, `10m`, `1h30m` or plain seconds; whole seconds only, since users are planned by the second.
///
/// # Errors
/// In words, when it is something else.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("\"{text}\" is not a duration, expected whole seconds such as 20s, 10m or 1h30m");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut rest = text;
    let mut seconds: u64 = 0;
    for (unit, size) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((digits, after)) = rest.split_once(unit) {
            let number: u32 = digits.parse().map_err(|_| refuse())?;
            seconds += u64::from(number) * size;
            rest = after;
        }
    }
    if text.is_empty() || !rest.is_empty() {
        return Err(refuse());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_file_in_scenarios_is_registered_once_under_its_own_name() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let registered: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(registered.len(), files.len());
        assert_eq!(registered.iter().cloned().collect::<BTreeSet<_>>(), files);
        for name in registered {
            assert_eq!(Scenario::built_in(&name).unwrap().name, name);
        }
    }

    #[test]
    fn the_built_in_scenarios_have_their_documented_size() {
        let expected = [
            ("quick", 10, 20),
            ("baseline", 10, 600),
            ("stress", 100, 900),
            ("spike", 200, 300),
            ("endurance", 50, 3600),
        ];
        for (name, vus, seconds) in expected {
            let scenario = Scenario::built_in(name).unwrap();
            assert_eq!((scenario.vus, scenario.duration.as_secs()), (vus, seconds), "{name}");
        }
    }

    #[test]
    fn an_unknown_scenario_is_answered_with_the_known_ones() {
        let message = Scenario::built_in("basline").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown scenario \"basline\", expected one of quick, baseline, stress, spike, endurance, capacity, \
             prometheus-ha, thundering-herd, slow-upstream, outage, token-rotation, rolling-upgrade"
        );
    }

    #[test]
    fn a_short_profile_keeps_rates_and_the_order_of_events() {
        let minute = Duration::from_secs(60);
        for full in Scenario::all().unwrap() {
            let (rate, name) = (full.rate, full.name.clone());
            let short = full.clone().within(minute);
            assert!(short.warmup + short.duration <= minute + Duration::from_secs(1), "{name}");
            assert_eq!(short.rate, rate, "{name}");
            assert!(short.faults.is_sorted_by_key(|fault| fault.at), "{name}");
            // In the end the exporter must have time to be well again.
            let ends = short.faults.iter().filter_map(|fault| Some(fault.at + fault.length?));
            let ends = ends.chain(short.tokens.iter().map(|change| change.at + change.noticed_after));
            let is_in_time = |end| end + Duration::from_secs(10) <= short.duration;
            assert!(ends.max().is_none_or(is_in_time), "{name}");
        }
        let outage = Scenario::built_in("outage").unwrap().within(minute);
        assert_eq!([outage.warmup, outage.duration].map(|time| time.as_secs()), [3, 57]);
        assert_eq!(outage.faults[0].length, Some(Duration::from_secs(11)));
    }

    #[test]
    fn durations_are_whole_seconds() {
        for (text, seconds) in [("20", 20), ("20s", 20), ("10m", 600), ("1h30m", 5400), ("1m5s", 65)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "1.5s", "10 m", "5s1m", "-1s", "99999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
