//! slurmctld's own `/metrics` (Slurm 25.11 and later), for older releases and for sites whose PrivateData forbids it.
//! Memory is in MiB, also where native's names and help say bytes. `_jobs{...}` by partition, account and user counts
//! rows, where a waiting array is one; all other counts are of tasks (both as 26.05.5 answers). `slurm_jobs_nodes_alloc`
//! counts nodes; by account and user it is left out: no list of a job's nodes is kept.

use super::fact::{Fact, descs, fact, write};
use super::job_tally::{self, JobTally};
use super::node_tally::{self, NodeTally};
use super::statistics::{self, Statistic, plain};
use super::{Part, Set, fact};
use crate::exposition::{Batch, Desc};
use crate::model::state::{job_base, job_flag, node_base, node_flag};
use crate::model::{Endpoint, Snapshot};

pub(super) const SET: Set = Set {
    name: "native",
    parts: &[
        Part { name: "nodes", needs: &[Endpoint::Nodes], families: node_families, collect: collect_nodes },
        Part { name: "jobs", needs: &[Endpoint::Jobs], families: job_families, collect: collect_jobs },
        Part {
            name: "partitions",
            needs: &[Endpoint::Partitions],
            families: || vec![&PARTITIONS],
            collect: collect_partitions,
        },
        Part {
            name: "scheduler",
            needs: &[Endpoint::Diag],
            families: scheduler_families,
            collect: |snapshot, batch| {
                if let Some(diag) = snapshot.diag.as_deref() {
                    statistics::write(batch, diag, STATISTICS);
                }
            },
        },
    ],
};

const MIB: u64 = 1 << 20;

static PARTITIONS: Desc = fact::desc("slurm_partitions", "Total number of partitions.", &[]);

