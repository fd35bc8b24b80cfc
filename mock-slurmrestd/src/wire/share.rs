//! An element of `/shares`: fair share of one association.
//! Not here: how it is calculated (cluster/fair_share.rs).

use super::json::{Json, NoVal, Sink, key};
use super::version::{ApiVersion, Face, Release};
use crate::cluster::Cluster;
use crate::cluster::fair_share::Share;
use crate::cluster::resources::Resources;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize, face: Face) {
    let inventory = cluster.inventory();
    let association = &inventory.associations[index];
    let share = &cluster.shares()[index];
    let account = |at: u16| inventory.accounts[usize::from(at)].name.as_str();
    let name = association
        .user
        .map_or(account(association.account), |at| inventory.users[usize::from(at)].name.as_str());
    let parent = match association.user {
        Some(_) => account(association.account),
        None => association.parent.map_or("", |at| account(inventory.associations[at as usize].account)),
    };
    json.open_element();
    json.int(key!("id"), association.id);
    json.str(key!("cluster"), &inventory.cluster);
    json.str(key!("name"), name);
    json.str(key!("parent"), parent);
    json.str(key!("partition"), "");
    json.no_val_real(key!("shares_normalized"), Some(share.normalized_shares));
    let is_root = association.parent.is_none();
    json.no_val(key!("shares"), if is_root { NoVal::Unset } else { NoVal::Set(association.shares.into()) });
    json.open_object(key!("tres"));
    json.open_list(key!("run_seconds"));
    each_tres(json, cluster, |json, amount| json.set(key!("value"), amount as u64), &share.run_seconds);
    json.open_list(key!("group_minutes"));
    each_tres(json, cluster, |json, _| json.infinite(key!("value")), &share.run_seconds);
    json.open_list(key!("usage"));
    each_tres(json, cluster, |json, amount| json.real(key!("value"), amount), &share.usage);
    json.close_object();
    if face.api >= ApiVersion::V0_0_42 {
        json.no_val_real(key!("effective_usage"), Some(share.effective_usage));
    } else {
        json.real(key!("effective_usage"), share.effective_usage);
    }
    let normalized = (!is_root).then_some(share.normalized_usage);
    json.no_val_real(key!("usage_normalized"), normalized);
    json.int(key!("usage"), share.usage.billing as u64);
    fair_share(json, share, face);
    json.words(key!("type"), [if association.user.is_some() { "USER" } else { "ASSOCIATION" }]);
    json.close_object();
}

fn fair_share<S: Sink>(json: &mut Json<'_, S>, share: &Share, face: Face) {
    json.open_object(key!("fairshare"));
    let factor = share.factor.unwrap_or(0.0);
    if face.api < ApiVersion::V0_0_42 {
        json.real(key!("factor"), factor);
        // NO_VAL for root; and Infinity as it is, which no JSON reader takes.
        json.real(key!("level"), share.level.unwrap_or(4_294_967_294.0));
    } else {
        json.no_val_real(key!("factor"), Some(factor));
        match share.level {
            Some(level) if level.is_infinite() && face.release >= Release::S26_05 => {
                json.no_val_real(key!("level"), Some(u64::MAX as f64));
            }
            Some(level) if level.is_infinite() => json.no_val_float(key!("level"), NoVal::Infinite),
            level => json.no_val_real(key!("level"), level),
        }
    }
    json.close_object();
}

/// How many warnings about infinite levels the answer carries: 26.05 says one for each, from v0.0.43 on.
pub(super) fn infinite_levels(cluster: &Cluster, rows: impl Iterator<Item = usize>, face: Face) -> usize {
    if face.release < Release::S26_05 || face.api < ApiVersion::V0_0_43 {
        return 0;
    }
    rows.filter(|row| cluster.shares()[*row].level.is_some_and(f64::is_infinite)).count()
}

/// One entry for each kind of resource, and the end of the list.
fn each_tres<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    write: impl Fn(&mut Json<'_, S>, f64),
    amounts: &Resources<f64>,
) {
    for tres in &cluster.inventory().tres {
        let amount = match (tres.kind, tres.name.as_str()) {
            ("cpu", _) => amounts.cpus,
            ("mem", _) => amounts.memory_mb,
            ("node", _) => amounts.nodes,
            ("billing", _) => amounts.billing,
            ("gres", "gpu") => amounts.gpus,
            _ => 0.0,
        };
        json.open_element();
        json.str(key!("name"), &super::tres::full_name(tres));
        write(json, amount);
        json.close_object();
    }
    json.close_list();
}
