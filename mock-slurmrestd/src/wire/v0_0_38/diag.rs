//! `/diag` in v0.0.38: tallies of messages first, then plain numbers.
//! Not here: later versions (../diag.rs).

use super::super::diag::{backfilled, cycles, jobs, sender, server};
use super::super::json::{Json, Sink, key};
use crate::cluster::Cluster;
use crate::cluster::clock::SECOND;
use crate::cluster::stats::Tally;

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    let stats = cluster.stats();
    json.open_object(key!("statistics"));
    tallies(json, cluster);
    json.int(key!("parts_packed"), 1u64);
    server(json, cluster);
    cycles(json, cluster);
    json.int(key!("schedule_queue_length"), stats.schedule_queue);
    jobs(json, stats);
    backfilled(json, stats);
    let cycles = stats.backfill.count.max(1);
    json.int(key!("bf_cycle_last"), stats.backfill.last_us);
    json.int(key!("bf_cycle_max"), stats.backfill.max_us);
    json.int(key!("bf_queue_len"), stats.backfill_queue);
    json.int(key!("bf_queue_len_mean"), stats.backfill_queue_sum / cycles);
    json.int(key!("bf_table_size"), stats.backfill_table);
    json.int(key!("bf_table_size_mean"), stats.backfill_table_sum / cycles);
    json.int(key!("bf_when_last_cycle"), stats.backfill_at / SECOND);
    json.bool(key!("bf_active"), false);
    json.close_object();
}

fn tallies<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    json.open_list(key!("rpcs_by_message_type"));
    for (rpc, tally) in &cluster.stats().by_type {
        let (number, name) = rpc.number_and_name();
        json.open_element();
        json.str(key!("message_type"), name);
        json.int(key!("type_id"), number);
        times(json, tally);
    }
    json.close_list();
    json.open_list(key!("rpcs_by_user"));
    for (by, tally) in &cluster.stats().by_sender {
        let (user, id) = sender(cluster, *by);
        json.open_element();
        json.str(key!("user"), user);
        json.int(key!("user_id"), id);
        times(json, tally);
    }
    json.close_list();
}

/// Ends the element.
fn times<S: Sink>(json: &mut Json<'_, S>, tally: &Tally) {
    json.int(key!("count"), tally.count);
    json.int(key!("average_time"), tally.total_us / tally.count.max(1));
    json.int(key!("total_time"), tally.total_us);
    json.close_object();
}
