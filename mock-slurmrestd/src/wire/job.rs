//! An element of `/jobs`, and the entries of `/jobs/state`.
//! Not here: fields of job kinds that the model does not have (containers, burst buffers): constants.

use super::job_resources::{self, CoreTexts};
use super::json::{Json, NoVal, Sink, key};
use super::node::indices;
use super::tres::Tres;
use super::version::{ApiVersion, Face, Release};
use crate::cluster::Cluster;
use crate::cluster::clock::{Millis, SECOND};
use crate::cluster::hostlist;
use crate::cluster::job::{Allocation, ArrayRole, Job, JobFlag, JobState, StateReason};
use crate::cluster::qos;
use crate::workload::NAMES;

pub(super) fn write<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    job: &Job,
    face: Face,
    cores: &CoreTexts,
) {
    let api = face.api;
    let facts = Facts::of(cluster, job);
    json.open_element();
    identity(json, &facts, api);
    cpu_details(json, &facts);
    times_and_exit(json, &facts);
    affiliations(json, &facts);
    job_resources::write(json, cluster, job, &facts.node_names, api, cores);
    state_and_mail(json, &facts, face);
    task_layout(json, &facts);
    priority_and_placement(json, &facts, api);
    outcome_and_files(json, &facts, api);
    limits_and_tres(json, &facts);
    json.close_object();
}

/// What several fields need.
pub(super) struct Facts<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) job: &'a Job,
    pub(super) name: &'static str,
    pub(super) account: &'a str,
    pub(super) user: &'a crate::cluster::accounts::User,
    pub(super) qos: &'static str,
    pub(super) partition: &'a crate::cluster::inventory::Partition,
    pub(super) node_names: String,
    pub(super) tres_requested: String,
    pub(super) tres_allocated: String,
}

impl<'a> Facts<'a> {
    pub(super) fn of(cluster: &'a Cluster, job: &'a Job) -> Self {
        let inventory = cluster.inventory();
        let request = &job.request;
        let user = &inventory.users[usize::from(request.user)];
        let name_of = |part: &Allocation| inventory.nodes[part.node as usize].name.as_str();
        let named = request.gpu_model().map(|model| (model, request.gpus().into()));
        let requested = Tres {
            cpus: request.cpus().into(),
            memory_mb: u64::from(request.memory_mb_per_node()) * u64::from(request.nodes),
            nodes: request.nodes.into(),
            billing: request.cpus().into(),
            gpus: request.gpus().into(),
            gpu_models: named.as_slice(),
        };
        let models = job.gpu_models(inventory);
        let allocated = Tres {
            memory_mb: job.allocated_memory_mb(),
            gpus: job.allocated_gpus().into(),
            gpu_models: &models,
            ..requested
        };
        Self {
            cluster,
            job,
            name: NAMES[usize::from(request.name)],
            account: &inventory.account_of(request.association).name,
            user,
            qos: inventory.qos[usize::from(request.qos)].name,
            partition: &inventory.partitions[usize::from(request.partition)],
            node_names: hostlist::compress(job.allocation.iter().map(name_of)),
            tres_requested: requested.text(),
            tres_allocated: if job.allocation.is_empty() { String::new() } else { allocated.text() },
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.job.state == JobState::Pending
    }

    pub(super) fn has_nodes(&self) -> bool {
        !self.job.allocation.is_empty()
    }
}

pub(super) fn seconds(time: Millis) -> u64 {
    time / SECOND
}

fn identity<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, api: ApiVersion) {
    let job = facts.job;
    let accrues = job.eligible != 0 && job.eligible <= facts.cluster.now() && !job.held;
    json.str(key!("account"), facts.account);
    json.set(key!("accrue_time"), if accrues { seconds(job.eligible) } else { 0 });
    json.str(key!("admin_comment"), "");
    json.str(key!("allocating_node"), "login1");
    json.set(key!("array_job_id"), job.array_id());
    match job.role {
        ArrayRole::Task { index, .. } => json.set(key!("array_task_id"), index),
        _ => json.unset(key!("array_task_id")),
    }
    json.set(key!("array_max_tasks"), job.array_limit());
    json.str(key!("array_task_string"), &job.array_task_string());
    let associations = &facts.cluster.inventory().associations;
    json.int(key!("association_id"), associations[job.request.association as usize].id);
    json.str(key!("batch_features"), "");
    json.bool(key!("batch_flag"), true);
    json.str(key!("batch_host"), first_node(facts));
    flags(json, facts, api);
    json.str(key!("burst_buffer"), "");
    json.str(key!("burst_buffer_state"), "");
    json.str(key!("cluster"), &facts.cluster.inventory().cluster);
    json.str(key!("cluster_features"), "");
    json.str(key!("command"), "");
    json.str(key!("comment"), "");
    json.str(key!("container"), "");
    json.str(key!("container_id"), "");
    if api >= ApiVersion::V0_0_45 {
        json.str(key!("container_type"), "");
    }
    json.bool(key!("contiguous"), false);
}

