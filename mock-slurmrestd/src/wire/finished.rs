//! An element of slurmdbd's `/jobs`: what it keeps of a job that waits, runs or has ended, with its batch step.
//! Not here: slurmctld's view (job.rs), or v0.0.38 (v0_0_38/finished.rs).

use super::accounting::association_names;
use super::job::{Facts, licenses, partitions, seconds, submit_line};
use super::json::{Json, Key, NoVal, Sink, key};
use super::tres;
use super::version::{ApiVersion, Face};
use crate::cluster::Cluster;
use crate::cluster::job::{ArrayRole, Job, JobState};
use crate::cluster::tres::TresKind;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, job: &Job, face: Face) {
    let facts = Facts::of(cluster, job);
    json.open_element();
    identity(json, &facts, face);
    time(json, &facts, face);
    outcome(json, &facts, face);
    request(json, &facts, face);
    state(json, &facts);
    json.open_list(key!("steps"));
    if facts.has_nodes() {
        step(json, &facts, face);
    }
    json.close_list();
    json.str(key!("submit_line"), &submit_line(&facts));
    resources(json, &facts);
    json.str(key!("used_gres"), "");
    owner(json, &facts);
    json.close_object();
}

/// What it holds or held, and what it asked for.
pub(super) fn resources<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.open_object(key!("tres"));
    json.open_list(key!("allocated"));
    if facts.has_nodes() {
        entries(json, amounts(facts, true));
    }
    json.close_list();
    json.open_list(key!("requested"));
    entries(json, amounts(facts, false));
    json.close_list();
    json.close_object();
}

pub(super) fn owner<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.str(key!("user"), &facts.user.name);
    json.open_object(key!("wckey"));
    json.str(key!("wckey"), "");
    json.empty_list(key!("flags"));
    json.close_object();
    json.str(key!("working_directory"), "/tmp");
}

/// When it started and ended, in seconds; 0 for what has not happened.
pub(super) fn start_and_end(facts: &Facts<'_>) -> (u64, u64) {
    let job = facts.job;
    let start = if facts.has_nodes() || job.state.is_finished() { seconds(job.start) } else { 0 };
    (start, if job.state.is_finished() { seconds(job.end) } else { 0 })
}

/// Seconds that it has run.
pub(super) fn elapsed(facts: &Facts<'_>) -> u64 {
    if facts.has_nodes() { seconds(facts.job.elapsed(facts.cluster.now())) } else { 0 }
}

fn identity<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let (job, cluster) = (facts.job, facts.cluster);
    json.str(key!("account"), facts.account);
    json.open_object(key!("comment"));
    for key in [key!("administrator"), key!("job"), key!("system")] {
        json.str(key, "");
    }
    json.close_object();
    json.int(key!("allocation_nodes"), job.allocation.len() as u64);
    json.open_object(key!("array"));
    json.int(key!("job_id"), job.array_id());
    running_limit(json, job);
    match &job.role {
        ArrayRole::Task { index, .. } => json.set(key!("task_id"), *index),
        _ => json.unset(key!("task_id")),
    }
    json.str(key!("task"), &job.array_task_string());
    json.close_object();
    json.open_object(key!("association"));
    association_names(json, cluster, &cluster.inventory().associations[job.request.association as usize]);
    json.close_object();
    json.str(key!("block"), "");
    json.str(key!("cluster"), &cluster.inventory().cluster);
    json.str(key!("constraints"), job.request.constraint.unwrap_or_default());
    json.str(key!("container"), "");
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("sluid"), &sluid(job));
    }
    json.open_object(key!("derived_exit_code"));
    super::job::exit_code(json, 0, 0);
}

pub(super) fn running_limit<S: Sink>(json: &mut Json<'_, S>, job: &Job) {
    json.open_object(key!("limits"));
    json.open_object(key!("max"));
    json.open_object(key!("running"));
    json.int(key!("tasks"), job.array_limit());
    json.close_object();
    json.close_object();
    json.close_object();
}

fn sluid(job: &Job) -> String {
    format!("s{:013X}", u64::from(job.id) << 20 | 0x8_0000)
}

fn time<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let job = facts.job;
    let (start, end) = start_and_end(facts);
    json.open_object(key!("time"));
    json.int(key!("elapsed"), elapsed(facts));
    json.int(key!("eligible"), seconds(job.eligible));
    json.int(key!("end"), end);
    if face.api >= ApiVersion::V0_0_41 {
        let until = if start == 0 { facts.cluster.now_unix() } else { start };
        json.set(key!("planned"), until.saturating_sub(seconds(job.eligible.max(job.submit))));
    }
    json.int(key!("start"), start);
    json.int(key!("submission"), seconds(job.submit));
    json.int(key!("suspended"), seconds(job.suspended_for));
    let (user, system) = cpu_microseconds(facts);
    cpu_time(json, key!("system"), system);
    json.set(key!("limit"), job.request.limit_minutes);
    cpu_time(json, key!("total"), user + system);
    cpu_time(json, key!("user"), user);
    json.close_object();
}

