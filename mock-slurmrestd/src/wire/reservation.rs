//! An element of `/reservations`.
//! Not here: how v0.0.38 writes times (json.rs).

use super::json::{Json, NO_VAL, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;
use crate::cluster::clock::SECOND;
use crate::cluster::reservation::Reservation;

pub(super) fn write<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    reservation: &Reservation,
    api: ApiVersion,
) {
    let (names, plain) = (Names::of(cluster, reservation), json.is_plain());
    json.open_element();
    if plain {
        flags(json, reservation);
    }
    json.str(key!("accounts"), &names.accounts);
    json.str(key!("burst_buffer"), "");
    json.int(key!("core_count"), reservation.cores);
    if plain {
        json.int(key!("core_spec_cnt"), 0u64);
    } else {
        json.empty_list(key!("core_specializations"));
    }
    json.set(key!("end_time"), reservation.end / SECOND);
    json.str(key!("features"), "");
    if !plain {
        flags(json, reservation);
    }
    json.str(key!("groups"), "");
    json.str(key!("licenses"), &names.licenses);
    json.int(key!("max_start_delay"), 0u64);
    json.str(key!("name"), &reservation.name);
    json.int(key!("node_count"), reservation.nodes.len() as u64);
    json.str(key!("node_list"), &reservation.hostlist);
    json.str(key!("partition"), "");
    if !plain {
        json.open_object(key!("purge_completed"));
        json.set(key!("time"), 300u64);
        json.close_object();
    }
    json.set(key!("start_time"), reservation.start / SECOND);
    if plain {
        json.int(key!("watts"), NO_VAL);
    } else if api < ApiVersion::V0_0_45 {
        json.empty_object(key!("watts"));
    }
    json.str(key!("tres"), &names.tres);
    json.str(key!("users"), &names.users);
    json.close_object();
}

fn flags<S: Sink>(json: &mut Json<'_, S>, reservation: &Reservation) {
    json.words(key!("flags"), reservation.flags.iter().map(|flag| flag.word()));
}

/// What a reservation says in lists of names.
struct Names {
    accounts: String,
    users: String,
    licenses: String,
    tres: String,
}

impl Names {
    fn of(cluster: &Cluster, reservation: &Reservation) -> Self {
        let inventory = cluster.inventory();
        let accounts =
            reservation.accounts.iter().map(|at| inventory.accounts[usize::from(*at)].name.as_str());
        let users = reservation.users.iter().map(|at| inventory.users[usize::from(*at)].name.as_str());
        let licenses = reservation.licenses.map_or_else(String::new, |kept| {
            format!("{}:{}", cluster.licenses()[usize::from(kept.license)].name, kept.count)
        });
        Self {
            accounts: accounts.collect::<Vec<_>>().join(","),
            users: users.collect::<Vec<_>>().join(","),
            tres: if reservation.cores > 0 { format!("cpu={}", reservation.cores) } else { String::new() },
            licenses,
        }
    }
}