/// What native says of the jobs of a cluster, a partition, an account and a user alike.
macro_rules! jobs {
    ($prefix:literal, $labels:expr) => {
        &[
            fact(concat!($prefix, "_bootfail"), "Jobs in state BOOT_FAIL.", $labels, |jobs| {
                jobs.base(job_base::BOOT_FAIL)
            }),
            fact(concat!($prefix, "_cancelled"), "Jobs in state CANCELLED.", $labels, |jobs| {
                jobs.base(job_base::CANCELLED)
            }),
            fact(concat!($prefix, "_completed"), "Jobs in state COMPLETED.", $labels, |jobs| {
                jobs.base(job_base::COMPLETED)
            }),
            fact(concat!($prefix, "_completing"), "Jobs with flag COMPLETING.", $labels, |jobs| {
                jobs.flag(job_flag::COMPLETING)
            }),
            fact(concat!($prefix, "_configuring"), "Jobs with flag CONFIGURING.", $labels, |jobs| {
                jobs.flag(job_flag::CONFIGURING)
            }),
            fact(
                concat!($prefix, "_cpus_alloc"),
                "CPUs that jobs hold, also suspended ones.",
                $labels,
                |jobs| Some((jobs.cpus + jobs.suspended_cpus).into()),
            ),
            fact(concat!($prefix, "_deadline"), "Jobs in state DEADLINE.", $labels, |jobs| {
                jobs.base(job_base::DEADLINE)
            }),
            fact(concat!($prefix, "_expediting"), "Jobs with flag EXPEDITING.", $labels, |jobs| {
                jobs.flag(job_flag::EXPEDITING)
            }),
            fact(concat!($prefix, "_failed"), "Jobs in state FAILED.", $labels, |jobs| {
                jobs.base(job_base::FAILED)
            }),
            fact(concat!($prefix, "_fed_requeued"), "Jobs requeued in a federation.", $labels, |jobs| {
                jobs.flag(job_flag::REQUEUE_FED)
            }),
            fact(concat!($prefix, "_finished"), "Jobs that have ended.", $labels, |jobs| {
                Some(jobs.finished().into())
            }),
            fact(concat!($prefix, "_gpus_alloc"), "GPUs that jobs hold.", $labels, |jobs| {
                Some(jobs.gpus.into())
            }),
            fact(concat!($prefix, "_hold"), "Jobs that wait with priority 0.", $labels, |jobs| {
                Some(jobs.held.into())
            }),
            fact(
                concat!($prefix, "_memory_alloc"),
                "Memory in MiB that jobs hold, also suspended ones.",
                $labels,
                |jobs| Some(((jobs.memory_bytes + jobs.suspended_memory_bytes) / MIB).into()),
            ),
            fact(concat!($prefix, "_node_failed"), "Jobs in state NODE_FAIL.", $labels, |jobs| {
                jobs.base(job_base::NODE_FAIL)
            }),
            fact(concat!($prefix, "_outofmemory"), "Jobs in state OUT_OF_MEMORY.", $labels, |jobs| {
                jobs.base(job_base::OUT_OF_MEMORY)
            }),
            fact(concat!($prefix, "_pending"), "Jobs in state PENDING.", $labels, |jobs| {
                jobs.base(job_base::PENDING)
            }),
            fact(concat!($prefix, "_powerup_node"), "Jobs with flag POWER_UP_NODE.", $labels, |jobs| {
                jobs.flag(job_flag::POWER_UP_NODE)
            }),
            fact(concat!($prefix, "_preempted"), "Jobs in state PREEMPTED.", $labels, |jobs| {
                jobs.base(job_base::PREEMPTED)
            }),
            fact(concat!($prefix, "_requeued"), "Jobs with flag REQUEUED.", $labels, |jobs| {
                jobs.flag(job_flag::REQUEUED)
            }),
            fact(concat!($prefix, "_resizing"), "Jobs with flag RESIZING.", $labels, |jobs| {
                jobs.flag(job_flag::RESIZING)
            }),
            fact(concat!($prefix, "_revoked"), "Jobs with flag REVOKED.", $labels, |jobs| {
                jobs.flag(job_flag::REVOKED)
            }),
            fact(concat!($prefix, "_running"), "Jobs in state RUNNING.", $labels, |jobs| {
                jobs.base(job_base::RUNNING)
            }),
            fact(concat!($prefix, "_signaling"), "Jobs with flag SIGNALING.", $labels, |jobs| {
                jobs.flag(job_flag::SIGNALING)
            }),
            fact(concat!($prefix, "_stageout"), "Jobs with flag STAGE_OUT.", $labels, |jobs| {
                jobs.flag(job_flag::STAGE_OUT)
            }),
            fact(concat!($prefix, "_started"), "Jobs that wait no longer.", $labels, |jobs| {
                Some(jobs.started().into())
            }),
            fact(concat!($prefix, "_suspended"), "Jobs in state SUSPENDED.", $labels, |jobs| {
                jobs.base(job_base::SUSPENDED)
            }),
            fact(concat!($prefix, "_timeout"), "Jobs in state TIMEOUT.", $labels, |jobs| {
                jobs.base(job_base::TIMEOUT)
            }),
        ]
    };
}

static JOBS: &[Fact<JobTally>] = jobs!("slurm_jobs", &[]);
static JOBS_ALONE: &[Fact<JobTally>] =
    &[fact("slurm_jobs", "Total number of jobs.", &[], |jobs| Some(jobs.jobs.into()))];
static JOB_NODES: &[Fact<NodeTally>] =
    &[fact("slurm_jobs_nodes_alloc", "Nodes that jobs hold.", &[], |nodes| Some(nodes.working.into()))];
static ACCOUNT_JOBS: &[Fact<JobTally>] = jobs!("slurm_account_jobs", &["account"]);
static ACCOUNT_ROWS: &[Fact<JobTally>] =
    &[fact("slurm_account_jobs", "Total number of jobs.", &["account"], |jobs| Some(jobs.rows.into()))];
static USER_JOBS: &[Fact<JobTally>] = jobs!("slurm_user_jobs", &["username"]);
static USER_ROWS: &[Fact<JobTally>] =
    &[fact("slurm_user_jobs", "Total number of jobs.", &["username"], |jobs| Some(jobs.rows.into()))];