pub(super) fn first_node<'a>(facts: &Facts<'a>) -> &'a str {
    let nodes = &facts.cluster.inventory().nodes;
    facts.job.allocation.first().map_or("", |part| nodes[part.node as usize].name.as_str())
}

/// The words and their order as recorded for each state.
fn flags<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, api: ApiVersion) {
    let job = facts.job;
    json.open_list(key!("flags"));
    let words = [
        (true, "EXACT_TASK_COUNT_REQUESTED"),
        (facts.has_nodes(), "ACCRUE_COUNT_CLEARED"),
        (job.state == JobState::Running, "JOB_WAS_RUNNING"),
        (true, "EXACT_MEMORY_REQUESTED"),
        (facts.partition.is_default, "USING_DEFAULT_PARTITION"),
        (job.request.qos == qos::NORMAL, "USING_DEFAULT_QOS"),
        (true, "USING_DEFAULT_WCKEY"),
        (job.dependency.is_some(), "DEPENDENT"),
        (facts.partition.is_default, "PARTITION_ASSIGNED"),
        (facts.is_pending() && job.backfill_attempted, "BACKFILL_ATTEMPTED"),
        (facts.is_pending() && job.backfill_attempted, "SCHEDULING_ATTEMPTED"),
        (api >= ApiVersion::V0_0_45, "JOB_IMPLICIT_MAX_NODES"),
    ];
    for (_, word) in words.into_iter().filter(|(holds, _)| *holds) {
        json.str_element(word);
    }
    json.close_list();
}

fn cpu_details<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.int(key!("core_spec"), 0u64);
    // NO_VAL of a 16-bit field, leaked by every release.
    json.int(key!("thread_spec"), 32_766u64);
    json.unset(key!("cores_per_socket"));
    let billed = if facts.has_nodes() { NoVal::Set(facts.job.request.cpus().into()) } else { NoVal::Unset };
    json.no_val_float(key!("billable_tres"), billed);
    json.set(key!("cpus_per_task"), 1u64);
    json.unset(key!("cpu_frequency_minimum"));
    json.unset(key!("cpu_frequency_maximum"));
    json.unset(key!("cpu_frequency_governor"));
    json.str(key!("cpus_per_tres"), "");
    json.str(key!("cron"), "");
    json.set(key!("deadline"), 0u64);
    json.set(key!("delay_boot"), 0u64);
}

fn times_and_exit<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let job = facts.job;
    json.str(key!("dependency"), &dependency(job));
    json.open_object(key!("derived_exit_code"));
    exit_code(json, 0, 0);
    json.set(key!("eligible_time"), seconds(job.eligible));
    json.set(key!("end_time"), seconds(job.end));
    json.str(key!("excluded_nodes"), "");
    json.open_object(key!("exit_code"));
    exit_code(json, job.exit_code, job.signal);
    json.str(key!("extra"), "");
    json.str(key!("failed_node"), "");
    json.str(key!("features"), job.request.constraint.unwrap_or_default());
}

pub(super) fn dependency(job: &Job) -> String {
    job.dependency.map_or_else(String::new, |dependency| {
        let kind = dependency.kind.word();
        let state = if dependency.failed { "failed" } else { "unfulfilled" };
        format!("{kind}:{}({state})", dependency.on)
    })
}

