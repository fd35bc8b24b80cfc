//! Service level rules: what they are, where they come from, and their judgement as a pure function of a run.
//! It reads no file and prints nothing: the caller brings the text and shows the outcome.

mod binomial;
mod built_in;
mod judge;
mod parse;
mod schema;

pub use built_in::DEFAULT;
pub use judge::availability;
pub use parse::{Problem, SlaError};
pub(crate) use schema::RuleFile;

use crate::quantity::{self, Unit};

/// Rules that a run is held against, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Sla {
    /// File name or `built-in`.
    pub origin: String,
    pub rules: Vec<Rule>,
}

/// One rule: `value of metric` `operator` `limit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Unique in its file, such as `p95`.
    pub id: String,
    pub metric: Metric,
    /// 0 to 1, exclusive; always there for latency, optional for CPU.
    pub quantile: Option<f64>,
    pub operator: Operator,
    /// In the metric's base unit (`Metric::unit`).
    pub limit: f64,
    /// In whole seconds: the length of a slice of availability, or of the part that `abort` looks at.
    pub window_seconds: u32,
    /// Whether the run ends as failed when one window of it breaks the rule.
    pub abort: bool,
    /// With fewer measurements than this nothing passes, and only what is already certain fails. What is counted
    /// depends on the metric (`Metric::counts`).
    pub min_samples: u64,
    /// Only requests of this name.
    pub request: Option<String>,
    /// Only runs of these scenarios; empty for all.
    pub scenarios: Vec<String>,
    /// Only clusters of this size.
    pub size_class: Option<SizeClass>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A quantile of the latencies of all requests, failed ones too.
    Latency,
    /// Failed / all requests.
    ErrorRate,
    /// Slices of time in which at most 1 % of the requests failed / all slices.
    Availability,
    /// Successful requests per second; a refused connection is no throughput.
    Throughput,
    /// Largest resident set of the subject.
    PeakRss,
    /// CPUs that the subject used: the mean, or a quantile of the samples.
    CpuCores,
    /// Answers with a wrong body: errors of the kinds `content` and `content_*`.
    ContentErrors,
}

impl Metric {
    /// All metrics with their names in a rule file.
    pub const ALL: [(&'static str, Self); 7] = [
        ("latency", Self::Latency),
        ("error_rate", Self::ErrorRate),
        ("availability", Self::Availability),
        ("throughput", Self::Throughput),
        ("peak_rss", Self::PeakRss),
        ("cpu_cores", Self::CpuCores),
        ("content_errors", Self::ContentErrors),
    ];

    /// The name in a rule file.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, metric)| *metric == self).map_or("", |(name, _)| name)
    }

    /// The unit of its limits and values.
    pub fn unit(self) -> Unit {
        match self {
            Self::Latency => Unit::Seconds,
            Self::ErrorRate | Self::Availability => Unit::Ratio,
            Self::Throughput => Unit::RequestsPerSecond,
            Self::PeakRss => Unit::Bytes,
            Self::CpuCores => Unit::Cores,
            Self::ContentErrors => Unit::Count,
        }
    }

    /// What `min_samples` counts.
    pub fn counts(self) -> &'static str {
        match self {
            Self::Latency | Self::ErrorRate | Self::ContentErrors => "requests",
            Self::Availability => "slices",
            Self::Throughput => "measured seconds",
            Self::PeakRss | Self::CpuCores => "resource samples",
        }
    }

    /// Whether it is known for each request name, not only for the run.
    fn is_per_request(self) -> bool {
        matches!(self, Self::Latency | Self::ErrorRate | Self::Throughput | Self::ContentErrors)
    }
}

/// How value and limit are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Operator {
    const ALL: [(&'static str, Self); 4] =
        [("<", Self::Below), ("<=", Self::AtMost), (">", Self::Above), (">=", Self::AtLeast)];

    /// `<`, `<=`, `>` or `>=`.
    pub fn symbol(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(symbol, _)| symbol)
    }

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
        }
    }
}

