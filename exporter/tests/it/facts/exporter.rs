//! The same facts from the exporter's page.

use super::Facts;
use super::judges::STABLE_DIAG;
use crate::page::Samples;

/// The judges' facts. Zeros are left out: the commands print none.
pub(crate) fn from_page(page: &Samples) -> Facts {
    let mut facts = Facts::new();
    let mut put = |name: String, value: f64| {
        assert!(facts.insert(name.clone(), value).is_none(), "{name} twice");
    };
    for (labels, value) in page.nonzero("slurm_nodes_total") {
        put(format!("nodes {}", labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_nodes_flagged") {
        put(format!("nodes flagged {}", labels["flag"]), value);
    }
    for (labels, value) in page.nonzero("slurm_node_drain_info") {
        put(format!("drain {} {} {}", labels["node"], labels["reason"], labels["user"]), value);
    }
    for (name, family) in [
        ("cpus total", "slurm_cluster_cpus_total"),
        ("cpus allocated", "slurm_cluster_cpus_allocated"),
        ("sinfo cpus total", "slurm_cluster_cpus_total"),
        ("sinfo cpus allocated", "slurm_cluster_cpus_allocated"),
        ("sinfo nodes", "slurm_cluster_nodes_total"),
        ("memory total", "slurm_cluster_memory_total_bytes"),
        ("memory allocated", "slurm_cluster_memory_allocated_bytes"),
    ] {
        put(name.into(), page.get(family, &[]).unwrap());
    }
    for kind in ["total", "allocated"] {
        for (labels, value) in page.nonzero(&format!("slurm_cluster_gpus_{kind}")) {
            put(format!("gpus {kind} {}", labels["gpu_type"]), value);
        }
        for (labels, value) in page.nonzero(&format!("slurm_node_gpus_{kind}")) {
            put(format!("node {} gpus {kind} {}", labels["node"], labels["gpu_type"]), value);
        }
    }
    for (what, family) in [
        ("cpus total", "slurm_partition_cpus_total"),
        ("cpus allocated", "slurm_partition_cpus_allocated"),
        ("nodes", "slurm_partition_nodes_total"),
        ("max time", "slurm_partition_max_time_seconds"),
        ("tier", "slurm_partition_priority_tier"),
        ("up", "slurm_partition_up"),
        ("configured nodes", "slurm_partition_nodes_configured"),
    ] {
        for (labels, value) in page.all(family) {
            put(format!("partition {} {what}", labels["partition"]), value);
        }
    }
    for (labels, value) in page.nonzero("slurm_jobs_total") {
        put(format!("jobs {} {}", labels["partition"], labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_cluster_jobs") {
        put(format!("jobs {}", labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_jobs_pending_reason") {
        put(format!("pending {} {}", labels["partition"], labels["reason"]), value);
    }
    for (what, family) in [
        ("pending cpus", "slurm_jobs_pending_cpus"),
        ("pending nodes", "slurm_jobs_pending_nodes"),
        ("allocated cpus", "slurm_jobs_allocated_cpus"),
        ("allocated nodes", "slurm_jobs_allocated_nodes"),
    ] {
        for (labels, value) in page.nonzero(family) {
            put(format!("{what} {}", labels["partition"]), value);
        }
    }
    facts
}

/// Facts of sdiag that hold still.
pub(crate) fn diag_from_page(page: &Samples) -> Facts {
    STABLE_DIAG.iter().map(|(_, family)| ((*family).into(), page.get(family, &[]).unwrap())).collect()
}

/// One of sdiag's counts that grow.
pub(crate) fn moving_from_page(page: &Samples, name: &str) -> f64 {
    let value = match name {
        "main cycles" => page.get("slurm_scheduler_cycles_total", &[]),
        message => page.get("slurm_rpc_requests_total", &[("message_type", message)]),
    };
    value.unwrap_or_else(|| panic!("no sample for {name}"))
}
