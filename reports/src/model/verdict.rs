//! The answer of a judge: which rule was held against which figure, and the outcome of the whole.
//! "Not judged" is an outcome of its own, never a pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Document;

/// A judgement of one or more runs (`perf-verdict/v1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// `perf-verdict/v1`.
    pub format: String,
    /// What was judged: a run's id, or `candidate against base`.
    pub subject: String,
    pub outcome: Outcome,
    pub rules: Vec<RuleVerdict>,
    /// Remarks for the reader: why it is inconclusive, what was noisy.
    pub notes: Vec<String>,
}

impl Document for Verdict {
    const FORMAT: &'static str = "perf-verdict/v1";
    const READABLE: &'static [&'static str] = &["perf-verdict/v1"];
}

/// From best to worst; the whole is as bad as its worst rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Pass,
    Inconclusive,
    Fail,
}

impl Outcome {
    /// The process exit code: 0 pass, 1 fail, 3 inconclusive.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive => 3,
        }
    }
}

/// One rule and the figure that was held against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleVerdict {
    /// `p95`, `error_rate`, ...
    pub id: String,
    /// The rule in words: `p95 < 5 s`.
    pub rule: String,
    pub outcome: Outcome,
    /// The measured figure in `unit`; `None` when it could not be measured.
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// `seconds`, `bytes`, `ratio`, `requests_per_second`, `percent`, ...
    pub unit: String,
    /// How many measurements the figure rests on.
    pub samples: u64,
    /// Confidence interval of the figure, where one was made.
    pub interval: Option<[f64; 2]>,
    /// The p-value after adjustment, where a test was made.
    pub p_value: Option<f64>,
    /// Why it is not a pass, in words; empty for a pass.
    pub reason: String,
}

impl Verdict {
    /// A verdict as bad as its worst rule; without any rule it is inconclusive.
    pub fn new(subject: impl Into<String>, rules: Vec<RuleVerdict>, notes: Vec<String>) -> Self {
        let outcome = rules.iter().map(|rule| rule.outcome).max().unwrap_or(Outcome::Inconclusive);
        Self { format: Self::FORMAT.into(), subject: subject.into(), outcome, rules, notes }
    }
}
