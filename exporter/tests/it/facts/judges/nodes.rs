//! `scontrol show nodes`: states, sizes and what is allocated, by node, by partition and in all.

use super::{Facts, Judge, MIB, add, field, number, ours, with_zeros};

pub(super) const NODES: Judge = Judge {
    name: "scontrol-nodes",
    command: "scontrol -d show nodes -o",
    read: |facts, text| text.lines().for_each(|line| node(facts, line)),
    ours: &[
        ours("nodes {state}", "slurm_nodes_total"),
        ours("nodes flagged {flag}", "slurm_nodes_flagged"),
        ours("node {node} is {state}", "slurm_node_state"),
        ours("drain {node} {reason} {user}", "slurm_node_drain_info"),
        with_zeros("node {node} weight", "slurm_node_weight"),
        with_zeros("node {node} cpus total", "slurm_node_cpus_total"),
        with_zeros("node {node} cpus allocated", "slurm_node_cpus_allocated"),
        with_zeros("node {node} memory total", "slurm_node_memory_total_bytes"),
        with_zeros("node {node} memory allocated", "slurm_node_memory_allocated_bytes"),
        ours("node {node} gpus total {gpu_type}", "slurm_node_gpus_total"),
        ours("node {node} gpus allocated {gpu_type}", "slurm_node_gpus_allocated"),
        ours("cpus total", "slurm_cluster_cpus_total"),
        ours("cpus allocated", "slurm_cluster_cpus_allocated"),
        ours("memory total", "slurm_cluster_memory_total_bytes"),
        ours("memory allocated", "slurm_cluster_memory_allocated_bytes"),
        ours("gpus total {gpu_type}", "slurm_cluster_gpus_total"),
        ours("gpus allocated {gpu_type}", "slurm_cluster_gpus_allocated"),
        ours("partition {partition} nodes", "slurm_partition_nodes_total"),
        ours("partition {partition} nodes idle", "slurm_partition_nodes_idle"),
        ours("partition {partition} nodes allocated", "slurm_partition_nodes_allocated"),
        ours("partition {partition} nodes mixed", "slurm_partition_nodes_mixed"),
        ours("partition {partition} nodes down", "slurm_partition_nodes_down"),
        ours("partition {partition} nodes drained", "slurm_partition_nodes_drained"),
        ours("partition {partition} nodes draining", "slurm_partition_nodes_draining"),
        ours("partition {partition} cpus total", "slurm_partition_cpus_total"),
        ours("partition {partition} cpus allocated", "slurm_partition_cpus_allocated"),
        ours("partition {partition} memory total", "slurm_partition_memory_total_bytes"),
        ours("partition {partition} memory allocated", "slurm_partition_memory_allocated_bytes"),
        ours("partition {partition} gpus total {gpu_type}", "slurm_partition_gpus_total"),
        ours("partition {partition} gpus allocated {gpu_type}", "slurm_partition_gpus_allocated"),
    ],
    is_recorded: true,
    moves: false,
};

