//! Jobs one by one: who they are, what they hold or ask for, and when. Off unless it is switched on.
//! Which of them have series is decided in `job_choice`; amounts are of all tasks of a waiting array together.

use super::{Collector, Settings, gauge, gpu, job_choice};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::job::Details;
use crate::model::{Endpoint, Job, Jobs, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "single_jobs",
    needs: &[Endpoint::Jobs],
    families: &[&INFO, &TASKS, &CPUS, &MEMORY, &NODES, &GPUS, &SUBMIT, &START, &TIME_LIMIT, &PRIORITY, &ROWS],
    collect,
};

static INFO: Desc = of_job(
    "slurm_job_info",
    "Always 1, with what is known of a job by name, where None is no reason.",
    &["job_id", "name", "user", "account", "partition", "qos", "state", "reason"],
);
static TASKS: Desc =
    of_job("slurm_job_tasks", "Waiting tasks of an array that the row stands for, else 1.", &["job_id"]);
static CPUS: Desc =
    of_job("slurm_job_cpus", "CPUs that the job holds or held, or asks for while it waits.", &["job_id"]);
static MEMORY: Desc = gauge(
    "slurm_job_memory_bytes",
    "Memory in bytes that the job holds or held, or asks for while it waits.",
    Unit::Bytes,
    &["job_id"],
    Level::Detailed,
);
static NODES: Desc =
    of_job("slurm_job_nodes", "Nodes that the job holds or held, or asks for while it waits.", &["job_id"]);
static GPUS: Desc = of_job(
    "slurm_job_gpus",
    "GPUs that the job holds or held, or asks for while it waits, by type.",
    &["job_id", "gpu_type"],
);
static SUBMIT: Desc = seconds(
    "slurm_job_submit_timestamp_seconds",
    "When the job was submitted or put back into the queue, in Unix seconds.",
);
static START: Desc =
    seconds("slurm_job_start_timestamp_seconds", "When the job was given its resources, in Unix seconds.");
static TIME_LIMIT: Desc =
    seconds("slurm_job_time_limit_seconds", "Seconds that the job may run, where that is limited.");
static PRIORITY: Desc = of_job("slurm_job_priority", "Priority of the job, 0 while it is held.", &["job_id"]);
static ROWS: Desc = of_job(
    "slurm_job_rows",
    "Rows of Slurm's list of jobs by whether they have series of their own, or why not.",
    &["outcome"],
);

const fn of_job(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    gauge(name, help, Unit::None, labels, Level::Detailed)
}

const fn seconds(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::Seconds, &["job_id"], Level::Detailed)
}

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    // A reading from before this was switched on has none.
    if jobs.details.len() != jobs.rows.len() {
        return;
    }
    let choice = job_choice::choose(jobs, snapshot.job_totals.as_of, &settings.jobs);
    for (outcome, rows) in choice.outcomes {
        batch.family(&ROWS).sample(&[outcome], rows as u64);
    }
    let mut id = itoa::Buffer::new();
    for row in choice.rows {
        let job = &jobs.rows[row];
        write(jobs, job, jobs.details[row], id.format(job.id), batch);
    }
}