/// Fills and closes the object that the caller opened.
pub(super) fn exit_code<S: Sink>(json: &mut Json<'_, S>, code: u8, signal: u8) {
    let status = match (code, signal) {
        (0, 0) => "SUCCESS",
        (_, 0) => "ERROR",
        _ => "SIGNALED",
    };
    json.words(key!("status"), [status]);
    json.no_val(key!("return_code"), if signal == 0 { NoVal::Set(code.into()) } else { NoVal::Unset });
    json.open_object(key!("signal"));
    json.no_val(key!("id"), if signal == 0 { NoVal::Unset } else { NoVal::Set(signal.into()) });
    json.str(key!("name"), if signal == 15 { "TERM" } else { "" });
    json.close_object();
    json.close_object();
}

fn affiliations<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.str(key!("federation_origin"), "");
    json.str(key!("federation_siblings_active"), "");
    json.str(key!("federation_siblings_viable"), "");
    gres_detail(json, facts);
    json.int(key!("group_id"), facts.user.uid);
    json.str(key!("group_name"), &facts.user.name);
    let het = facts.job.het;
    json.set(key!("het_job_id"), het.map_or(0, |het| het.leader));
    json.str(key!("het_job_id_set"), &het_job_ids(facts.job));
    json.set(key!("het_job_offset"), het.map_or(0, |het| het.offset));
    json.int(key!("job_id"), facts.job.id);
}

/// `12-14`
pub(super) fn het_job_ids(job: &Job) -> String {
    job.het.map_or_else(String::new, |het| format!("{}-{}", het.ids().start, het.ids().end - 1))
}

pub(super) fn gres_detail<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.open_list(key!("gres_detail"));
    for part in facts.job.allocation.iter().filter(|part| part.gpus != 0) {
        let model = facts.cluster.inventory().node_type(part.node).gpu_model;
        json.str_element(&format!("gpu:{model}:{}(IDX:{})", part.gpus.count_ones(), indices(part.gpus)));
    }
    json.close_list();
}

fn state_and_mail<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let api = face.api;
    let (job, pending) = (facts.job, facts.is_pending());
    json.empty_list(key!("job_size_str"));
    json.words(key!("job_state"), state_words(facts.cluster, job));
    json.set(key!("last_sched_evaluation"), seconds(job.last_evaluated));
    let licenses = licenses(facts);
    json.str(key!("licenses"), &licenses);
    if api >= ApiVersion::V0_0_43 {
        json.str(
            key!("licenses_allocated"),
            if job.holds_resources(facts.cluster.now()) { &licenses } else { "" },
        );
    }
    json.empty_list(key!("mail_type"));
    json.str(key!("mail_user"), &facts.user.name);
    json.set(key!("max_cpus"), 0u64);
    // 26.05 fills this in for pending jobs.
    let filled = pending && face.release >= Release::S26_05;
    json.set(key!("max_nodes"), if filled { job.request.nodes } else { 0 });
    json.str(key!("mcs_label"), "");
    json.str(key!("memory_per_tres"), "");
    if api >= ApiVersion::V0_0_45 {
        json.int(key!("memory_update_delay"), 0u64);
        json.int(key!("memory_update_margin"), 0u64);
    }
    json.str(key!("name"), facts.name);
    json.str(key!("network"), "");
    json.str(key!("nodes"), &facts.node_names);
    json.int(key!("nice"), 0u64);
}

/// The base state, then what else holds.
pub(super) fn state_words(cluster: &Cluster, job: &Job) -> impl Iterator<Item = &'static str> {
    std::iter::once(job.state.word()).chain(job.flags(cluster.now()).map(JobFlag::word))
}

/// `matlab:2`
pub(super) fn licenses(facts: &Facts<'_>) -> String {
    facts.job.request.licenses.map_or_else(String::new, |wanted| {
        format!("{}:{}", facts.cluster.licenses()[usize::from(wanted.license)].name, wanted.count)
    })
}

