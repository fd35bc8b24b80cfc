//! Every number of `/diag` by Slurm's own name, whatever the version. What the numbers mean stands in `diag`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::error::ValueError;
use super::stream::read_value;
use crate::model::diag::{RPCS_BY_TYPE, RPCS_BY_USER, Said};

/// The lists of RPCs, with what names an entry.
const RPCS: [(&str, &str); 2] = [(RPCS_BY_TYPE, "message_type"), (RPCS_BY_USER, "user")];

/// Reads the statistics once more; they are some 10 kB, once per poll.
pub(super) fn read(bytes: &[u8]) -> Result<Said, ValueError> {
    let (statistics, _) = read_value::<Map<String, Value>>(bytes)?;
    let mut numbers = Vec::new();
    collect(&statistics, "", &mut numbers);
    let rpcs = RPCS.into_iter().flat_map(|(list, key)| {
        let entries = statistics.get(list).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(move |entry| {
            let amounts = [number(entry.get("count")?)?, number(entry.get("total_time")?)?];
            Some((list, entry.get(key)?.as_str()?.into(), amounts))
        })
    });
    Ok(Said::new(numbers, rpcs.collect()))
}

fn collect(object: &Map<String, Value>, prefix: &str, numbers: &mut Vec<(Box<str>, u64)>) {
    for (name, value) in object {
        let path = if prefix.is_empty() { Cow::from(name) } else { Cow::from(format!("{prefix}.{name}")) };
        if let Some(value) = number(value) {
            numbers.push((path.as_ref().into(), value));
        } else if let Value::Object(inner) = value
            && !inner.contains_key("set")
        {
            collect(inner, &path, numbers);
        }
    }
}

/// A number, plain or as `{set, infinite, number}`, or a switch as 0 and 1.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Bool(on) => Some(u64::from(*on)),
        Value::Object(object) if object.get("set") == Some(&Value::Bool(true)) => {
            object.get("number")?.as_u64()
        }
        plain => plain.as_u64(),
    }
}
