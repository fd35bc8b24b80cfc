//! SlinkyProject's slurm-exporter v0.3. Its kinds are gauges throughout; `_total` stands on nearly everything.

use super::fact::{Fact, descs, fact, write};
use super::job_tally::{self, JobTally};
use super::node_tally::{self, NodeTally};
use super::statistics::{self, Statistic, plain, seconds};
use super::{Part, Set};
use crate::exposition::{Batch, Desc};
use crate::model::state::{job_base, job_flag, node_base, node_flag};
use crate::model::{Endpoint, Snapshot};

pub(super) const SET: Set = Set {
    name: "slinky",
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

const NONE: &[&str] = &[];
const ACCOUNT: &[&str] = &["account"];
const PARTITION: &[&str] = &["partition"];
const NODE: &[&str] = &["node"];
const USER: &[&str] = &["userid", "username"];

static JOBS: &[Fact<JobTally>] = &[
    fact("slurm_jobs_bootfail_total", "Jobs in state BOOT_FAIL.", NONE, |t| t.base(job_base::BOOT_FAIL)),
    fact("slurm_jobs_cancelled_total", "Jobs in state CANCELLED.", NONE, |t| t.base(job_base::CANCELLED)),
    fact("slurm_jobs_completed_total", "Jobs in state COMPLETED.", NONE, |t| t.base(job_base::COMPLETED)),
    fact("slurm_jobs_completing_total", "Jobs with flag COMPLETING.", NONE, |t| t.flag(job_flag::COMPLETING)),
    fact("slurm_jobs_configuring_total", "Jobs with flag CONFIGURING.", NONE, |t| {
        t.flag(job_flag::CONFIGURING)
    }),
    fact("slurm_jobs_cpus_alloc_total", "CPUs that jobs hold.", NONE, |t| Some(t.cpus.into())),
    fact("slurm_jobs_deadline_total", "Jobs in state DEADLINE.", NONE, |t| t.base(job_base::DEADLINE)),
    fact("slurm_jobs_failed_total", "Jobs in state FAILED.", NONE, |t| t.base(job_base::FAILED)),
    fact("slurm_jobs_hold_total", "Jobs that wait with priority 0.", NONE, |t| Some(t.held.into())),
    fact("slurm_jobs_memory_alloc_bytes", "Memory in bytes that jobs hold.", NONE, |t| {
        Some(t.memory_bytes.into())
    }),
    fact("slurm_jobs_nodefail_total", "Jobs in state NODE_FAIL.", NONE, |t| t.base(job_base::NODE_FAIL)),
    fact("slurm_jobs_outofmemory_total", "Jobs in state OUT_OF_MEMORY.", NONE, |t| {
        t.base(job_base::OUT_OF_MEMORY)
    }),
    fact("slurm_jobs_pending_total", "Jobs in state PENDING.", NONE, |t| t.base(job_base::PENDING)),
    fact("slurm_jobs_powerupnode_total", "Jobs with flag POWER_UP_NODE.", NONE, |t| {
        t.flag(job_flag::POWER_UP_NODE)
    }),
    fact("slurm_jobs_preempted_total", "Jobs in state PREEMPTED.", NONE, |t| t.base(job_base::PREEMPTED)),
    fact("slurm_jobs_running_total", "Jobs in state RUNNING.", NONE, |t| t.base(job_base::RUNNING)),
    fact("slurm_jobs_stageout_total", "Jobs with flag STAGE_OUT.", NONE, |t| t.flag(job_flag::STAGE_OUT)),
    fact("slurm_jobs_suspended_total", "Jobs in state SUSPENDED.", NONE, |t| t.base(job_base::SUSPENDED)),
    fact("slurm_jobs_timeout_total", "Jobs in state TIMEOUT.", NONE, |t| t.base(job_base::TIMEOUT)),
    fact("slurm_jobs_total", "Jobs.", NONE, |t| Some(t.jobs.into())),
];

static ACCOUNT_JOBS: &[Fact<JobTally>] = &[
    fact("slurm_account_jobs_bootfail_total", "Jobs in state BOOT_FAIL.", ACCOUNT, |t| {
        t.base(job_base::BOOT_FAIL)
    }),
    fact("slurm_account_jobs_cancelled_total", "Jobs in state CANCELLED.", ACCOUNT, |t| {
        t.base(job_base::CANCELLED)
    }),
    fact("slurm_account_jobs_completed_total", "Jobs in state COMPLETED.", ACCOUNT, |t| {
        t.base(job_base::COMPLETED)
    }),
    fact("slurm_account_jobs_completing_total", "Jobs with flag COMPLETING.", ACCOUNT, |t| {
        t.flag(job_flag::COMPLETING)
    }),
    fact("slurm_account_jobs_configuring_total", "Jobs with flag CONFIGURING.", ACCOUNT, |t| {
        t.flag(job_flag::CONFIGURING)
    }),
    fact("slurm_account_jobs_cpus_alloc_total", "CPUs that jobs hold.", ACCOUNT, |t| Some(t.cpus.into())),
    fact("slurm_account_jobs_deadline_total", "Jobs in state DEADLINE.", ACCOUNT, |t| {
        t.base(job_base::DEADLINE)
    }),
    fact("slurm_account_jobs_failed_total", "Jobs in state FAILED.", ACCOUNT, |t| t.base(job_base::FAILED)),
    fact("slurm_account_jobs_hold_total", "Jobs that wait with priority 0.", ACCOUNT, |t| {
        Some(t.held.into())
    }),
    fact("slurm_account_jobs_memory_alloc_bytes", "Memory in bytes that jobs hold.", ACCOUNT, |t| {
        Some(t.memory_bytes.into())
    }),
    fact("slurm_account_jobs_nodefail_total", "Jobs in state NODE_FAIL.", ACCOUNT, |t| {
        t.base(job_base::NODE_FAIL)
    }),
    fact("slurm_account_jobs_outofmemory_total", "Jobs in state OUT_OF_MEMORY.", ACCOUNT, |t| {
        t.base(job_base::OUT_OF_MEMORY)
    }),
    fact("slurm_account_jobs_pending_total", "Jobs in state PENDING.", ACCOUNT, |t| {
        t.base(job_base::PENDING)
    }),
    fact("slurm_account_jobs_powerupnode_total", "Jobs with flag POWER_UP_NODE.", ACCOUNT, |t| {
        t.flag(job_flag::POWER_UP_NODE)
    }),
    fact("slurm_account_jobs_preempted_total", "Jobs in state PREEMPTED.", ACCOUNT, |t| {
        t.base(job_base::PREEMPTED)
    }),
    fact("slurm_account_jobs_running_total", "Jobs in state RUNNING.", ACCOUNT, |t| {
        t.base(job_base::RUNNING)
    }),
    fact("slurm_account_jobs_suspended_total", "Jobs in state SUSPENDED.", ACCOUNT, |t| {
        t.base(job_base::SUSPENDED)
    }),
    fact("slurm_account_jobs_timeout_total", "Jobs in state TIMEOUT.", ACCOUNT, |t| {
        t.base(job_base::TIMEOUT)
    }),
    fact("slurm_account_jobs_total", "Jobs.", ACCOUNT, |t| Some(t.jobs.into())),
];

static USER_JOBS: &[Fact<JobTally>] = &[
    fact("slurm_user_jobs_bootfail_total", "Jobs in state BOOT_FAIL.", USER, |t| t.base(job_base::BOOT_FAIL)),
    fact("slurm_user_jobs_cancelled_total", "Jobs in state CANCELLED.", USER, |t| {
        t.base(job_base::CANCELLED)
    }),
    fact("slurm_user_jobs_completed_total", "Jobs in state COMPLETED.", USER, |t| {
        t.base(job_base::COMPLETED)
    }),
    fact("slurm_user_jobs_completing_total", "Jobs with flag COMPLETING.", USER, |t| {
        t.flag(job_flag::COMPLETING)
    }),
    fact("slurm_user_jobs_configuring_total", "Jobs with flag CONFIGURING.", USER, |t| {
        t.flag(job_flag::CONFIGURING)
    }),
    fact("slurm_user_jobs_cpus_alloc_total", "CPUs that jobs hold.", USER, |t| Some(t.cpus.into())),
    fact("slurm_user_jobs_deadline_total", "Jobs in state DEADLINE.", USER, |t| t.base(job_base::DEADLINE)),
    fact("slurm_user_jobs_failed_total", "Jobs in state FAILED.", USER, |t| t.base(job_base::FAILED)),
    fact("slurm_user_jobs_hold_total", "Jobs that wait with priority 0.", USER, |t| Some(t.held.into())),
    fact("slurm_user_jobs_memory_alloc_bytes", "Memory in bytes that jobs hold.", USER, |t| {
        Some(t.memory_bytes.into())
    }),
    fact("slurm_user_jobs_nodefail_total", "Jobs in state NODE_FAIL.", USER, |t| t.base(job_base::NODE_FAIL)),
    fact("slurm_user_jobs_outofmemory_total", "Jobs in state OUT_OF_MEMORY.", USER, |t| {
        t.base(job_base::OUT_OF_MEMORY)
    }),
    fact("slurm_user_jobs_pending_total", "Jobs in state PENDING.", USER, |t| t.base(job_base::PENDING)),
    fact("slurm_user_jobs_powerupnode_total", "Jobs with flag POWER_UP_NODE.", USER, |t| {
        t.flag(job_flag::POWER_UP_NODE)
    }),
    fact("slurm_user_jobs_preempted_total", "Jobs in state PREEMPTED.", USER, |t| {
        t.base(job_base::PREEMPTED)
    }),
    fact("slurm_user_jobs_running_total", "Jobs in state RUNNING.", USER, |t| t.base(job_base::RUNNING)),
    fact("slurm_user_jobs_suspended_total", "Jobs in state SUSPENDED.", USER, |t| {
        t.base(job_base::SUSPENDED)
    }),
    fact("slurm_user_jobs_timeout_total", "Jobs in state TIMEOUT.", USER, |t| t.base(job_base::TIMEOUT)),
    fact("slurm_user_jobs_total", "Jobs.", USER, |t| Some(t.jobs.into())),
];

static PARTITION_JOBS: &[Fact<JobTally>] = &[
    fact("slurm_partition_jobs_bootfail_total", "Jobs in state BOOT_FAIL.", PARTITION, |t| {
        t.base(job_base::BOOT_FAIL)
    }),
    fact("slurm_partition_jobs_cancelled_total", "Jobs in state CANCELLED.", PARTITION, |t| {
        t.base(job_base::CANCELLED)
    }),
    fact("slurm_partition_jobs_completed_total", "Jobs in state COMPLETED.", PARTITION, |t| {
        t.base(job_base::COMPLETED)
    }),
    fact("slurm_partition_jobs_completing_total", "Jobs with flag COMPLETING.", PARTITION, |t| {
        t.flag(job_flag::COMPLETING)
    }),
    fact("slurm_partition_jobs_configuring_total", "Jobs with flag CONFIGURING.", PARTITION, |t| {
        t.flag(job_flag::CONFIGURING)
    }),
    fact("slurm_partition_jobs_cpus_alloc_total", "CPUs that jobs hold.", PARTITION, |t| Some(t.cpus.into())),
    fact("slurm_partition_jobs_deadline_total", "Jobs in state DEADLINE.", PARTITION, |t| {
        t.base(job_base::DEADLINE)
    }),
    fact("slurm_partition_jobs_failed_total", "Jobs in state FAILED.", PARTITION, |t| {
        t.base(job_base::FAILED)
    }),
    fact("slurm_partition_jobs_hold_total", "Jobs that wait with priority 0.", PARTITION, |t| {
        Some(t.held.into())
    }),
    fact("slurm_partition_jobs_memory_alloc_bytes", "Memory in bytes that jobs hold.", PARTITION, |t| {
        Some(t.memory_bytes.into())
    }),
    fact("slurm_partition_jobs_nodefail_total", "Jobs in state NODE_FAIL.", PARTITION, |t| {
        t.base(job_base::NODE_FAIL)
    }),
    fact("slurm_partition_jobs_outofmemory_total", "Jobs in state OUT_OF_MEMORY.", PARTITION, |t| {
        t.base(job_base::OUT_OF_MEMORY)
    }),
    fact(
        "slurm_partition_jobs_pending_maxnodecount_total",
        "The most nodes that a waiting job needs.",
        PARTITION,
        |t| Some(t.least_nodes.of_all.into()),
    ),
    fact("slurm_partition_jobs_pending_total", "Jobs in state PENDING.", PARTITION, |t| {
        t.base(job_base::PENDING)
    }),
    fact("slurm_partition_jobs_powerupnode_total", "Jobs with flag POWER_UP_NODE.", PARTITION, |t| {
        t.flag(job_flag::POWER_UP_NODE)
    }),
    fact("slurm_partition_jobs_preempted_total", "Jobs in state PREEMPTED.", PARTITION, |t| {
        t.base(job_base::PREEMPTED)
    }),
    fact("slurm_partition_jobs_running_total", "Jobs in state RUNNING.", PARTITION, |t| {
        t.base(job_base::RUNNING)
    }),
    fact("slurm_partition_jobs_stageout_total", "Jobs with flag STAGE_OUT.", PARTITION, |t| {
        t.flag(job_flag::STAGE_OUT)
    }),
    fact("slurm_partition_jobs_suspended_total", "Jobs in state SUSPENDED.", PARTITION, |t| {
        t.base(job_base::SUSPENDED)
    }),
    fact("slurm_partition_jobs_timeout_total", "Jobs in state TIMEOUT.", PARTITION, |t| {
        t.base(job_base::TIMEOUT)
    }),
    fact("slurm_partition_jobs_total", "Jobs.", PARTITION, |t| Some(t.jobs.into())),
];

static NODES: &[Fact<NodeTally>] = &[
    fact("slurm_nodes_allocated_total", "Nodes in state ALLOCATED.", NONE, |t| t.base(node_base::ALLOCATED)),
    fact("slurm_nodes_completing_total", "Nodes with flag COMPLETING.", NONE, |t| {
        t.flag(node_flag::COMPLETING)
    }),
    fact("slurm_nodes_down_total", "Nodes in state DOWN.", NONE, |t| t.base(node_base::DOWN)),
    fact("slurm_nodes_drain_total", "Nodes with flag DRAIN.", NONE, |t| t.flag(node_flag::DRAIN)),
    fact("slurm_nodes_error_total", "Nodes in state ERROR.", NONE, |t| t.base(node_base::ERROR)),
    fact("slurm_nodes_fail_total", "Nodes with flag FAIL.", NONE, |t| t.flag(node_flag::FAIL)),
    fact("slurm_nodes_future_total", "Nodes in state FUTURE.", NONE, |t| t.base(node_base::FUTURE)),
    fact("slurm_nodes_idle_total", "Nodes in state IDLE.", NONE, |t| t.base(node_base::IDLE)),
    fact("slurm_nodes_maintenance_total", "Nodes with flag MAINTENANCE.", NONE, |t| {
        t.flag(node_flag::MAINTENANCE)
    }),
    fact("slurm_nodes_mixed_total", "Nodes in state MIXED.", NONE, |t| t.base(node_base::MIXED)),
    fact("slurm_nodes_notresponding_total", "Nodes with flag NOT_RESPONDING.", NONE, |t| {
        t.flag(node_flag::NOT_RESPONDING)
    }),
    fact("slurm_nodes_planned_total", "Nodes with flag PLANNED.", NONE, |t| t.flag(node_flag::PLANNED)),
    fact("slurm_nodes_rebootrequested_total", "Nodes with flag REBOOT_REQUESTED.", NONE, |t| {
        t.flag(node_flag::REBOOT_REQUESTED)
    }),
    fact("slurm_nodes_reserved_total", "Nodes with flag RESERVED.", NONE, |t| t.flag(node_flag::RESERVED)),
    fact("slurm_nodes_total", "Nodes.", NONE, |t| Some(t.nodes.into())),
    fact("slurm_nodes_unknown_total", "Nodes in state UNKNOWN.", NONE, |t| t.base(node_base::UNKNOWN)),
];

static PARTITION_NODES: &[Fact<NodeTally>] = &[
    fact("slurm_partition_nodes_allocated_total", "Nodes in state ALLOCATED.", PARTITION, |t| {
        t.base(node_base::ALLOCATED)
    }),
    fact("slurm_partition_nodes_completing_total", "Nodes with flag COMPLETING.", PARTITION, |t| {
        t.flag(node_flag::COMPLETING)
    }),
    fact("slurm_partition_nodes_cpus_alloc_total", "Allocated CPUs.", PARTITION, |t| {
        Some(t.cpus_allocated.into())
    }),
    fact(
        "slurm_partition_nodes_cpus_effective_total",
        "CPUs without those kept for the system.",
        PARTITION,
        |t| Some(t.cpus_effective.into()),
    ),
    fact("slurm_partition_nodes_cpus_idle_total", "CPUs that are not allocated.", PARTITION, |t| {
        Some(t.cpus_idle().into())
    }),
    fact("slurm_partition_nodes_cpus_total", "CPUs.", PARTITION, |t| Some(t.cpus.into())),
    fact("slurm_partition_nodes_down_total", "Nodes in state DOWN.", PARTITION, |t| t.base(node_base::DOWN)),
    fact("slurm_partition_nodes_drain_total", "Nodes with flag DRAIN.", PARTITION, |t| {
        t.flag(node_flag::DRAIN)
    }),
    fact("slurm_partition_nodes_error_total", "Nodes in state ERROR.", PARTITION, |t| {
        t.base(node_base::ERROR)
    }),
    fact("slurm_partition_nodes_fail_total", "Nodes with flag FAIL.", PARTITION, |t| t.flag(node_flag::FAIL)),
    fact("slurm_partition_nodes_future_total", "Nodes in state FUTURE.", PARTITION, |t| {
        t.base(node_base::FUTURE)
    }),
    fact("slurm_partition_nodes_idle_total", "Nodes in state IDLE.", PARTITION, |t| t.base(node_base::IDLE)),
    fact("slurm_partition_nodes_maintenance_total", "Nodes with flag MAINTENANCE.", PARTITION, |t| {
        t.flag(node_flag::MAINTENANCE)
    }),
    fact("slurm_partition_nodes_memory_alloc_bytes", "Allocated memory in bytes.", PARTITION, |t| {
        Some(t.memory_allocated_bytes.into())
    }),
    fact("slurm_partition_nodes_memory_bytes", "Memory in bytes.", PARTITION, |t| {
        Some(t.memory_bytes.into())
    }),
    fact(
        "slurm_partition_nodes_memory_effective_bytes",
        "Memory in bytes without that kept for the system.",
        PARTITION,
        |t| Some(t.memory_effective_bytes.into()),
    ),
    fact("slurm_partition_nodes_memory_free_bytes", "Free memory in bytes.", PARTITION, |t| {
        Some(t.memory_free_bytes.into())
    }),
    fact("slurm_partition_nodes_mixed_total", "Nodes in state MIXED.", PARTITION, |t| {
        t.base(node_base::MIXED)
    }),
    fact("slurm_partition_nodes_notresponding_total", "Nodes with flag NOT_RESPONDING.", PARTITION, |t| {
        t.flag(node_flag::NOT_RESPONDING)
    }),
    fact("slurm_partition_nodes_planned_total", "Nodes with flag PLANNED.", PARTITION, |t| {
        t.flag(node_flag::PLANNED)
    }),
    fact(
        "slurm_partition_nodes_rebootrequested_total",
        "Nodes with flag REBOOT_REQUESTED.",
        PARTITION,
        |t| t.flag(node_flag::REBOOT_REQUESTED),
    ),
    fact("slurm_partition_nodes_reserved_total", "Nodes with flag RESERVED.", PARTITION, |t| {
        t.flag(node_flag::RESERVED)
    }),
    fact("slurm_partition_nodes_total", "Nodes.", PARTITION, |t| Some(t.nodes.into())),
    fact("slurm_partition_nodes_unknown_total", "Nodes in state UNKNOWN.", PARTITION, |t| {
        t.base(node_base::UNKNOWN)
    }),
];

static ONE_NODE: &[Fact<NodeTally>] = &[
    fact("slurm_node_cpus_alloc_total", "Allocated CPUs.", NODE, |t| Some(t.cpus_allocated.into())),
    fact("slurm_node_cpus_effective_total", "CPUs without those kept for the system.", NODE, |t| {
        Some(t.cpus_effective.into())
    }),
    fact("slurm_node_cpus_idle_total", "CPUs that are not allocated.", NODE, |t| Some(t.cpus_idle().into())),
    fact("slurm_node_cpus_total", "CPUs.", NODE, |t| Some(t.cpus.into())),
    fact("slurm_node_memory_alloc_bytes", "Allocated memory in bytes.", NODE, |t| {
        Some(t.memory_allocated_bytes.into())
    }),
    fact("slurm_node_memory_bytes", "Memory in bytes.", NODE, |t| Some(t.memory_bytes.into())),
    fact(
        "slurm_node_memory_effective_bytes",
        "Memory in bytes without that kept for the system.",
        NODE,
        |t| Some(t.memory_effective_bytes.into()),
    ),
    fact("slurm_node_memory_free_bytes", "Free memory in bytes.", NODE, |t| Some(t.memory_free_bytes.into())),
];

static STATISTICS: &[Statistic] = &[
    plain("slurm_bfscheduler_active_bool", "bf_active of Slurm's statistics.", "bf_active"),
    plain(
        "slurm_bfscheduler_backfilledhetjobs_total",
        "bf_backfilled_het_jobs of Slurm's statistics.",
        "bf_backfilled_het_jobs",
    ),
    plain(
        "slurm_bfscheduler_backfilledjobs_total",
        "bf_backfilled_jobs of Slurm's statistics.",
        "bf_backfilled_jobs",
    ),
    seconds(
        "slurm_bfscheduler_cycle_max_seconds",
        "bf_cycle_max of Slurm's statistics, in seconds.",
        "bf_cycle_max",
    ),
    seconds(
        "slurm_bfscheduler_cycle_mean_seconds",
        "bf_cycle_mean of Slurm's statistics, in seconds.",
        "bf_cycle_mean",
    ),
    seconds(
        "slurm_bfscheduler_cycle_seconds",
        "bf_cycle_last of Slurm's statistics, in seconds.",
        "bf_cycle_last",
    ),
    seconds(
        "slurm_bfscheduler_cycle_sum_seconds",
        "bf_cycle_sum of Slurm's statistics, in seconds.",
        "bf_cycle_sum",
    ),
    plain("slurm_bfscheduler_cycle_total", "bf_cycle_counter of Slurm's statistics.", "bf_cycle_counter"),
    plain("slurm_bfscheduler_depth_mean_total", "bf_depth_mean of Slurm's statistics.", "bf_depth_mean"),
    plain("slurm_bfscheduler_depth_sum_total", "bf_depth_sum of Slurm's statistics.", "bf_depth_sum"),
    plain(
        "slurm_bfscheduler_depth_try_total",
        "bf_depth_mean_try of Slurm's statistics.",
        "bf_depth_mean_try",
    ),
    plain(
        "slurm_bfscheduler_depth_trysum_total",
        "bf_depth_try_sum of Slurm's statistics.",
        "bf_depth_try_sum",
    ),
    plain(
        "slurm_bfscheduler_endjobqueue_total",
        "bf_exit.end_job_queue of Slurm's statistics.",
        "bf_exit.end_job_queue",
    ),
    plain(
        "slurm_bfscheduler_lastbackfilledjobs_total",
        "bf_last_backfilled_jobs of Slurm's statistics.",
        "bf_last_backfilled_jobs",
    ),
    plain(
        "slurm_bfscheduler_lastcycle_timestamp",
        "bf_when_last_cycle of Slurm's statistics.",
        "bf_when_last_cycle",
    ),
    plain("slurm_bfscheduler_lastdepth_total", "bf_last_depth of Slurm's statistics.", "bf_last_depth"),
    plain(
        "slurm_bfscheduler_lastdepthtry_total",
        "bf_last_depth_try of Slurm's statistics.",
        "bf_last_depth_try",
    ),
    plain(
        "slurm_bfscheduler_maxjobstart_total",
        "bf_exit.bf_max_job_start of Slurm's statistics.",
        "bf_exit.bf_max_job_start",
    ),
    plain(
        "slurm_bfscheduler_maxjobtest_total",
        "bf_exit.bf_max_job_test of Slurm's statistics.",
        "bf_exit.bf_max_job_test",
    ),
    plain(
        "slurm_bfscheduler_maxtime_total",
        "bf_exit.bf_max_time of Slurm's statistics.",
        "bf_exit.bf_max_time",
    ),
    plain(
        "slurm_bfscheduler_nodespace_total",
        "bf_exit.bf_node_space_size of Slurm's statistics.",
        "bf_exit.bf_node_space_size",
    ),
    plain(
        "slurm_bfscheduler_queue_mean_total",
        "bf_queue_len_mean of Slurm's statistics.",
        "bf_queue_len_mean",
    ),
    plain("slurm_bfscheduler_queue_sum_total", "bf_queue_len_sum of Slurm's statistics.", "bf_queue_len_sum"),
    plain("slurm_bfscheduler_queue_total", "bf_queue_len of Slurm's statistics.", "bf_queue_len"),
    plain(
        "slurm_bfscheduler_statechanged_total",
        "bf_exit.state_changed of Slurm's statistics.",
        "bf_exit.state_changed",
    ),
    plain("slurm_bfscheduler_table_total", "bf_table_size of Slurm's statistics.", "bf_table_size"),
    plain(
        "slurm_bfscheduler_tablemean_total",
        "bf_table_size_mean of Slurm's statistics.",
        "bf_table_size_mean",
    ),
    plain(
        "slurm_bfscheduler_tablesum_total",
        "bf_table_size_sum of Slurm's statistics.",
        "bf_table_size_sum",
    ),
    plain("slurm_scheduler_agent_queue_total", "agent_queue_size of Slurm's statistics.", "agent_queue_size"),
    plain(
        "slurm_scheduler_agent_thread_total",
        "agent_thread_count of Slurm's statistics.",
        "agent_thread_count",
    ),
    plain("slurm_scheduler_agent_total", "agent_count of Slurm's statistics.", "agent_count"),
    plain(
        "slurm_scheduler_cycle_depth_mean_total",
        "schedule_cycle_mean_depth of Slurm's statistics.",
        "schedule_cycle_mean_depth",
    ),
    plain(
        "slurm_scheduler_cycle_depth_total",
        "schedule_cycle_depth of Slurm's statistics.",
        "schedule_cycle_depth",
    ),
    seconds(
        "slurm_scheduler_cycle_last_seconds",
        "schedule_cycle_last of Slurm's statistics, in seconds.",
        "schedule_cycle_last",
    ),
    seconds(
        "slurm_scheduler_cycle_max_seconds",
        "schedule_cycle_max of Slurm's statistics, in seconds.",
        "schedule_cycle_max",
    ),
    seconds(
        "slurm_scheduler_cycle_mean_seconds",
        "schedule_cycle_mean of Slurm's statistics, in seconds.",
        "schedule_cycle_mean",
    ),
    plain(
        "slurm_scheduler_cycle_perminute_total",
        "schedule_cycle_per_minute of Slurm's statistics.",
        "schedule_cycle_per_minute",
    ),
    seconds(
        "slurm_scheduler_cycle_sum_seconds_total",
        "schedule_cycle_sum of Slurm's statistics, in seconds.",
        "schedule_cycle_sum",
    ),
    plain(
        "slurm_scheduler_cycle_total",
        "schedule_cycle_total of Slurm's statistics.",
        "schedule_cycle_total",
    ),
    plain(
        "slurm_scheduler_dbdagentqueue_total",
        "dbd_agent_queue_size of Slurm's statistics.",
        "dbd_agent_queue_size",
    ),
    plain(
        "slurm_scheduler_defaultqueuedepth_total",
        "schedule_exit.default_queue_depth of Slurm's statistics.",
        "schedule_exit.default_queue_depth",
    ),
    plain(
        "slurm_scheduler_endjobqueue_total",
        "schedule_exit.end_job_queue of Slurm's statistics.",
        "schedule_exit.end_job_queue",
    ),
    plain("slurm_scheduler_jobs_canceled_total", "jobs_canceled of Slurm's statistics.", "jobs_canceled"),
    plain("slurm_scheduler_jobs_completed_total", "jobs_completed of Slurm's statistics.", "jobs_completed"),
    plain("slurm_scheduler_jobs_failed_total", "jobs_failed of Slurm's statistics.", "jobs_failed"),
    plain("slurm_scheduler_jobs_pending_total", "jobs_pending of Slurm's statistics.", "jobs_pending"),
    plain("slurm_scheduler_jobs_running_total", "jobs_running of Slurm's statistics.", "jobs_running"),
    plain("slurm_scheduler_jobs_started_total", "jobs_started of Slurm's statistics.", "jobs_started"),
    plain("slurm_scheduler_jobs_stats_timestamp", "job_states_ts of Slurm's statistics.", "job_states_ts"),
    plain("slurm_scheduler_jobs_submitted_total", "jobs_submitted of Slurm's statistics.", "jobs_submitted"),
    plain(
        "slurm_scheduler_licenses_total",
        "schedule_exit.licenses of Slurm's statistics.",
        "schedule_exit.licenses",
    ),
    plain(
        "slurm_scheduler_maxjobstart_total",
        "schedule_exit.max_job_start of Slurm's statistics.",
        "schedule_exit.max_job_start",
    ),
    plain(
        "slurm_scheduler_maxrpc_total",
        "schedule_exit.max_rpc_cnt of Slurm's statistics.",
        "schedule_exit.max_rpc_cnt",
    ),
    plain(
        "slurm_scheduler_maxschedtime_total",
        "schedule_exit.max_sched_time of Slurm's statistics.",
        "schedule_exit.max_sched_time",
    ),
    plain(
        "slurm_scheduler_queue_total",
        "schedule_queue_length of Slurm's statistics.",
        "schedule_queue_length",
    ),
    plain(
        "slurm_scheduler_thread_total",
        "server_thread_count of Slurm's statistics.",
        "server_thread_count",
    ),
];

fn node_families() -> Vec<&'static Desc> {
    [NODES, PARTITION_NODES, ONE_NODE].into_iter().flat_map(descs).collect()
}

