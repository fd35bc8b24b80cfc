//! `/diag`: slurmctld's counters.
//! Not here: how they move (cluster/stats.rs).

use super::json::{Json, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;
use crate::cluster::clock::SECOND;
use crate::cluster::stats::{Sender, Stats, Tally};

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, api: ApiVersion) {
    let stats = cluster.stats();
    json.open_object(key!("statistics"));
    if api < ApiVersion::V0_0_45 {
        json.int(key!("parts_packed"), 1u64);
    }
    server(json, cluster);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("schedule_cycle_sum"), stats.schedule.sum_us);
    }
    cycles(json, cluster);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("schedule_cycle_depth"), stats.schedule.depth_sum);
        schedule_exit(json, stats);
        json.int(key!("schedule_queue_length"), stats.schedule_queue);
    } else {
        json.int(key!("schedule_queue_length"), stats.schedule_queue);
        schedule_exit(json, stats);
    }
    jobs(json, stats);
    backfill(json, stats, api);
    rpcs(json, cluster, api);
    json.close_object();
}

/// When it is asked, what slurmctld is busy with, and its longest and last cycle.
pub(super) fn server<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    let stats = cluster.stats();
    json.set(key!("req_time"), cluster.now_unix());
    json.set(key!("req_time_start"), stats.since / SECOND);
    json.int(key!("server_thread_count"), 1 + stats.schedule.count % 3);
    json.int(key!("agent_queue_size"), stats.schedule.count % 2);
    json.int(key!("agent_count"), 1u64);
    json.int(key!("agent_thread_count"), 12u64);
    json.int(key!("dbd_agent_queue_size"), stats.completed % 5);
    json.int(key!("gettimeofday_latency"), 20u64);
    json.int(key!("schedule_cycle_max"), stats.schedule.max_us);
    json.int(key!("schedule_cycle_last"), stats.schedule.last_us);
}

pub(super) fn cycles<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster) {
    let stats = cluster.stats();
    let minutes = ((cluster.now() - stats.since) / 60_000).max(1);
    json.int(key!("schedule_cycle_total"), stats.schedule.count);
    json.int(key!("schedule_cycle_mean"), stats.schedule.mean_us());
    json.int(key!("schedule_cycle_mean_depth"), stats.schedule.mean_depth());
    json.int(key!("schedule_cycle_per_minute"), stats.schedule.count / minutes);
}

pub(super) fn jobs<S: Sink>(json: &mut Json<'_, S>, stats: &Stats) {
    json.int(key!("jobs_submitted"), stats.submitted);
    json.int(key!("jobs_started"), stats.started);
    json.int(key!("jobs_completed"), stats.completed);
    json.int(key!("jobs_canceled"), stats.canceled);
    json.int(key!("jobs_failed"), stats.failed);
    json.int(key!("jobs_pending"), stats.pending);
    json.int(key!("jobs_running"), stats.running);
    json.set(key!("job_states_ts"), stats.job_states_at / SECOND);
}

pub(super) fn backfilled<S: Sink>(json: &mut Json<'_, S>, stats: &Stats) {
    let cycles = stats.backfill.count.max(1);
    json.int(key!("bf_backfilled_jobs"), stats.backfilled);
    json.int(key!("bf_last_backfilled_jobs"), stats.backfilled_last);
    json.int(key!("bf_backfilled_het_jobs"), 0u64);
    json.int(key!("bf_cycle_counter"), stats.backfill.count);
    json.int(key!("bf_cycle_mean"), stats.backfill.mean_us());
    json.int(key!("bf_depth_mean"), stats.backfill.mean_depth());
    json.int(key!("bf_depth_mean_try"), stats.backfill_tried_sum / cycles);
}

fn schedule_exit<S: Sink>(json: &mut Json<'_, S>, stats: &Stats) {
    json.open_object(key!("schedule_exit"));
    json.int(key!("end_job_queue"), stats.schedule.count - stats.schedule_reached_limit);
    json.int(key!("default_queue_depth"), stats.schedule_reached_limit);
    json.int(key!("max_job_start"), 0u64);
    json.int(key!("max_rpc_cnt"), 0u64);
    json.int(key!("max_sched_time"), 0u64);
    json.int(key!("licenses"), 0u64);
    json.close_object();
}

