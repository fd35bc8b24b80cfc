//! From a rule file (TOML, `[[rule]]` tables) to rules, with every problem of the file listed at once.
//! After it a rule can be judged; nothing is checked again later.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Metric, Operator, Rule, SizeClass, Sla, fewest_samples};
use crate::model::histogram::HIGHEST_MICROS;
use crate::near::expected_one_of;
use crate::quantity::Unit;

pub(super) const KEYS: [&str; 12] = [
    "id",
    "metric",
    "quantile",
    "operator",
    "value",
    "unit",
    "window",
    "abort",
    "min_samples",
    "request",
    "scenarios",
    "size_class",
];
const DEFAULT_WINDOW_SECONDS: u32 = 10;

/// All that is wrong with a rule file.
#[derive(Debug, thiserror::Error)]
pub struct SlaError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for SlaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

/// One problem of a rule file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File name as the caller gave it.
    pub origin: String,
    /// From 1.
    pub line: usize,
    /// The rule's id, or its number from 1 when it has none.
    pub rule: Option<String>,
    pub key: Option<String>,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: line {}", self.origin, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, ": rule {rule}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Sla {
    /// Reads a rule file.
    ///
    /// # Errors
    /// When it is not TOML, holds no rule, an unknown key, metric, operator or unit, or a rule that could
    /// never be judged or would always have the same outcome. Every problem is listed.
    pub fn parse(text: &str, origin: &str) -> Result<Self, SlaError> {
        let mut problems = Problems { text, origin, list: Vec::new() };
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                problems.add(at, None, None, error.message());
                return Err(SlaError { problems: problems.list });
            }
        };
        let mut rules = Vec::new();
        for (key, value) in document.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("rule", DeValue::Array(list)) => {
                    for (index, item) in list.iter().enumerate() {
                        read_rule(index, item, &mut problems, &mut rules);
                    }
                }
                (name, _) => {
                    problems.add(key.span().start, None, Some(name), "unknown key, expected [[rule]] tables");
                }
            }
        }
        if rules.is_empty() && problems.list.is_empty() {
            problems.add(0, None, None, "no [[rule]] table: without a rule nothing can be judged");
        }
        if problems.list.is_empty() {
            Ok(Self { origin: origin.into(), rules })
        } else {
            problems.list.sort_by_key(|problem| problem.line);
            Err(SlaError { problems: problems.list })
        }
    }
}

struct Problems<'a> {
    text: &'a str,
    origin: &'a str,
    list: Vec<Problem>,
}

impl Problems<'_> {
    fn add(&mut self, at: usize, rule: Option<&str>, key: Option<&str>, message: impl Into<String>) {
        let before = self.text.get(..at).unwrap_or(self.text);
        self.list.push(Problem {
            origin: self.origin.into(),
            line: 1 + before.matches('\n').count(),
            rule: rule.map(Into::into),
            key: key.map(Into::into),
            message: message.into(),
        });
    }
}

/// One `[[rule]]` table while it is read.
struct Table<'a, 'p, 't> {
    name: String,
    start: usize,
    table: &'a DeTable<'a>,
    problems: &'p mut Problems<'t>,
}

impl<'a> Table<'a, '_, '_> {
    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Notes a problem at the key, or at the table when the key is missing.
    fn problem(&mut self, key: &str, message: impl Into<String>) {
        let at = self.get(key).map_or(self.start, |value| value.span().start);
        self.problems.add(at, Some(&self.name), Some(key), message);
    }

    fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none_or(str::is_empty) {
            self.problem(key, format!("expected a text, found {}", value.get_ref().type_str()));
        }
        text.filter(|text| !text.is_empty())
    }

    fn required_text(&mut self, key: &str) -> Option<&'a str> {
        if self.get(key).is_none() {
            self.problem(key, "is missing");
        }
        self.text(key)
    }

    fn number(&mut self, key: &str) -> Option<f64> {
        let number = number(self.get(key)?.get_ref());
        if number.is_none() {
            self.problem(key, "expected a number");
        }
        number
    }

    fn one_of<T: Copy>(&mut self, key: &str, text: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            self.problem(key, format!("\"{text}\" is unknown, {}", expected_one_of(&names, text)));
        }
        found
    }

    /// A text with its unit, or a number beside the key `unit`.
    fn limit(&mut self, unit: Unit) -> Option<f64> {
        let Some(value) = self.get("value") else {
            self.problem("value", "is missing");
            return None;
        };
        let suffix = self.text("unit");
        let read = match (value.get_ref(), suffix) {
            (DeValue::String(_), Some(_)) => Err("has its unit in the text: remove the key unit".into()),
            (DeValue::String(text), None) => unit.parse(text),
            (other, suffix) => number(other)
                .ok_or_else(|| "expected a number or a text such as \"5s\"".into())
                .and_then(|number| Ok(number * unit.factor(suffix.unwrap_or_default())?)),
        };
        read.map_err(|message: String| self.problem("value", message)).ok()
    }

    fn window(&mut self) -> Option<u32> {
        let text = self.text("window")?;
        match Unit::Seconds.parse(text) {
            Ok(seconds) if (1.0..=3600.0).contains(&seconds) && seconds.fract() == 0.0 => {
                return Some(seconds as u32);
            }
            Ok(_) => self.problem("window", "expected whole seconds from 1s to 3600s"),
            Err(message) => self.problem("window", message),
        }
        None
    }

    fn abort(&mut self) -> bool {
        let Some(value) = self.get("abort") else { return false };
        let abort = value.get_ref().as_bool();
        if abort.is_none() {
            self.problem("abort", format!("expected true or false, found {}", value.get_ref().type_str()));
        }
        abort.unwrap_or(false)
    }

    fn min_samples(&mut self) -> Option<u64> {
        match self.number("min_samples")? {
            number if number >= 1.0 && number.fract() == 0.0 => Some(number as u64),
            _ => {
                self.problem("min_samples", "expected a whole number from 1");
                None
            }
        }
    }

    fn scenarios(&mut self) -> Vec<String> {
        let Some(value) = self.get("scenarios") else { return Vec::new() };
        let names = value.get_ref().as_array().and_then(|list| {
            list.iter().map(|item| item.get_ref().as_str().map(Into::into)).collect::<Option<Vec<String>>>()
        });
        if names.as_ref().is_none_or(Vec::is_empty) {
            self.problem("scenarios", "expected a list of scenario names");
        }
        names.unwrap_or_default()
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let text = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        _ => return None,
    };
    text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
}

fn read_rule(index: usize, item: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>, rules: &mut Vec<Rule>) {
    let Some(table) = item.get_ref().as_table() else {
        problems.add(item.span().start, None, Some("rule"), "expected [[rule]] tables");
        return;
    };
    let before = problems.list.len();
    let mut table =
        Table { name: format!("number {}", index + 1), start: item.span().start, table, problems };
    let id = table.required_text("id");
    if let Some(id) = id {
        table.name = format!("\"{id}\"");
        if rules.iter().any(|rule| rule.id == id) {
            table.problem("id", "is used by an earlier rule");
        }
    }
    for key in table.table.keys() {
        if !KEYS.contains(&key.get_ref().as_ref()) {
            let at = key.span().start;
            let message = format!("unknown key, {}", expected_one_of(&KEYS, key.get_ref()));
            table.problems.add(at, Some(&table.name), Some(key.get_ref()), message);
        }
    }
    let metric = table.required_text("metric").and_then(|name| table.one_of("metric", name, &Metric::ALL));
    let operator =
        table.required_text("operator").and_then(|name| table.one_of("operator", name, &Operator::ALL));
    let limit = metric.and_then(|metric| table.limit(metric.unit()));
    let quantile = table.number("quantile");
    let window_seconds = table.window();
    let abort = table.abort();
    let min_samples = table.min_samples();
    let request = table.text("request").map(Into::into);
    let scenarios = table.scenarios();
    let size_class =
        table.text("size_class").and_then(|name| table.one_of("size_class", name, &SizeClass::ALL));
    let (Some(id), Some(metric), Some(operator), Some(limit)) = (id, metric, operator, limit) else { return };
    let rule = Rule {
        id: id.into(),
        metric,
        quantile,
        operator,
        limit,
        window_seconds: window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS),
        abort,
        min_samples: min_samples.unwrap_or_else(|| default_min_samples(metric, quantile, limit)),
        request,
        scenarios,
        size_class,
    };
    check_judgeable(&rule, &mut table);
    if table.problems.list.len() == before {
        rules.push(rule);
    }
}

