//! The source `command` on the cluster of the other tests: what its page says is what the page from slurmrestd says.

use std::collections::BTreeSet;
use std::time::Instant;

use super::cluster::RealSlurm;
use crate::process::command;

/// What another second, or another request, changes.
const MOVING: [&str; 7] = [
    "slurm_exporter_",
    "process_",
    "slurm_rpc_",
    "slurm_user_rpc_",
    "slurm_backfill_",
    "slurm_scheduler_",
    "slurm_controller_latency_",
];

/// Asserts that both ways give the same page; `has_all` tells whether this Slurm's commands print all of it as JSON.
pub(super) fn agree(slurm: &RealSlurm, rest: &[&str], has_all: bool, deadline: Instant) {
    let config = slurm.dir().join("commands.yaml");
    let words: Vec<_> = slurm.prefix().iter().map(|word| format!("{word:?}")).collect();
    let text = format!("slurm: {{source: command, command: {{prefix: [{}]}}}}\n", words.join(", "));
    std::fs::write(&config, text).unwrap();
    let by_command = ["--config", config.to_str().unwrap()];
    loop {
        let before = page(rest);
        let printed = page(&by_command);
        let after = page(rest);
        let missing: Vec<_> = before.intersection(&after).filter(|line| !printed.contains(*line)).collect();
        let surplus: Vec<_> = printed.difference(&after).collect();
        let is_so = surplus.is_empty() && (missing.is_empty() || !has_all);
        if before == after && is_so {
            for family in ["slurm_nodes_total{", "slurm_cluster_jobs{"] {
                assert!(printed.iter().any(|line| line.starts_with(family)), "{family} is not there");
            }
            return;
        }
        assert!(
            Instant::now() < deadline,
            "only slurmrestd: {missing:#?}, only commands: {surplus:#?}, slurmrestd in rest: {}",
            before == after
        );
    }
}

/// The samples that stand still.
fn page(arguments: &[&str]) -> BTreeSet<String> {
    let output = command().arg("once").args(arguments).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaints}");
    let page = String::from_utf8(output.stdout).unwrap();
    let stands =
        |line: &&str| !line.starts_with('#') && MOVING.iter().all(|moving| !line.starts_with(moving));
    page.lines().filter(stands).map(str::to_owned).collect()
}
