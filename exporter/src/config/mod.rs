//! The configuration: parsed and checked once, trusted everywhere else.
//! It reads the file, the environment and the flags; it opens no token file and no connection.
//!
//! A key is one line in the `KEYS` of its section, which feeds the file's reader, the environment's names, the
//! flags, `--help` and the suggestions, plus its line in `config.example.yaml`, which a test compares with the defaults.

mod check;
mod collection;
mod collectors;
mod compat;
mod connections;
mod error;
mod ha;
mod idle;
mod inputs;
mod inside;
mod load;
mod log;
mod metrics;
mod own;
mod performance;
mod quantity;
mod reference;
mod secret;
mod server;
mod settings;
mod slurm;
mod source;
mod tree;
mod upstream;
mod web;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use collection::{Caching, Collection, Interval, Intervals, Retry};
pub use collectors::Collectors;
pub use compat::dialects;
pub use connections::Connections;
pub use error::{ConfigError, ConfigErrors, Origin};
pub use ha::{Ha, Mode};
pub use inputs::{Inputs, Loaded};
pub use load::{Setting, load};
pub use log::{Format, Log, level};
pub use metrics::{CLUSTER_LEVEL, Metrics, PREFIX};
pub use own::Own;
pub use performance::Performance;
pub use reference::reference;
pub use secret::Token;
pub use server::{Limits, Server};
pub use settings::Settings;
pub use slurm::{Auth, Slurm, TokenSource};
pub use source::{Kind, Scheme, Tls};
pub use upstream::{CircuitBreaker, RateLimit};
pub use web::{ClientAuth, Pem, Web, WebTls};

/// Everything that can be set, after checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub server: Server,
    /// The one cluster, or what those in `clusters` have in common.
    pub slurm: Slurm,
    /// Several clusters, each complete and with a name of its own; empty when `slurm` is the only one.
    pub clusters: Vec<Slurm>,
    pub collection: Collection,
    pub collectors: Collectors,
    /// What is switched inside the collectors.
    pub inside: crate::collectors::Settings,
    pub metrics: Metrics,
    pub performance: Performance,
    pub ha: Ha,
    pub log: Log,
    /// What is allowed but worth a line in the log at start.
    pub warnings: Vec<String>,
}

impl Config {
    /// Every cluster to poll; at least one.
    pub fn clusters(&self) -> &[Slurm] {
        if self.clusters.is_empty() { std::slice::from_ref(&self.slurm) } else { &self.clusters }
    }

    /// Where a key of a cluster stands: `slurm.url`, or `clusters[1].url` in a list.
    pub fn key_of_cluster(&self, index: usize, name: &str) -> String {
        match self.clusters.is_empty() {
            true => format!("slurm.{name}"),
            false => format!("clusters[{index}].{name}"),
        }
    }
}

/// One key that can be set.
#[derive(Debug)]
pub struct Key {
    /// As in the file, with dots: `slurm.auth.token_file`.
    pub path: &'static str,
    /// The flag of a key that many will set, without its dashes: `slurm.token-file`. It stands in the short help too.
    pub flag: Option<&'static str>,
    /// What stands for the value in `--help`: `FILE`.
    pub value: &'static str,
    pub help: &'static str,
    /// As it would be written; empty when there is none.
    pub default: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

impl Key {
    /// Whether it takes several values: a list in the file, commas elsewhere.
    fn is_list(&self) -> bool {
        self.value.ends_with(",...")
    }

    /// The name of its flag, without the dashes: where none was chosen, the path with dashes.
    pub fn flag_name(&self) -> &'static str {
        static NAMES: LazyLock<BTreeMap<&'static str, String>> =
            LazyLock::new(|| keys().map(|key| (key.path, key.path.replace('_', "-"))).collect());
        self.flag.or_else(|| NAMES.get(self.path).map(String::as_str)).unwrap_or(self.path)
    }

    /// The name of its environment variable: `SLURM_EXPORTER_SLURM_AUTH_TOKEN_FILE`.
    pub fn variable(&self) -> String {
        format!("{}{}", load::VARIABLE_PREFIX, self.path.to_ascii_uppercase().replace('.', "_"))
    }
}

/// Every key, in the order in which a layer is applied: what sets several things stands before what sets one.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let sections = [
        server::KEYS,
        slurm::KEYS,
        source::KEYS,
        connections::KEYS,
        upstream::KEYS,
        collection::KEYS,
        collectors::KEYS,
        inside::KEYS,
        metrics::KEYS,
        own::KEYS,
        performance::KEYS,
        ha::KEYS,
        log::KEYS,
    ];
    sections.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_has_one_path_one_variable_and_one_flag() {
        let paths: BTreeSet<_> = keys().map(|key| key.path).collect();
        let variables: BTreeSet<_> = keys().map(Key::variable).collect();
        let flags: BTreeSet<_> = keys().map(Key::flag_name).collect();
        assert_eq!(paths.len(), keys().count());
        assert_eq!(variables.len(), keys().count());
        assert_eq!(flags.len(), keys().count());
    }

    #[test]
    fn a_key_s_written_default_is_the_default() {
        for key in keys().filter(|key| !key.default.is_empty()) {
            let mut config = Config::default();
            assert_eq!((key.set)(&mut config, key.default), Ok(()), "{}", key.path);
            assert_eq!(config, Config::default(), "{}", key.path);
        }
    }
}