fn default_min_samples(metric: Metric, quantile: Option<f64>, limit: f64) -> u64 {
    match (metric, quantile) {
        (Metric::Latency | Metric::CpuCores, Some(quantile)) if quantile > 0.0 && quantile < 1.0 => {
            fewest_samples(quantile)
        }
        // With fewer requests even no failure at all does not show a rate below the limit.
        (Metric::ErrorRate, _) if limit > 0.0 && limit < 1.0 => fewest_samples((1.0 - limit).max(0.5)),
        (Metric::Availability, _) => 3,
        (Metric::Throughput, _) => 10,
        _ => 1,
    }
}

/// Notes what makes a rule impossible to judge, or its outcome the same for every run.
fn check_judgeable(rule: &Rule, table: &mut Table<'_, '_, '_>) {
    match (rule.metric, rule.quantile) {
        (Metric::Latency, None) if table.get("quantile").is_none() => {
            table.problem("quantile", "is missing: a latency rule needs one, such as 0.95");
        }
        (Metric::Latency | Metric::CpuCores, Some(quantile)) if quantile <= 0.0 || quantile >= 1.0 => {
            table.problem("quantile", format!("is {quantile}, expected more than 0 and less than 1"));
        }
        (Metric::Latency | Metric::CpuCores, Some(quantile))
            if rule.min_samples < fewest_samples(quantile) =>
        {
            let fewest = fewest_samples(quantile);
            table.problem(
                "min_samples",
                format!(
                    "is {}, but {} cannot be told from fewer than {fewest} samples",
                    rule.min_samples,
                    super::percentile_name(quantile)
                ),
            );
        }
        (Metric::Latency | Metric::CpuCores, _) => {}
        (metric, Some(_)) => table.problem("quantile", format!("{} has no quantile", metric.name())),
        (_, None) => {}
    }
    if rule.abort && !rule.metric.is_per_request() {
        table.problem("abort", format!("a run does not end by {}", rule.metric.name()));
    } else if rule.abort && rule.metric == Metric::Throughput && rule.min_samples > rule.window_seconds.into()
    {
        let (window, needed) = (rule.window_seconds, rule.min_samples);
        table.problem("window", format!("is {window} s, but the rule needs {needed} measured seconds"));
    } else if table.get("window").is_some() && rule.metric != Metric::Availability && !rule.abort {
        table.problem("window", "is for availability, or beside abort");
    }
    if rule.request.is_some() && !rule.metric.is_per_request() {
        table.problem("request", format!("{} is known for the whole run only", rule.metric.name()));
    }
    let (lowest, highest) = match rule.metric {
        Metric::ErrorRate | Metric::Availability => (0.0, 1.0),
        Metric::Latency => (0.0, HIGHEST_MICROS as f64 / 1e6),
        _ => (0.0, f64::INFINITY),
    };
    let same = match rule.operator {
        Operator::Below => rule.limit <= lowest || rule.limit > highest,
        Operator::AtLeast => rule.limit <= lowest || rule.limit > highest,
        Operator::AtMost => rule.limit < lowest || rule.limit >= highest,
        Operator::Above => rule.limit < lowest || rule.limit >= highest,
    };
    if same {
        table.problem("value", format!("the rule \"{}\" has the same outcome for every run", rule.text()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(text: &str) -> Vec<String> {
        let error = Sla::parse(text, "sla.toml").expect_err(text);
        error.problems.iter().map(ToString::to_string).collect()
    }

    /// One rule without problems, with `lines` replaced or added.
    fn rule(lines: &str) -> String {
        format!("[[rule]]\nid = \"p95\"\n{lines}\n")
    }

    #[test]
    fn a_full_rule_is_read_in_base_units() {
        let text = rule(
            "metric = \"latency\"\nquantile = 0.95\noperator = \"<\"\nvalue = \"250ms\"\nmin_samples = 500\n\
             request = \"metrics\"\nscenarios = [\"baseline\"]\nsize_class = \"small\"",
        );
        let sla = Sla::parse(&text, "sla.toml").unwrap();
        let rule = &sla.rules[0];
        assert_eq!((rule.limit, rule.min_samples, rule.quantile), (0.25, 500, Some(0.95)));
        assert_eq!(rule.text(), "p95 of metrics < 250 ms");
        assert_eq!((rule.size_class, rule.scenarios.len()), (Some(SizeClass::Small), 1));
    }

    #[test]
    fn a_number_takes_its_unit_from_the_key() {
        let text = rule("metric = \"peak_rss\"\noperator = \"<=\"\nvalue = 512\nunit = \"MiB\"");
        assert_eq!(Sla::parse(&text, "sla.toml").unwrap().rules[0].limit, 536_870_912.0);
    }

    #[test]
    fn all_problems_are_listed_with_line_and_key() {
        let found = problems_of(
            "colour = 1\n[[rule]]\nid = \"a\"\nmetric = \"latnecy\"\noperator = \"=\"\nvalue = \"5s\"\nquantil = 0.9\n\
             [[rule]]\nmetric = \"error_rate\"\noperator = \"<\"\n",
        );
        for expected in [
            "sla.toml: line 1: colour: unknown key",
            "sla.toml: line 4: rule \"a\": metric: \"latnecy\" is unknown, did you mean latency? expected one of latency, error_rate",
            "sla.toml: line 5: rule \"a\": operator: \"=\" is unknown, expected one of <, <=, >, >=",
            "sla.toml: line 7: rule \"a\": quantil: unknown key, did you mean quantile? expected one of id, metric, quantile",
            "sla.toml: line 8: rule number 2: id: is missing",
            "sla.toml: line 8: rule number 2: value: is missing",
        ] {
            assert!(found.iter().any(|line| line.starts_with(expected)), "{expected} in {found:#?}");
        }
        assert_eq!(found.len(), 6, "{found:#?}");
    }

    #[test]
    fn a_rule_that_can_never_be_judged_is_an_error() {
        let latency = "metric = \"latency\"\noperator = \"<\"\n";
        for (lines, expected) in [
            (format!("{latency}value = \"5s\""), "line 1: rule \"p95\": quantile: is missing"),
            (format!("{latency}value = \"5s\"\nquantile = 1.0"), "line 6: rule \"p95\": quantile: is 1,"),
            (format!("{latency}value = \"5s\"\nquantile = 0"), "quantile: is 0,"),
            (format!("{latency}value = \"5s\"\nquantile = \"high\""), "quantile: expected a number"),
            (
                format!("{latency}value = \"5s\"\nquantile = 0.999\nmin_samples = 3687"),
                "min_samples: is 3687, but p99.9 cannot be told from fewer than 3688 samples",
            ),
            (format!("{latency}value = \"5s\"\nquantile = 0.9\nmin_samples = 0"), "whole number from 1"),
            (format!("{latency}value = \"0s\"\nquantile = 0.9"), "the same outcome"),
            (format!("{latency}value = \"121s\"\nquantile = 0.9"), "the same outcome"),
            (format!("{latency}value = 5\nquantile = 0.9"), "value: no unit, expected one of \"s\""),
            (format!("{latency}value = \"5MiB\"\nquantile = 0.9"), "value: unknown unit \"MiB\""),
            (format!("{latency}value = \"5s\"\nunit = \"s\"\nquantile = 0.9"), "remove the key unit"),
            (format!("{latency}value = [5]\nquantile = 0.9"), "value: expected a number or a text"),
            (
                format!("{latency}value = \"5s\"\nquantile = 0.9\nwindow = \"10s\""),
                "window: is for availability, or beside abort",
            ),
            (format!("{latency}value = \"5s\"\nquantile = 0.9\nabort = 1"), "abort: expected true or false"),
            (
                "metric = \"peak_rss\"\noperator = \"<\"\nvalue = \"1GiB\"\nabort = true".into(),
                "abort: a run does not end by peak_rss",
            ),
            (
                "metric = \"throughput\"\noperator = \">\"\nvalue = \"9rps\"\nabort = true\nwindow = \"5s\""
                    .into(),
                "window: is 5 s, but the rule needs 10 measured seconds",
            ),
            (format!("{latency}value = \"5s\"\nquantile = 0.9\nscenarios = []"), "list of scenario names"),
            (
                format!("{latency}value = \"5s\"\nquantile = 0.9\nsize_class = \"huge\""),
                "small, medium, large",
            ),
            (
                "metric = \"availability\"\noperator = \">\"\nvalue = \"100%\"".into(),
                "value: the rule \"availability in 10 s slices > 100 %\" has the same outcome",
            ),
            (
                "metric = \"availability\"\noperator = \">\"\nvalue = \"99%\"\nwindow = \"500ms\"".into(),
                "window: expected whole seconds",
            ),
            (
                "metric = \"availability\"\noperator = \">\"\nvalue = \"99%\"\nrequest = \"metrics\"".into(),
                "request: availability is known for the whole run only",
            ),
            (
                "metric = \"error_rate\"\noperator = \"<\"\nvalue = \"1%\"\nquantile = 0.5".into(),
                "quantile: error_rate has no quantile",
            ),
            ("metric = \"content_errors\"\noperator = \"<\"\nvalue = 0".into(), "the same outcome"),
        ] {
            let found = problems_of(&rule(&lines));
            assert_eq!(found.len(), 1, "{lines}\n{found:#?}");
            assert!(found[0].contains(expected), "{expected} in {found:#?}");
        }
    }

    #[test]
    fn broken_toml_no_rule_and_a_double_id_are_errors() {
        assert!(problems_of("[[rule]\n")[0].starts_with("sla.toml: line 1: "));
        assert!(problems_of("")[0].contains("no [[rule]] table"));
        assert!(problems_of("rule = 5")[0].contains("expected [[rule]] tables"));
        let twice = rule("metric = \"content_errors\"\noperator = \"<=\"\nvalue = 0").repeat(2);
        assert!(problems_of(&twice)[0].contains("line 7: rule \"p95\": id: is used by an earlier rule"));
    }

    #[test]
    fn the_samples_that_a_rule_needs_follow_from_its_quantile_or_limit() {
        for (lines, expected) in [
            ("metric = \"latency\"\nquantile = 0.99\noperator = \"<\"\nvalue = \"5s\"", 368),
            ("metric = \"error_rate\"\noperator = \"<\"\nvalue = \"1%\"", 368),
            ("metric = \"error_rate\"\noperator = \"<\"\nvalue = \"99.9%\"", 6),
            ("metric = \"availability\"\noperator = \">\"\nvalue = \"99.9%\"", 3),
            ("metric = \"throughput\"\noperator = \">\"\nvalue = \"45rps\"", 10),
            ("metric = \"cpu_cores\"\noperator = \"<\"\nvalue = 0.5", 1),
        ] {
            assert_eq!(Sla::parse(&rule(lines), "x").unwrap().rules[0].min_samples, expected, "{lines}");
        }
    }
}
