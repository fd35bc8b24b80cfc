//! An element of `/reservations`.
//! Not here: v0.0.38 (v0_0_38/small.rs).

use super::json::{Json, Sink, key};
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
    let names = Names::of(cluster, reservation);
    json.open_element();
    json.str(key!("accounts"), &names.accounts);
    json.str(key!("burst_buffer"), "");
    json.int(key!("core_count"), reservation.cores);
    json.empty_list(key!("core_specializations"));
    json.set(key!("end_time"), reservation.end / SECOND);
    json.str(key!("features"), "");
    json.words(key!("flags"), reservation.flags.iter().map(|flag| flag.word()));
    json.str(key!("groups"), "");
    json.str(key!("licenses"), &names.licenses);
    json.int(key!("max_start_delay"), 0u64);
    json.str(key!("name"), &reservation.name);
    json.int(key!("node_count"), reservation.nodes.len() as u64);
    json.str(key!("node_list"), &reservation.hostlist);
    json.str(key!("partition"), "");
    json.open_object(key!("purge_completed"));
    json.set(key!("time"), 300u64);
    json.close_object();
    json.set(key!("start_time"), reservation.start / SECOND);
    if api < ApiVersion::V0_0_45 {
        json.empty_object(key!("watts"));
    }
    json.str(key!("tres"), &names.tres);
    json.str(key!("users"), &names.users);
    json.close_object();
}

/// What a reservation says in lists of names.
pub(super) struct Names {
    pub(super) accounts: String,
    pub(super) users: String,
    pub(super) licenses: String,
    pub(super) tres: String,
}

impl Names {
    pub(super) fn of(cluster: &Cluster, reservation: &Reservation) -> Self {
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
