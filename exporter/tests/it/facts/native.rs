//! slurmctld's own metrics (from Slurm 25.11 on its port, `MetricsType=metrics/openmetrics`) beside the exporter's page:
//! which of them say the same, and which differ by definition and why.

use super::Facts;
use crate::page::{Labels, Samples};

/// A family of ours that says what a native one does: the sum over its samples with these labels and the native
/// sample's own, divided by what one native unit is worth.
struct Same {
    native: &'static str,
    ours: &'static str,
    labels: &'static [(&'static str, &'static str)],
    unit: f64,
}

/// Native amounts of memory are MiB, also where the name says bytes (26.05.5: a node of RealMemory=256000 has 256000).
const MIB: f64 = 1_048_576.0;

const fn same(native: &'static str, ours: &'static str) -> Same {
    Same { native, ours, labels: &[], unit: 1.0 }
}

const fn mib(native: &'static str, ours: &'static str) -> Same {
    Same { native, ours, labels: &[], unit: MIB }
}

const fn of(
    native: &'static str,
    ours: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> Same {
    Same { native, ours, labels, unit: 1.0 }
}

/// slurmctld's pages, behind `/metrics/`.
pub(crate) const PATHS: [&str; 4] = ["jobs", "jobs-users-accts", "nodes", "partitions"];

const SAME: &[Same] = &[
    same("slurm_jobs", "slurm_cluster_jobs"),
    of("slurm_jobs_bootfail", "slurm_cluster_jobs", &[("state", "boot_fail")]),
    of("slurm_jobs_cancelled", "slurm_cluster_jobs", &[("state", "cancelled")]),
    of("slurm_jobs_completed", "slurm_cluster_jobs", &[("state", "completed")]),
    of("slurm_jobs_deadline", "slurm_cluster_jobs", &[("state", "deadline")]),
    of("slurm_jobs_failed", "slurm_cluster_jobs", &[("state", "failed")]),
    of("slurm_jobs_node_failed", "slurm_cluster_jobs", &[("state", "node_fail")]),
    of("slurm_jobs_outofmemory", "slurm_cluster_jobs", &[("state", "out_of_memory")]),
    of("slurm_jobs_pending", "slurm_cluster_jobs", &[("state", "pending")]),
    of("slurm_jobs_preempted", "slurm_cluster_jobs", &[("state", "preempted")]),
    of("slurm_jobs_running", "slurm_cluster_jobs", &[("state", "running")]),
    of("slurm_jobs_suspended", "slurm_cluster_jobs", &[("state", "suspended")]),
    of("slurm_jobs_timeout", "slurm_cluster_jobs", &[("state", "timeout")]),
    of("slurm_jobs_completing", "slurm_jobs_flagged", &[("flag", "completing")]),
    of("slurm_jobs_configuring", "slurm_jobs_flagged", &[("flag", "configuring")]),
    of("slurm_jobs_powerup_node", "slurm_jobs_flagged", &[("flag", "power_up_node")]),
    of("slurm_jobs_requeued", "slurm_jobs_flagged", &[("flag", "requeued")]),
    of("slurm_jobs_resizing", "slurm_jobs_flagged", &[("flag", "resizing")]),
    of("slurm_jobs_signaling", "slurm_jobs_flagged", &[("flag", "signaling")]),
    of("slurm_jobs_stageout", "slurm_jobs_flagged", &[("flag", "stage_out")]),
    same("slurm_jobs_gpus_alloc", "slurm_jobs_allocated_gpus"),
    of("slurm_nodes_alloc", "slurm_nodes_total", &[("state", "allocated")]),
    of("slurm_nodes_down", "slurm_nodes_total", &[("state", "down")]),
    of("slurm_nodes_external", "slurm_nodes_total", &[("state", "external")]),
    of("slurm_nodes_idle", "slurm_nodes_total", &[("state", "idle")]),
    of("slurm_nodes_mixed", "slurm_nodes_total", &[("state", "mixed")]),
    of("slurm_nodes_unknown", "slurm_nodes_total", &[("state", "unknown")]),
    of("slurm_nodes_blocked", "slurm_nodes_flagged", &[("flag", "blocked")]),
    of("slurm_nodes_cloud", "slurm_nodes_flagged", &[("flag", "cloud")]),
    of("slurm_nodes_completing", "slurm_nodes_flagged", &[("flag", "completing")]),
    // Not the flag: a node that still works is not in it.
    of("slurm_nodes_drain", "slurm_nodes_flagged", &[("flag", "drained")]),
    of("slurm_nodes_drained", "slurm_nodes_flagged", &[("flag", "drained")]),
    of("slurm_nodes_draining", "slurm_nodes_flagged", &[("flag", "draining")]),
    of("slurm_nodes_dyn_normal", "slurm_nodes_flagged", &[("flag", "dynamic_norm")]),
    of("slurm_nodes_fail", "slurm_nodes_flagged", &[("flag", "fail")]),
    of("slurm_nodes_invalid_reg", "slurm_nodes_flagged", &[("flag", "invalid_reg")]),
    of("slurm_nodes_maint", "slurm_nodes_flagged", &[("flag", "maintenance")]),
    of("slurm_nodes_noresp", "slurm_nodes_flagged", &[("flag", "not_responding")]),
    of("slurm_nodes_planned", "slurm_nodes_flagged", &[("flag", "planned")]),
    of("slurm_nodes_power_down", "slurm_nodes_flagged", &[("flag", "power_down")]),
    of("slurm_nodes_power_up", "slurm_nodes_flagged", &[("flag", "power_up")]),
    of("slurm_nodes_powered_down", "slurm_nodes_flagged", &[("flag", "powered_down")]),
    of("slurm_nodes_powering_up", "slurm_nodes_flagged", &[("flag", "powering_up")]),
    of("slurm_nodes_reboot_issued", "slurm_nodes_flagged", &[("flag", "reboot_issued")]),
    of("slurm_nodes_reboot_req", "slurm_nodes_flagged", &[("flag", "reboot_requested")]),
    of("slurm_nodes_resv", "slurm_nodes_flagged", &[("flag", "reserved")]),
    same("slurm_node_cpus", "slurm_node_cpus_total"),
    same("slurm_node_cpus_alloc", "slurm_node_cpus_allocated"),
    same("slurm_node_cpus_idle", "slurm_node_cpus_idle"),
    same("slurm_node_gpus", "slurm_node_gpus_total"),
    same("slurm_node_gpus_alloc", "slurm_node_gpus_allocated"),
    mib("slurm_node_memory_bytes", "slurm_node_memory_total_bytes"),
    mib("slurm_node_memory_alloc_bytes", "slurm_node_memory_allocated_bytes"),
    of("slurm_partition_jobs_running", "slurm_jobs_total", &[("state", "running")]),
    of("slurm_partition_jobs_suspended", "slurm_jobs_total", &[("state", "suspended")]),
    of("slurm_partition_jobs_completed", "slurm_jobs_total", &[("state", "completed")]),
    of("slurm_partition_jobs_failed", "slurm_jobs_total", &[("state", "failed")]),
    of("slurm_partition_jobs_timeout", "slurm_jobs_total", &[("state", "timeout")]),
    same("slurm_partition_jobs_gpus_alloc", "slurm_jobs_allocated_gpus"),
    same("slurm_partition_nodes_alloc", "slurm_partition_nodes_allocated"),
    same("slurm_partition_nodes_down", "slurm_partition_nodes_down"),
    same("slurm_partition_nodes_drained", "slurm_partition_nodes_drained"),
    same("slurm_partition_nodes_draining", "slurm_partition_nodes_draining"),
    same("slurm_partition_nodes_idle", "slurm_partition_nodes_idle"),
    same("slurm_partition_nodes_mixed", "slurm_partition_nodes_mixed"),
    same("slurm_partition_nodes", "slurm_partition_nodes_total"),
    same("slurm_partition_cpus", "slurm_partition_cpus_total"),
    same("slurm_partition_nodes_cpus_alloc", "slurm_partition_cpus_allocated"),
    same("slurm_partition_nodes_cpus_idle", "slurm_partition_cpus_idle"),
    same("slurm_partition_gpus", "slurm_partition_gpus_total"),
    mib("slurm_partition_nodes_mem_tot", "slurm_partition_memory_total_bytes"),
    mib("slurm_partition_nodes_mem_alloc", "slurm_partition_memory_allocated_bytes"),
    of("slurm_account_jobs_cancelled", "slurm_account_jobs", &[("state", "cancelled")]),
    of("slurm_account_jobs_completed", "slurm_account_jobs", &[("state", "completed")]),
    of("slurm_account_jobs_failed", "slurm_account_jobs", &[("state", "failed")]),
    of("slurm_account_jobs_pending", "slurm_account_jobs", &[("state", "pending")]),
    of("slurm_account_jobs_running", "slurm_account_jobs", &[("state", "running")]),
    of("slurm_account_jobs_suspended", "slurm_account_jobs", &[("state", "suspended")]),
    of("slurm_account_jobs_timeout", "slurm_account_jobs", &[("state", "timeout")]),
    same("slurm_account_jobs_gpus_alloc", "slurm_account_gpus_allocated"),
    of("slurm_user_jobs_cancelled", "slurm_user_jobs", &[("state", "cancelled")]),
    of("slurm_user_jobs_completed", "slurm_user_jobs", &[("state", "completed")]),
    of("slurm_user_jobs_failed", "slurm_user_jobs", &[("state", "failed")]),
    of("slurm_user_jobs_pending", "slurm_user_jobs", &[("state", "pending")]),
    of("slurm_user_jobs_running", "slurm_user_jobs", &[("state", "running")]),
    of("slurm_user_jobs_suspended", "slurm_user_jobs", &[("state", "suspended")]),
    of("slurm_user_jobs_timeout", "slurm_user_jobs", &[("state", "timeout")]),
    same("slurm_user_jobs_gpus_alloc", "slurm_user_gpus_allocated"),
];

/// Native names about the same subjects that have no equal, with the reason. A name that ends in `*` stands for
/// all that begin so.
const DIFFERENT: &[(&str, &str)] = &[
    ("slurm_nodes", "counts FUTURE nodes, which neither scontrol nor slurmrestd lists"),
    ("slurm_nodes_future", "FUTURE nodes are listed by neither scontrol nor slurmrestd"),
    ("slurm_nodes_dyn_future", "FUTURE nodes are listed by neither scontrol nor slurmrestd"),
    ("slurm_jobs_cpus_alloc", "counts suspended jobs, whose CPUs their nodes give to others"),
    ("slurm_jobs_memory_alloc", "counts suspended jobs; ours is what running jobs hold"),
    ("slurm_jobs_nodes_alloc", "counts a node that jobs share once; ours counts it for each of them"),
    ("slurm_jobs_started", "a sum of states: what was started and has not ended"),
    ("slurm_jobs_finished", "a sum of states"),
    ("slurm_jobs_hold", "priority 0; ours is by the reason (JobHeldUser, JobHeldAdmin, ...)"),
    ("slurm_jobs_expediting", "a state from 25.11 that only arises with slurmctld's own configuration"),
    ("slurm_jobs_fed_requeued", "federations only"),
    ("slurm_jobs_revoked", "federations only"),
    (
        "slurm_node_cpus_effective",
        "without CPUs kept for the system: slurmrestd's effective_cpus, not exported",
    ),
    ("slurm_node_memory_effective_bytes", "without memory kept for the system, not exported"),
    ("slurm_node_memory_free_bytes", "free memory moves between two readings"),
    ("slurm_partitions", "counts partitions; ours are the series of slurm_partition_info"),
    ("slurm_partition_jobs", "counts an array that waits once, though slurm_jobs counts its tasks"),
    (
        "slurm_partition_jobs_pending",
        "counts a job in its first partition only; ours in each that it may run in",
    ),
    ("slurm_partition_jobs_cancelled", "counts a job in its first partition only, if it never started"),
    ("slurm_partition_jobs_hold", "priority 0, and in the first partition only"),
    ("slurm_partition_jobs_*", "like the cluster's of the same ending, or not exported by partition"),
    ("slurm_partition_nodes_cpus_efctv", "without CPUs kept for the system"),
    ("slurm_partition_nodes_mem_avail", "without memory kept for the system"),
    ("slurm_partition_nodes_mem_free", "free memory moves between two readings"),
    ("slurm_partition_nodes_*", "flags of nodes are exported by cluster and by node, not by partition"),
    (
        "slurm_account_jobs",
        "counts an array that waits once, though slurm_account_jobs_pending counts its tasks",
    ),
    ("slurm_account_jobs_*", "like the cluster's of the same ending, or not exported by account"),
    ("slurm_user_jobs", "counts an array that waits once, though slurm_user_jobs_pending counts its tasks"),
    ("slurm_user_jobs_*", "like the cluster's of the same ending, or not exported by user"),
];

/// What differs between native and the exporter's page of native's names, with the reason.
const LEGACY_DIFFERENT: &[(&str, &str)] = &[
    ("slurm_nodes", "counts FUTURE nodes, which slurmrestd does not list"),
    ("slurm_nodes_future", "slurmrestd does not list FUTURE nodes"),
    ("slurm_node_memory_free_bytes", "moves between two readings"),
    ("slurm_partition_nodes_mem_free", "moves between two readings"),
    ("slurm_account_jobs_nodes_alloc", "the exporter keeps no list of a job's nodes"),
    ("slurm_user_jobs_nodes_alloc", "the exporter keeps no list of a job's nodes"),
    (
        "slurm_partition_jobs_wait_part_node_limit",
        "1 in a partition where squeue shows no job with such a reason",
    ),
    (
        "slurm_partition_jobs",
        "a live 26.05 told 73 where the list of jobs had 76 rows of the partition; recordings agree; cause unknown",
    ),
];

/// Both sides of every native sample that has an equal: the native value and ours.
/// FUTURE nodes and the partitions that have some are left out, see `DIFFERENT`; they are checked by their number.
pub(crate) fn compare(native: &Samples, page: &Samples) -> (Facts, Facts) {
    let future = native.get("slurm_nodes_future", &[]).unwrap_or_default();
    let (mut theirs, mut ours) = (Facts::new(), Facts::new());
    for Same { native: name, ours: family, labels, unit } in SAME {
        for (own, value) in native.all(name).filter(|(own, _)| is_without_future(native, own)) {
            let own_labels = own.iter().map(|(name, value)| match name.as_str() {
                "username" => ("user", value.as_str()),
                name => (name, value.as_str()),
            });
            let wanted: Vec<_> = labels.iter().copied().chain(own_labels).collect();
            let fact = format!("{name}{own:?}");
            ours.insert(fact.clone(), page.sum(family, &wanted) / unit);
            theirs.insert(fact, value);
        }
    }
    theirs.insert(
        "slurm_nodes without FUTURE".into(),
        native.get("slurm_nodes", &[]).unwrap_or_default() - future,
    );
    ours.insert("slurm_nodes without FUTURE".into(), page.get("slurm_cluster_nodes_total", &[]).unwrap());
    let pending = native.sum("slurm_partition_jobs_pending", &[]);
    theirs.insert("slurm_partition_jobs_pending of all".into(), pending);
    ours.insert(
        "slurm_partition_jobs_pending of all".into(),
        page.get("slurm_cluster_jobs", &[("state", "pending")]).unwrap(),
    );
    (theirs, ours)
}

/// Both sides of every native sample that the exporter's page of native's names has too.
pub(crate) fn compare_legacy(native: &Samples, legacy: &Samples) -> (Facts, Facts) {
    let (mut theirs, mut ours) = (Facts::new(), Facts::new());
    for family in native.families().filter(|family| !LEGACY_DIFFERENT.iter().any(|(name, _)| name == family))
    {
        let is_there = |labels: &Labels| {
            is_without_future(native, labels)
                && !(family.starts_with("slurm_partition_jobs") && is_without_jobs(native, labels))
        };
        for (labels, value) in native.all(family).filter(|(labels, _)| is_there(labels)) {
            let wanted: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let fact = format!("{family}{labels:?}");
            ours.extend(legacy.get(family, &wanted).map(|value| (fact.clone(), value)));
            theirs.insert(fact, value);
        }
    }
    (theirs, ours)
}

/// Whether the sample is of a partition that has no job: native has zeros there, the exporter no series.
fn is_without_jobs(native: &Samples, labels: &Labels) -> bool {
    let jobs = |partition: &String| native.get("slurm_partition_jobs", &[("partition", partition)]);
    labels.get("partition").is_some_and(|partition| jobs(partition) == Some(0.0))
}

/// Whether the sample is of no partition that has FUTURE nodes, and of no such node.
fn is_without_future(native: &Samples, labels: &Labels) -> bool {
    let has_future =
        |partition: &String| native.sum("slurm_partition_nodes_future", &[("partition", partition)]) > 0.0;
    labels.get("partition").is_none_or(|partition| !has_future(partition))
        && labels.get("node").is_none_or(|node| !node.starts_with("fut"))
}

/// Native families that are neither in `SAME` nor in `DIFFERENT`.
pub(crate) fn unknown(native: &Samples) -> Vec<&str> {
    let explained = |family: &str| {
        DIFFERENT.iter().any(|(name, _)| match name.strip_suffix('*') {
            Some(start) => family.starts_with(start),
            None => family == *name,
        })
    };
    let known = |family: &str| SAME.iter().any(|same| same.native == family) || explained(family);
    native.families().filter(|family| !known(family)).collect()
}
