//! What goes wrong during a scenario, and when: faults of the simulator, and tokens that end.
//! It only reads and scales; `stack` makes it happen.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Table;

use super::file::TIME;
use super::parse_duration;

/// A fault of the simulator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// As `mock-slurmrestd faults` lists it.
    pub(crate) kind: String,
    /// After the warm-up.
    pub(crate) at: Duration,
    /// `None` for ever.
    pub(crate) length: Option<Duration>,
    /// The keys of the kind; the simulator checks them.
    pub(crate) settings: Map<String, Value>,
}

/// All tokens end, and the exporter gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenChange {
    pub(crate) action: TokenAction,
    /// After the warm-up.
    pub(crate) at: Duration,
    /// How long nobody notices.
    pub(crate) noticed_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenAction {
    /// Their time is over.
    Expire,
    /// The key is another one.
    Rotate,
}

impl TokenAction {
    /// The word of the simulator's control port.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Rotate => "rotate",
        }
    }
}

/// A moment at which all tokens end, and the exporter gets a new one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    action: TokenAction,
    /// After the warm-up.
    #[schemars(regex(pattern = TIME))]
    at: String,
    /// How long the exporter's file keeps the old one.
    #[serde(default)]
    #[schemars(regex(pattern = TIME))]
    noticed_after: Option<String>,
}

impl TokenEntry {
    pub(super) fn read(self) -> Result<TokenChange, String> {
        let noticed_after = self.noticed_after.as_deref().map(parse_duration).transpose()?;
        Ok(TokenChange {
            action: self.action,
            at: parse_duration(&self.at)?,
            noticed_after: noticed_after.unwrap_or_default(),
        })
    }
}

impl Fault {
    /// # Errors
    /// In words, for a table without a kind or with a time that is none.
    pub(super) fn read(mut table: Table) -> Result<Self, String> {
        let mut text = |key: &str| match table.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{key}: {other} is not a text")),
        };
        let kind = text("kind")?.ok_or("kind: expected the name of a fault: see mock-slurmrestd faults")?;
        let at = text("at")?.as_deref().map(parse_duration).transpose()?.unwrap_or_default();
        let length = text("for")?.as_deref().map(parse_duration).transpose()?;
        let settings = table
            .into_iter()
            .map(|(key, value)| match serde_json::to_value(&value) {
                Ok(json) if !json.is_object() && !json.is_array() => Ok((key, json)),
                _ => Err(format!("{key}: {value} is neither a number nor a text")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { kind, at, length, settings })
    }

    /// As the control port takes it; `warmup` goes before.
    pub(crate) fn order(&self, warmup: Duration) -> Value {
        let mut order = self.settings.clone();
        order.insert("kind".into(), self.kind.clone().into());
        order.insert("at".into(), format!("{}s", (warmup + self.at).as_secs()).into());
        if let Some(length) = self.length {
            order.insert("for".into(), format!("{}s", length.as_secs()).into());
        }
        order.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_keeps_its_keys_and_counts_from_the_end_of_the_warm_up() {
        let table = "kind = \"latency\"\nat = \"1m\"\nfor = \"30s\"\nms = 800\nshape = \"lognormal\"";
        let fault = Fault::read(table.parse().unwrap()).unwrap();
        let expected = serde_json::json!(
            {"kind": "latency", "at": "75s", "for": "30s", "ms": 800, "shape": "lognormal"}
        );
        assert_eq!(fault.order(Duration::from_secs(15)), expected);
    }

    #[test]
    fn what_is_no_fault_is_refused_by_its_key() {
        for (table, expected) in [
            ("at = \"1m\"", "kind: expected the name of a fault"),
            ("kind = \"reset\"\nat = 5", "at: 5 is not a text"),
            ("kind = \"reset\"\nfor = \"soon\"", "\"soon\" is not a duration"),
            ("kind = \"reset\"\nms = [1]", "ms: [1] is neither a number nor a text"),
        ] {
            let problem = Fault::read(table.parse().unwrap()).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