/// Size of the cluster behind the exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeClass {
    /// Below 1,000 nodes.
    Small,
    /// 1,000 to 5,000 nodes.
    Medium,
    /// Above 5,000 nodes.
    Large,
}

impl SizeClass {
    pub const ALL: [(&'static str, Self); 3] =
        [("small", Self::Small), ("medium", Self::Medium), ("large", Self::Large)];

    pub fn of_nodes(nodes: u64) -> Self {
        match nodes {
            0..1000 => Self::Small,
            1000..=5000 => Self::Medium,
            _ => Self::Large,
        }
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, class)| *class == self).map_or("", |(name, _)| name)
    }
}

impl Sla {
    /// The rules that concern a run of `scenario` against a cluster of `nodes` nodes.
    /// With unknown `nodes` the rules of the size classes do not apply; equal rules are kept once.
    pub fn select(&self, scenario: &str, nodes: Option<u64>) -> Self {
        let class = nodes.map(SizeClass::of_nodes);
        let rules = self.rules.iter().filter(|rule| {
            rule.concerns(scenario) && (rule.size_class.is_none() || rule.size_class == class)
        });
        // What was chosen holds for the run whatever its record says about scenario and size.
        let chosen = rules.map(|rule| Rule { scenarios: Vec::new(), size_class: None, ..rule.clone() });
        let mut rules: Vec<Rule> = Vec::new();
        for rule in chosen {
            // A size class may ask for just what is asked for anyway; once is enough.
            if !rules.iter().any(|earlier| *earlier == Rule { id: earlier.id.clone(), ..rule.clone() }) {
                rules.push(rule);
            }
        }
        Self { origin: self.origin.clone(), rules }
    }
}

impl Rule {
    /// Whether it is about runs of this scenario.
    pub fn concerns(&self, scenario: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario)
    }

    /// The rule in words: `p95 < 5 s`.
    pub fn text(&self) -> String {
        let subject = match (self.metric, self.quantile) {
            (Metric::Latency, Some(quantile)) => percentile_name(quantile),
            (metric, Some(quantile)) => {
                format!("{} of {}", percentile_name(quantile), metric.name().replace('_', " "))
            }
            (Metric::Availability, None) => format!("availability in {} s slices", self.window_seconds),
            (Metric::PeakRss, None) => "peak RSS".into(),
            (Metric::CpuCores, None) => "mean CPU".into(),
            (metric, None) => metric.name().replace('_', " "),
        };
        let of = self.request.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let limit = quantity::display(self.limit, self.metric.unit().name());
        format!("{subject}{of} {} {limit}", self.operator.symbol())
    }
}

/// `0.95` gives `p95`, `0.999` gives `p99.9`.
pub fn percentile_name(quantile: f64) -> String {
    let percent = format!("{:.4}", quantile * 100.0);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// The smallest sample whose largest value lies above the quantile with 97.5 % confidence,
/// n >= ln(0.025) / ln(quantile): below it the 95 % order-statistics interval (David and Nagaraja,
/// Order Statistics, section 7.1) has no upper end. 72 for p95, 368 for p99, 3,688 for p99.9.
pub fn fewest_samples(quantile: f64) -> u64 {
    let quantile = quantile.max(1.0 - quantile);
    (0.025_f64.ln() / quantile.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_meet_at_1000_and_5000_nodes() {
        for (nodes, class) in [
            (0, SizeClass::Small),
            (999, SizeClass::Small),
            (1000, SizeClass::Medium),
            (5000, SizeClass::Medium),
            (5001, SizeClass::Large),
        ] {
            assert_eq!(SizeClass::of_nodes(nodes), class, "{nodes}");
        }
    }

    #[test]
    fn the_fewest_samples_grow_with_the_quantile() {
        assert_eq!([0.5, 0.95, 0.99, 0.999].map(fewest_samples), [6, 72, 368, 3688]);
    }

    #[test]
    fn percentiles_are_named_without_trailing_zeros() {
        assert_eq!([0.5, 0.95, 0.999, 0.9999].map(percentile_name), ["p50", "p95", "p99.9", "p99.99"]);
    }
}
