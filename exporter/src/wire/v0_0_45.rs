//! v0.0.45 (Slurm 26.05): ping loses `pinged` and `mode`; partitions gain `flags`.

use super::{Api, v0_0_44};

pub(super) const API: Api = Api { version: "v0.0.45", ..v0_0_44::API };
