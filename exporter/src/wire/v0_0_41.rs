//! v0.0.41 (Slurm 24.05 to 25.05): job_resources grow by every core of a node; nothing that is read changed.

use super::{Api, v0_0_40};

pub(super) const API: Api = Api { version: "v0.0.41", ..v0_0_40::API };
