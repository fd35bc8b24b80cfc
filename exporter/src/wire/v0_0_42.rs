//! v0.0.42 (Slurm 24.11 to 26.05): ping gains `responding` and `primary`, which the shared reader prefers where they are.

use super::{Api, v0_0_41};

pub(super) const API: Api = Api { version: "v0.0.42", absent: &[], bare_infinity: false, ..v0_0_41::API };
