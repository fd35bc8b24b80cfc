//! Elements of slurmdbd's `/users`, `/accounts`, `/associations`, `/qos` and `/tres` in v0.0.38: null for no limit.
//! Not here: later versions (../accounting.rs, ../association.rs, ../qos.rs), or jobs (finished.rs).

use super::super::association::tres_entries;
use super::super::json::{Json, Key, Sink, key};
use super::super::tres;
use crate::cluster::Cluster;
use crate::cluster::accounts::Association;
use crate::cluster::qos::Qos;

pub(in super::super) fn user<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    let inventory = cluster.inventory();
    let user = &inventory.users[index];
    json.open_element();
    json.str(key!("administrator_level"), user.admin_level);
    associations(json, cluster, |association| association.user == Some(index as u16));
    json.empty_list(key!("coordinators"));
    json.open_object(key!("default"));
    json.str(key!("account"), &inventory.accounts[usize::from(user.account)].name);
    json.str(key!("wckey"), "");
    json.close_object();
    json.empty_list(key!("flags"));
    json.str(key!("name"), &user.name);
    json.close_object();
}

pub(in super::super) fn account<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    let account = &cluster.inventory().accounts[index];
    json.open_element();
    associations(json, cluster, |association| usize::from(association.account) == index);
    json.empty_list(key!("coordinators"));
    json.str(key!("description"), &account.description);
    json.str(key!("name"), &account.name);
    json.str(key!("organization"), account.organization);
    json.empty_list(key!("flags"));
    json.close_object();
}

fn associations<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, own: impl Fn(&Association) -> bool) {
    json.open_list(key!("associations"));
    for association in cluster.inventory().associations.iter().filter(|association| own(association)) {
        json.open_element();
        names(json, cluster, association);
        json.close_object();
    }
    json.close_list();
}

/// The fields by which an association is known; it has no number here.
pub(super) fn names<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, association: &Association) {
    let inventory = cluster.inventory();
    json.str(key!("account"), &inventory.accounts[usize::from(association.account)].name);
    json.str(key!("cluster"), &inventory.cluster);
    json.null(key!("partition"));
    let user = association.user.map(|at| inventory.users[usize::from(at)].name.as_str());
    json.str_or_null(key!("user"), user);
}

fn limit<S: Sink>(json: &mut Json<'_, S>, key: Key, limit: Option<u32>) {
    json.int_or_null(key, limit.map(u64::from));
}

fn tres_limits<S: Sink>(
    json: &mut Json<'_, S>,
    key: Key,
    cluster: &Cluster,
    limits: &[(&str, &str, Option<u32>)],
) {
    json.open_list(key);
    tres_entries(json, cluster, limits, true);
    json.close_list();
}

pub(in super::super) fn association<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    let inventory = cluster.inventory();
    let association = &inventory.associations[index];
    let account = &inventory.accounts[usize::from(association.account)];
    json.open_element();
    json.str(key!("account"), &account.name);
    json.str(key!("cluster"), &inventory.cluster);
    json.open_object(key!("default"));
    json.null(key!("qos"));
    json.close_object();
    json.words(key!("flags"), association.is_default.then_some("DEFAULT"));
    association_limits(json, cluster, association);
    json.int(key!("is_default"), u64::from(association.is_default));
    json.open_object(key!("min"));
    json.null(key!("priority_threshold"));
    json.close_object();
    let parent = account.parent.filter(|_| association.user.is_none());
    let parent = parent.map(|at| inventory.accounts[usize::from(at)].name.as_str());
    json.str_or_null(key!("parent_account"), parent);
    json.null(key!("partition"));
    json.null(key!("priority"));
    json.words(key!("qos"), inventory.qos.iter().map(|qos| qos.name));
    json.int(key!("shares_raw"), association.shares);
    json.null(key!("usage"));
    let user = association.user.map(|at| inventory.users[usize::from(at)].name.as_str());
    json.str_or_null(key!("user"), user);
    json.close_object();
}

