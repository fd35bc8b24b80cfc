//! v0.0.40 (Slurm 23.11 to 24.11): the shapes that all later versions start from.

use super::{
    Api, association, diag, finished_job, job, job_state, license, node, partition, ping, qos, reservation,
    share,
};
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
    qos: qos::read,
    qos_member: "qos",
    association: association::read,
    finished_job: finished_job::read,
    accounting_query: finished_job::query,
};
