//! Which records a request is about: the one that a path names, or those that a query's filters leave.
//! Not here: how they are written (wire/), or what is said when there is none (refusal.rs).

use super::query::Query;
use super::refusal::{self, Refusal};
use super::router::Route;
use crate::cluster::Cluster;
use crate::wire::Endpoint;

/// Indices into the model's list; `None` for every one.
pub(super) fn rows(route: &Route, _: &Query, cluster: &Cluster) -> Result<Option<Vec<usize>>, Refusal> {
    let Some(name) = route.name.as_deref() else { return Ok(None) };
    let unknown = || refusal::unknown(route.face, route.endpoint, name);
    let found = match route.endpoint {
        Endpoint::Node => cluster.inventory().nodes.iter().position(|node| node.name == name),
        Endpoint::Partition => cluster.inventory().partition(name).map(usize::from),
        Endpoint::Job => return jobs(route, name, cluster).map(Some),
        _ => None,
    };
    found.map(|index| Some(vec![index])).ok_or_else(unknown)
}

/// The record of that id; an array's id finds its waiting part and every task that has started.
fn jobs(route: &Route, name: &str, cluster: &Cluster) -> Result<Vec<usize>, Refusal> {
    let id: u32 = name.parse().map_err(|_| refusal::no_number(route.face, name))?;
    let jobs = cluster.jobs().iter().enumerate();
    let found: Vec<usize> =
        jobs.filter(|(_, job)| job.id == id || job.array_id() == id).map(|(index, _)| index).collect();
    if found.is_empty() { Err(refusal::unknown(route.face, route.endpoint, name)) } else { Ok(found) }
}
