//! vpenso's prometheus-slurm-exporter, which reads `sinfo`, `squeue -r` and `sdiag`: a node and a job have the one
//! word that those show, so that a configuring job is not running here. Memory of a node is in MB, as `sinfo` gives it.

use std::collections::BTreeMap;

use super::fact::{Fact, desc, descs, fact, write};
use super::job_tally::{self, JobTally};
use super::statistics::{self, Statistic, plain};
use super::{Part, Set, words};
use crate::collectors::gpu;
use crate::exposition::{Batch, Desc, Value};
use crate::model::state::{job_base, job_flag};
use crate::model::{Endpoint, Jobs, Node, Nodes, Snapshot};

pub(super) const SET: Set = Set {
    name: "vpenso",
    parts: &[
        Part { name: "nodes", needs: &[Endpoint::Nodes], families: node_families, collect: collect_nodes },
        Part { name: "jobs", needs: &[Endpoint::Jobs], families: job_families, collect: collect_jobs },
        Part {
            name: "scheduler",
            needs: &[Endpoint::Diag],
            families: || statistics::descs(STATISTICS).collect(),
            collect: |snapshot, batch| {
                if let Some(diag) = snapshot.diag.as_deref() {
                    statistics::write(batch, diag, STATISTICS);
                }
            },
        },
    ],
};

const ACCOUNT: &[&str] = &["account"];
const PARTITION: &[&str] = &["partition"];
const USER: &[&str] = &["user"];
const NODE: &[&str] = &["node", "status"];

/// Families of nodes by the beginning of their word.
static NODE_WORDS: [(Desc, &str); 10] = [
    (desc("slurm_nodes_alloc", "Allocated nodes.", &[]), "alloc"),
    (desc("slurm_nodes_comp", "Completing nodes.", &[]), "comp"),
    (desc("slurm_nodes_down", "Nodes that are down.", &[]), "down"),
    (desc("slurm_nodes_drain", "Drained and draining nodes.", &[]), "drain"),
    (desc("slurm_nodes_err", "Nodes in error.", &[]), "err"),
    (desc("slurm_nodes_fail", "Failed and failing nodes.", &[]), "fail"),
    (desc("slurm_nodes_idle", "Idle nodes.", &[]), "idle"),
    (desc("slurm_nodes_maint", "Nodes in maintenance.", &[]), "maint"),
    (desc("slurm_nodes_mix", "Mixed nodes.", &[]), "mix"),
    (desc("slurm_nodes_resv", "Reserved nodes.", &[]), "res"),
];

/// Allocated, idle, other and total, as `sinfo -o %C` tells them.
#[derive(Debug, Default)]
struct Cpus {
    allocated: u64,
    idle: u64,
    other: u64,
}

impl Cpus {
    fn add(&mut self, node: &Node) {
        let allocated = u64::from(node.cpus_allocated);
        let free = u64::from(node.cpus_total).saturating_sub(allocated);
        self.allocated += allocated;
        *(if words::has_no_idle_cpus(node) { &mut self.other } else { &mut self.idle }) += free;
    }

    fn total(&self) -> u64 {
        self.allocated + self.idle + self.other
    }
}

macro_rules! cpus {
    ($allocated:literal, $prefix:literal, $labels:expr) => {
        &[
            fact(concat!($prefix, $allocated), "Allocated CPUs.", $labels, |cpus| {
                Some(cpus.allocated.into())
            }),
            fact(concat!($prefix, "_idle"), "Idle CPUs.", $labels, |cpus| Some(cpus.idle.into())),
            fact(concat!($prefix, "_other"), "CPUs on nodes that take no jobs.", $labels, |cpus| {
                Some(cpus.other.into())
            }),
            fact(concat!($prefix, "_total"), "CPUs.", $labels, |cpus| Some(cpus.total().into())),
        ]
    };
}

static CPUS: &[Fact<Cpus>] = cpus!("_alloc", "slurm_cpus", &[]);
static PARTITION_CPUS: &[Fact<Cpus>] = cpus!("_allocated", "slurm_partition_cpus", PARTITION);
static NODE_CPUS: &[Fact<Cpus>] = cpus!("_alloc", "slurm_node_cpu", NODE);
static NODE_MEMORY_ALLOCATED: Desc = desc("slurm_node_mem_alloc", "Allocated memory in MB.", NODE);
static NODE_MEMORY: Desc = desc("slurm_node_mem_total", "Memory in MB.", NODE);
static GPUS_ALLOCATED: Desc = desc("slurm_gpus_alloc", "Allocated GPUs.", &[]);
static GPUS_IDLE: Desc = desc("slurm_gpus_idle", "GPUs that are not allocated.", &[]);
static GPUS: Desc = desc("slurm_gpus_total", "GPUs.", &[]);
static GPU_UTILIZATION: Desc = desc("slurm_gpus_utilization", "Allocated GPUs by all GPUs.", &[]);

