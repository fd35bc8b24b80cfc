//! v0.0.43 (Slurm 25.05 to 26.05): new fields only, none of them read.

use super::{Api, v0_0_42};

pub(super) const API: Api = Api { version: "v0.0.43", ..v0_0_42::API };