/// User and system time in microseconds; known when a step has ended.
pub(super) fn cpu_microseconds(facts: &Facts<'_>) -> (u64, u64) {
    if !facts.job.state.is_finished() || !facts.has_nodes() {
        return (0, 0);
    }
    let (user, system) = facts.job.used_cpu(facts.cluster.now());
    (user * 1_000, system * 1_000)
}

pub(super) fn cpu_time<S: Sink>(json: &mut Json<'_, S>, key: Key, microseconds: u64) {
    json.open_object(key);
    json.int(key!("seconds"), microseconds / 1_000_000);
    json.int(key!("microseconds"), microseconds % 1_000_000);
    json.close_object();
}

fn outcome<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let job = facts.job;
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("exclusive"), "NO");
    }
    json.open_object(key!("exit_code"));
    super::job::exit_code(json, job.exit_code, job.signal);
    json.str(key!("extra"), "");
    json.str(key!("failed_node"), "");
    let flags = [(facts.has_nodes(), "STARTED_ON_SCHEDULE"), (true, "START_RECEIVED")];
    json.words(key!("flags"), flags.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word));
    json.str(key!("group"), &facts.user.name);
    json.open_object(key!("het"));
    json.int(key!("job_id"), job.het.map_or(0, |het| het.leader));
    json.no_val(key!("job_offset"), job.het.map_or(NoVal::Unset, |het| NoVal::Set(het.offset.into())));
    json.close_object();
    json.int(key!("job_id"), job.id);
    json.str(key!("name"), facts.name);
    json.str(key!("licenses"), &licenses(facts));
    json.open_object(key!("mcs"));
    json.str(key!("label"), "");
    json.close_object();
    json.str(key!("nodes"), nodes(facts));
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("oversubscribe"), "NO");
    }
}

pub(super) fn nodes<'a>(facts: &'a Facts<'_>) -> &'a str {
    if facts.has_nodes() { &facts.node_names } else { "None assigned" }
}

fn request<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let (job, request) = (facts.job, &facts.job.request);
    json.str(key!("partition"), &partitions(facts));
    json.bool(key!("hold"), job.held);
    json.set(key!("priority"), job.priority(facts.cluster.now()));
    json.str(key!("qos"), facts.qos);
    if face.api >= ApiVersion::V0_0_42 {
        // What was left to the default is not told.
        json.str(key!("qosreq"), if request.qos == 0 { "" } else { facts.qos });
    }
    json.open_object(key!("required"));
    json.int(key!("CPUs"), request.cpus());
    if request.memory_per_cpu {
        json.set(key!("memory_per_cpu"), request.memory_mb_per_cpu);
        json.unset(key!("memory_per_node"));
    } else {
        json.unset(key!("memory_per_cpu"));
        json.set(key!("memory_per_node"), request.memory_mb_per_node());
    }
    json.close_object();
    json.str(key!("kill_request_user"), killer(facts).unwrap_or_default());
    if face.api >= ApiVersion::V0_0_42 {
        json.int(key!("restart_cnt"), job.restarts);
    }
    let reservation = request.reservation.and_then(|id| facts.cluster.reservation(id));
    let name = reservation.map_or("", |reservation| reservation.name.as_str());
    json.open_object(key!("reservation"));
    json.int(key!("id"), request.reservation.unwrap_or(0));
    json.str(key!("name"), name);
    if face.api >= ApiVersion::V0_0_43 {
        json.str(key!("requested"), name);
    }
    json.close_object();
    json.str(key!("script"), "");
    files(json, facts, face);
}

/// Who cancelled it: users cancel their own.
pub(super) fn killer<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    (facts.job.state == JobState::Cancelled).then_some(facts.user.name.as_str())
}

fn files<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    if face.api >= ApiVersion::V0_0_43 {
        json.int(key!("segment_size"), 0u64);
    }
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("original_sluid"), &sluid(facts.job));
    }
    if face.api >= ApiVersion::V0_0_41 {
        json.str(key!("stdin_expanded"), "/dev/null");
        json.str(key!("stdout_expanded"), "/dev/null");
        json.str(key!("stderr_expanded"), "");
        json.str(key!("stdout"), "/dev/null");
        json.str(key!("stderr"), "");
        json.str(key!("stdin"), "/dev/null");
    }
}

fn state<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.open_object(key!("state"));
    json.words(key!("current"), [facts.job.state.word()]);
    json.str(key!("reason"), facts.job.reason.word());
    json.close_object();
}