/// `batch`, or `batch,all` while it may start in any of them.
pub(super) fn partitions(facts: &Facts<'_>) -> String {
    let partitions = &facts.cluster.inventory().partitions;
    let names = facts.job.request.partitions().map(|at| partitions[usize::from(at)].name.as_str());
    names.collect::<Vec<_>>().join(",")
}

fn task_layout<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let request = &facts.job.request;
    json.infinite(key!("tasks_per_core"));
    json.set(key!("tasks_per_tres"), 0u64);
    json.set(key!("tasks_per_node"), 0u64);
    json.infinite(key!("tasks_per_socket"));
    json.set(key!("tasks_per_board"), 0u64);
    json.set(key!("cpus"), request.cpus());
    json.set(key!("node_count"), request.nodes);
    json.set(key!("tasks"), request.cpus());
    json.str(key!("partition"), &partitions(facts));
    json.str(key!("prefer"), "");
    if request.memory_per_cpu {
        json.set(key!("memory_per_cpu"), request.memory_mb_per_cpu);
        json.unset(key!("memory_per_node"));
    } else {
        json.unset(key!("memory_per_cpu"));
        json.set(key!("memory_per_node"), request.memory_mb_per_node());
    }
    json.set(key!("minimum_cpus_per_node"), 1u64);
    json.set(key!("minimum_tmp_disk_per_node"), 0u64);
}

fn priority_and_placement<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, api: ApiVersion) {
    let job = facts.job;
    if api < ApiVersion::V0_0_45 {
        json.open_object(key!("power"));
        json.empty_list(key!("flags"));
        json.close_object();
    }
    json.set(key!("preempt_time"), 0u64);
    json.set(key!("preemptable_time"), 0u64);
    let before = if job.suspended_at == 0 { 0 } else { job.elapsed(facts.cluster.now()) };
    json.set(key!("pre_sus_time"), seconds(before));
    json.bool(key!("hold"), job.held);
    json.set(key!("priority"), job.priority(facts.cluster.now()));
    if api >= ApiVersion::V0_0_42 {
        json.empty_list(key!("priority_by_partition"));
    }
    json.words(key!("profile"), ["NOT_SET"]);
    json.str(key!("qos"), facts.qos);
    json.bool(key!("reboot"), false);
    let nodes = &facts.cluster.inventory().nodes;
    let name = |node: Option<u32>| node.map_or("", |node| nodes[node as usize].name.as_str());
    json.str(key!("required_nodes"), name(job.request.required_node));
    if api >= ApiVersion::V0_0_42 {
        json.int(key!("required_switches"), 0u64);
    } else {
        json.int(key!("minimum_switches"), 0u64);
    }
    json.bool(key!("requeue"), true);
    json.set(key!("resize_time"), 0u64);
    json.int(key!("restart_cnt"), job.restarts);
    let reservation = job.request.reservation.and_then(|id| facts.cluster.reservation(id));
    json.str(key!("resv_name"), reservation.map_or("", |reservation| reservation.name.as_str()));
    json.str(key!("scheduled_nodes"), name(job.planned_node));
    if api >= ApiVersion::V0_0_43 {
        json.int(key!("segment_size"), 0u64);
    }
    json.str(key!("selinux_context"), "");
    json.empty_list(key!("shared"));
    if api < ApiVersion::V0_0_42 {
        json.empty_list(key!("exclusive"));
        json.bool(key!("oversubscribe"), true);
        json.empty_list(key!("show_flags"));
    }
    if api >= ApiVersion::V0_0_44 {
        json.open_object(key!("step_id"));
        json.str(key!("sluid"), &format!("s{:013X}", u64::from(job.id) << 20 | 0x8_0000));
        json.set(key!("job_id"), job.id);
        json.unset(key!("step_het_component"));
        json.str(key!("step_id"), "entire");
        json.close_object();
    }
    json.int(key!("sockets_per_board"), 0u64);
    json.unset(key!("sockets_per_node"));
}

