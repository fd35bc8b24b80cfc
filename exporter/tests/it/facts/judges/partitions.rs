//! `scontrol show partitions` and sinfo.

use super::{Facts, Judge, field, number, ours, with_zeros};

pub(super) const PARTITIONS: Judge = Judge {
    name: "scontrol-partitions",
    command: "scontrol show partitions -o",
    read: |facts, text| {
        for line in text.lines() {
            let name = field(line, "PartitionName").unwrap();
            let state = field(line, "State").unwrap();
            let mut put = |what: &str, value: f64| facts.insert(format!("partition {name} {what}"), value);
            put(&format!("is {}", state.to_lowercase()), 1.0);
            put("up", f64::from(u8::from(state == "UP")));
            put("max time", duration(field(line, "MaxTime").unwrap()));
            put("tier", number(line, "PriorityTier"));
            put("configured nodes", number(line, "TotalNodes"));
            put("configured cpus", number(line, "TotalCPUs"));
        }
    },
    ours: &[
        ours("partition {partition} is {state}", "slurm_partition_info"),
        with_zeros("partition {partition} up", "slurm_partition_up"),
        with_zeros("partition {partition} max time", "slurm_partition_max_time_seconds"),
        with_zeros("partition {partition} tier", "slurm_partition_priority_tier"),
        with_zeros("partition {partition} configured nodes", "slurm_partition_nodes_configured"),
        with_zeros("partition {partition} configured cpus", "slurm_partition_cpus_configured"),
    ],
    is_recorded: true,
    moves: false,
};

/// Seconds of `7-00:00:00`.
pub(super) fn duration(text: &str) -> f64 {
    if text == "UNLIMITED" {
        return f64::INFINITY;
    }
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let clock = clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap());
    days.parse::<f64>().unwrap() * 86_400.0 + clock
}

/// sinfo counts for itself: it must agree with what scontrol's rows add up to.
pub(super) const SINFO: Judge = Judge {
    name: "sinfo-cpus",
    command: "sinfo -h -p all -o '%C %D'",
    read: |facts: &mut Facts, text| {
        let numbers: Vec<f64> = text.trim().split(['/', ' ']).map(|number| number.parse().unwrap()).collect();
        facts.insert("sinfo cpus allocated".into(), numbers[0]);
        facts.insert("sinfo cpus total".into(), numbers[3]);
        facts.insert("sinfo nodes".into(), numbers[4]);
    },
    ours: &[
        ours("sinfo cpus allocated", "slurm_cluster_cpus_allocated"),
        ours("sinfo cpus total", "slurm_cluster_cpus_total"),
        ours("sinfo nodes", "slurm_cluster_nodes_total"),
    ],
    is_recorded: true,
    moves: false,
};
