//! One controller of `/ping`: `ping` in v0.0.38, `pinged` in v0.0.40 to v0.0.44, `responding` from v0.0.42.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use crate::model::{Controller, Controllers};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    hostname: Option<Text<'a>>,
    #[serde(borrow, alias = "ping")]
    pinged: Option<Text<'a>>,
    responding: Option<bool>,
    #[serde(borrow)]
    mode: Option<Text<'a>>,
    primary: Option<bool>,
    /// Microseconds.
    #[serde(default)]
    latency: Number,
}

/// Reads one controller into the table.
pub(super) fn read(bytes: &[u8], table: &mut Controllers) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let up = match (wire.responding, wire.pinged) {
        (Some(responding), _) => responding,
        (None, Some(word)) => word.0 == "UP",
        (None, None) => return Err(ValueError::Missing("responding")),
    };
    let role = match (wire.mode, wire.primary) {
        (Some(mode), _) => mode.0.into_owned(),
        (None, Some(false)) => "backup".to_owned(),
        (None, Some(true) | None) => "primary".to_owned(),
    };
    let hostname = wire.hostname.ok_or(ValueError::Missing("hostname"))?.0.into_owned();
    if table.rows.iter().any(|known| known.hostname == hostname) {
        return Err(ValueError::Repeated { field: "hostname", value: hostname });
    }
    table.rows.push(Controller { hostname, role, up, latency_micros: wire.latency.get() });
    Ok(len)
}
