//! What `sdiag` shows: threads and queues of slurmctld, both schedulers, and the RPCs it answered.
//! The counters in the snapshot never go down: `lifecycle::DiagTotals` has joined Slurm's own, which restart.

use std::collections::BTreeSet;

use super::{Collector, Settings, counter, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::diag::Cycle;
use crate::model::{Diag, Endpoint, Snapshot, Timestamp};

pub(super) const COLLECTOR: Collector = Collector {
    name: "scheduler",
    needs: &[Endpoint::Diag],
    families: &[
        &RESET_AT,
        &THREADS,
        &AGENTS,
        &AGENT_THREADS,
        &AGENT_QUEUE,
        &DBD_AGENT_QUEUE,
        &JOBS_SUBMITTED,
        &JOBS_STARTED,
        &JOBS_COMPLETED,
        &JOBS_CANCELED,
        &JOBS_FAILED,
        &JOBS_PENDING,
        &JOBS_RUNNING,
        &JOB_STATES_AT,
        &MAIN.queue_length,
        &MAIN.seconds,
        &MAIN.cycles,
        &MAIN.depth_mean,
        &MAIN.exits,
        &BACKFILL.queue_length,
        &BACKFILL.seconds,
        &BACKFILL.cycles,
        &BACKFILL.depth_mean,
        &BACKFILL.exits,
        &BACKFILL_TRIED_MEAN,
        &BACKFILL_DEPTH_LAST,
        &BACKFILL_TRIED_LAST,
        &BACKFILL_TABLE_SIZE,
        &BACKFILL_ACTIVE,
        &BACKFILL_LAST_CYCLE_AT,
        &BACKFILL_JOBS,
        &BACKFILL_HET_JOBS,
        &RPCS,
        &RPC_SECONDS,
        &RPC_QUEUED,
        &RPC_DROPPED,
        &USER_RPCS,
        &USER_RPC_SECONDS,
    ],
    collect,
};

static RESET_AT: Desc = gauge(
    "slurm_diag_reset_timestamp_seconds",
    "When slurmctld last reset its own statistics, in Unix seconds; counters here go on past that.",
    Unit::Seconds,
    &[],
    Level::Critical,
);
static THREADS: Desc = number("slurm_scheduler_threads", "Threads of slurmctld that serve requests.");
static AGENTS: Desc = number("slurm_scheduler_agents", "Agents of slurmctld that send requests to nodes.");
static AGENT_THREADS: Desc = number("slurm_scheduler_agent_threads", "Threads of all those agents.");
static AGENT_QUEUE: Desc =
    number("slurm_scheduler_agent_queue_size", "Requests to nodes that wait to be sent or sent again.");
static DBD_AGENT_QUEUE: Desc =
    number("slurm_scheduler_dbd_agent_queue_size", "Records that wait to be sent to slurmdbd.");
static JOBS_SUBMITTED: Desc =
    count("slurm_scheduler_jobs_submitted_total", "Jobs submitted, as slurmctld counts them.");
static JOBS_STARTED: Desc = count(
    "slurm_scheduler_jobs_started_total",
    "Jobs started, backfilled ones too, as slurmctld counts them.",
);
static JOBS_COMPLETED: Desc =
    count("slurm_scheduler_jobs_completed_total", "Jobs completed, as slurmctld counts them.");
static JOBS_CANCELED: Desc =
    count("slurm_scheduler_jobs_canceled_total", "Jobs canceled, as slurmctld counts them.");
static JOBS_FAILED: Desc =
    count("slurm_scheduler_jobs_failed_total", "Jobs failed, as slurmctld counts them.");
static JOBS_PENDING: Desc = number(
    "slurm_scheduler_jobs_pending",
    "Jobs that wait, as slurmctld counted them at its job state time.",
);
static JOBS_RUNNING: Desc =
    number("slurm_scheduler_jobs_running", "Jobs that run, as slurmctld counted them at its job state time.");
static JOB_STATES_AT: Desc = gauge(
    "slurm_scheduler_job_states_timestamp_seconds",
    "When slurmctld counted waiting and running jobs, in Unix seconds.",
    Unit::Seconds,
    &[],
    Level::Critical,
);

/// What both scheduling loops have.
#[derive(Debug)]
struct CycleFamilies {
    queue_length: Desc,
    seconds: Desc,
    cycles: Desc,
    depth_mean: Desc,
    exits: Desc,
}

static MAIN: CycleFamilies = CycleFamilies {
    queue_length: number("slurm_scheduler_queue_length", "Jobs in the queue of the main scheduler."),
    seconds: by_stat(
        "slurm_scheduler_cycle_seconds",
        "Time in seconds of a main scheduling cycle: the last one, the mean and the longest since the reset.",
    ),
    cycles: count("slurm_scheduler_cycles_total", "Main scheduling cycles."),
    depth_mean: number(
        "slurm_scheduler_cycle_depth_mean",
        "Mean number of jobs that a main scheduling cycle went through since the reset.",
    ),
    exits: by_reason("slurm_scheduler_exit_total", "Main scheduling cycles by the reason why they ended."),
};

static BACKFILL: CycleFamilies = CycleFamilies {
    queue_length: number("slurm_backfill_queue_length", "Jobs in the queue of the backfill scheduler."),
    seconds: by_stat(
        "slurm_backfill_cycle_seconds",
        "Time in seconds of a backfill cycle: the last one, the mean and the longest since the reset.",
    ),
    cycles: count("slurm_backfill_cycles_total", "Backfill cycles."),
    depth_mean: number(
        "slurm_backfill_cycle_depth_mean",
        "Mean number of jobs that a backfill cycle went through since the reset.",
    ),
    exits: by_reason("slurm_backfill_exit_total", "Backfill cycles by the reason why they ended."),
};

static BACKFILL_TRIED_MEAN: Desc = number(
    "slurm_backfill_cycle_depth_tried_mean",
    "Mean number of jobs that a backfill cycle tried to start since the reset.",
);
static BACKFILL_DEPTH_LAST: Desc =
    number("slurm_backfill_cycle_depth_last", "Jobs that the last backfill cycle went through.");
static BACKFILL_TRIED_LAST: Desc =
    number("slurm_backfill_cycle_depth_tried_last", "Jobs that the last backfill cycle tried to start.");
static BACKFILL_TABLE_SIZE: Desc =
    number("slurm_backfill_table_size", "Time slots that the last backfill cycle planned with.");
static BACKFILL_ACTIVE: Desc = number("slurm_backfill_active", "Whether a backfill cycle is under way.");
static BACKFILL_LAST_CYCLE_AT: Desc = gauge(
    "slurm_backfill_last_cycle_timestamp_seconds",
    "When the last backfill cycle ran, in Unix seconds.",
    Unit::Seconds,
    &[],
    Level::Critical,
);
static BACKFILL_JOBS: Desc = count("slurm_backfill_jobs_total", "Jobs that backfill started.");
static BACKFILL_HET_JOBS: Desc =
    count("slurm_backfill_het_jobs_total", "Components of heterogeneous jobs that backfill started.");
static RPCS: Desc = counter(
    "slurm_rpc_requests_total",
    "Requests that slurmctld has answered, by message type.",
    Unit::None,
    &["message_type"],
    Level::Critical,
);
static RPC_SECONDS: Desc = counter(
    "slurm_rpc_duration_seconds_total",
    "Time in seconds that slurmctld spent on requests, by message type.",
    Unit::Seconds,
    &["message_type"],
    Level::Critical,
);
static RPC_QUEUED: Desc = gauge(
    "slurm_rpc_queued",
    "Requests that wait in slurmctld's queue, by message type.",
    Unit::None,
    &["message_type"],
    Level::Critical,
);
static RPC_DROPPED: Desc = counter(
    "slurm_rpc_dropped_total",
    "Requests that slurmctld dropped because their queue was full, by message type.",
    Unit::None,
    &["message_type"],
    Level::Critical,
);
static USER_RPCS: Desc = counter(
    "slurm_user_rpc_requests_total",
    "Requests that slurmctld has answered, by user.",
    Unit::None,
    &["user"],
    Level::Critical,
);
static USER_RPC_SECONDS: Desc = counter(
    "slurm_user_rpc_duration_seconds_total",
    "Time in seconds that slurmctld spent on requests, by user.",
    Unit::Seconds,
    &["user"],
    Level::Critical,
);

const fn number(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &[], Level::Critical)
}

