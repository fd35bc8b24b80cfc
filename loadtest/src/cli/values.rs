//! The values of flags: what is no such value is refused with what was expected.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use crate::cgroup::FEWEST_CPUS;
use crate::scenario::{Shard, parse_duration};

/// The metrics page of an address: `/metrics` unless it has a path of its own.
pub(super) fn metrics_url(text: &str) -> Result<Url, String> {
    let mut url = http_url(text)?;
    if url.path() == "/" {
        url.set_path("/metrics");
    }
    Ok(url)
}

pub(super) fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}, expected http://host:port"))?;
    if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() {
        Ok(url)
    } else {
        Err("expected http://host:port".into())
    }
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number above 0".into()),
    }
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((index, of)) if index < of => Ok(Shard { index, of }),
        _ => Err("expected I/N such as 0/4, I below N".into()),
    }
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let refuse = |_| "expected a moment such as 2026-01-31T12:00:00Z, or seconds since 1970".to_owned();
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(refuse),
        Err(_) => text.parse().map_err(refuse),
    }
}

pub(super) fn cpus(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(cpus) if cpus.is_finite() && cpus >= FEWEST_CPUS => Ok(cpus),
        _ => Err(format!("expected a number of CPUs from {FEWEST_CPUS} on")),
    }
}

pub(super) fn nonzero_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("expected at least 1s".into()),
        duration => Ok(duration),
    }
}