static PARTITION_JOBS: &[Fact<JobTally>] = jobs!("slurm_partition_jobs", &["partition"]);
static PARTITION_ROWS: &[Fact<JobTally>] = &[
    fact("slurm_partition_jobs", "Number of jobs in this partition.", PARTITION, |jobs| {
        Some(jobs.rows.into())
    }),
    fact(
        "slurm_partition_jobs_max_job_nodes",
        "The most nodes that a waiting job takes.",
        PARTITION,
        |jobs| Some(jobs.most_nodes.of_all.into()),
    ),
    fact(
        "slurm_partition_jobs_max_job_nodes_nohold",
        "The most nodes that a waiting job takes which is not held.",
        PARTITION,
        |jobs| Some(jobs.most_nodes.of_those_not_held.into()),
    ),
    fact(
        "slurm_partition_jobs_min_job_nodes",
        "The most nodes that a waiting job needs.",
        PARTITION,
        |jobs| Some(jobs.least_nodes.of_all.into()),
    ),
    fact(
        "slurm_partition_jobs_min_job_nodes_nohold",
        "The most nodes that a waiting job needs which is not held.",
        PARTITION,
        |jobs| Some(jobs.least_nodes.of_those_not_held.into()),
    ),
    fact(
        "slurm_partition_jobs_wait_part_node_limit",
        "Jobs that wait for the partition's limit.",
        PARTITION,
        |jobs| Some(jobs.waiting_for_partition_limit.into()),
    ),
];

const PARTITION: &[&str] = &["partition"];