fn write(jobs: &Jobs, job: &Job, details: Details, id: &str, batch: &mut Batch) {
    let name = |symbol| jobs.symbols.resolve(symbol);
    let partitions: Vec<_> = jobs.partitions(job).iter().map(|partition| name(*partition)).collect();
    let reason = if job.reason.is_empty() { "None" } else { name(job.reason) };
    batch.family(&INFO).sample(
        &[
            id,
            name(details.name),
            name(job.user),
            name(job.account),
            &partitions.join(","),
            name(job.qos),
            jobs.word(job.state.base),
            reason,
        ],
        1_u64,
    );
    let tasks = u64::from(job.tasks);
    for (family, value) in [
        (&TASKS, tasks),
        (&CPUS, tasks * u64::from(job.cpus)),
        (&MEMORY, tasks.saturating_mul(job.memory_bytes)),
        (&NODES, tasks * u64::from(job.nodes)),
    ] {
        batch.family(family).sample(&[id], value);
    }
    for gpus in gpu::of_job(jobs, job) {
        let kind = gpu::type_label(name(gpus.kind));
        batch.family(&GPUS).sample(&[id, kind], tasks.saturating_mul(gpus.count));
    }
    // A start that has not come is an estimate, and that of a job which never ran its end.
    let start = job.start_at.get().filter(|_| job.has_begun());
    for (family, value) in [
        (&SUBMIT, job.submit_at.get().map(u64::from)),
        (&START, start.map(u64::from)),
        (&TIME_LIMIT, job.time_limit_minutes.map(|minutes| u64::from(minutes.get()) * 60)),
        (&PRIORITY, details.priority.map(u64::from)),
    ] {
        if let Some(value) = value {
            batch.family(family).sample(&[id], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, samples, snapshot};
    use crate::model::Timestamp;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    #[test]
    fn a_running_job_tells_what_it_holds_and_since_when() {
        let jobs = JobsBuilder::default()
            .job("running", "gpu", |job| {
                (job.cpus, job.nodes, job.memory_bytes) = (16, 2, 1 << 30);
                (job.submit_at, job.start_at) = (at(100), at(200));
                job.time_limit_minutes = NonZeroU32::new(10);
            })
            .gpus("h100", 4)
            .gpus("1g.10gb", 1)
            .details("train \"me\"", 4711);
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs.build()).build());
        let info = r#"slurm_job_info{job_id="1",name="train \"me\"",user="ann",account="physics",partition="gpu",qos="",state="running",reason="None"}"#;
        for (series, value) in [
            (info, "1"),
            (r#"slurm_job_tasks{job_id="1"}"#, "1"),
            (r#"slurm_job_cpus{job_id="1"}"#, "16"),
            (r#"slurm_job_memory_bytes{job_id="1"}"#, "1073741824"),
            (r#"slurm_job_nodes{job_id="1"}"#, "2"),
            (r#"slurm_job_gpus{job_id="1",gpu_type="h100"}"#, "4"),
            (r#"slurm_job_submit_timestamp_seconds{job_id="1"}"#, "100"),
            (r#"slurm_job_start_timestamp_seconds{job_id="1"}"#, "200"),
            (r#"slurm_job_time_limit_seconds{job_id="1"}"#, "600"),
            (r#"slurm_job_priority{job_id="1"}"#, "4711"),
            (r#"slurm_job_rows{outcome="shown"}"#, "1"),
        ] {
            assert_eq!(found.get(series).map(String::as_str), Some(value), "{series}");
        }
        assert_eq!(found.len(), 10 + 5, "no other series: {found:?}");
    }

    #[test]
    fn a_waiting_array_is_all_its_tasks_and_has_not_started() {
        let waiting = |job: &mut Job| {
            (job.tasks, job.cpus, job.memory_bytes, job.start_at) = (497, 4, 10, at(9000));
        };
        let jobs = JobsBuilder::default().job("pending", "a b", waiting).gpus("", 1).details("sweep", 0);
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs.build()).build());
        assert_eq!(found[r#"slurm_job_tasks{job_id="1"}"#], "497");
        assert_eq!(found[r#"slurm_job_cpus{job_id="1"}"#], "1988");
        assert_eq!(found[r#"slurm_job_memory_bytes{job_id="1"}"#], "4970");
        assert_eq!(found[r#"slurm_job_gpus{job_id="1",gpu_type="any"}"#], "497");
        assert_eq!(found[r#"slurm_job_priority{job_id="1"}"#], "0");
        assert!(!found.contains_key(r#"slurm_job_start_timestamp_seconds{job_id="1"}"#));
        assert!(!found.contains_key(r#"slurm_job_time_limit_seconds{job_id="1"}"#));
        let info = found.keys().find(|series| series.starts_with("slurm_job_info")).unwrap();
        assert!(info.contains(r#"partition="a,b""#) && info.contains(r#"reason="None""#), "{info}");
    }

    #[test]
    fn a_reading_without_the_names_of_jobs_gives_no_series() {
        let jobs = JobsBuilder::default().job("running", "a", |_| {}).build();
        assert!(samples(&COLLECTOR, &snapshot().jobs(jobs).build()).is_empty());
    }
}
