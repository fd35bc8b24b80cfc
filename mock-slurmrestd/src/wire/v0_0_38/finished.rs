//! An element of slurmdbd's `/jobs` in v0.0.38.
//! Not here: later versions (../finished.rs).

use super::super::accounting::association_names;
use super::super::finished::{
    cpu_microseconds, cpu_time, elapsed, killer, nodes, owner, resources, running_limit, start_and_end,
    step_tres,
};
use super::super::job::{Facts, first_node, partitions, seconds};
use super::super::json::{Json, Sink, key};
use crate::cluster::Cluster;
use crate::cluster::job::{ArrayRole, Job};

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, job: &Job) {
    let facts = Facts::of(cluster, job);
    json.open_element();
    identity(json, &facts);
    json.open_object(key!("derived_exit_code"));
    exit_code(json, 0, 0);
    time(json, &facts);
    placement(json, &facts);
    json.open_list(key!("steps"));
    if facts.has_nodes() {
        step(json, &facts);
    }
    json.close_list();
    resources(json, &facts);
    owner(json, &facts);
    json.close_object();
}

fn identity<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let (job, cluster) = (facts.job, facts.cluster);
    json.str(key!("account"), facts.account);
    json.open_object(key!("comment"));
    for key in [key!("administrator"), key!("job"), key!("system")] {
        json.null(key);
    }
    json.close_object();
    json.int(key!("allocation_nodes"), job.allocation.len() as u64);
    json.open_object(key!("array"));
    json.int(key!("job_id"), job.array_id());
    running_limit(json, job);
    let waiting = job.array_task_string();
    json.str_or_null(key!("task"), Some(waiting.as_str()).filter(|text| !text.is_empty()));
    let task = match &job.role {
        ArrayRole::Task { index, .. } => Some(u64::from(*index)),
        _ => None,
    };
    json.int_or_null(key!("task_id"), task);
    json.close_object();
    json.open_object(key!("association"));
    let association = &cluster.inventory().associations[job.request.association as usize];
    association_names(json, cluster, association);
    json.close_object();
    json.str(key!("cluster"), &cluster.inventory().cluster);
    json.str(key!("constraints"), job.request.constraint.unwrap_or_default());
    json.null(key!("container"));
}

/// Fills and closes the object that the caller opened. Which signal it was is not told: that was not recorded.
fn exit_code<S: Sink>(json: &mut Json<'_, S>, code: u8, signal: u8) {
    let status = match (code, signal) {
        (0, 0) => "SUCCESS",
        (_, 0) => "ERROR",
        _ => "SIGNALED",
    };
    json.str(key!("status"), status);
    json.int(key!("return_code"), code);
    json.close_object();
}

fn time<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    let (start, end) = start_and_end(facts);
    let (user, system) = cpu_microseconds(facts);
    json.open_object(key!("time"));
    json.int(key!("elapsed"), elapsed(facts));
    json.int(key!("eligible"), seconds(job.eligible));
    json.int(key!("end"), end);
    json.int(key!("start"), start);
    json.int(key!("submission"), seconds(job.submit));
    json.int(key!("suspended"), seconds(job.suspended_for));
    cpu_time(json, key!("system"), system);
    json.int(key!("limit"), job.request.limit_minutes);
    cpu_time(json, key!("total"), user + system);
    cpu_time(json, key!("user"), user);
    json.close_object();
}

fn placement<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let (job, request) = (facts.job, &facts.job.request);
    json.open_object(key!("exit_code"));
    exit_code(json, job.exit_code, job.signal);
    let flags: &[&str] = if facts.has_nodes() { &["CLEAR_SCHEDULING", "STARTED_ON_SCHEDULE"] } else { &[] };
    json.words(key!("flags"), flags.iter().copied());
    json.str(key!("group"), &facts.user.name);
    json.open_object(key!("het"));
    json.int(key!("job_id"), job.het.map_or(0, |het| het.leader));
    json.int_or_null(key!("job_offset"), job.het.map(|het| het.offset.into()));
    json.close_object();
    json.int(key!("job_id"), job.id);
    json.str(key!("name"), facts.name);
    json.open_object(key!("mcs"));
    json.str(key!("label"), "");
    json.close_object();
    json.str(key!("nodes"), nodes(facts));
    json.str(key!("partition"), &partitions(facts));
    json.int(key!("priority"), job.priority(facts.cluster.now()));
    json.str(key!("qos"), facts.qos);
    json.open_object(key!("required"));
    json.int(key!("CPUs"), request.cpus());
    json.int(key!("memory"), request.memory_mb_per_node());
    json.close_object();
    json.str_or_null(key!("kill_request_user"), killer(facts));
    json.open_object(key!("reservation"));
    json.int(key!("id"), request.reservation.unwrap_or(0));
    json.int(key!("name"), 0u64);
    json.close_object();
    json.open_object(key!("state"));
    json.str(key!("current"), job.state.word());
    json.str(key!("reason"), job.reason.word());
    json.close_object();
}

fn step<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    let node = first_node(facts);
    json.open_element();
    json.open_object(key!("nodes"));
    json.words(key!("list"), [node]);
    json.int(key!("count"), 1u64);
    json.str(key!("range"), node);
    json.close_object();
    step_tres(json, facts);
    step_time(json, facts);
    json.open_object(key!("exit_code"));
    exit_code(json, job.exit_code, job.signal);
    json.open_object(key!("tasks"));
    json.int(key!("count"), 1u64);
    json.close_object();
    json.null(key!("pid"));
    json.open_object(key!("CPU"));
    json.open_object(key!("requested_frequency"));
    json.int(key!("min"), 0u64);
    json.int(key!("max"), 0u64);
    json.close_object();
    json.empty_list(key!("governor"));
    json.close_object();
    json.null(key!("kill_request_user"));
    json.str(key!("state"), job.state.word());
    json.open_object(key!("statistics"));
    json.open_object(key!("CPU"));
    json.int(key!("actual_frequency"), 0u64);
    json.close_object();
    json.open_object(key!("energy"));
    json.int(key!("consumed"), 0u64);
    json.close_object();
    json.close_object();
    json.open_object(key!("step"));
    json.int(key!("job_id"), job.id);
    json.open_object(key!("het"));
    json.null(key!("component"));
    json.close_object();
    json.str(key!("id"), "batch");
    json.str(key!("name"), "batch");
    json.close_object();
    json.open_object(key!("task"));
    json.str(key!("distribution"), "Unknown");
    json.close_object();
    json.close_object();
}

fn step_time<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let (start, end) = start_and_end(facts);
    let (user, system) = cpu_microseconds(facts);
    json.open_object(key!("time"));
    json.int(key!("elapsed"), elapsed(facts));
    json.int(key!("end"), end);
    json.int(key!("start"), start);
    json.int(key!("suspended"), seconds(facts.job.suspended_for));
    cpu_time(json, key!("system"), system);
    cpu_time(json, key!("total"), user + system);
    cpu_time(json, key!("user"), user);
    json.close_object();
}