/// The states that native counts nodes by, for the cluster and for a partition; some names differ.
macro_rules! nodes {
    ($prefix:literal, $labels:expr, $completing:literal, $no_response:literal, $reboot_requested:literal) => {
        &[
            fact($prefix, "Total number of nodes.", $labels, |nodes| Some(nodes.nodes.into())),
            fact(concat!($prefix, "_alloc"), "Nodes in state ALLOCATED.", $labels, |nodes| {
                nodes.base(node_base::ALLOCATED)
            }),
            fact(concat!($prefix, "_blocked"), "Nodes with flag BLOCKED.", $labels, |nodes| {
                nodes.flag(node_flag::BLOCKED)
            }),
            fact(concat!($prefix, $completing), "Nodes with flag COMPLETING.", $labels, |nodes| {
                nodes.flag(node_flag::COMPLETING)
            }),
            fact(concat!($prefix, "_cloud"), "Nodes with flag CLOUD.", $labels, |nodes| {
                nodes.flag(node_flag::CLOUD)
            }),
            fact(concat!($prefix, "_down"), "Nodes in state DOWN.", $labels, |nodes| {
                nodes.base(node_base::DOWN)
            }),
            // Both leave out the nodes that still work, as 26.05.5 answers.
            fact(concat!($prefix, "_drain"), "Nodes with flag DRAIN without jobs.", $labels, |nodes| {
                Some(nodes.drained.into())
            }),
            fact(concat!($prefix, "_drained"), "Nodes with flag DRAIN without jobs.", $labels, |nodes| {
                Some(nodes.drained.into())
            }),
            fact(concat!($prefix, "_draining"), "Nodes with flag DRAIN that work.", $labels, |nodes| {
                Some(nodes.draining.into())
            }),
            fact(concat!($prefix, "_dyn_future"), "Nodes with flag DYNAMIC_FUTURE.", $labels, |nodes| {
                nodes.flag(node_flag::DYNAMIC_FUTURE)
            }),
            fact(concat!($prefix, "_dyn_normal"), "Nodes with flag DYNAMIC_NORM.", $labels, |nodes| {
                nodes.flag(node_flag::DYNAMIC_NORM)
            }),
            fact(concat!($prefix, "_external"), "Nodes in state EXTERNAL.", $labels, |nodes| {
                nodes.base(node_base::EXTERNAL)
            }),
            fact(concat!($prefix, "_fail"), "Nodes with flag FAIL.", $labels, |nodes| {
                nodes.flag(node_flag::FAIL)
            }),
            fact(concat!($prefix, "_future"), "Nodes in state FUTURE.", $labels, |nodes| {
                nodes.base(node_base::FUTURE)
            }),
            fact(concat!($prefix, "_idle"), "Nodes in state IDLE.", $labels, |nodes| {
                nodes.base(node_base::IDLE)
            }),
            fact(concat!($prefix, "_invalid_reg"), "Nodes with flag INVALID_REG.", $labels, |nodes| {
                nodes.flag(node_flag::INVALID_REG)
            }),
            fact(concat!($prefix, "_maint"), "Nodes with flag MAINTENANCE.", $labels, |nodes| {
                nodes.flag(node_flag::MAINTENANCE)
            }),
            fact(concat!($prefix, "_mixed"), "Nodes in state MIXED.", $labels, |nodes| {
                nodes.base(node_base::MIXED)
            }),
            fact(concat!($prefix, $no_response), "Nodes with flag NOT_RESPONDING.", $labels, |nodes| {
                nodes.flag(node_flag::NOT_RESPONDING)
            }),
            fact(concat!($prefix, "_planned"), "Nodes with flag PLANNED.", $labels, |nodes| {
                nodes.flag(node_flag::PLANNED)
            }),
            fact(concat!($prefix, "_power_down"), "Nodes with flag POWER_DOWN.", $labels, |nodes| {
                nodes.flag(node_flag::POWER_DOWN)
            }),
            fact(concat!($prefix, "_power_up"), "Nodes with flag POWER_UP.", $labels, |nodes| {
                nodes.flag(node_flag::POWER_UP)
            }),
            fact(concat!($prefix, "_powered_down"), "Nodes with flag POWERED_DOWN.", $labels, |nodes| {
                nodes.flag(node_flag::POWERED_DOWN)
            }),
            fact(concat!($prefix, "_powering_up"), "Nodes with flag POWERING_UP.", $labels, |nodes| {
                nodes.flag(node_flag::POWERING_UP)
            }),
            fact(concat!($prefix, "_reboot_issued"), "Nodes with flag REBOOT_ISSUED.", $labels, |nodes| {
                nodes.flag(node_flag::REBOOT_ISSUED)
            }),
            fact(
                concat!($prefix, $reboot_requested),
                "Nodes with flag REBOOT_REQUESTED.",
                $labels,
                |nodes| nodes.flag(node_flag::REBOOT_REQUESTED),
            ),
            fact(concat!($prefix, "_resv"), "Nodes with flag RESERVED.", $labels, |nodes| {
                nodes.flag(node_flag::RESERVED)
            }),
            fact(concat!($prefix, "_unknown"), "Nodes in state UNKNOWN.", $labels, |nodes| {
                nodes.base(node_base::UNKNOWN)
            }),
        ]
    };
}

static NODES: &[Fact<NodeTally>] = nodes!("slurm_nodes", &[], "_completing", "_noresp", "_reboot_req");
static PARTITION_NODES: &[Fact<NodeTally>] =
    nodes!("slurm_partition_nodes", PARTITION, "_cg", "_no_resp", "_reboot_requested");
