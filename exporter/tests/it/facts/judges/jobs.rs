//! squeue: jobs by state, partition and owner, what they hold and what they wait for.

use super::{Facts, Judge, MIB, add, ours};

pub(super) const TASKS: Judge = Judge {
    name: "squeue-tasks",
    command: "squeue -h -r -t all -o '%T|%P|%r|%C|%D|%j'",
    read: |facts, text| text.lines().for_each(|line| task(facts, line)),
    ours: &[
        ours("jobs {state}", "slurm_cluster_jobs"),
        ours("jobs {partition} {state}", "slurm_jobs_total"),
        ours("waiting in {partition}", "slurm_jobs_pending"),
        ours("running in {partition}", "slurm_jobs_running"),
        ours("waiting in partition {partition}", "slurm_partition_jobs_pending"),
        ours("running in partition {partition}", "slurm_partition_jobs_running"),
        ours("pending {partition} {reason}", "slurm_jobs_pending_reason"),
        ours("pending cpus {partition}", "slurm_jobs_pending_cpus"),
        ours("pending nodes {partition}", "slurm_jobs_pending_nodes"),
        ours("allocated cpus {partition}", "slurm_jobs_allocated_cpus"),
        ours("allocated nodes {partition}", "slurm_jobs_allocated_nodes"),
    ],
    is_recorded: true,
    moves: false,
};

/// slurmrestd cuts the list of an array's tasks at 64 letters, as `array_cut` in scenario.sh shows: 20 of its 300 tasks
/// can be seen, and that there are more.
const SEEN_OF_CUT_ARRAY: usize = 21;

/// What a command says of the tasks that slurmrestd tells in this version: v0.0.38 has no `/jobs/state`.
pub(crate) fn told(version: &str, text: &str) -> String {
    // The name is the last column, or stands between blanks.
    let is_of_cut = |line: &&str| line.ends_with("|array_cut") || line.contains(" array_cut ");
    let (cut, whole): (Vec<_>, Vec<_>) = text.lines().partition(is_of_cut);
    let seen = if version == "v0.0.38" { SEEN_OF_CUT_ARRAY } else { cut.len() };
    whole.into_iter().chain(cut.into_iter().take(seen)).map(|line| format!("{line}\n")).collect()
}

/// squeue shows one word, and some of them are flags of a base state.
fn base_state(word: &str) -> String {
    match word {
        "CONFIGURING" => "running".to_owned(),
        "SPECIAL_EXIT" | "REQUEUE_HOLD" | "REQUEUED" => "pending".to_owned(),
        word => word.to_lowercase(),
    }
}

fn task(facts: &mut Facts, line: &str) {
    let parts: Vec<_> = line.split('|').collect();
    let [state, partitions, reason, cpus, nodes, _name] = parts[..] else { panic!("{line}") };
    let state = base_state(state);
    // squeue prints a sentence where slurmrestd has the word of the reason (and the sentence in state_description).
    let reason = match reason {
        "job requeued in held state" => "JobHeldUser",
        sentence if sentence.starts_with("Nodes required for job are DOWN") => "Resources",
        word => word,
    };
    let (cpus, nodes): (f64, f64) = (cpus.parse().unwrap(), nodes.parse().unwrap());
    add(facts, format!("jobs {state}"), 1.0);
    for partition in partitions.split(',') {
        add(facts, format!("jobs {partition} {state}"), 1.0);
        match state.as_str() {
            "pending" => {
                add(facts, format!("waiting in {partition}"), 1.0);
                add(facts, format!("waiting in partition {partition}"), 1.0);
                add(facts, format!("pending {partition} {reason}"), 1.0);
                add(facts, format!("pending cpus {partition}"), cpus);
                add(facts, format!("pending nodes {partition}"), nodes);
            }
            "running" => {
                add(facts, format!("running in {partition}"), 1.0);
                add(facts, format!("running in partition {partition}"), 1.0);
                add(facts, format!("allocated cpus {partition}"), cpus);
                add(facts, format!("allocated nodes {partition}"), nodes);
            }
            _ => {}
        }
    }
}

