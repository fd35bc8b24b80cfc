//! What a comparison asks for: levels, numbers of runs and floors, from `thresholds.toml` and a file over it.
//! It holds no statistics.

use std::collections::BTreeMap;
use std::path::Path;

use reports::settings::{self, SettingsError};
use serde::Deserialize;

/// The name of the error rate among the metrics; its floor is in points, not relative.
pub const ERROR_RATE: &str = "error_rate";

const BUILT_IN: &str = include_str!("../thresholds.toml");

/// Validated thresholds.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    pub decision: Decision,
    default_floor: f64,
    metrics: BTreeMap<String, Floor>,
}

/// What holds for every metric.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Level of the Holm-adjusted p-value.
    pub alpha: f64,
    /// Two-sided, in percent.
    pub confidence_percent: f64,
    /// Runs a side.
    pub min_runs: usize,
    pub critical_percent: f64,
    pub resamples: u32,
    pub seed: u64,
    pub ignored_parameters: Vec<String>,
}

/// The floor of one metric: a worsening up to it is no regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// In percent of the base, or in percentage points for the error rate.
    pub percent: f64,
    /// Requests that every run must have for the metric to be judged.
    pub min_requests: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    decision: Decision,
    default: DefaultFloor,
    metrics: BTreeMap<String, FloorEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultFloor {
    floor_percent: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorEntry {
    floor_percent: Option<f64>,
    floor_points: Option<f64>,
    min_requests: Option<u64>,
}

impl Thresholds {
    /// The thresholds that this build ships.
    pub fn built_in() -> Self {
        Self::parse("", "built-in thresholds").expect("the embedded file is tested")
    }

    /// The built-in thresholds with those of `path` over them.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has an unknown key, or a value out of range.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::parse(&settings::read(path)?, &path.display().to_string())
    }

    /// `text` over the built-in thresholds; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Thresholds::load`], but for reading.
    pub fn parse(text: &str, origin: &str) -> Result<Self, SettingsError> {
        Self::validate(settings::over(BUILT_IN, text, origin)?)
            .map_err(|message| SettingsError::Value { origin: origin.to_owned(), message })
    }

    fn validate(document: Document) -> Result<Self, String> {
        let Document { decision, default, metrics } = document;
        within("decision.alpha", decision.alpha, 1e-6, 0.5)?;
        within("decision.confidence_percent", decision.confidence_percent, 50.0, 99.9)?;
        within("decision.critical_percent", decision.critical_percent, 0.0, 1000.0)?;
        within("decision.min_runs", decision.min_runs as f64, 2.0, 100.0)?;
        within("decision.resamples", f64::from(decision.resamples), 100.0, 1e6)?;
        within("default.floor_percent", default.floor_percent, 0.0, 1000.0)?;
        let mut floors = BTreeMap::new();
        for (name, entry) in metrics {
            let (key, value, other) = if name == ERROR_RATE {
                ("floor_points", entry.floor_points, entry.floor_percent)
            } else {
                ("floor_percent", entry.floor_percent, entry.floor_points)
            };
            if other.is_some() {
                return Err(format!("metrics.{name}: expected {key}, the only kind of floor that it has"));
            }
            let percent = value.unwrap_or(default.floor_percent);
            within(&format!("metrics.{name}.{key}"), percent, 0.0, 1000.0)?;
            floors.insert(name, Floor { percent, min_requests: entry.min_requests.unwrap_or(0) });
        }
        Ok(Self { decision, default_floor: default.floor_percent, metrics: floors })
    }

    /// The floor of the metric `name`.
    pub fn floor(&self, name: &str) -> Floor {
        let default = Floor { percent: self.default_floor, min_requests: 0 };
        self.metrics.get(name).copied().unwrap_or(default)
    }

    /// Names that have their own entry.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().map(String::as_str)
    }
}

fn within(key: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(format!("{key} is {value}, expected {low} to {high}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_floors_are_those_of_the_design() {
        let thresholds = Thresholds::built_in();
        for (name, percent) in [
            ("latency_p50", 5.0),
            ("latency_p95", 10.0),
            ("latency_p99", 15.0),
            ("cpu_seconds_per_request", 5.0),
            ("peak_rss", 5.0),
            ("error_rate", 0.1),
            ("anything_else", 5.0),
        ] {
            assert_eq!(thresholds.floor(name).percent, percent, "{name}");
        }
        assert_eq!(thresholds.floor("latency_p99").min_requests, 10_000);
        assert_eq!(thresholds.decision.min_runs, 10);
        assert_eq!(thresholds.decision.alpha, 0.01);
    }

    #[test]
    fn a_file_changes_only_what_it_names() {
        let text = "[decision]\nmin_runs = 20\n[metrics.\"decode/jobs\"]\nfloor_percent = 3\n";
        let thresholds = Thresholds::parse(text, "mine.toml").unwrap();
        assert_eq!(thresholds.decision.min_runs, 20);
        assert_eq!(thresholds.decision.alpha, 0.01);
        assert_eq!(thresholds.floor("decode/jobs").percent, 3.0);
        assert_eq!(thresholds.floor("latency_p95").percent, 10.0);
    }

    #[test]
    fn wrong_files_are_named_with_what_was_expected() {
        for (text, expected) in [
            ("[decision]\nalpha = = 1\n", "mine.toml: line 2"),
            ("[decision]\nalhpa = 0.01\n", "unknown field `alhpa`"),
            ("[decision]\nalpha = 0\n", "decision.alpha is 0"),
            ("[decision]\nmin_runs = 1\n", "decision.min_runs is 1, expected 2 to 100"),
            ("[decision]\nseed = \"x\"\n", "expected u64"),
            ("[metrics]\nerror_rate = { floor_percent = 5 }\n", "metrics.error_rate: expected floor_points"),
            ("[metrics]\npeak_rss = { floor_percent = -5 }\n", "metrics.peak_rss.floor_percent is -5"),
        ] {
            let message = Thresholds::parse(text, "mine.toml").unwrap_err().to_string();
            assert!(message.starts_with("mine.toml: ") && message.contains(expected), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