static PARTITION_SUMS: &[Fact<NodeTally>] = &[
    fact("slurm_partition_nodes_powering_down", "Nodes with flag POWERING_DOWN.", PARTITION, |nodes| {
        nodes.flag(node_flag::POWERING_DOWN)
    }),
    fact("slurm_partition_cpus", "Partition total CPUs.", PARTITION, |nodes| Some(nodes.cpus.into())),
    fact("slurm_partition_gpus", "Partition total GPUs.", PARTITION, |nodes| Some(nodes.gpus.into())),
    fact("slurm_partition_nodes_cpus_alloc", "Allocated CPUs.", PARTITION, |nodes| {
        Some(nodes.cpus_allocated.into())
    }),
    fact("slurm_partition_nodes_cpus_efctv", "CPUs without those kept for the system.", PARTITION, |nodes| {
        Some(nodes.cpus_effective.into())
    }),
    fact("slurm_partition_nodes_cpus_idle", "CPUs that are not allocated.", PARTITION, |nodes| {
        Some(nodes.cpus_idle().into())
    }),
    fact("slurm_partition_nodes_mem_alloc", "Allocated memory in MiB.", PARTITION, |nodes| {
        Some((nodes.memory_allocated_bytes / MIB).into())
    }),
    fact(
        "slurm_partition_nodes_mem_avail",
        "Memory in MiB without that kept for the system.",
        PARTITION,
        |nodes| Some((nodes.memory_effective_bytes / MIB).into()),
    ),
    fact("slurm_partition_nodes_mem_free", "Free memory in MiB.", PARTITION, |nodes| {
        Some((nodes.memory_free_bytes / MIB).into())
    }),
    fact("slurm_partition_nodes_mem_tot", "Memory in MiB.", PARTITION, |nodes| {
        Some((nodes.memory_bytes / MIB).into())
    }),
];

const NODE: &[&str] = &["node"];

static ONE_NODE: &[Fact<NodeTally>] = &[
    fact("slurm_node_cpus", "CPUs of the node.", NODE, |node| Some(node.cpus.into())),
    fact("slurm_node_cpus_alloc", "Allocated CPUs of the node.", NODE, |node| {
        Some(node.cpus_allocated.into())
    }),
    fact("slurm_node_cpus_effective", "CPUs without those kept for the system.", NODE, |node| {
        Some(node.cpus_effective.into())
    }),
    fact("slurm_node_cpus_idle", "CPUs that are not allocated.", NODE, |node| Some(node.cpus_idle().into())),
    fact("slurm_node_gpus", "GPUs of the node.", NODE, |node| Some(node.gpus.into())),
    fact("slurm_node_gpus_alloc", "Allocated GPUs of the node.", NODE, |node| {
        Some(node.gpus_allocated.into())
    }),
    fact("slurm_node_memory_alloc_bytes", "Allocated memory in MiB.", NODE, |node| {
        Some((node.memory_allocated_bytes / MIB).into())
    }),
    fact("slurm_node_memory_bytes", "Memory in MiB.", NODE, |node| Some((node.memory_bytes / MIB).into())),
    fact(
        "slurm_node_memory_effective_bytes",
        "Memory in MiB without that kept for the system.",
        NODE,
        |node| Some((node.memory_effective_bytes / MIB).into()),
    ),
    fact("slurm_node_memory_free_bytes", "Free memory in MiB.", NODE, |node| {
        Some((node.memory_free_bytes / MIB).into())
    }),
];