fn node(facts: &mut Facts, line: &str) {
    let name = field(line, "NodeName").unwrap();
    let partitions: Vec<_> = field(line, "Partitions").unwrap_or_default().split(',').collect();
    let words: Vec<_> = field(line, "State").unwrap().split('+').map(str::to_lowercase).collect();
    let (base, drain) = (words[0].as_str(), words.iter().any(|word| word == "drain"));
    let mut kinds = vec![base];
    add(facts, format!("nodes {base}"), 1.0);
    for flag in &words[1..] {
        add(facts, format!("nodes flagged {flag}"), 1.0);
    }
    for word in &words {
        facts.insert(format!("node {name} is {word}"), 1.0);
    }
    if drain {
        let kind = if ["idle", "down"].contains(&base) { "drained" } else { "draining" };
        kinds.push(kind);
        add(facts, format!("nodes flagged {kind}"), 1.0);
        let (reason, user) = reason(line);
        facts.insert(format!("drain {name} {reason} {}", user.split('@').next().unwrap()), 1.0);
    }
    facts.insert(format!("node {name} weight"), number(line, "Weight"));
    for partition in &partitions {
        add(facts, format!("partition {partition} nodes"), 1.0);
        for kind in &kinds {
            add(facts, format!("partition {partition} nodes {kind}"), 1.0);
        }
    }
    for (key, what, unit) in [
        ("CPUTot", "cpus total", 1.0),
        ("CPUAlloc", "cpus allocated", 1.0),
        ("RealMemory", "memory total", MIB),
        ("AllocMem", "memory allocated", MIB),
    ] {
        let amount = number(line, key) * unit;
        facts.insert(format!("node {name} {what}"), amount);
        sum_up(facts, &partitions, what, amount);
    }
    for (key, kind) in [("Gres", "total"), ("GresUsed", "allocated")] {
        for (gpu_type, count) in gpus(field(line, key).unwrap_or_default()) {
            let what = format!("gpus {kind} {gpu_type}");
            facts.insert(format!("node {name} {what}"), count);
            sum_up(facts, &partitions, &what, count);
        }
    }
}

/// Adds to the cluster and to every partition of the node, where it is not zero.
fn sum_up(facts: &mut Facts, partitions: &[&str], what: &str, amount: f64) {
    if amount != 0.0 {
        add(facts, what.to_owned(), amount);
        for partition in partitions {
            add(facts, format!("partition {partition} {what}"), amount);
        }
    }
}

/// Text and `user@time` of `Reason=disk "failing" [root@1795277740]`.
fn reason(line: &str) -> (&str, &str) {
    field(line, "Reason").unwrap().trim_end_matches(']').rsplit_once(" [").unwrap()
}

/// Types and counts, without zeros, of `gpu:a100:1(IDX:0),gpu:h100:2(IDX:0,1)`.
fn gpus(gres: &str) -> Vec<(String, f64)> {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in gres.chars() {
        depth += i32::from(letter == '(');
        if depth == 0 {
            plain.push(letter);
        }
        depth -= i32::from(letter == ')');
    }
    let items = plain.split(',').filter_map(|item| item.strip_prefix("gpu:"));
    let counts = items.map(|item| {
        let (gpu_type, count) = item.split_once(':').unwrap_or(("any", item));
        (gpu_type.to_owned(), count.parse().unwrap())
    });
    counts.filter(|(_, count)| *count != 0.0).collect()
}

/// Moments, and what runs on the nodes.
pub(super) const NODE_TIMES: Judge = Judge {
    name: "scontrol-node-times",
    command: "scontrol show nodes -o",
    read: |facts, text| {
        for line in text.lines() {
            let name = field(line, "NodeName").unwrap();
            for (key, what) in [("BootTime", "booted"), ("LastBusyTime", "was busy")] {
                // "None" and "Unknown" otherwise.
                if let Some(Ok(time)) = field(line, key).map(str::parse) {
                    facts.insert(format!("node {name} {what}"), time);
                }
            }
            if field(line, "State").unwrap().contains("DRAIN") {
                let (_, time) = reason(line).1.split_once('@').unwrap();
                facts.insert(format!("node {name} drains since"), time.parse().unwrap());
            }
            // Nothing is said of a node whose slurmd never was there.
            let [version, arch, os] =
                ["Version", "Arch", "OS"].map(|key| field(line, key).unwrap_or_default());
            facts.insert(format!("node {name} runs {version} on {arch} {os}"), 1.0);
        }
    },
    ours: &[
        ours("node {node} booted", "slurm_node_boot_timestamp_seconds"),
        ours("node {node} was busy", "slurm_node_last_busy_timestamp_seconds"),
        ours("node {node} drains since", "slurm_node_drain_timestamp_seconds"),
        ours("node {node} runs {slurmd_version} on {arch} {os}", "slurm_node_info"),
    ],
    is_recorded: false,
    moves: false,
};