/// Families of jobs by the word that `squeue` shows.
static JOB_WORDS: [(Desc, &str); 11] = [
    (desc("slurm_queue_cancelled", "Cancelled jobs.", &[]), "cancelled"),
    (desc("slurm_queue_completed", "Completed jobs.", &[]), "completed"),
    (desc("slurm_queue_completing", "Completing jobs.", &[]), "completing"),
    (desc("slurm_queue_configuring", "Configuring jobs.", &[]), "configuring"),
    (desc("slurm_queue_failed", "Failed jobs.", &[]), "failed"),
    (desc("slurm_queue_node_fail", "Jobs that a node failed.", &[]), "node_fail"),
    (desc("slurm_queue_pending", "Jobs that wait.", &[]), "pending"),
    (desc("slurm_queue_preempted", "Preempted jobs.", &[]), "preempted"),
    (desc("slurm_queue_running", "Jobs that run.", &[]), "running"),
    (desc("slurm_queue_suspended", "Suspended jobs.", &[]), "suspended"),
    (desc("slurm_queue_timeout", "Jobs that ran out of time.", &[]), "timeout"),
];
static QUEUE_DEPENDENCY: Desc =
    desc("slurm_queue_pending_dependency", "Jobs that wait for another one.", &[]);

/// What an account and a user alike are shown with; zeros are left out, as there.
macro_rules! owner {
    ($prefix:literal, $labels:expr) => {
        &[
            fact(concat!($prefix, "_cpus_running"), "CPUs of jobs that run.", $labels, |jobs| {
                present(jobs.cpus)
            }),
            fact(concat!($prefix, "_jobs_pending"), "Jobs that wait.", $labels, |jobs| {
                present(jobs.count(job_base::PENDING))
            }),
            fact(concat!($prefix, "_jobs_running"), "Jobs that run.", $labels, |jobs| {
                present(jobs.count(job_base::RUNNING).saturating_sub(jobs.flagged(job_flag::CONFIGURING)))
            }),
            fact(concat!($prefix, "_jobs_suspended"), "Suspended jobs.", $labels, |jobs| {
                present(jobs.count(job_base::SUSPENDED))
            }),
        ]
    };
}

fn present(count: u64) -> Option<Value> {
    (count > 0).then(|| count.into())
}

static ACCOUNTS: &[Fact<JobTally>] = owner!("slurm_account", ACCOUNT);
static USERS: &[Fact<JobTally>] = owner!("slurm_user", USER);
static PARTITION_PENDING: &[Fact<JobTally>] =
    &[fact("slurm_partition_jobs_pending", "Jobs that wait.", PARTITION, |jobs| {
        Some(jobs.count(job_base::PENDING).into())
    })];

static STATISTICS: &[Statistic] = &[
    plain("slurm_scheduler_backfill_depth_mean", "Mean depth of backfill cycles.", "bf_depth_mean"),
    plain("slurm_scheduler_backfill_last_cycle", "Last backfill cycle in microseconds.", "bf_cycle_last"),
    plain("slurm_scheduler_backfill_mean_cycle", "Mean backfill cycle in microseconds.", "bf_cycle_mean"),
    plain(
        "slurm_scheduler_backfilled_heterogeneous_total",
        "Components of heterogeneous jobs started by backfill since the reset.",
        "bf_backfilled_het_jobs",
    ),
    plain(
        "slurm_scheduler_backfilled_jobs_since_cycle_total",
        "Jobs that backfill started since its statistics were reset.",
        "bf_last_backfilled_jobs",
    ),
    plain(
        "slurm_scheduler_backfilled_jobs_since_start_total",
        "Jobs that backfill started since slurmctld did.",
        "bf_backfilled_jobs",
    ),
    plain("slurm_scheduler_cycle_per_minute", "Cycles a minute.", "schedule_cycle_per_minute"),
    plain("slurm_scheduler_dbd_queue_size", "Messages that wait for slurmdbd.", "dbd_agent_queue_size"),
    plain("slurm_scheduler_last_cycle", "Last cycle in microseconds.", "schedule_cycle_last"),
    plain("slurm_scheduler_mean_cycle", "Mean cycle in microseconds.", "schedule_cycle_mean"),
    plain("slurm_scheduler_queue_size", "Length of the queue of outgoing RPCs.", "agent_queue_size"),
    plain("slurm_scheduler_threads", "Threads of slurmctld.", "server_thread_count"),
];

