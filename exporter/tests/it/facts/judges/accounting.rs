//! sacctmgr: the limits that slurmdbd keeps.

use super::partitions::duration;
use super::{Facts, Judge, MIB, ours, with_zeros};

pub(super) const QOS: Judge = Judge {
    name: "sacctmgr-qos",
    command: "sacctmgr -nP show qos format=Name,Priority,GrpJobs,MaxJobsPU,MaxWall,GrpTRES,MaxTRES,MaxTRESPU",
    read: |facts, text| {
        for line in text.lines() {
            let (name, rest) = line.split_once('|').unwrap();
            let (priority, limits) = rest.split_once('|').unwrap();
            facts.insert(format!("qos {name} priority"), priority.parse().unwrap());
            let names = [
                "grp_jobs",
                "max_jobs_per_user",
                "max_wall_seconds_per_job",
                "grp_tres",
                "max_tres_per_job",
                "max_tres_per_user",
            ];
            read_limits(facts, &format!("qos {name}"), &names, limits);
        }
    },
    ours: &[
        with_zeros("qos {qos} priority", "slurm_qos_priority"),
        ours("qos {qos} {limit} {tres}", "slurm_qos_limit"),
    ],
    is_recorded: false,
    moves: false,
};

pub(super) const ASSOCIATIONS: Judge = Judge {
    name: "sacctmgr-associations",
    // Without what is inherited.
    command: "sacctmgr -nP show assoc wopl format=Account,User,MaxJobs,MaxWall,GrpTRES",
    read: |facts, text| {
        for line in text.lines() {
            let (account, rest) = line.split_once('|').unwrap();
            let (user, limits) = rest.split_once('|').unwrap();
            let names = ["max_jobs", "max_wall_seconds_per_job", "grp_tres"];
            read_limits(facts, &format!("association {account} {user}"), &names, limits);
        }
    },
    ours: &[ours("association {account} {user} {limit} {tres}", "slurm_association_limit")],
    is_recorded: false,
    moves: false,
};

/// Limits in their columns, which are empty where none is set: a number, a time, or TRES.
fn read_limits(facts: &mut Facts, whose: &str, names: &[&str], columns: &str) {
    for (name, column) in names.iter().zip(columns.split('|')).filter(|(_, column)| !column.is_empty()) {
        if column.contains('=') {
            for (tres, amount) in column.split(',').map(|item| item.split_once('=').unwrap()) {
                facts.insert(format!("{whose} {name} {tres}"), tres_amount(tres, amount));
            }
        } else if column.contains(':') {
            facts.insert(format!("{whose} {name} "), duration(column));
        } else {
            facts.insert(format!("{whose} {name} "), column.parse().unwrap());
        }
    }
}

/// sacctmgr writes memory as `4096M` or `4G`.
fn tres_amount(tres: &str, amount: &str) -> f64 {
    match (tres, amount.strip_suffix('G'), amount.strip_suffix('M')) {
        ("mem", Some(gib), _) => gib.parse::<f64>().unwrap() * MIB * 1024.0,
        ("mem", _, Some(mib)) => mib.parse::<f64>().unwrap() * MIB,
        _ => amount.parse().unwrap(),
    }
}