static STATISTICS: &[Statistic] = &[
    plain("slurm_agent_cnt", "Number of agent threads.", "agent_count"),
    plain("slurm_agent_queue_size", "Length of the queue of outgoing RPCs.", "agent_queue_size"),
    plain("slurm_agent_thread_cnt", "Threads that agents have made.", "agent_thread_count"),
    plain(
        "slurm_backfilled_het_jobs",
        "Components of heterogeneous jobs started by backfill.",
        "bf_backfilled_het_jobs",
    ),
    plain("slurm_backfilled_jobs", "Jobs started by backfill since the reset.", "bf_backfilled_jobs"),
    plain("slurm_bf_active", "Whether backfill runs now.", "bf_active"),
    plain("slurm_bf_cycle_cnt", "Backfill cycles.", "bf_cycle_counter"),
    plain("slurm_bf_cycle_last", "Last backfill cycle in microseconds.", "bf_cycle_last"),
    plain("slurm_bf_cycle_max", "Longest backfill cycle in microseconds.", "bf_cycle_max"),
    plain("slurm_bf_cycle_tot", "Sum of the backfill cycles in microseconds.", "bf_cycle_sum"),
    plain("slurm_bf_depth_mean", "Mean depth of backfill cycles.", "bf_depth_mean"),
    plain("slurm_bf_depth_tot", "Sum of the depths of backfill cycles.", "bf_depth_sum"),
    plain("slurm_bf_depth_try_tot", "Sum of the depths that backfill tried.", "bf_depth_try_sum"),
    plain("slurm_bf_exit_end", "Backfill cycles that came to the end of the queue.", "bf_exit.end_job_queue"),
    plain(
        "slurm_bf_exit_max_job_start",
        "Backfill cycles that hit bf_max_job_start.",
        "bf_exit.bf_max_job_start",
    ),
    plain(
        "slurm_bf_exit_max_job_test",
        "Backfill cycles that hit bf_max_job_test.",
        "bf_exit.bf_max_job_test",
    ),
    plain(
        "slurm_bf_exit_state_changed",
        "Backfill cycles that a change of the system ended.",
        "bf_exit.state_changed",
    ),
    plain(
        "slurm_bf_exit_table_limit",
        "Backfill cycles that hit bf_node_space_size.",
        "bf_exit.bf_node_space_size",
    ),
    plain("slurm_bf_exit_timeout", "Backfill cycles that hit bf_max_time.", "bf_exit.bf_max_time"),
    plain("slurm_bf_last_depth", "Depth of the last backfill cycle.", "bf_last_depth"),
    plain("slurm_bf_last_depth_try", "Depth that the last backfill cycle tried.", "bf_last_depth_try"),
    plain("slurm_bf_mean_cycle", "Mean backfill cycle in microseconds.", "bf_cycle_mean"),
    plain("slurm_bf_mean_table_sz", "Mean size of the backfill table.", "bf_table_size_mean"),
    plain("slurm_bf_queue_len", "Length of the backfill queue.", "bf_queue_len"),
    plain("slurm_bf_queue_len_mean", "Mean length of the backfill queue.", "bf_queue_len_mean"),
    plain("slurm_bf_queue_len_tot", "Sum of the lengths of the backfill queue.", "bf_queue_len_sum"),
    plain("slurm_bf_table_size", "Size of the backfill table.", "bf_table_size"),
    plain("slurm_bf_table_size_tot", "Sum of the sizes of the backfill table.", "bf_table_size_sum"),
    plain("slurm_bf_try_depth_mean", "Mean depth that backfill tried.", "bf_depth_mean_try"),
    plain(
        "slurm_bf_when_last_cycle",
        "When the last backfill cycle was, in Unix seconds.",
        "bf_when_last_cycle",
    ),
    plain(
        "slurm_last_backfilled_jobs",
        "Jobs that the last backfill cycle started.",
        "bf_last_backfilled_jobs",
    ),
    plain("slurm_last_proc_req_start", "Since when the statistics count, in Unix seconds.", "req_time_start"),
    plain("slurm_sched_exit_end", "Cycles that came to the end of the queue.", "schedule_exit.end_job_queue"),
    plain("slurm_sched_exit_lic", "Cycles that licenses ended.", "schedule_exit.licenses"),
    plain(
        "slurm_sched_exit_max_depth",
        "Cycles that hit default_queue_depth.",
        "schedule_exit.default_queue_depth",
    ),
    plain(
        "slurm_sched_exit_max_job_start",
        "Cycles that hit sched_max_job_start.",
        "schedule_exit.max_job_start",
    ),
    plain("slurm_sched_exit_rpc_cnt", "Cycles that hit max_rpc_cnt.", "schedule_exit.max_rpc_cnt"),
    plain("slurm_sched_exit_timeout", "Cycles that hit max_sched_time.", "schedule_exit.max_sched_time"),
    plain("slurm_sched_mean_cycle", "Mean cycle in microseconds.", "schedule_cycle_mean"),
    plain("slurm_sched_mean_depth_cycle", "Mean depth of cycles.", "schedule_cycle_mean_depth"),
    plain("slurm_sched_stats_timestamp", "When the statistics were taken, in Unix seconds.", "req_time"),
    plain("slurm_schedule_cycle_cnt", "Cycles.", "schedule_cycle_total"),
    plain("slurm_schedule_cycle_depth", "Sum of the depths of cycles.", "schedule_cycle_depth"),
    plain("slurm_schedule_cycle_last", "Last cycle in microseconds.", "schedule_cycle_last"),
    plain("slurm_schedule_cycle_max", "Longest cycle in microseconds.", "schedule_cycle_max"),
    plain("slurm_schedule_cycle_tot", "Sum of the cycles in microseconds.", "schedule_cycle_sum"),
    plain("slurm_schedule_queue_len", "Length of the queue of waiting jobs.", "schedule_queue_length"),
    plain("slurm_sdiag_job_states_ts", "When the states were counted, in Unix seconds.", "job_states_ts"),
    plain("slurm_sdiag_jobs_canceled", "Jobs canceled since the reset.", "jobs_canceled"),
    plain("slurm_sdiag_jobs_completed", "Jobs completed since the reset.", "jobs_completed"),
    plain("slurm_sdiag_jobs_failed", "Jobs failed since the reset.", "jobs_failed"),
    plain("slurm_sdiag_jobs_pending", "Jobs that waited when states were counted.", "jobs_pending"),
    plain("slurm_sdiag_jobs_running", "Jobs that ran when states were counted.", "jobs_running"),
    plain("slurm_sdiag_jobs_started", "Jobs started since the reset.", "jobs_started"),
    plain("slurm_sdiag_jobs_submitted", "Jobs submitted since the reset.", "jobs_submitted"),
    plain("slurm_sdiag_latency", "Time of gettimeofday in microseconds.", "gettimeofday_latency"),
    plain("slurm_server_thread_cnt", "Threads of slurmctld.", "server_thread_count"),
    plain("slurm_slurmdbd_queue_size", "Messages that wait for slurmdbd.", "dbd_agent_queue_size"),
];