/// Owners, memory and GPUs: TRES, which squeue prints as asked for while a job waits.
pub(super) const OWNERS: Judge = Judge {
    name: "squeue-owners",
    command: "squeue -h -r -t all -O 'State:40,Partition:80,UserName:40,Account:40,Name:40,tres-alloc:300'",
    read: |facts, text| text.lines().for_each(|line| owned(facts, line)),
    ours: &[
        ours("user {user} {account} jobs {state}", "slurm_user_jobs"),
        ours("user {user} cpus", "slurm_user_cpus_allocated"),
        ours("user {user} memory", "slurm_user_memory_allocated_bytes"),
        ours("user {user} gpus {gpu_type}", "slurm_user_gpus_allocated"),
        ours("account {account} jobs {state}", "slurm_account_jobs"),
        ours("account {account} cpus", "slurm_account_cpus_allocated"),
        ours("account {account} memory", "slurm_account_memory_allocated_bytes"),
        ours("account {account} gpus {gpu_type}", "slurm_account_gpus_allocated"),
        ours("allocated in {partition} memory", "slurm_jobs_allocated_memory_bytes"),
        ours("allocated in {partition} gpus {gpu_type}", "slurm_jobs_allocated_gpus"),
        ours("pending in {partition} memory", "slurm_jobs_pending_memory_bytes"),
        ours("pending in {partition} gpus {gpu_type}", "slurm_jobs_pending_gpus"),
    ],
    is_recorded: false,
    moves: false,
};

fn owned(facts: &mut Facts, line: &str) {
    let parts: Vec<_> = line.split_whitespace().collect();
    let [state, partitions, user, account, _name, tres] = parts[..] else { panic!("{line}") };
    let state = base_state(state);
    add(facts, format!("user {user} {account} jobs {state}"), 1.0);
    add(facts, format!("account {account} jobs {state}"), 1.0);
    let kind = match state.as_str() {
        "running" => "allocated",
        "pending" => "pending",
        _ => return,
    };
    for (what, amount) in amounts(tres) {
        for partition in partitions.split(',').filter(|_| what != "cpus") {
            add(facts, format!("{kind} in {partition} {what}"), amount);
        }
        if kind == "allocated" {
            add(facts, format!("user {user} {what}"), amount);
            add(facts, format!("account {account} {what}"), amount);
        }
    }
}

/// CPUs, bytes of memory and GPUs by type of `cpu=2,mem=250G,gres/gpu=3,gres/gpu:h100=2`.
fn amounts(tres: &str) -> Vec<(String, f64)> {
    let mut amounts = Vec::new();
    let mut untyped = 0.0;
    for (name, amount) in tres.split(',').filter_map(|item| item.split_once('=')) {
        match name {
            "cpu" => amounts.push(("cpus".to_owned(), amount.parse().unwrap())),
            "mem" => amounts.push(("memory".to_owned(), memory(amount))),
            "gres/gpu" => untyped += amount.parse::<f64>().unwrap(),
            _ => {
                if let Some(gpu_type) = name.strip_prefix("gres/gpu:") {
                    let count: f64 = amount.parse().unwrap();
                    untyped -= count;
                    amounts.push((format!("gpus {gpu_type}"), count));
                }
            }
        }
    }
    if untyped != 0.0 {
        amounts.push(("gpus any".to_owned(), untyped));
    }
    amounts
}

/// Bytes of `250G`.
fn memory(text: &str) -> f64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "M" => MIB,
        "G" => MIB * 1024.0,
        "T" => MIB * 1024.0 * 1024.0,
        _ => panic!("{text}"),
    };
    number.parse::<f64>().unwrap() * unit
}

/// Since when the job waits that waits longest.
pub(super) const OLDEST: Judge = Judge {
    name: "squeue-oldest",
    command: "squeue -h -t PENDING -O 'Partition:80,SubmitTime:40'",
    read: |facts, text| {
        for line in text.lines() {
            let (partitions, time) = line.trim().split_once(' ').unwrap();
            let time: f64 = time.trim().parse().unwrap();
            for partition in partitions.split(',') {
                let oldest = facts.entry(format!("oldest in {partition}")).or_insert(time);
                *oldest = oldest.min(time);
            }
        }
    },
    ours: &[ours("oldest in {partition}", "slurm_jobs_pending_oldest_submit_timestamp_seconds")],
    is_recorded: false,
    moves: false,
};
