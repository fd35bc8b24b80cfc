//! v0.0.40 (Slurm 23.11 to 24.11): the shapes that all later versions start from.

use super::{Api, diag, job, job_state, license, node, partition, ping, reservation, share};
use crate::model::Endpoint;

pub(super) const API: Api = Api {
    version: "v0.0.40",
    absent: &[Endpoint::DatabasePing],
    node: node::read,
    job: job::read,
    job_state: job_state::read,
    partition: partition::read,
    reservation: reservation::read,
    license: license::read,
    share: share::read,
    bare_infinity: true,
    ping: ping::read,
    diag: diag::read,
};
