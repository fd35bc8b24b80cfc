//! Elements of `/reservations` and `/licenses` in v0.0.38.
//! Not here: later versions (../reservation.rs, ../license.rs).

use super::super::json::{Json, Sink, key};
use super::super::reservation::Names;
use crate::cluster::Cluster;
use crate::cluster::clock::SECOND;
use crate::cluster::license::License;
use crate::cluster::reservation::Reservation;

/// What slurmctld keeps in a 32-bit field that nobody filled.
const NO_VAL: u64 = 0xffff_fffe;

pub(in super::super) fn reservation<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    reservation: &Reservation,
) {
    let names = Names::of(cluster, reservation);
    json.open_element();
    json.words(key!("flags"), reservation.flags.iter().map(|flag| flag.word()));
    json.str(key!("accounts"), &names.accounts);
    json.str(key!("burst_buffer"), "");
    json.int(key!("core_count"), reservation.cores);
    json.int(key!("core_spec_cnt"), 0u64);
    json.int(key!("end_time"), reservation.end / SECOND);
    json.str(key!("features"), "");
    json.str(key!("groups"), "");
    json.str(key!("licenses"), &names.licenses);
    json.int(key!("max_start_delay"), 0u64);
    json.str(key!("name"), &reservation.name);
    json.int(key!("node_count"), reservation.nodes.len() as u64);
    json.str(key!("node_list"), &reservation.hostlist);
    json.str(key!("partition"), "");
    json.int(key!("start_time"), reservation.start / SECOND);
    json.int(key!("watts"), NO_VAL);
    json.str(key!("tres"), &names.tres);
    json.str(key!("users"), &names.users);
    json.close_object();
}

pub(in super::super) fn license<S: Sink>(json: &mut Json<'_, S>, license: &License) {
    json.open_element();
    json.str(key!("LicenseName"), license.name);
    json.int(key!("Total"), license.total);
    json.int(key!("Used"), license.used);
    json.int(key!("Free"), license.total.saturating_sub(license.used));
    json.int(key!("Reserved"), license.reserved);
    json.bool(key!("Remote"), false);
    json.close_object();
}
