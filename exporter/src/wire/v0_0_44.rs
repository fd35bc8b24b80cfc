//! v0.0.44 (Slurm 25.11 to 26.05): new state words (BLOCKED, EXTERNAL, EXPEDITING); they stand in the tables of words.

use super::{Api, v0_0_43};

pub(super) const API: Api = Api { version: "v0.0.44", ..v0_0_43::API };
