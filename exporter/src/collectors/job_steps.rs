//! Steps of running jobs one by one: what each holds and since when. Off unless it is switched on.
//! They come from slurmdbd, which slurmctld tells of each step; which jobs have series is decided in `job_choice`.

use std::collections::HashSet;

use super::{Collector, Settings, gauge, gpu, job_choice};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::tres::is_gpu_slice;
use crate::model::{Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "job_steps",
    needs: &[Endpoint::Steps, Endpoint::Jobs],
    families: &[&INFO, &TASKS, &NODES, &CPUS, &MEMORY, &GPUS, &START],
    collect,
};

const OF_STEP: &[&str] = &["job_id", "step"];

static INFO: Desc =
    of_step("slurm_job_step_info", "Always 1, with the name of a running step.", &["job_id", "step", "name"]);
static TASKS: Desc = of_step("slurm_job_step_tasks", "Tasks of the running step.", OF_STEP);
static NODES: Desc = of_step("slurm_job_step_nodes", "Nodes that the running step holds.", OF_STEP);
static CPUS: Desc = of_step("slurm_job_step_cpus", "CPUs that the running step holds.", OF_STEP);
static MEMORY: Desc = gauge(
    "slurm_job_step_memory_bytes",
    "Memory in bytes that the running step holds.",
    Unit::Bytes,
    OF_STEP,
    Level::Detailed,
);
static GPUS: Desc = of_step(
    "slurm_job_step_gpus",
    "GPUs that the running step holds, by type.",
    &["job_id", "step", "gpu_type"],
);
static START: Desc = gauge(
    "slurm_job_step_start_timestamp_seconds",
    "When the running step began, in Unix seconds.",
    Unit::Seconds,
    OF_STEP,
    Level::Detailed,
);

const fn of_step(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    gauge(name, help, Unit::None, labels, Level::Detailed)
}

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    let (Some(steps), Some(jobs)) = (snapshot.steps.as_deref(), snapshot.jobs.as_deref()) else { return };
    let choice = job_choice::choose(jobs, snapshot.job_totals.as_of, &settings.jobs);
    let chosen: HashSet<u32> = choice.rows.into_iter().map(|row| jobs.rows[row].id).collect();
    let mut job_id = itoa::Buffer::new();
    for step in steps.rows.iter().filter(|step| chosen.contains(&step.job_id)) {
        let labels = [job_id.format(step.job_id), steps.symbols.resolve(step.id)];
        let [job, id] = labels;
        batch.family(&INFO).sample(&[job, id, steps.symbols.resolve(step.name)], 1_u64);
        for (family, value) in [
            (&TASKS, Some(u64::from(step.tasks))),
            (&NODES, Some(u64::from(step.nodes))),
            (&CPUS, Some(u64::from(step.cpus))),
            (&MEMORY, step.memory_bytes),
            (&START, step.start_at.get().map(u64::from)),
        ] {
            if let Some(value) = value {
                batch.family(family).sample(&labels, value);
            }
        }
        for gpus in steps.gpu_lists.get(step.gpus) {
            let kind = steps.symbols.resolve(gpus.kind);
            if !is_gpu_slice(kind) {
                batch.family(&GPUS).sample(&[job, id, gpu::type_label(kind)], gpus.count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::settings::Sampling;
    use crate::collectors::test_cluster::{JobsBuilder, samples, samples_with, snapshot};
    use crate::model::job::Gpus;
    use crate::model::step::{Step, Steps};
    use crate::model::symbol::Run;
    use crate::model::{Symbol, Timestamp};

    /// Two steps of job 1 and one of a job that is not listed.
    fn steps() -> Steps {
        let mut steps = Steps::default();
        let gpus = Gpus { kind: steps.symbols.intern("h100"), count: 2 };
        let gpus = steps.gpu_lists.store([gpus], Run::default());
        for (job_id, id, gpus) in [(1, "batch", Run::default()), (1, "0", gpus), (99, "0", gpus)] {
            steps.rows.push(Step {
                cluster: Symbol::EMPTY,
                job_id,
                id: steps.symbols.intern(id),
                name: steps.symbols.intern("train"),
                tasks: 4,
                nodes: 2,
                cpus: 16,
                memory_bytes: (id == "0").then_some(1000),
                gpus,
                start_at: Timestamp::from_unix(Some(50)),
            });
        }
        steps
    }

    #[test]
    fn steps_of_jobs_with_series_tell_what_they_hold() {
        let jobs = || JobsBuilder::default().job("running", "a", |_| {}).build();
        let mut snapshot = snapshot().jobs(jobs()).build();
        snapshot.steps = Some(steps().into());
        let found = samples(&COLLECTOR, &snapshot);
        for (series, value) in [
            (r#"slurm_job_step_info{job_id="1",step="0",name="train"}"#, "1"),
            (r#"slurm_job_step_tasks{job_id="1",step="batch"}"#, "4"),
            (r#"slurm_job_step_nodes{job_id="1",step="0"}"#, "2"),
            (r#"slurm_job_step_cpus{job_id="1",step="0"}"#, "16"),
            (r#"slurm_job_step_memory_bytes{job_id="1",step="0"}"#, "1000"),
            (r#"slurm_job_step_gpus{job_id="1",step="0",gpu_type="h100"}"#, "2"),
            (r#"slurm_job_step_start_timestamp_seconds{job_id="1",step="batch"}"#, "50"),
        ] {
            assert_eq!(found.get(series).map(String::as_str), Some(value), "{series}");
        }
        assert_eq!(found.len(), 5 + 7, "an unknown memory and a job without series have none: {found:?}");
        let mut settings = Settings::default();
        settings.jobs.sampling = Sampling { rate: 1e-9, stratified: false };
        assert!(samples_with(&COLLECTOR, &snapshot, &settings).is_empty(), "not sampled");
        snapshot.jobs = None;
        assert!(samples(&COLLECTOR, &snapshot).is_empty(), "withdrawn with the jobs");
    }
}
