//! An element of `/jobs` in v0.0.38.
//! Not here: later versions (../job.rs).

use super::super::job::{
    Facts, dependency, first_node, gres_detail, het_job_ids, licenses, limits_and_tres, partitions, seconds,
    state_words, unavailable,
};
use super::super::job_resources;
use super::super::json::{Json, Sink, key};
use super::super::version::ApiVersion;
use crate::cluster::Cluster;
use crate::cluster::job::{ArrayRole, Job, JobState};

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, job: &Job) {
    let facts = Facts::of(cluster, job);
    json.open_element();
    identity(json, &facts);
    times(json, &facts);
    if facts.has_nodes() {
        job_resources::allocated_cores(json, cluster, job, &facts.node_names, ApiVersion::V0_0_38);
    }
    state_and_layout(json, &facts);
    placement(json, &facts);
    outcome(json, &facts);
    limits_and_tres(json, &facts);
    json.close_object();
}

fn identity<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    let accrues = job.eligible != 0 && job.eligible <= facts.cluster.now() && !job.held;
    json.str(key!("account"), facts.account);
    json.int(key!("accrue_time"), if accrues { seconds(job.eligible) } else { 0 });
    json.str(key!("admin_comment"), "");
    json.int(key!("array_job_id"), job.array_id());
    match &job.role {
        ArrayRole::Task { index, .. } => json.int(key!("array_task_id"), *index),
        _ => json.null(key!("array_task_id")),
    }
    json.int(key!("array_max_tasks"), job.array_limit());
    json.str(key!("array_task_string"), &job.array_task_string());
    let associations = &facts.cluster.inventory().associations;
    json.int(key!("association_id"), associations[job.request.association as usize].id);
    json.str(key!("batch_features"), "");
    json.bool(key!("batch_flag"), true);
    json.str(key!("batch_host"), first_node(facts));
    let words = [
        (facts.has_nodes(), "JOB_ACCRUE_OVER"),
        (job.state == JobState::Running, "JOB_WAS_RUNNING"),
        (true, "JOB_MEM_SET"),
    ];
    json.words(key!("flags"), words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word));
    json.str(key!("burst_buffer"), "");
    json.str(key!("burst_buffer_state"), "");
    json.str(key!("cluster"), &facts.cluster.inventory().cluster);
    json.str(key!("cluster_features"), "");
    json.str(key!("command"), "");
    json.str(key!("comment"), "");
    json.str(key!("container"), "");
    json.bool(key!("contiguous"), false);
    for key in [key!("core_spec"), key!("thread_spec"), key!("cores_per_socket")] {
        json.null(key);
    }
    match facts.has_nodes() {
        true => json.float(key!("billable_tres"), job.request.cpus().into()),
        false => json.null(key!("billable_tres")),
    }
    for key in [
        key!("cpus_per_task"),
        key!("cpu_frequency_minimum"),
        key!("cpu_frequency_maximum"),
        key!("cpu_frequency_governor"),
    ] {
        json.null(key);
    }
    json.str(key!("cpus_per_tres"), "");
}

fn times<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    json.int(key!("deadline"), 0u64);
    json.int(key!("delay_boot"), 0u64);
    json.str(key!("dependency"), &dependency(job));
    json.int(key!("derived_exit_code"), 0u64);
    json.int(key!("eligible_time"), seconds(job.eligible));
    json.int(key!("end_time"), seconds(job.end));
    json.str(key!("excluded_nodes"), "");
    // The status of wait(2): the code in the second byte, the signal in the first.
    json.int(key!("exit_code"), u64::from(job.exit_code) << 8 | u64::from(job.signal));
    json.str(key!("features"), job.request.constraint.unwrap_or_default());
    json.str(key!("federation_origin"), "");
    json.str(key!("federation_siblings_active"), "");
    json.str(key!("federation_siblings_viable"), "");
    gres_detail(json, facts);
    json.int(key!("group_id"), facts.user.uid);
    json.str(key!("group_name"), &facts.user.name);
    json.int(key!("job_id"), job.id);
}

fn state_and_layout<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let (job, request) = (facts.job, &facts.job.request);
    // Of several words the flag alone is told: CONFIGURING, COMPLETING.
    json.str(key!("job_state"), state_words(facts.cluster, job).last().unwrap_or_default());
    json.int(key!("last_sched_evaluation"), seconds(job.last_evaluated));
    json.str(key!("licenses"), &licenses(facts));
    json.int(key!("max_cpus"), 0u64);
    json.int(key!("max_nodes"), 0u64);
    json.str(key!("mcs_label"), "");
    json.str(key!("memory_per_tres"), "");
    json.str(key!("name"), facts.name);
    json.str(key!("nodes"), &facts.node_names);
    json.null(key!("nice"));
    json.null(key!("tasks_per_core"));
    json.int(key!("tasks_per_node"), 0u64);
    json.null(key!("tasks_per_socket"));
    json.int(key!("tasks_per_board"), 0u64);
    json.int(key!("cpus"), request.cpus());
    json.int(key!("node_count"), request.nodes);
    json.int(key!("tasks"), request.cpus());
    json.int(key!("het_job_id"), job.het.map_or(0, |het| het.leader));
    json.str(key!("het_job_id_set"), &het_job_ids(job));
    json.int(key!("het_job_offset"), job.het.map_or(0, |het| het.offset));
    json.str(key!("partition"), &partitions(facts));
    json.str(key!("prefer"), "");
    let (per_node, per_cpu) = match request.memory_per_cpu {
        true => (None, Some(u64::from(request.memory_mb_per_cpu))),
        false => (Some(u64::from(request.memory_mb_per_node())), None),
    };
    json.int_or_null(key!("memory_per_node"), per_node);
    json.int_or_null(key!("memory_per_cpu"), per_cpu);
    json.int(key!("minimum_cpus_per_node"), 1u64);
    json.int(key!("minimum_tmp_disk_per_node"), 0u64);
}

fn placement<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    json.int(key!("preempt_time"), 0u64);
    let before = if job.suspended_at == 0 { 0 } else { job.elapsed(facts.cluster.now()) };
    json.int(key!("pre_sus_time"), seconds(before));
    json.int(key!("priority"), job.priority(facts.cluster.now()));
    json.null(key!("profile"));
    json.str(key!("qos"), facts.qos);
    json.bool(key!("reboot"), false);
    let nodes = &facts.cluster.inventory().nodes;
    let required = job.request.required_node.map_or("", |node| nodes[node as usize].name.as_str());
    json.str(key!("required_nodes"), required);
    json.bool(key!("requeue"), true);
    json.int(key!("resize_time"), 0u64);
    json.int(key!("restart_cnt"), job.restarts);
    let reservation = job.request.reservation.and_then(|id| facts.cluster.reservation(id));
    json.str(key!("resv_name"), reservation.map_or("", |reservation| reservation.name.as_str()));
    json.null(key!("shared"));
    json.words(key!("show_flags"), ["SHOW_ALL", "SHOW_DETAIL", "SHOW_LOCAL"]);
    json.int(key!("sockets_per_board"), 0u64);
    json.null(key!("sockets_per_node"));
}

fn outcome<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    json.int(key!("start_time"), seconds(job.start));
    json.str(key!("state_description"), unavailable(facts));
    json.str(key!("state_reason"), job.reason.word());
    json.str(key!("standard_error"), "");
    json.str(key!("standard_input"), "/dev/null");
    json.str(key!("standard_output"), "/dev/null");
    json.int(key!("submit_time"), seconds(job.submit));
    json.int(key!("suspend_time"), seconds(job.suspended_at));
    json.str(key!("system_comment"), "");
}
