//! The cluster as slurmrestd writes it: JSON per endpoint and face, field by field as recorded.
//! Not here: status codes, headers, authentication, latency (http/).
//!
//! To learn an API version: one variant in [`ApiVersion`], and `if api >= ...` or `if api < ...` at the fields
//! that came or went. The recordings in tests/fixtures hold the order and the types of every version.

mod accounting;
mod association;
mod diag;
mod endpoint;
mod finished;
mod job;
mod job_resources;
pub(crate) mod json;
mod license;
mod meta;
mod node;
mod page;
mod partition;
mod ping;
mod qos;
mod reservation;
mod share;
mod tres;
mod v0_0_38;
mod version;

pub use endpoint::{Endpoint, UnknownEndpoint};
pub(crate) use json::Count;
pub use json::Style;
pub(crate) use meta::{Problem, Warning};
pub(crate) use page::{Page, Stage};
pub use version::{ApiVersion, Face, Release, UnknownRelease, UnknownVersion};

use crate::cluster::Cluster;

/// Appends the whole answer to `out`: exactly the bytes of the body. Endpoints of one thing write the first one;
/// slurmdbd's `/jobs` writes every job that it knows.
pub fn write(cluster: &Cluster, face: impl Into<Face>, endpoint: Endpoint, style: Style, out: &mut Vec<u8>) {
    let mut page = Page::new(face.into(), endpoint, style);
    if matches!(endpoint, Endpoint::DbJobs | Endpoint::DbJob) {
        page.jobs = cluster.accounted_between(0, cluster.now()).cloned().collect();
    }
    if endpoint.takes_name() {
        page.only_first(cluster);
    }
    page.write(cluster, out);
}