fn step<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>, face: Face) {
    let job = facts.job;
    let (start, end) = start_and_end(facts);
    let (user, system) = cpu_microseconds(facts);
    json.open_element();
    json.open_object(key!("time"));
    json.int(key!("elapsed"), elapsed(facts));
    json.set(key!("end"), end);
    json.set(key!("start"), start);
    json.int(key!("suspended"), seconds(job.suspended_for));
    cpu_time(json, key!("system"), system);
    if face.api >= ApiVersion::V0_0_43 {
        json.infinite(key!("limit"));
    }
    cpu_time(json, key!("total"), user + system);
    cpu_time(json, key!("user"), user);
    json.close_object();
    json.open_object(key!("exit_code"));
    super::job::exit_code(json, job.exit_code, job.signal);
    // The script runs on the first node.
    let node = super::job::first_node(facts);
    json.open_object(key!("nodes"));
    json.int(key!("count"), 1u64);
    json.str(key!("range"), node);
    json.words(key!("list"), [node]);
    json.close_object();
    json.open_object(key!("tasks"));
    json.int(key!("count"), 1u64);
    json.close_object();
    if face.api < ApiVersion::V0_0_45 {
        json.str(key!("pid"), "");
    }
    json.open_object(key!("CPU"));
    json.open_object(key!("requested_frequency"));
    json.set(key!("min"), 0u64);
    json.set(key!("max"), 0u64);
    json.close_object();
    json.str(key!("governor"), "0");
    json.close_object();
    json.str(key!("kill_request_user"), "");
    json.words(key!("state"), [job.state.word()]);
    json.open_object(key!("statistics"));
    json.open_object(key!("CPU"));
    json.int(key!("actual_frequency"), 0u64);
    json.close_object();
    json.open_object(key!("energy"));
    json.set(key!("consumed"), 0u64);
    json.close_object();
    json.close_object();
    json.open_object(key!("step"));
    json.str(key!("id"), &format!("{}.batch", job.id));
    json.str(key!("name"), "batch");
    if face.api >= ApiVersion::V0_0_43 {
        for key in [
            key!("stderr"),
            key!("stdin"),
            key!("stdout"),
            key!("stderr_expanded"),
            key!("stdin_expanded"),
            key!("stdout_expanded"),
        ] {
            json.str(key, "");
        }
    }
    json.close_object();
    if face.api >= ApiVersion::V0_0_45 {
        json.str(key!("submit_line"), "");
    }
    json.open_object(key!("task"));
    json.str(key!("distribution"), "Unknown");
    json.close_object();
    step_tres(json, facts);
    json.close_object();
}

/// slurmdbd knows what a step used only when it has ended.
pub(super) fn step_tres<S: Sink>(json: &mut Json<'_, S>, facts: &Facts<'_>) {
    json.open_object(key!("tres"));
    for key in [key!("requested"), key!("consumed")] {
        json.open_object(key);
        json.empty_list(key!("max"));
        json.empty_list(key!("min"));
        for key in [key!("average"), key!("total")] {
            json.open_list(key);
            if facts.job.state.is_finished() {
                entries(json, vec![Amount::of(facts, "energy", "", 0)]);
            }
            json.close_list();
        }
        json.close_object();
    }
    json.open_list(key!("allocated"));
    let told = |amount: &Amount<'_>| !matches!(amount.kind.kind, "energy" | "billing" | "license");
    entries(json, amounts(facts, true).into_iter().filter(told).collect());
    json.close_list();
    json.close_object();
}

/// So much of a trackable resource.
pub(super) struct Amount<'a> {
    kind: &'a TresKind,
    /// `None` is NO_VAL64.
    count: Option<u64>,
}

impl<'a> Amount<'a> {
    fn of(facts: &Facts<'a>, kind: &str, name: &str, count: u64) -> Self {
        let known = &facts.cluster.inventory().tres;
        let found = known.iter().find(|tres| (tres.kind, tres.name.as_str()) == (kind, name));
        Self { kind: found.unwrap_or(&known[0]), count: Some(count) }
    }
}

fn entries<S: Sink>(json: &mut Json<'_, S>, amounts: Vec<Amount<'_>>) {
    for amount in amounts {
        tres::entry(json, amount.kind, amount.count);
    }
}

/// What the job holds or held, or what it asked for.
fn amounts<'a>(facts: &Facts<'a>, allocated: bool) -> Vec<Amount<'a>> {
    let (job, request) = (facts.job, &facts.job.request);
    let memory = match allocated {
        true => job.allocated_memory_mb(),
        false => u64::from(request.memory_mb_per_node()) * u64::from(request.nodes),
    };
    let gpus = if allocated { job.allocated_gpus().into() } else { u64::from(request.gpus()) };
    let mut list =
        vec![Amount::of(facts, "cpu", "", request.cpus().into()), Amount::of(facts, "mem", "", memory)];
    if allocated {
        list.push(Amount { count: None, ..Amount::of(facts, "energy", "", 0) });
    }
    list.push(Amount::of(facts, "node", "", request.nodes.into()));
    list.push(Amount::of(facts, "billing", "", request.cpus().into()));
    if gpus > 0 {
        list.push(Amount::of(facts, "gres", "gpu", gpus));
        let models = match allocated {
            true => job.gpu_models(facts.cluster.inventory()),
            false => request.gpu_model().map(|model| (model, gpus)).into_iter().collect(),
        };
        for (model, count) in models {
            list.push(Amount::of(facts, "gres", &format!("gpu:{model}"), count));
        }
    }
    if let Some(wanted) = request.licenses {
        let name = facts.cluster.licenses()[usize::from(wanted.license)].name;
        list.push(Amount::of(facts, "license", name, wanted.count.into()));
    }
    list
}
