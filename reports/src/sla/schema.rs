//! The JSON Schema of a rule file, for editors: which keys there are and what each may hold.
//! `parse` says more, such as which units go with a metric; a test keeps the keys of both the same.

use schemars::JsonSchema;

use super::{Metric, Operator, SizeClass};

/// Rules that a run is judged by.
#[derive(JsonSchema)]
#[schemars(title = "SLA", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(crate) struct RuleFile {
    #[schemars(length(min = 1))]
    rule: Vec<RuleTable>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is of use")]
struct RuleTable {
    /// Its name, unique in the file.
    id: String,
    #[schemars(extend("enum" = Metric::ALL.map(|(name, _)| name)))]
    metric: String,
    /// Needed for latency; without it, cpu_cores is the mean.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    quantile: Option<f64>,
    #[schemars(extend("enum" = Operator::ALL.map(|(symbol, _)| symbol)))]
    operator: String,
    /// `"5s"`, `"512MiB"`, `"1%"`, `"45rps"`, or a number in the unit beside it, else in the metric's own.
    value: Value,
    /// Of a value that is a number.
    unit: Option<String>,
    /// Length of a slice of availability; beside abort, of the part of the run that is looked at.
    window: Option<String>,
    /// The run ends at once, as failed, when one window of it breaks the rule for certain.
    abort: Option<bool>,
    /// With fewer measurements nothing passes; without it, what the quantile or the limit needs.
    #[schemars(range(min = 1))]
    min_samples: Option<u64>,
    /// Only requests of this name.
    request: Option<String>,
    /// Only runs of these scenarios.
    #[schemars(length(min = 1))]
    scenarios: Option<Vec<String>>,
    /// Only clusters of this size.
    #[schemars(extend("enum" = SizeClass::ALL.map(|(name, _)| name)))]
    size_class: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
enum Value {
    Number(f64),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::super::parse::KEYS;
    use super::*;

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schemars::schema_for!(RuleFile);
        let keys = schema.as_value().pointer("/$defs/RuleTable/properties").and_then(|keys| keys.as_object());
        let mut keys: Vec<&str> = keys.unwrap().keys().map(String::as_str).collect();
        let mut read = KEYS;
        keys.sort_unstable();
        read.sort_unstable();
        assert_eq!(keys, read);
    }
}