fn backfill_exit<S: Sink>(json: &mut Json<'_, S>, stats: &Stats) {
    json.open_object(key!("bf_exit"));
    json.int(key!("end_job_queue"), stats.backfill.count - stats.backfill_reached_limit);
    json.int(key!("bf_max_job_start"), 0u64);
    json.int(key!("bf_max_job_test"), stats.backfill_reached_limit);
    json.int(key!("bf_max_time"), 0u64);
    json.int(key!("bf_node_space_size"), 0u64);
    json.int(key!("state_changed"), 0u64);
    json.close_object();
}

fn backfill<S: Sink>(json: &mut Json<'_, S>, stats: &Stats, api: ApiVersion) {
    let cycles = stats.backfill.count.max(1);
    backfilled(json, stats);
    json.int(key!("bf_cycle_sum"), stats.backfill.sum_us);
    json.int(key!("bf_cycle_last"), stats.backfill.last_us);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("bf_cycle_max"), stats.backfill.max_us);
        backfill_exit(json, stats);
    }
    json.int(key!("bf_last_depth"), stats.backfill_depth);
    json.int(key!("bf_last_depth_try"), stats.backfill_tried);
    json.int(key!("bf_depth_sum"), stats.backfill.depth_sum);
    json.int(key!("bf_depth_try_sum"), stats.backfill_tried_sum);
    json.int(key!("bf_queue_len"), stats.backfill_queue);
    json.int(key!("bf_queue_len_mean"), stats.backfill_queue_sum / cycles);
    json.int(key!("bf_queue_len_sum"), stats.backfill_queue_sum);
    json.int(key!("bf_table_size"), stats.backfill_table);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("bf_table_size_sum"), stats.backfill_table_sum);
    }
    json.int(key!("bf_table_size_mean"), stats.backfill_table_sum / cycles);
    json.set(key!("bf_when_last_cycle"), stats.backfill_at / SECOND);
    json.bool(key!("bf_active"), false);
    if api < ApiVersion::V0_0_41 {
        backfill_exit(json, stats);
    }
}

fn rpcs<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, api: ApiVersion) {
    let stats = cluster.stats();
    json.open_list(key!("rpcs_by_message_type"));
    for (rpc, tally) in &stats.by_type {
        let (number, name) = rpc.number_and_name();
        json.open_element();
        if api >= ApiVersion::V0_0_41 {
            json.int(key!("type_id"), number);
            json.str(key!("message_type"), name);
            json.int(key!("count"), tally.count);
            json.int(key!("queued"), 0u64);
            json.int(key!("dropped"), 0u64);
            json.int(key!("cycle_last"), 0u64);
            json.int(key!("cycle_max"), 0u64);
        } else {
            json.str(key!("message_type"), name);
            json.int(key!("type_id"), number);
            json.int(key!("count"), tally.count);
        }
        times(json, tally, api);
        json.close_object();
    }
    json.close_list();
    json.open_list(key!("rpcs_by_user"));
    for (sender, tally) in &stats.by_sender {
        let (user, id) = self::sender(cluster, *sender);
        json.open_element();
        if api >= ApiVersion::V0_0_41 {
            json.int(key!("user_id"), id);
            json.str(key!("user"), user);
        } else {
            json.str(key!("user"), user);
            json.int(key!("user_id"), id);
        }
        json.int(key!("count"), tally.count);
        times(json, tally, api);
        json.close_object();
    }
    json.close_list();
    if api >= ApiVersion::V0_0_41 {
        json.empty_list(key!("pending_rpcs"));
        json.empty_list(key!("pending_rpcs_by_hostlist"));
    }
}

/// The name and number of who sent messages.
pub(super) fn sender(cluster: &Cluster, sender: Sender) -> (&str, u32) {
    match sender {
        Sender::Root => ("root", 0),
        Sender::Rest => ("slurm", 64_030),
        Sender::User(index) => {
            let user = &cluster.inventory().users[usize::from(index)];
            (user.name.as_str(), user.uid)
        }
    }
}

/// Total and average changed places and the average became an object in v0.0.41.
fn times<S: Sink>(json: &mut Json<'_, S>, tally: &Tally, api: ApiVersion) {
    let average = tally.total_us / tally.count.max(1);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("total_time"), tally.total_us);
        json.set(key!("average_time"), average);
    } else {
        json.int(key!("average_time"), average);
        json.int(key!("total_time"), tally.total_us);
    }
}