fn collect_nodes(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(nodes) = snapshot.nodes.as_deref() else { return };
    write(batch, NODES, &[(Vec::new(), &node_tally::all(nodes))]);
    let partitions = node_tally::by_partition(nodes);
    write(batch, PARTITION_NODES, &node_tally::rows(nodes, &partitions));
    let singles = node_tally::singles(nodes);
    write(batch, ONE_NODE, &node_tally::rows(nodes, &singles));
}

fn job_families() -> Vec<&'static Desc> {
    [JOBS, ACCOUNT_JOBS, USER_JOBS, PARTITION_JOBS].into_iter().flat_map(descs).collect()
}

fn collect_jobs(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    write(batch, JOBS, &[(Vec::new(), &job_tally::all(jobs))]);
    job_tally::write(batch, jobs, ACCOUNT_JOBS, &job_tally::by(jobs, |job| job.account));
    job_tally::write(batch, jobs, PARTITION_JOBS, &job_tally::by_partition(jobs));
    let users = job_tally::by(jobs, |job| (job.user_id, job.user));
    let ids: Vec<_> = users.keys().map(|(id, _)| id.to_string()).collect();
    let rows: Vec<_> = users
        .iter()
        .zip(&ids)
        .map(|(((_, name), tally), id)| (vec![id.as_str(), jobs.symbols.resolve(*name)], tally))
        .collect();
    write(batch, USER_JOBS, &rows);
}
