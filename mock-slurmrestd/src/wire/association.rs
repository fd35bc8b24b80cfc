//! An element of slurmdbd's `/associations`: whose, with which limits.
//! Not here: fair share (share.rs).

use super::accounting::association_names;
use super::json::{Json, Key, NoVal, Sink, key};
use super::tres;
use super::version::{ApiVersion, Face};
use crate::cluster::Cluster;
use crate::cluster::accounts::Association;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize, face: Face) {
    let (inventory, plain) = (cluster.inventory(), json.is_plain());
    let association = &inventory.associations[index];
    let account = &inventory.accounts[usize::from(association.account)];
    json.open_element();
    if !plain {
        json.empty_list(key!("accounting"));
    }
    json.str(key!("account"), &account.name);
    json.str(key!("cluster"), &inventory.cluster);
    if !plain {
        json.str(key!("comment"), "");
    }
    json.open_object(key!("default"));
    json.text(key!("qos"), "");
    json.close_object();
    json.words(key!("flags"), (plain && association.is_default).then_some("DEFAULT"));
    limits(json, cluster, association);
    identity(json, cluster, association, face);
    json.open_object(key!("min"));
    json.infinite(key!("priority_threshold"));
    json.close_object();
    let parent = account.parent.filter(|_| association.user.is_none());
    let parent = parent.map_or("", |at| inventory.accounts[usize::from(at)].name.as_str());
    json.text(key!("parent_account"), parent);
    json.text(key!("partition"), "");
    json.infinite(key!("priority"));
    json.words(key!("qos"), inventory.qos.iter().map(|qos| qos.name));
    json.int(key!("shares_raw"), association.shares);
    if plain {
        json.null(key!("usage"));
    }
    json.text(key!("user"), association.user.map_or("", |at| inventory.users[usize::from(at)].name.as_str()));
    json.close_object();
}

fn identity<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, association: &Association, face: Face) {
    if json.is_plain() {
        return json.int(key!("is_default"), u64::from(association.is_default));
    }
    if face.api < ApiVersion::V0_0_41 {
        json.open_object(key!("id"));
        association_names(json, cluster, association);
        json.close_object();
    } else {
        json.int(key!("id"), association.id);
    }
    json.bool(key!("is_default"), association.is_default);
    json.str(key!("lineage"), &lineage(cluster, association));
}

fn limits<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, association: &Association) {
    let (limits, plain) = (&association.limits, json.is_plain());
    json.open_object(key!("max"));
    json.open_object(key!("jobs"));
    json.open_object(key!("per"));
    limit(json, key!("count"), limits.grp_jobs);
    json.infinite(key!("accruing"));
    json.infinite(key!("submitted"));
    json.infinite(key!("wall_clock"));
    json.close_object();
    limit(json, key!("active"), limits.max_jobs);
    json.infinite(key!("accruing"));
    limit(json, key!("total"), limits.max_submit_jobs);
    json.close_object();
    json.open_object(key!("tres"));
    let group = [("cpu", "", limits.grp_cpus), ("gres", "gpu", limits.grp_gpus)];
    tres_limits(json, key!("total"), cluster, &group);
    // v0.0.38 has them, and what is in them, the other way round.
    if plain {
        minutes(json);
    }
    json.open_object(key!("group"));
    json.empty_list(key!("minutes"));
    json.empty_list(key!("active"));
    json.close_object();
    if !plain {
        minutes(json);
    }
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

fn minutes<S: Sink>(json: &mut Json<'_, S>) {
    let plain = json.is_plain();
    json.open_object(key!("minutes"));
    if !plain {
        json.empty_list(key!("total"));
    }
    json.open_object(key!("per"));
    json.empty_list(key!("job"));
    json.close_object();
    if plain {
        json.empty_list(key!("total"));
    }
    json.close_object();
}

/// A number, or infinite where there is no limit.
pub(super) fn limit<S: Sink>(json: &mut Json<'_, S>, key: Key, limit: Option<u32>) {
    json.no_val(key, limit.map_or(NoVal::Infinite, |limit| NoVal::Set(limit.into())));
}

/// A list of those kinds that are limited: type, name, limit.
pub(super) fn tres_limits<S: Sink>(
    json: &mut Json<'_, S>,
    key: Key,
    cluster: &Cluster,
    limits: &[(&str, &str, Option<u32>)],
) {
    json.open_list(key);
    for (kind, name, limit) in limits {
        let known =
            cluster.inventory().tres.iter().find(|tres| (tres.kind, tres.name.as_str()) == (*kind, *name));
        if let (Some(limit), Some(known)) = (limit, known) {
            tres::entry(json, known, Some((*limit).into()));
        }
    }
    json.close_list();
}

/// `/science/physics/0-user001/`: the accounts from below root, and the user with a 0 before it.
fn lineage(cluster: &Cluster, association: &Association) -> String {
    let inventory = cluster.inventory();
    let mut names = Vec::new();
    let mut at = Some(association.account);
    while let Some(index) = at {
        let account = &inventory.accounts[usize::from(index)];
        if account.parent.is_some() {
            names.push(account.name.as_str());
        }
        at = account.parent;
    }
    let mut text = "/".to_owned();
    for name in names.into_iter().rev() {
        text.push_str(name);
        text.push('/');
    }
    if let Some(user) = association.user {
        text.push_str(&format!("0-{}/", inventory.users[usize::from(user)].name));
    }
    text
}