fn association_limits<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, association: &Association) {
    let limits = &association.limits;
    json.open_object(key!("max"));
    json.open_object(key!("jobs"));
    json.open_object(key!("per"));
    limit(json, key!("count"), limits.grp_jobs);
    json.null(key!("accruing"));
    json.null(key!("submitted"));
    json.null(key!("wall_clock"));
    json.close_object();
    limit(json, key!("active"), limits.max_jobs);
    json.null(key!("accruing"));
    limit(json, key!("total"), limits.max_submit_jobs);
    json.close_object();
    json.open_object(key!("tres"));
    let group = [("cpu", "", limits.grp_cpus), ("gres", "gpu", limits.grp_gpus)];
    tres_limits(json, key!("total"), cluster, &group);
    json.open_object(key!("minutes"));
    json.open_object(key!("per"));
    json.empty_list(key!("job"));
    json.close_object();
    json.empty_list(key!("total"));
    json.close_object();
    json.open_object(key!("group"));
    json.empty_list(key!("minutes"));
    json.empty_list(key!("active"));
    json.close_object();
    json.open_object(key!("per"));
    tres_limits(json, key!("job"), cluster, &[("cpu", "", limits.max_cpus_per_job)]);
    json.empty_list(key!("node"));
    json.close_object();
    json.close_object();
    json.open_object(key!("per"));
    json.open_object(key!("account"));
    limit(json, key!("wall_clock"), limits.max_wall_minutes);
    json.close_object();
    json.close_object();
    json.close_object();
}

pub(in super::super) fn qos<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, qos: &Qos) {
    json.open_element();
    json.str(key!("description"), qos.description);
    json.empty_list(key!("flags"));
    json.int(key!("id"), qos.id);
    json.open_object(key!("limits"));
    json.int(key!("grace_time"), 0u64);
    json.open_object(key!("max"));
    json.open_object(key!("active_jobs"));
    json.null(key!("accruing"));
    json.null(key!("count"));
    json.close_object();
    qos_tres(json, cluster, qos);
    json.open_object(key!("wall_clock"));
    json.open_object(key!("per"));
    json.null(key!("qos"));
    limit(json, key!("job"), qos.max_wall_minutes);
    json.close_object();
    json.close_object();
    json.open_object(key!("jobs"));
    json.open_object(key!("active_jobs"));
    json.open_object(key!("per"));
    json.null(key!("account"));
    limit(json, key!("user"), qos.max_jobs_per_user);
    json.close_object();
    json.close_object();
    json.open_object(key!("per"));
    json.null(key!("account"));
    limit(json, key!("user"), qos.max_submit_per_user);
    json.close_object();
    json.close_object();
    json.open_object(key!("accruing"));
    json.open_object(key!("per"));
    json.null(key!("account"));
    json.null(key!("user"));
    json.close_object();
    json.close_object();
    json.close_object();
    json.null(key!("factor"));
    json.open_object(key!("min"));
    json.null(key!("priority_threshold"));
    json.open_object(key!("tres"));
    json.open_object(key!("per"));
    json.empty_list(key!("job"));
    json.close_object();
    json.close_object();
    json.close_object();
    json.close_object();
    json.str(key!("name"), qos.name);
    json.open_object(key!("preempt"));
    json.words(key!("list"), qos.preempts.iter().copied());
    json.empty_list(key!("mode"));
    json.null(key!("exempt_time"));
    json.close_object();
    json.int(key!("priority"), qos.priority);
    json.real(key!("usage_factor"), qos.usage_factor);
    json.null(key!("usage_threshold"));
    json.close_object();
}

fn qos_tres<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, qos: &Qos) {
    json.open_object(key!("tres"));
    tres_limits(json, key!("total"), cluster, &[("cpu", "", qos.grp_cpus)]);
    json.open_object(key!("minutes"));
    json.open_object(key!("per"));
    for key in [key!("qos"), key!("job"), key!("account"), key!("user")] {
        json.empty_list(key);
    }
    json.close_object();
    json.close_object();
    json.open_object(key!("per"));
    for key in [key!("account"), key!("job"), key!("node")] {
        json.empty_list(key);
    }
    tres_limits(json, key!("user"), cluster, &[("cpu", "", qos.max_cpus_per_user)]);
    json.close_object();
    json.close_object();
}

pub(in super::super) fn tres_kind<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    tres::entry(json, &cluster.inventory().tres[index], 0, true);
}