fn outcome_and_files<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, api: ApiVersion) {
    let job = facts.job;
    let output = "/dev/null";
    json.set(key!("start_time"), seconds(job.start));
    json.str(key!("state_description"), unavailable(facts));
    json.str(key!("state_reason"), job.reason.word());
    if api >= ApiVersion::V0_0_43 {
        json.str(key!("standard_input"), "/dev/null");
        json.str(key!("standard_output"), output);
        json.str(key!("standard_error"), "");
        json.str(key!("stdin_expanded"), "/dev/null");
        json.str(key!("stdout_expanded"), output);
        json.str(key!("stderr_expanded"), "");
    } else {
        json.str(key!("standard_error"), output);
        json.str(key!("standard_input"), "/dev/null");
        json.str(key!("standard_output"), output);
    }
    json.set(key!("submit_time"), seconds(job.submit));
    if api >= ApiVersion::V0_0_44 {
        json.str(key!("submit_line"), &submit_line(facts));
    }
    json.set(key!("suspend_time"), seconds(job.suspended_at));
    json.str(key!("system_comment"), "");
}

/// The long text for what `Resources` leaves out.
pub(super) fn unavailable(facts: &Facts<'_>) -> &'static str {
    let job = facts.job;
    if facts.is_pending() && job.reason == StateReason::Resources && job.planned_node.is_none() {
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    } else {
        ""
    }
}

pub(super) fn submit_line(facts: &Facts<'_>) -> String {
    let request = &facts.job.request;
    let memory = if request.memory_per_cpu {
        format!("--mem-per-cpu={}M", request.memory_mb_per_cpu)
    } else {
        format!("--mem={}M", request.memory_mb_per_node())
    };
    format!(
        "sbatch -Q -A {} -p {} -N{} -n{} {memory} -t {} -J {} -o /dev/null job.sh",
        facts.account,
        partitions(facts),
        request.nodes,
        request.cpus(),
        request.limit_minutes,
        facts.name,
    )
}

pub(super) fn limits_and_tres<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    let request = &facts.job.request;
    let gres = if json.is_plain() { "gres:gpu" } else { "gres/gpu" };
    let gpus = match (request.gpus_per_node, request.gpu_model()) {
        (0, _) => String::new(),
        (count, Some(model)) => format!("{gres}:{model}:{count}"),
        (count, None) => format!("{gres}:{count}"),
    };
    json.set(key!("time_limit"), request.limit_minutes);
    json.set(key!("time_minimum"), 0u64);
    json.unset(key!("threads_per_core"));
    json.str(key!("tres_bind"), "");
    json.str(key!("tres_freq"), "");
    json.str(key!("tres_per_job"), "");
    json.str(key!("tres_per_node"), &gpus);
    json.str(key!("tres_per_socket"), "");
    json.str(key!("tres_per_task"), "");
    json.str(key!("tres_req_str"), &facts.tres_requested);
    json.str(key!("tres_alloc_str"), &facts.tres_allocated);
    json.int(key!("user_id"), facts.user.uid);
    json.str(key!("user_name"), &facts.user.name);
    if !json.is_plain() {
        json.int(key!("maximum_switch_wait_time"), 0u64);
    }
    json.str(key!("wckey"), "");
    json.str(key!("current_working_directory"), "/tmp");
}

/// The entries of `/jobs/state` for one record: a waiting array has one for each of its tasks.
pub(super) fn write_states<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, job: &Job, api: ApiVersion) {
    let mut entry = |id: &str| {
        json.open_element();
        json.str(key!("job_id"), id);
        json.words(key!("state"), state_words(cluster, job));
        json.close_object();
    };
    match &job.role {
        ArrayRole::None => entry(&job.id.to_string()),
        ArrayRole::Waiting { tasks, .. } => {
            for task in tasks.iter() {
                entry(&format!("{}_{task}", job.id));
            }
        }
        // v0.0.40 writes the array's id, later versions the task's own.
        ArrayRole::Task { array_id, index, .. } if api == ApiVersion::V0_0_40 => {
            entry(&format!("{array_id}_{index}"));
        }
        ArrayRole::Task { index, .. } => entry(&format!("{}_{index}", job.id)),
    }
}