const fn count(name: &'static str, help: &'static str) -> Desc {
    counter(name, help, Unit::None, &[], Level::Critical)
}

const fn by_stat(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::Seconds, &["stat"], Level::Critical)
}

const fn by_reason(name: &'static str, help: &'static str) -> Desc {
    counter(name, help, Unit::None, &["reason"], Level::Critical)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(diag) = snapshot.diag.as_deref() else { return };
    let backfill = &diag.backfill;
    for (family, value) in [
        (&THREADS, diag.server_threads),
        (&AGENTS, diag.agent_count),
        (&AGENT_THREADS, diag.agent_threads),
        (&AGENT_QUEUE, diag.agent_queue_size),
        (&DBD_AGENT_QUEUE, diag.dbd_agent_queue_size),
        (&JOBS_SUBMITTED, diag.jobs_submitted),
        (&JOBS_STARTED, diag.jobs_started),
        (&JOBS_COMPLETED, diag.jobs_completed),
        (&JOBS_CANCELED, diag.jobs_canceled),
        (&JOBS_FAILED, diag.jobs_failed),
        (&JOBS_PENDING, diag.jobs_pending),
        (&JOBS_RUNNING, diag.jobs_running),
        (&BACKFILL_TRIED_MEAN, backfill.mean_depth_tried),
        (&BACKFILL_DEPTH_LAST, backfill.last_depth),
        (&BACKFILL_TRIED_LAST, backfill.last_depth_tried),
        (&BACKFILL_TABLE_SIZE, backfill.table_size),
        (&BACKFILL_ACTIVE, backfill.active.map(u64::from)),
        (&BACKFILL_JOBS, backfill.jobs),
        (&BACKFILL_HET_JOBS, backfill.het_jobs),
    ] {
        write_number(family, value, batch);
    }
    write_time(&RESET_AT, diag.reset_at, batch);
    write_time(&JOB_STATES_AT, diag.job_states_at, batch);
    write_time(&BACKFILL_LAST_CYCLE_AT, backfill.last_cycle_at, batch);
    write_cycle(&MAIN, &diag.main, batch);
    write_cycle(&BACKFILL, &backfill.cycle, batch);
    write_rpcs(diag, batch);
}

