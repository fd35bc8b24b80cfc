//! Section `performance`: what the exporter may use.
//! What it gives up above the limit is in `process::memory_guard`.

use super::{Key, quantity};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Resident bytes; no limit when it is not set.
    pub memory_limit: Option<u64>,
}

pub(super) const KEYS: &[Key] = &[
    MEMORY_LIMIT,
    Key {
        path: "performance.caching.enabled",
        flag: None,
        value: "true|false",
        help: "whether jobs and partitions are asked for with update_time, so that Slurm may answer that nothing changed",
        default: "true",
        set: |config, text| {
            config.collection.caching.enabled = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "performance.caching.default_ttl",
        flag: None,
        value: "DURATION|none",
        help: "how long a list may count as unchanged before it is read in full again; none for as long as Slurm says so",
        default: "none",
        set: |config, text| {
            config.collection.caching.default_ttl = match text {
                "none" => None,
                _ => Some(quantity::some_time(text)?),
            };
            Ok(())
        },
    },
];

const MEMORY_LIMIT: Key = Key {
    path: "performance.memory_limit",
    flag: None,
    value: "SIZE",
    help: "memory above 80 % of which detailed endpoints are no longer read, above 95 % only critical ones are; none for no limit",
    default: "none",
    set: |config, text| {
        config.performance.memory_limit = match text {
            "none" => None,
            _ => {
                let size = quantity::size(text)?;
                // Less than an idle exporter needs would drop everything for ever.
                if size < 32 << 20 {
                    return Err(format!("expected a size of at least 32MiB, got \"{text}\""));
                }
                Some(size)
            }
        };
        Ok(())
    },
};
