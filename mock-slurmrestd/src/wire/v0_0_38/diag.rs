//! `/diag` in v0.0.38: tallies of messages first, then plain numbers.
//! Not here: later versions (../diag.rs).

use super::super::diag::sender;
use super::super::json::{Json, Sink, key};
use crate::cluster::Cluster;
use crate::cluster::clock::SECOND;
use crate::cluster::stats::Tally;

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    let stats = cluster.stats();
    let minutes = ((cluster.now() - stats.since) / 60_000).max(1);
    json.open_object(key!("statistics"));
    tallies(json, cluster);
    json.int(key!("parts_packed"), 1u64);
    json.int(key!("req_time"), cluster.now_unix());
    json.int(key!("req_time_start"), stats.since / SECOND);
    json.int(key!("server_thread_count"), 1 + stats.schedule.count % 3);
    json.int(key!("agent_queue_size"), stats.schedule.count % 2);
    json.int(key!("agent_count"), 1u64);
    json.int(key!("agent_thread_count"), 12u64);
    json.int(key!("dbd_agent_queue_size"), stats.completed % 5);
    json.int(key!("gettimeofday_latency"), 20u64);
    json.int(key!("schedule_cycle_max"), stats.schedule.max_us);
    json.int(key!("schedule_cycle_last"), stats.schedule.last_us);
    json.int(key!("schedule_cycle_total"), stats.schedule.count);
    json.int(key!("schedule_cycle_mean"), stats.schedule.mean_us());
    json.int(key!("schedule_cycle_mean_depth"), stats.schedule.mean_depth());
    json.int(key!("schedule_cycle_per_minute"), stats.schedule.count / minutes);
    json.int(key!("schedule_queue_length"), stats.schedule_queue);
    json.int(key!("jobs_submitted"), stats.submitted);
    json.int(key!("jobs_started"), stats.started);
    json.int(key!("jobs_completed"), stats.completed);
    json.int(key!("jobs_canceled"), stats.canceled);
    json.int(key!("jobs_failed"), stats.failed);
    json.int(key!("jobs_pending"), stats.pending);
    json.int(key!("jobs_running"), stats.running);
    json.int(key!("job_states_ts"), stats.job_states_at / SECOND);
    let cycles = stats.backfill.count.max(1);
    json.int(key!("bf_backfilled_jobs"), stats.backfilled);
    json.int(key!("bf_last_backfilled_jobs"), stats.backfilled_last);
    json.int(key!("bf_backfilled_het_jobs"), 0u64);
    json.int(key!("bf_cycle_counter"), stats.backfill.count);
    json.int(key!("bf_cycle_mean"), stats.backfill.mean_us());
    json.int(key!("bf_depth_mean"), stats.backfill.mean_depth());
    json.int(key!("bf_depth_mean_try"), stats.backfill_tried_sum / cycles);
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