fn write_number(family: &'static Desc, value: Option<u64>, batch: &mut Batch) {
    if let Some(value) = value {
        batch.family(family).sample(&[], value);
    }
}

fn write_time(family: &'static Desc, time: Timestamp, batch: &mut Batch) {
    if let Some(seconds) = time.get() {
        batch.family(family).sample(&[], seconds);
    }
}

fn write_cycle(families: &'static CycleFamilies, cycle: &Cycle, batch: &mut Batch) {
    write_number(&families.queue_length, cycle.queue_length, batch);
    write_number(&families.cycles, cycle.cycles, batch);
    write_number(&families.depth_mean, cycle.mean_depth, batch);
    for (stat, micros) in
        [("last", cycle.last_micros), ("mean", cycle.mean_micros), ("max", cycle.max_micros)]
    {
        if let Some(micros) = micros {
            batch.family(&families.seconds).sample(&[stat], seconds(micros));
        }
    }
    for (reason, cycles) in &cycle.exits {
        batch.family(&families.exits).sample(&[reason], *cycles);
    }
}

fn write_rpcs(diag: &Diag, batch: &mut Batch) {
    let [requests, duration, queued, dropped] =
        batch.families([&RPCS, &RPC_SECONDS, &RPC_QUEUED, &RPC_DROPPED]);
    // Slurm lists each once; a second one would be a second series.
    let mut listed = BTreeSet::new();
    for rpc in diag.rpcs_by_type.iter().filter(|rpc| listed.insert(rpc.message_type.as_str())) {
        let labels = [rpc.message_type.as_str()];
        requests.sample(&labels, rpc.count);
        duration.sample(&labels, seconds(rpc.total_micros));
        if let Some(waiting) = rpc.queued {
            queued.sample(&labels, waiting);
        }
        if let Some(lost) = rpc.dropped {
            dropped.sample(&labels, lost);
        }
    }
    let [requests, duration] = batch.families([&USER_RPCS, &USER_RPC_SECONDS]);
    let mut listed = BTreeSet::new();
    for rpc in diag.rpcs_by_user.iter().filter(|rpc| listed.insert(rpc.user.as_str())) {
        let labels = [rpc.user.as_str()];
        requests.sample(&labels, rpc.count);
        duration.sample(&labels, seconds(rpc.total_micros));
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{samples, snapshot};
    use crate::model::diag::{Backfill, RpcByType, RpcByUser};

    #[test]
    fn cycles_and_rpcs_come_out_in_seconds() {
        let diag = Diag {
            reset_at: Timestamp::from_unix(Some(1_795_223_037)),
            server_threads: Some(3),
            jobs_submitted: Some(717),
            main: Cycle {
                last_micros: Some(273),
                max_micros: Some(8254),
                mean_micros: Some(1_193_000),
                cycles: Some(9),
                exits: vec![("end_job_queue".to_owned(), 8), ("licenses".to_owned(), 1)],
                ..Cycle::default()
            },
            backfill: Backfill {
                cycle: Cycle { last_micros: Some(1575), ..Cycle::default() },
                active: Some(true),
                jobs: Some(4),
                ..Backfill::default()
            },
            rpcs_by_type: vec![
                RpcByType {
                    message_type: "REQUEST_JOB_INFO".to_owned(),
                    count: 4,
                    total_micros: 2_233_000,
                    queued: Some(1),
                    dropped: None,
                };
                2
            ],
            rpcs_by_user: vec![RpcByUser { user: "ann".to_owned(), count: 6, total_micros: 500_000 }],
            ..Diag::default()
        };
        let found = samples(&COLLECTOR, &snapshot().diag(diag).build());
        let expected = [
            ("slurm_backfill_active", "1"),
            (r#"slurm_backfill_cycle_seconds{stat="last"}"#, "0.001575"),
            ("slurm_backfill_jobs_total", "4"),
            ("slurm_diag_reset_timestamp_seconds", "1795223037"),
            (r#"slurm_rpc_duration_seconds_total{message_type="REQUEST_JOB_INFO"}"#, "2.233"),
            (r#"slurm_rpc_queued{message_type="REQUEST_JOB_INFO"}"#, "1"),
            (r#"slurm_rpc_requests_total{message_type="REQUEST_JOB_INFO"}"#, "4"),
            (r#"slurm_scheduler_cycle_seconds{stat="last"}"#, "0.000273"),
            (r#"slurm_scheduler_cycle_seconds{stat="max"}"#, "0.008254"),
            (r#"slurm_scheduler_cycle_seconds{stat="mean"}"#, "1.193"),
            ("slurm_scheduler_cycles_total", "9"),
            (r#"slurm_scheduler_exit_total{reason="end_job_queue"}"#, "8"),
            (r#"slurm_scheduler_exit_total{reason="licenses"}"#, "1"),
            ("slurm_scheduler_jobs_submitted_total", "717"),
            ("slurm_scheduler_threads", "3"),
            (r#"slurm_user_rpc_duration_seconds_total{user="ann"}"#, "0.5"),
            (r#"slurm_user_rpc_requests_total{user="ann"}"#, "6"),
        ];
        let found: Vec<_> = found.iter().map(|(series, value)| (series.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn statistics_without_fields_are_no_series() {
        assert!(samples(&COLLECTOR, &snapshot().diag(Diag::default()).build()).is_empty());
    }
}
