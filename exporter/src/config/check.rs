//! Combinations of keys that cannot work, or that deserve a warning.
//! What one key alone may hold is checked where it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::load::Origins;
use super::{Config, ConfigError, Intervals, Kind, Metrics, PREFIX, Slurm, TokenSource};
use crate::collectors::COLLECTORS;
use crate::model::Endpoint;
use crate::telemetry;

/// The keys that give a token, without their section.
pub(super) const TOKEN_KEYS: [&str; 2] = ["auth.token_file", "auth.token_command"];

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
    if config.clusters.is_empty() {
        cluster(&mut config.slurm, "slurm", origins, &mut refuse, &mut config.warnings);
    } else {
        clusters(config, origins, &mut refuse);
    }
    if let Some(stale_after) = config.collection.stale_after {
        stale_before_polled(config, stale_after, &mut refuse);
    }
    if ["collection.intervals.users", "collection.intervals.jobs"]
        .iter()
        .all(|key| origins.contains_key(*key))
    {
        let every = config.collection.intervals.of(Endpoint::Jobs).every;
        let what = "users are counted from jobs, so both are read as often as jobs";
        config.warnings.push(format!("collection.intervals.users: {what}, every {every:?}"));
    }
    levels(&config.metrics, &mut refuse, &mut config.warnings);
    let collectors = &config.collectors;
    if !COLLECTORS.iter().any(|collector| collectors.is_enabled(collector.name)) {
        refuse("collectors", "every collector is switched off; nothing would be exported".to_owned());
    }
    election(config, origins, &mut refuse);
}

/// Who leads is decided in one way.
fn election(config: &Config, origins: &Origins, refuse: &mut impl FnMut(&str, String)) {
    let ways = ["ha.lease", "ha.lock_file"].map(|key| (key, origins.contains_key(key)));
    if let [(_, true), (lock_file, true)] = ways {
        refuse(lock_file, "elects without a Lease, but ha.lease is set too; keep one of them".to_owned());
    } else if let Some((key, _)) = ways.iter().find(|(_, is_set)| *is_set && !config.ha.leader_election) {
        refuse(key, "has no effect without ha.leader_election: true".to_owned());
    }
    if cfg!(not(feature = "kubernetes")) && config.ha.leader_election && config.ha.lock_file.is_none() {
        let message = "needs ha.lock_file: this program was built without the feature kubernetes";
        refuse("ha.leader_election", message.to_owned());
    }
}

/// The lists of families: one stands in one of them, and names what there is.
fn levels(metrics: &Metrics, refuse: &mut impl FnMut(&str, String), warnings: &mut Vec<String>) {
    let ours = COLLECTORS.iter().flat_map(|collector| collector.families);
    let ours = ours.map(|family| family.name.replacen(PREFIX, &metrics.prefix, 1));
    let known: BTreeSet<String> =
        ours.chain(telemetry::FAMILIES.iter().map(|family| family.name.to_owned())).collect();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, names) in [
        ("metrics.levels.critical", &metrics.critical),
        ("metrics.levels.important", &metrics.important),
        ("metrics.levels.detailed", &metrics.detailed),
    ] {
        for name in names {
            if let Some(other) = seen.insert(name, key) {
                refuse(key, format!("{name} stands in {other} too; keep one of them"));
            }
        }
        let unknown: Vec<_> =
            names.iter().filter(|name| !known.contains(*name)).map(String::as_str).collect();
        if !unknown.is_empty() {
            warnings.push(format!("{key}: no family has the name {}", unknown.join(", ")));
        }
    }
}

/// Every cluster in the list by itself, and what they may not share.
fn clusters(config: &mut Config, origins: &Origins, refuse: &mut impl FnMut(&str, String)) {
    for key in ["slurm.url", "slurm.name"] {
        if origins.contains_key(key) {
            refuse(
                key,
                "stands for one cluster, but clusters names several; each of those has its own".to_owned(),
            );
        }
    }
    let several = config.clusters.len() > 1;
    let mut names = BTreeSet::new();
    for (index, slurm) in config.clusters.iter_mut().enumerate() {
        let section = format!("clusters[{index}]");
        let key = format!("{section}.name");
        match &slurm.name {
            // Slurm's own names are known too late: two that are alike would write the same series.
            None if several && !origins.contains_key(&key) => {
                refuse(
                    &key,
                    "is needed where there are several clusters, to tell their series apart".to_owned(),
                );
            }
            Some(name) if !names.insert(name.clone()) => {
                refuse(&key, format!("\"{name}\" is another cluster's name; their series would be the same"));
            }
            _ => {}
        }
        cluster(slurm, &section, origins, refuse, &mut config.warnings);
    }
}

