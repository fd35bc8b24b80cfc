//! Answers of slurmrestd as they arrive: chunks of bytes in, one decoded reading out, of any supported version.
//! It does no I/O and keeps no body: at most one array element and the compact rows are in memory.
//!
//! To add an API version: write `v0_0_NN.rs` as a difference to the version before
//! (`Api { version: "v0.0.NN", ..v0_0_MM::API }`) and put it first in [`SUPPORTED`].

mod association;
mod bare_infinity;
mod budget;
mod decoder;
mod diag;
mod elide;
mod envelope;
mod error;
mod finished_job;
mod job;
mod job_state;
mod license;
mod limits;
mod no_val;
mod node;
mod partition;
mod ping;
mod qos;
mod reservation;
mod said;
mod share;
mod skim;
mod step;
mod stream;
mod tres_list;
mod v0_0_38;
mod v0_0_40;
mod v0_0_41;
mod v0_0_42;
mod v0_0_43;
mod v0_0_44;
mod v0_0_45;
mod words;

pub use budget::Budget;
pub use decoder::{Answer, Decoder};
pub use envelope::{ApiError, read_errors, version_of};
pub use error::DecodeError;
pub use finished_job::FINISHED_STATES;
pub use job::decode_whole_slice;

use crate::model::{Diag, Endpoint, JobStates, Licenses, Partitions, QosTable, Reservations, Shares};

/// One API version: its name in URLs, and how it writes what differs between versions.
#[derive(Debug)]
pub struct Api {
    /// Such as `v0.0.42`.
    pub version: &'static str,
    /// The endpoints that came with a later version: not asked for, since a 404 sets off a search for the version.
    absent: &'static [Endpoint],
    node: stream::Element<node::Table>,
    job: stream::Element<job::Table>,
    job_state: stream::Element<JobStates>,
    partition: stream::Element<Partitions>,
    reservation: stream::Element<Reservations>,
    license: stream::Element<Licenses>,
    share: stream::Element<Shares>,
    /// Whether `/shares` may hold a bare `Infinity`.
    bare_infinity: bool,
    ping: stream::Element<crate::model::Controllers>,
    diag: stream::Element<Diag>,
    qos: stream::Element<QosTable>,
    /// What the list of QOS is called.
    qos_member: &'static str,
    association: stream::Element<association::Table>,
    finished_job: stream::Element<finished_job::Table>,
    /// From the first and the last second of a window.
    accounting_query: fn(u32, u32) -> String,
}

impl Api {
    /// Whether slurmrestd has this endpoint in this version.
    pub fn serves(&self, endpoint: Endpoint) -> bool {
        !self.absent.contains(&endpoint)
    }

    /// Whether it is written by a data_parser plugin, which the commands of that Slurm have too.
    pub fn has_data_parser(&self) -> bool {
        self.version != v0_0_38::API.version
    }

    /// What stands behind `?` to ask for the jobs that ended between two times in Unix seconds.
    pub fn accounting_query(&self, from: u32, until: u32) -> String {
        (self.accounting_query)(from, until)
    }
}

/// The supported versions, newest first: the order in which they are probed.
pub const SUPPORTED: &[&Api] = &[
    &v0_0_45::API,
    &v0_0_44::API,
    &v0_0_43::API,
    &v0_0_42::API,
    &v0_0_41::API,
    &v0_0_40::API,
    &v0_0_38::API,
];

/// The supported version of this name.
pub fn by_version(version: &str) -> Option<&'static Api> {
    SUPPORTED.iter().copied().find(|api| api.version == version)
}

/// The version of Slurm 22.05, whose commands have no other.
pub fn before_data_parser() -> &'static Api {
    &v0_0_38::API
}
