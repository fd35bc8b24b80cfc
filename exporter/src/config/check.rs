//! Combinations of keys that cannot work, or that deserve a warning.
//! What one key alone may hold is checked where it is read.

use std::collections::BTreeSet;
use std::time::Duration;

use super::load::Origins;
use super::{Config, ConfigError, Interval, TokenSource};
use crate::model::Endpoint;

/// Adds every impossible combination to `errors`, and what is only odd to the configuration's warnings.
/// A default that another key leaves no room for is fitted to it.
pub(super) fn check(config: &mut Config, origins: &Origins, errors: &mut Vec<ConfigError>) {
    let told: BTreeSet<String> = errors.iter().map(|error| error.key.clone()).collect();
    let mut refuse = |key: &str, message: String| {
        // A key that is wrong in itself holds its default here, which nobody chose.
        if !told.contains(key) {
            errors.push(ConfigError::new(origins.get(key).cloned(), key, message));
        }
    };
    if let Some(total) = config.slurm.request_timeout
        && !origins.contains_key("slurm.connect_timeout")
    {
        config.slurm.connect_timeout = config.slurm.connect_timeout.min(total);
    }
    let slurm = &config.slurm;
    let has_token = slurm.auth.token != TokenSource::None;
    // A token that was given but is wrong has its own error already.
    let token_was_meant = has_token || origins.contains_key("slurm.auth.token_file");
    if !origins.contains_key("slurm.url") {
        let ways = "give --slurm.url URL, SLURM_EXPORTER_SLURM_URL or slurm.url in the configuration file";
        refuse("slurm.url", format!("is not set; {ways}, such as http://127.0.0.1:6820"));
    } else if has_token && slurm.url.scheme() == "http" && !slurm.is_loopback() && !slurm.allow_insecure_token
    {
        let host = slurm.url.host_str().unwrap_or_default();
        let message = format!(
            "the token would go to {host} over plain http; use https, or set slurm.allow_insecure_token: true"
        );
        refuse("slurm.url", message);
    } else if !token_was_meant && !slurm.is_loopback() {
        let host = slurm.url.host_str().unwrap_or_default();
        let message = format!("{host} wants a token; set slurm.auth.token_file or the variable SLURM_JWT");
        refuse("slurm.url", message);
    }
    if let Some(total) = slurm.request_timeout.filter(|total| slurm.connect_timeout > *total) {
        let connect = slurm.connect_timeout;
        let message =
            format!("{connect:?} is longer than a whole request may take (slurm.request_timeout {total:?})");
        refuse("slurm.connect_timeout", message);
    }
    if let Some(stale_after) = config.collection.stale_after {
        stale_before_polled(config, stale_after, &mut refuse);
    }
    let collectors = &config.collectors;
    if !["controller", "nodes", "partitions", "jobs", "scheduler"]
        .iter()
        .any(|name| collectors.is_enabled(name))
    {
        refuse("collectors", "every collector is switched off; nothing would be exported".to_owned());
    }
    if !token_was_meant && slurm.is_loopback() {
        let warning =
            "no token: slurm.auth.token_file and SLURM_JWT are not set; requests go out without one";
        config.warnings.push(warning.to_owned());
    }
}

fn stale_before_polled(config: &Config, stale_after: Duration, refuse: &mut impl FnMut(&str, String)) {
    for endpoint in Endpoint::ALL {
        let Interval { every, grows } = config.collection.intervals.of(endpoint);
        // Where it grows, stale_after grows with it.
        if stale_after <= every && !grows {
            let message = format!(
                "{stale_after:?} is not longer than the interval of {endpoint} ({every:?}): its readings would be \
                 withdrawn before the next one"
            );
            refuse("collection.stale_after", message);
        }
    }
}
