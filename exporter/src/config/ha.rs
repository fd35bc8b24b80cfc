//! Section `ha`: whether this exporter is one of several for the same clusters, and how they agree on who leads.
//! The election itself is in `crate::ha`.

use std::path::PathBuf;
use std::time::Duration;

use super::collection::at_least_a_second;
use super::{Key, quantity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ha {
    pub mode: Mode,
    /// Whether the exporters agree among themselves; otherwise the mode decides.
    pub leader_election: bool,
    /// Of the Kubernetes Lease, with its namespace before a slash if it is not that of the pod.
    pub lease: String,
    /// How long a leader that is no longer heard of is waited for.
    pub lease_duration: Duration,
    /// Where the pod finds its token, the API server's CA and its namespace.
    pub service_account: PathBuf,
    /// Elects by a lock on this file rather than by a Lease.
    pub lock_file: Option<PathBuf>,
    /// How often a standby reads everything; zero for nothing but pings.
    pub standby_interval: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Primary,
    Secondary,
}

impl Default for Ha {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            leader_election: false,
            lease: "slurm-exporter".to_owned(),
            lease_duration: Duration::from_secs(15),
            service_account: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
            lock_file: None,
            standby_interval: Duration::from_secs(300),
        }
    }
}

/// Variables without our prefix, under names that deployments have in use; ours win over them.
pub(super) const VARIABLES: [(&str, &str); 3] = [
    ("HA_MODE", "ha.mode"),
    ("LEADER_ELECTION", "ha.leader_election"),
    ("STANDBY_INTERVAL", "ha.standby_interval"),
];

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "ha.mode",
        flag: None,
        value: "primary|secondary",
        help: "without an election: whether to lead or to stand by; with one, a secondary lets the others go first at \
               the start",
        default: "primary",
        set: |config, text| {
            config.ha.mode = match text {
                "primary" => Mode::Primary,
                "secondary" => Mode::Secondary,
                _ => return Err(format!("expected primary or secondary, got \"{text}\"")),
            };
            Ok(())
        },
    },
    Key {
        path: "ha.leader_election",
        flag: None,
        value: "true|false",
        help: "whether several exporters elect one that polls and serves, by ha.lock_file or else by ha.lease",
        default: "false",
        set: |config, text| {
            config.ha.leader_election = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "ha.lease",
        flag: None,
        value: "[NAMESPACE/]NAME",
        help: "Kubernetes Lease that the leader holds; in the namespace of the pod unless told otherwise",
        default: "slurm-exporter",
        set: |config, text| {
            // Names as Kubernetes has them: RFC 1123.
            let is_name = |name: &str| {
                let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
                name.starts_with(inner)
                    && name.ends_with(inner)
                    && name.chars().all(|letter| inner(letter) || letter == '-' || letter == '.')
            };
            let parts: Vec<_> = text.split('/').collect();
            if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
                return Err(format!("expected the name of a Lease, such as slurm-exporter, got \"{text}\""));
            }
            config.ha.lease = text.to_owned();
            Ok(())
        },
    },
    Key {
        path: "ha.lease_duration",
        flag: None,
        value: "DURATION",
        help: "how long a Lease is waited for that its holder no longer renews, in whole seconds",
        default: "15s",
        set: |config, text| {
            let duration = quantity::duration(text)?;
            if !(3..=3600).contains(&duration.as_secs()) || duration.subsec_nanos() != 0 {
                return Err(format!("expected whole seconds from 3s to 1h, got \"{text}\""));
            }
            config.ha.lease_duration = duration;
            Ok(())
        },
    },
    Key {
        path: "ha.service_account",
        flag: None,
        value: "FOLDER",
        help: "where token, ca.crt and namespace of the pod are",
        default: "/var/run/secrets/kubernetes.io/serviceaccount",
        set: |config, text| {
            config.ha.service_account = PathBuf::from(text);
            Ok(())
        },
    },
    Key {
        path: "ha.lock_file",
        flag: None,
        value: "FILE",
        help: "file that the leader locks, where all the exporters see it; instead of a Lease",
        default: "",
        set: |config, text| {
            config.ha.lock_file = Some(PathBuf::from(text)).filter(|_| !text.is_empty());
            Ok(())
        },
    },
    Key {
        path: "ha.standby_interval",
        flag: None,
        value: "DURATION",
        help: "how often a standby reads each endpoint, so as to know the jobs when it leads; 0s for nothing but pings",
        default: "5m",
        set: |config, text| {
            config.ha.standby_interval = match text {
                "0" | "0s" => Duration::ZERO,
                _ => at_least_a_second(text)?,
            };
            Ok(())
        },
    },
];