/// One cluster; `section` is where its keys stand.
fn cluster(
    slurm: &mut Slurm,
    section: &str,
    origins: &Origins,
    refuse: &mut impl FnMut(&str, String),
    warnings: &mut Vec<String>,
) {
    let key = |name: &str| format!("{section}.{name}");
    // What stands in `slurm` holds for every cluster in the list, but for its URL.
    let is_set =
        |name: &str| origins.contains_key(&key(name)) || origins.contains_key(&format!("slurm.{name}"));
    if let Some(total) = slurm.request_timeout
        && !is_set("connect_timeout")
    {
        slurm.connect_timeout = slurm.connect_timeout.min(total);
    }
    if slurm.auth.token != TokenSource::None && TOKEN_KEYS.iter().all(|name| is_set(name)) {
        let message = format!("is set beside {}; keep one of them", key("auth.token_file"));
        refuse(&key("auth.token_command"), message);
    }
    for (name, other) in [("tls.cert_file", "tls.key_file"), ("tls.key_file", "tls.cert_file")] {
        if is_set(name) && !is_set(other) {
            refuse(&key(name), format!("is of no use without {}", key(other)));
        }
    }
    match slurm.source {
        Kind::Rest => way_to_slurmrestd(slurm, section, origins, refuse, warnings),
        Kind::Command => {}
        Kind::Recorded if slurm.recording.is_some() => {}
        Kind::Recorded => {
            let directory = key("recorded.directory");
            refuse(&directory, "is not set; it is where the answers of source recorded are".to_owned());
        }
    }
    if slurm.source != Kind::Rest && is_set("url") {
        let kind = slurm.source.name();
        warnings.push(format!("{} has no effect with source {kind}, which connects to nothing", key("url")));
    }
    if let Some(total) = slurm.request_timeout.filter(|total| slurm.connect_timeout > *total) {
        let connect = slurm.connect_timeout;
        let message =
            format!("{connect:?} is longer than a whole request may take (slurm.request_timeout {total:?})");
        // Where it was set: in the list or in what its clusters share.
        let set_here = origins.contains_key(&key("connect_timeout"));
        let at = if set_here { key("connect_timeout") } else { "slurm.connect_timeout".to_owned() };
        refuse(&at, message);
    }
}

/// Where slurmrestd is, and whether it may be sent a token.
fn way_to_slurmrestd(
    slurm: &Slurm,
    section: &str,
    origins: &Origins,
    refuse: &mut impl FnMut(&str, String),
    warnings: &mut Vec<String>,
) {
    let key = |name: &str| format!("{section}.{name}");
    let is_set =
        |name: &str| origins.contains_key(&key(name)) || origins.contains_key(&format!("slurm.{name}"));
    let has_token = slurm.auth.token != TokenSource::None;
    // A token that was given but is wrong has its own error already.
    let token_was_meant = has_token || TOKEN_KEYS.iter().any(|name| is_set(name));
    if !origins.contains_key(&key("url")) {
        let ways = match section {
            "slurm" => {
                "give --slurm.url URL, SLURM_EXPORTER_SLURM_URL or slurm.url in the configuration file"
            }
            _ => "give each cluster its own",
        };
        refuse(&key("url"), format!("is not set; {ways}, such as http://127.0.0.1:6820"));
    } else if has_token && slurm.url.scheme() == "http" && !slurm.is_loopback() && !slurm.allow_insecure_token
    {
        let host = slurm.url.host_str().unwrap_or_default();
        let message = format!(
            "the token would go to {host} over plain http; use https, or set {}: true",
            key("allow_insecure_token")
        );
        refuse(&key("url"), message);
    } else if !token_was_meant && !slurm.is_loopback() {
        let host = slurm.url.host_str().unwrap_or_default();
        let variable = if section == "slurm" { " or the variable SLURM_JWT" } else { "" };
        refuse(&key("url"), format!("{host} wants a token; set {}{variable}", key("auth.token_file")));
    } else if !token_was_meant {
        let warning = match section {
            "slurm" => {
                "no token: slurm.auth.token_file and SLURM_JWT are not set; requests go out without one"
                    .to_owned()
            }
            _ => format!("no token: {} is not set; requests go out without one", key("auth.token_file")),
        };
        warnings.push(warning);
    }
}

fn stale_before_polled(config: &Config, stale_after: Duration, refuse: &mut impl FnMut(&str, String)) {
    for endpoint in Endpoint::ALL {
        let interval = config.collection.intervals.of(endpoint);
        let is_chosen = interval != Intervals::default().of(endpoint);
        // An interval that nobody chose is no contradiction: readings are kept for as long as it takes.
        if stale_after <= interval.every && is_chosen {
            let message = format!(
                "{stale_after:?} is not longer than the interval of {endpoint} ({:?}): its readings would be \
                 withdrawn before the next one",
                interval.every
            );
            refuse("collection.stale_after", message);
        }
    }
}
