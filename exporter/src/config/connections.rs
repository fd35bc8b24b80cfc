//! Keys of section `slurm` about the connections to slurmrestd: how many, whether they are kept, what goes over them.
//! By default each request has one of its own; why is said in `source::rest`.

use std::time::Duration;

use super::{Key, quantity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Open at once; at least 1. A request has one, so that there are no more requests either.
    pub max: Option<usize>,
    /// Whether one is used again for the next request.
    pub keep_alive: bool,
    /// Kept while nothing is asked.
    pub max_idle: usize,
    /// How long one is kept at most, used or not.
    pub lifetime: Duration,
    /// Whether answers may come as gzip.
    pub compression: bool,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: None,
            keep_alive: false,
            max_idle: 2,
            lifetime: Duration::from_secs(300),
            compression: false,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "slurm.max_connections",
        flag: None,
        value: "COUNT|none",
        help: "connections open at once; each request has one, so that it also bounds slurm.max_in_flight",
        default: "none",
        set: |config, text| {
            config.slurm.connections.max = match text {
                "none" => None,
                _ => Some(quantity::count(text, 1..=1024)?),
            };
            Ok(())
        },
    },
    Key {
        path: "slurm.keep_alive",
        flag: None,
        value: "true|false",
        help: "use a connection for more than one request, which spares TLS handshakes through a gateway; an idle one holds \
               one of slurmrestd's 124 places",
        default: "false",
        set: |config, text| {
            config.slurm.connections.keep_alive = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.max_idle_connections",
        flag: None,
        value: "COUNT",
        help: "connections kept between requests, with slurm.keep_alive",
        default: "2",
        set: |config, text| {
            config.slurm.connections.max_idle = quantity::count(text, 0..=1024)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.connection_lifetime",
        flag: None,
        value: "DURATION",
        help: "age at which kept connections make room for new ones, with slurm.keep_alive",
        default: "5m",
        set: |config, text| {
            config.slurm.connections.lifetime = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.compression",
        flag: None,
        value: "true|false",
        help: "take answers as gzip from a gateway that offers it; slurmrestd itself compresses nothing",
        default: "false",
        set: |config, text| {
            config.slurm.connections.compression = quantity::switch(text)?;
            Ok(())
        },
    },
];
