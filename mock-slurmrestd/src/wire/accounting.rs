//! Elements of slurmdbd's `/users`, `/accounts`, `/tres`, `/clusters`, and `/ping` and `/diag`.
//! Not here: associations, QOS and jobs, each in a file of its own.

use super::json::{Json, Sink, key};
use super::tres;
use super::version::{ApiVersion, Face};
use crate::cluster::Cluster;
use crate::cluster::accounts::Association;
use crate::cluster::clock::SECOND;
use crate::cluster::hostlist;

/// With its associations when they were asked for, as in `/config`; in v0.0.38 always.
pub(super) fn user<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    index: usize,
    face: Face,
    with_associations: bool,
) {
    let (inventory, plain) = (cluster.inventory(), json.is_plain());
    let user = &inventory.users[index];
    let is_told = with_associations || plain;
    json.open_element();
    if plain {
        json.str(key!("administrator_level"), user.admin_level);
    } else {
        json.words(key!("administrator_level"), [user.admin_level]);
    }
    associations(json, cluster, |association| is_told && association.user == Some(index as u16));
    json.empty_list(key!("coordinators"));
    json.open_object(key!("default"));
    if face.api >= ApiVersion::V0_0_44 {
        json.int(key!("qos"), 0u64);
    }
    let account = &inventory.accounts[usize::from(user.account)].name;
    json.str(key!("account"), if is_told { account } else { "" });
    json.str(key!("wckey"), "");
    json.close_object();
    json.words(key!("flags"), (!plain).then_some("NONE"));
    json.str(key!("name"), &user.name);
    if !plain {
        json.str(key!("old_name"), "");
        json.empty_list(key!("wckeys"));
    }
    json.close_object();
}

pub(super) fn account<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    index: usize,
    with_associations: bool,
) {
    let account = &cluster.inventory().accounts[index];
    let is_told = with_associations || json.is_plain();
    json.open_element();
    associations(json, cluster, |association| is_told && usize::from(association.account) == index);
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
        association_names(json, cluster, association);
        json.close_object();
    }
    json.close_list();
}

/// The fields by which an association is known; the caller opened the object. In v0.0.38 it has no number.
pub(super) fn association_names<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    association: &Association,
) {
    let inventory = cluster.inventory();
    json.str(key!("account"), &inventory.accounts[usize::from(association.account)].name);
    json.str(key!("cluster"), &inventory.cluster);
    json.text(key!("partition"), "");
    json.text(key!("user"), association.user.map_or("", |at| inventory.users[usize::from(at)].name.as_str()));
    if !json.is_plain() {
        json.int(key!("id"), association.id);
    }
}

pub(super) fn tres_kind<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    tres::entry(json, &cluster.inventory().tres[index], Some(0));
}

pub(super) fn cluster<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, face: Face) {
    let inventory = cluster.inventory();
    json.open_element();
    json.open_object(key!("controller"));
    json.str(key!("host"), "127.0.0.1");
    json.int(key!("port"), 6_817u64);
    json.close_object();
    json.empty_list(key!("flags"));
    json.str(key!("name"), &inventory.cluster);
    json.str(key!("nodes"), &hostlist::compress(inventory.nodes.iter().map(|node| node.name.as_str())));
    if face.api < ApiVersion::V0_0_45 {
        json.str(key!("select_plugin"), if json.is_plain() { "cons_tres" } else { "" });
    }
    json.open_object(key!("associations"));
    if json.is_plain() {
        json.null(key!("root"));
    } else {
        json.open_object(key!("root"));
        association_names(json, cluster, &inventory.associations[0]);
        json.close_object();
    }
    json.close_object();
    json.int(key!("rpc_version"), face.release.protocol());
    json.open_list(key!("tres"));
    for kind in &inventory.tres {
        tres::entry(json, kind, Some(kind.total));
    }
    json.close_list();
    json.close_object();
}

pub(super) fn ping<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, face: Face) {
    json.open_list(key!("pings"));
    json.open_element();
    json.str(key!("hostname"), "127.0.0.1");
    json.bool(key!("responding"), true);
    json.int(key!("latency"), 400 + cluster.now() / 11 % 900);
    json.bool(key!("primary"), true);
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("status"), "No error");
    }
    json.close_object();
    json.close_list();
}

/// What slurmdbd counts: a roll-up at each full hour, day and month, and the messages of slurmctld.
pub(super) fn diag<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    let (now, since) = (cluster.now_unix(), cluster.started_unix());
    json.open_object(key!("statistics"));
    json.int(key!("time_start"), since);
    json.open_object(key!("rollups"));
    for (key, period) in [(key!("hourly"), 3_600), (key!("daily"), 86_400), (key!("monthly"), 30 * 86_400)] {
        let count = now / period - since / period;
        let us = if count == 0 { 0 } else { 20_000 + period / 60 };
        json.open_object(key);
        json.int(key!("count"), count);
        json.int(key!("last_run"), if count == 0 { 0 } else { now - now % period });
        json.open_object(key!("duration"));
        json.int(key!("last"), us);
        json.int(key!("max"), us);
        json.int(key!("time"), us * count);
        json.close_object();
        json.close_object();
    }
    json.close_object();
    let stats = cluster.stats();
    let minutes = (cluster.now() - stats.since) / (60 * SECOND);
    let told = [
        ("SLURM_PERSIST_INIT", 2, 11_000),
        ("DBD_REGISTER_CTLD", 1, 9_100),
        ("DBD_SEND_MULT_JOB_START", stats.started, 1_900),
        ("DBD_SEND_MULT_MSG", stats.completed + minutes, 1_400),
    ];
    json.open_list(key!("RPCs"));
    for (name, count, us) in told {
        json.open_element();
        json.str(key!("rpc"), name);
        counted(json, count, us);
    }
    json.close_list();
    json.open_list(key!("users"));
    for (name, count) in [("slurm", told.iter().map(|(_, count, _)| count).sum()), ("root", 1)] {
        json.open_element();
        json.str(key!("user"), name);
        counted(json, count, 1_700);
    }
    json.close_list();
    json.close_object();
}

/// Ends the element.
fn counted<S: Sink>(json: &mut Json<'_, S>, count: u64, us: u64) {
    json.int(key!("count"), count);
    json.open_object(key!("time"));
    json.int(key!("average"), us);
    json.int(key!("total"), us * count);
    json.close_object();
    json.close_object();
}