fn node_families() -> Vec<&'static Desc> {
    let words = NODE_WORDS.iter().map(|(desc, _)| desc);
    let singles =
        [&NODE_MEMORY_ALLOCATED, &NODE_MEMORY, &GPUS_ALLOCATED, &GPUS_IDLE, &GPUS, &GPU_UTILIZATION];
    words.chain([CPUS, PARTITION_CPUS, NODE_CPUS].into_iter().flat_map(descs)).chain(singles).collect()
}

fn collect_nodes(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(nodes) = snapshot.nodes.as_deref() else { return };
    for (desc, beginning) in &NODE_WORDS {
        let found = nodes.rows.iter().filter(|node| words::of_node(nodes, node).starts_with(beginning));
        batch.family(desc).sample(&[], found.count());
    }
    let mut all = Cpus::default();
    let mut partitions = BTreeMap::<_, Cpus>::new();
    for node in &nodes.rows {
        all.add(node);
        for partition in nodes.partitions(node) {
            partitions.entry(*partition).or_default().add(node);
        }
    }
    write(batch, CPUS, &[(Vec::new(), &all)]);
    let rows: Vec<_> =
        partitions.iter().map(|(name, cpus)| (vec![nodes.symbols.resolve(*name)], cpus)).collect();
    write(batch, PARTITION_CPUS, &rows);
    write_single_nodes(nodes, batch);
    write_gpus(nodes, batch);
}

fn write_single_nodes(nodes: &Nodes, batch: &mut Batch) {
    let singles: Vec<_> = nodes
        .rows
        .iter()
        .map(|node| {
            let mut cpus = Cpus::default();
            cpus.add(node);
            (vec![nodes.symbols.resolve(node.name), words::of_node(nodes, node)], cpus)
        })
        .collect();
    let rows: Vec<_> = singles.iter().map(|(labels, cpus)| (labels.clone(), cpus)).collect();
    write(batch, NODE_CPUS, &rows);
    for (desc, bytes) in [
        (&NODE_MEMORY_ALLOCATED, (|node| node.memory_allocated_bytes) as fn(&Node) -> u64),
        (&NODE_MEMORY, |node| node.memory_total_bytes),
    ] {
        let family = batch.family(desc);
        for (node, (labels, _)) in nodes.rows.iter().zip(&singles) {
            family.sample(labels, bytes(node) >> 20);
        }
    }
}

fn write_gpus(nodes: &Nodes, batch: &mut Batch) {
    let all = nodes.rows.iter().flat_map(|node| gpu::of_node(nodes, node));
    let (total, allocated) =
        all.fold((0_u64, 0_u64), |(total, used), gres| (total + gres.total, used + gres.allocated));
    batch.family(&GPUS_ALLOCATED).sample(&[], allocated);
    batch.family(&GPUS_IDLE).sample(&[], total.saturating_sub(allocated));
    batch.family(&GPUS).sample(&[], total);
    if total > 0 {
        batch.family(&GPU_UTILIZATION).sample(&[], allocated as f64 / total as f64);
    }
}

fn job_families() -> Vec<&'static Desc> {
    let words = JOB_WORDS.iter().map(|(desc, _)| desc);
    let tables = [ACCOUNTS, USERS, PARTITION_PENDING].into_iter().flat_map(descs);
    words.chain([&QUEUE_DEPENDENCY]).chain(tables).collect()
}

fn collect_jobs(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    for (desc, word) in &JOB_WORDS {
        batch.family(desc).sample(&[], count(jobs, |job| words::of_job(jobs, job) == *word));
    }
    let waits_for_another =
        |job: &_| words::of_job(jobs, job) == "pending" && jobs.symbols.resolve(job.reason) == "Dependency";
    batch.family(&QUEUE_DEPENDENCY).sample(&[], count(jobs, waits_for_another));
    job_tally::write(batch, jobs, ACCOUNTS, &job_tally::by(jobs, |job| job.account));
    job_tally::write(batch, jobs, USERS, &job_tally::by(jobs, |job| job.user));
    job_tally::write(batch, jobs, PARTITION_PENDING, &job_tally::by_partition(jobs));
}

fn count(jobs: &Jobs, holds: impl Fn(&crate::model::Job) -> bool) -> u64 {
    jobs.rows.iter().filter(|job| holds(job)).map(|job| u64::from(job.tasks)).sum()
}
