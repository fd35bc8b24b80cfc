//! Which records a request is about: the one that a path names, or those that a query's filters leave.
//! Not here: how they are written (wire/), or what is said when there is none (refusal.rs).

use super::query::Query;
use super::refusal::{self, Refusal};
use super::router::Route;
use crate::cluster::Cluster;
use crate::cluster::accounts::Association;
use crate::cluster::clock::SECOND;
use crate::cluster::job::{ArrayRole, Job};
use crate::wire::Endpoint;
use crate::workload::NAMES;
use std::sync::Arc;

/// What a page is to list.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Indices into the model's list; `None` for every one.
    pub(super) rows: Option<Vec<usize>>,
    /// For slurmdbd's `/jobs`, in place of rows.
    pub(super) jobs: Vec<Arc<Job>>,
}

pub(super) fn select(route: &Route, query: &Query, cluster: &Cluster) -> Result<Selection, Refusal> {
    if matches!(route.endpoint, Endpoint::DbJobs | Endpoint::DbJob) {
        return Ok(Selection { rows: None, jobs: accounted(route, query, cluster)? });
    }
    let rows = match &route.name {
        Some(name) => Some(named(route, name, cluster)?),
        None if !query.job_ids.is_empty() => Some(by_number(&query.job_ids, cluster)),
        None => filtered(route.endpoint, query, cluster),
    };
    Ok(Selection { rows, jobs: Vec::new() })
}

fn named(route: &Route, name: &str, cluster: &Cluster) -> Result<Vec<usize>, Refusal> {
    let unknown = || refusal::unknown(route.face, route.endpoint, name);
    let found = match route.endpoint {
        Endpoint::Node => cluster.inventory().nodes.iter().position(|node| node.name == name),
        Endpoint::Partition => cluster.inventory().partition(name).map(usize::from),
        Endpoint::Reservation => cluster.reservations().iter().position(|other| other.name == name),
        Endpoint::Job => return jobs(route, name, cluster),
        _ => None,
    };
    found.map(|index| vec![index]).ok_or_else(unknown)
}

/// Rows that the filters of the query leave; every one without filters.
fn filtered(endpoint: Endpoint, query: &Query, cluster: &Cluster) -> Option<Vec<usize>> {
    let inventory = cluster.inventory();
    let associations = |accounts: Vec<&str>, users: Vec<&str>| {
        if accounts.is_empty() && users.is_empty() {
            return None;
        }
        let wanted = |association: &Association| {
            let account = inventory.accounts[usize::from(association.account)].name.as_str();
            let user = association.user.map(|at| inventory.users[usize::from(at)].name.as_str());
            (accounts.is_empty() || accounts.contains(&account))
                && (users.is_empty() || user.is_some_and(|user| users.contains(&user)))
        };
        let all = inventory.associations.iter().enumerate();
        Some(all.filter(|(_, association)| wanted(association)).map(|(index, _)| index).collect())
    };
    match endpoint {
        Endpoint::Shares => associations(query.list("accounts"), query.list("users")),
        Endpoint::DbAssociations => associations(query.list("account"), query.list("user")),
        _ => None,
    }
}

/// The records of these numbers; of an array every record, of one of its tasks the one that has started.
fn by_number(ids: &[String], cluster: &Cluster) -> Vec<usize> {
    let is_wanted = |job: &Job| {
        ids.iter().any(|id| match (id.split_once('_'), &job.role) {
            (None, _) => *id == job.id.to_string() || *id == job.array_id().to_string(),
            (Some((array, task)), ArrayRole::Task { index, .. }) => {
                array == job.array_id().to_string() && task == index.to_string()
            }
            _ => false,
        })
    };
    let jobs = cluster.jobs().iter().enumerate();
    jobs.filter(|(_, job)| is_wanted(job)).map(|(index, _)| index).collect()
}

/// What slurmdbd finds: of the time that was asked for, today without one, and as the other filters say.
fn accounted(route: &Route, query: &Query, cluster: &Cluster) -> Result<Vec<Arc<Job>>, Refusal> {
    if let Some(name) = route.name.as_deref() {
        let id: u32 = name.parse().map_err(|_| refusal::no_number(route.face, route.endpoint, name))?;
        let all = cluster.accounted_between(0, cluster.now());
        return Ok(all.filter(|job| job.id == id || job.array_id() == id).cloned().collect());
    }
    let now = cluster.now_unix();
    let from = query.start_time.unwrap_or(now - now % 86_400);
    let until = query.end_time.unwrap_or(now);
    let all = cluster.accounted_between(from * SECOND, until * SECOND);
    Ok(all.filter(|job| is_wanted(job, query, cluster)).cloned().collect())
}

fn is_wanted(job: &Job, query: &Query, cluster: &Cluster) -> bool {
    let (inventory, request) = (cluster.inventory(), &job.request);
    let user = &inventory.users[usize::from(request.user)].name;
    let reservation = request.reservation.and_then(|id| cluster.reservation(id));
    let passes = |name: &str, value: &str| {
        let wanted = query.list(name);
        wanted.is_empty() || wanted.contains(&value)
    };
    let state = query.list("state");
    let node = query.list("node");
    passes("users", user)
        && passes("groups", user)
        && passes("account", &inventory.account_of(request.association).name)
        && passes("qos", inventory.qos[usize::from(request.qos)].name)
        && passes("job_name", NAMES[usize::from(request.name)])
        && passes("cluster", &inventory.cluster)
        && passes("partition", &inventory.partitions[usize::from(request.partition)].name)
        && passes("reservation", reservation.map_or("", |reservation| &reservation.name))
        && (state.is_empty() || state.iter().any(|word| word.eq_ignore_ascii_case(job.state.word())))
        && (node.is_empty()
            || job
                .allocation
                .iter()
                .any(|part| node.contains(&inventory.nodes[part.node as usize].name.as_str())))
}

/// The record of that id; an array's id finds its waiting part and every task that has started.
fn jobs(route: &Route, name: &str, cluster: &Cluster) -> Result<Vec<usize>, Refusal> {
    let id: u32 = name.parse().map_err(|_| refusal::no_number(route.face, route.endpoint, name))?;
    let jobs = cluster.jobs().iter().enumerate();
    let found: Vec<usize> =
        jobs.filter(|(_, job)| job.id == id || job.array_id() == id).map(|(index, _)| index).collect();
    if found.is_empty() { Err(refusal::unknown(route.face, route.endpoint, name)) } else { Ok(found) }
}
