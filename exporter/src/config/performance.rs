//! Section `performance`: what the exporter may use.
//! What it gives up above that is in `schedule::memory`.

use super::{Key, quantity};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Resident bytes; no limit when it is not set.
    pub memory_limit: Option<u64>,
}

pub(super) const KEYS: &[Key] = &[Key {
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
}];