fn scheduler_families() -> Vec<&'static Desc> {
    statistics::descs(STATISTICS).collect()
}

fn node_families() -> Vec<&'static Desc> {
    [NODES, PARTITION_NODES, PARTITION_SUMS, JOB_NODES, ONE_NODE].into_iter().flat_map(descs).collect()
}

fn collect_nodes(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(nodes) = snapshot.nodes.as_deref() else { return };
    let all = node_tally::all(nodes);
    let cluster = [(Vec::new(), &all)];
    write(batch, NODES, &cluster);
    write(batch, JOB_NODES, &cluster);
    let tallies = node_tally::by_partition(nodes);
    let partitions = node_tally::rows(nodes, &tallies);
    write(batch, PARTITION_NODES, &partitions);
    write(batch, PARTITION_SUMS, &partitions);
    let singles = node_tally::singles(nodes);
    write(batch, ONE_NODE, &node_tally::rows(nodes, &singles));
}

fn job_families() -> Vec<&'static Desc> {
    [JOBS, JOBS_ALONE, ACCOUNT_JOBS, ACCOUNT_ROWS, USER_JOBS, USER_ROWS, PARTITION_JOBS, PARTITION_ROWS]
        .into_iter()
        .flat_map(descs)
        .collect()
}

fn collect_jobs(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    let all = job_tally::all(jobs);
    let cluster = [(Vec::new(), &all)];
    write(batch, JOBS, &cluster);
    write(batch, JOBS_ALONE, &cluster);
    for (tallies, tables) in [
        (job_tally::by(jobs, |job| job.account), [ACCOUNT_JOBS, ACCOUNT_ROWS]),
        (job_tally::by(jobs, |job| job.user), [USER_JOBS, USER_ROWS]),
        (job_tally::by_partition(jobs), [PARTITION_JOBS, PARTITION_ROWS]),
    ] {
        for table in tables {
            job_tally::write(batch, jobs, table, &tallies);
        }
    }
}

fn collect_partitions(snapshot: &Snapshot, batch: &mut Batch) {
    if let Some(partitions) = snapshot.partitions.as_deref() {
        batch.family(&PARTITIONS).sample(&[], partitions.rows.len());
    }
}
