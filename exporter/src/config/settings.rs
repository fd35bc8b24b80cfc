//! Every key with its value and where that was set: what `/config` shows, and how two configurations differ.
//! Tokens come from files and from `SLURM_JWT`, which are named and not quoted. The password of a proxy stands in its URL
//! and is left out here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::load::{Origins, SECTION_OF_A_CLUSTER, TOKEN_VARIABLE};
use super::{Origin, keys, secret};

/// The settings of one configuration that was read without a mistake.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) origins: Origins,
    /// As they were written, by the path of the key.
    pub(super) texts: BTreeMap<String, String>,
}

impl Settings {
    /// One line per key: its path, its value and where that comes from. `waiting` are the paths whose new value has
    /// no effect before a restart.
    pub fn page(&self, waiting: &[&str]) -> String {
        let mut page = String::new();
        for key in keys() {
            self.line(&mut page, key.path, key.default, waiting);
            if key.path == "slurm.auth.token_file"
                && let Some(Origin::Environment(variable)) = self.origins.get(key.path)
                && variable == TOKEN_VARIABLE
            {
                let _ = writeln!(page, "slurm.auth.token: (redacted)  # {variable}");
            }
        }
        for path in self.texts.keys().filter(|path| !keys().any(|key| key.path == **path)) {
            self.line(&mut page, path, "", waiting);
        }
        page
    }

    fn line(&self, page: &mut String, path: &str, default: &str, waiting: &[&str]) {
        let (value, origin) = match (self.texts.get(path), self.origins.get(path)) {
            (Some(text), Some(origin)) => (text.as_str(), origin.to_string()),
            _ if default.is_empty() => return,
            _ => (default, "default".to_owned()),
        };
        let remark = if waiting.contains(&path) { ", in effect after a restart" } else { "" };
        let _ = writeln!(page, "{path}: {:?}  # {origin}{remark}", secret::without_user(value));
    }

    /// Whether the key was set at all.
    pub fn is_set(&self, path: &str) -> bool {
        self.origins.contains_key(path)
    }

    /// The paths outside of the clusters' own sections whose values differ, as written or by default.
    pub fn changed(&self, other: &Self) -> Vec<&'static str> {
        let differs = |path: &str| self.texts.get(path) != other.texts.get(path);
        let own = |path: &&str| !path.starts_with(SECTION_OF_A_CLUSTER);
        keys().map(|key| key.path).filter(own).filter(|path| differs(path)).collect()
    }
}
