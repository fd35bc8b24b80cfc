//! Jobs per partition: states, flags, why they wait, what they ask for and what they hold.
//! Every amount is multiplied by the tasks of its row; single jobs, users and accounts are not told apart.

use std::collections::BTreeMap;

use super::by_partition::{ByPartition, names};
use super::settings::Only;
use super::word_counts::WordCounts;
use super::{Collector, Settings, gauge, gpu};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::state::{Word, job_base, job_flag};
use crate::model::{Endpoint, Job, Jobs, Snapshot, Symbol, Timestamp};

pub(super) const COLLECTOR: Collector = Collector {
    name: "jobs",
    needs: &[Endpoint::Jobs, Endpoint::Partitions],
    families: &[
        &JOBS,
        &FLAGGED,
        &PENDING,
        &RUNNING,
        &PENDING_REASON,
        &PENDING_CPUS,
        &PENDING_MEMORY,
        &PENDING_GPUS,
        &PENDING_NODES,
        &OLDEST_SUBMIT,
        &ALLOCATED_CPUS,
        &ALLOCATED_MEMORY,
        &ALLOCATED_GPUS,
        &ALLOCATED_NODES,
    ],
    collect,
};

static JOBS: Desc = with(
    "slurm_jobs_total",
    "Jobs by base state, a waiting one in every partition that it was submitted to.",
    &["partition", "state"],
);
static FLAGGED: Desc =
    with("slurm_jobs_flagged", "Jobs by state flag, where one job may have several.", &["partition", "flag"]);
static PENDING: Desc =
    plain("slurm_jobs_pending", "Tasks that wait, each in every partition that it was submitted to.");
static RUNNING: Desc =
    plain("slurm_jobs_running", "Jobs with base state RUNNING, also while their nodes boot.");
static PENDING_REASON: Desc = with(
    "slurm_jobs_pending_reason",
    "Tasks that wait, by Slurm's word for the reason, None when it gives none.",
    &["partition", "reason"],
);
static PENDING_CPUS: Desc = plain("slurm_jobs_pending_cpus", "CPUs that waiting tasks ask for.");
static PENDING_MEMORY: Desc =
    bytes("slurm_jobs_pending_memory_bytes", "Memory in bytes that waiting tasks ask for.");
static PENDING_GPUS: Desc =
    with("slurm_jobs_pending_gpus", "GPUs that waiting tasks ask for.", &["partition", "gpu_type"]);
static PENDING_NODES: Desc = plain("slurm_jobs_pending_nodes", "Nodes that waiting tasks ask for.");
static OLDEST_SUBMIT: Desc = gauge(
    "slurm_jobs_pending_oldest_submit_timestamp_seconds",
    "When the job that waits longest was submitted, in Unix seconds.",
    Unit::Seconds,
    &["partition"],
    Level::Detailed,
);
static ALLOCATED_CPUS: Desc = plain("slurm_jobs_allocated_cpus", "CPUs that running jobs hold.");
static ALLOCATED_MEMORY: Desc =
    bytes("slurm_jobs_allocated_memory_bytes", "Memory in bytes that running jobs hold.");
static ALLOCATED_GPUS: Desc =
    with("slurm_jobs_allocated_gpus", "GPUs that running jobs hold.", &["partition", "gpu_type"]);
static ALLOCATED_NODES: Desc = plain(
    "slurm_jobs_allocated_nodes",
    "Nodes that running jobs hold; one that jobs share counts for each of them.",
);

const fn plain(name: &'static str, help: &'static str) -> Desc {
    with(name, help, &["partition"])
}

const fn with(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    gauge(name, help, Unit::None, labels, Level::Detailed)
}

const fn bytes(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::Bytes, &["partition"], Level::Detailed)
}

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    let counts = count(jobs);
    let seen = counts.symbols().map(|partition| jobs.symbols.resolve(partition));
    let none = Counts::new();
    let chosen = names(snapshot.partitions.as_deref(), seen);
    for name in chosen.into_iter().filter(|name| settings.jobs.partitions.allows(name)) {
        let counts = jobs.symbols.get(name).and_then(|partition| counts.get(partition));
        write(jobs, name, counts.unwrap_or(&none), &settings.jobs.states, batch);
    }
}

/// The jobs of one partition.
#[derive(Debug)]
struct Counts {
    states: WordCounts,
    flags: WordCounts,
    reasons: BTreeMap<Symbol, u64>,
    pending: Amounts,
    allocated: Amounts,
    /// By type; a type is there as soon as a job asks for it or holds it.
    gpus: BTreeMap<Symbol, GpuAmounts>,
    oldest_submit: Timestamp,
}

#[derive(Clone, Copy, Debug, Default)]
struct Amounts {
    cpus: u64,
    nodes: u64,
    memory_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct GpuAmounts {
    pending: u64,
    allocated: u64,
}

impl Amounts {
    fn add(&mut self, job: &Job) {
        let tasks = u64::from(job.tasks);
        self.cpus = self.cpus.saturating_add(tasks * u64::from(job.cpus));
        self.nodes = self.nodes.saturating_add(tasks * u64::from(job.nodes));
        self.memory_bytes = self.memory_bytes.saturating_add(tasks.saturating_mul(job.memory_bytes));
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            states: WordCounts::new(job_base::WORDS),
            flags: WordCounts::new(job_flag::WORDS),
            reasons: BTreeMap::new(),
            pending: Amounts::default(),
            allocated: Amounts::default(),
            gpus: BTreeMap::new(),
            oldest_submit: Timestamp::NONE,
        }
    }

    fn add(&mut self, jobs: &Jobs, job: &Job) {
        let tasks = u64::from(job.tasks);
        self.states.add(job.state.base, tasks);
        self.flags.add_flags(job.state.flags, tasks);
        if job.is_pending() {
            *self.reasons.entry(job.reason).or_default() += tasks;
            self.pending.add(job);
            let is_older = self.oldest_submit == Timestamp::NONE || job.submit_at < self.oldest_submit;
            if job.submit_at != Timestamp::NONE && is_older {
                self.oldest_submit = job.submit_at;
            }
        } else if job.is_running() {
            self.allocated.add(job);
        } else {
            return;
        }
        for gpus in gpu::of_job(jobs, job) {
            let sum = self.gpus.entry(gpus.kind).or_default();
            let sum = if job.is_pending() { &mut sum.pending } else { &mut sum.allocated };
            *sum = sum.saturating_add(tasks.saturating_mul(gpus.count));
        }
    }
}

fn count(jobs: &Jobs) -> ByPartition<Counts> {
    let mut counts = ByPartition::new(&jobs.symbols);
    for job in &jobs.rows {
        for partition in jobs.partitions(job) {
            counts.of(*partition, Counts::new).add(jobs, job);
        }
    }
    for (row, flag) in &jobs.other_flags {
        let job = &jobs.rows[*row as usize];
        for partition in jobs.partitions(job) {
            counts.of(*partition, Counts::new).flags.add(Word::Other(*flag), u64::from(job.tasks));
        }
    }
    counts
}

fn write(jobs: &Jobs, partition: &str, counts: &Counts, words: &Only, batch: &mut Batch) {
    let [total, flagged] = batch.families([&JOBS, &FLAGGED]);
    counts.states.each(&jobs.symbols, |state, tasks| {
        if words.allows(state) {
            total.sample(&[partition, state], tasks);
        }
    });
    counts.flags.each(&jobs.symbols, |flag, tasks| {
        if words.allows(flag) {
            flagged.sample(&[partition, flag], tasks);
        }
    });
    if words.allows(job_base::WORDS[usize::from(job_base::PENDING)]) {
        write_pending(jobs, partition, counts, batch);
    }
    if words.allows(job_base::WORDS[usize::from(job_base::RUNNING)]) {
        write_allocated(jobs, partition, counts, batch);
    }
}

fn write_pending(jobs: &Jobs, partition: &str, counts: &Counts, batch: &mut Batch) {
    for (reason, tasks) in &counts.reasons {
        let reason = if reason.is_empty() { "None" } else { jobs.symbols.resolve(*reason) };
        batch.family(&PENDING_REASON).sample(&[partition, reason], *tasks);
    }
    for (family, value) in [
        (&PENDING, counts.states.get(job_base::PENDING)),
        (&PENDING_CPUS, counts.pending.cpus),
        (&PENDING_MEMORY, counts.pending.memory_bytes),
        (&PENDING_NODES, counts.pending.nodes),
    ] {
        batch.family(family).sample(&[partition], value);
    }
    if let Some(seconds) = counts.oldest_submit.get() {
        batch.family(&OLDEST_SUBMIT).sample(&[partition], seconds);
    }
    for (kind, gpus) in &counts.gpus {
        let labels = [partition, gpu::type_label(jobs.symbols.resolve(*kind))];
        batch.family(&PENDING_GPUS).sample(&labels, gpus.pending);
    }
}

fn write_allocated(jobs: &Jobs, partition: &str, counts: &Counts, batch: &mut Batch) {
    for (family, value) in [
        (&RUNNING, counts.states.get(job_base::RUNNING)),
        (&ALLOCATED_CPUS, counts.allocated.cpus),
        (&ALLOCATED_MEMORY, counts.allocated.memory_bytes),
        (&ALLOCATED_NODES, counts.allocated.nodes),
    ] {
        batch.family(family).sample(&[partition], value);
    }
    for (kind, gpus) in &counts.gpus {
        let labels = [partition, gpu::type_label(jobs.symbols.resolve(*kind))];
        batch.family(&ALLOCATED_GPUS).sample(&labels, gpus.allocated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, partitions, samples, samples_with, snapshot};

    fn read(jobs: JobsBuilder) -> BTreeMap<String, String> {
        samples(&COLLECTOR, &snapshot().jobs(jobs.build()).build())
    }

    #[test]
    fn states_are_complete_per_partition_and_new_words_keep_their_name() {
        let found = read(JobsBuilder::default().job("running", "batch", |_| {}).job(
            "dreaming",
            "batch",
            |job| job.tasks = 2,
        ));
        let states: Vec<_> = found.keys().filter(|series| series.starts_with("slurm_jobs_total{")).collect();
        assert_eq!(states.len(), job_base::WORDS.len() + 1);
        assert_eq!(found[r#"slurm_jobs_total{partition="batch",state="running"}"#], "1");
        assert_eq!(found[r#"slurm_jobs_total{partition="batch",state="dreaming"}"#], "2");
        assert_eq!(found[r#"slurm_jobs_total{partition="batch",state="deadline"}"#], "0");
    }

    #[test]
    fn a_configuring_job_runs_and_is_flagged() {
        let found = read(
            JobsBuilder::default()
                .job("running configuring power_up_node", "batch", |job| job.cpus = 4)
                .job("completed completing", "batch", |job| job.cpus = 100)
                .job("pending musing", "batch", |job| job.tasks = 3),
        );
        assert_eq!(found[r#"slurm_jobs_running{partition="batch"}"#], "1");
        assert_eq!(found[r#"slurm_jobs_allocated_cpus{partition="batch"}"#], "4");
        for (flag, tasks) in [
            ("configuring", "1"),
            ("power_up_node", "1"),
            ("completing", "1"),
            ("musing", "3"),
            ("revoked", "0"),
        ] {
            let series = format!("slurm_jobs_flagged{{partition=\"batch\",flag=\"{flag}\"}}");
            assert_eq!(found[&series], tasks, "{flag}");
        }
    }

    #[test]
    fn every_sum_is_multiplied_by_the_tasks() {
        let found = read(
            JobsBuilder::default()
                .job("pending", "batch", |job| {
                    (job.tasks, job.cpus, job.nodes, job.memory_bytes) = (497, 4, 2, 1 << 30);
                })
                .gpus("h100", 2)
                .gpus("", 1)
                .reason("Resources"),
        );
        for (name, value) in [
            ("pending", "497".to_owned()),
            ("pending_cpus", (497 * 4).to_string()),
            ("pending_nodes", (497 * 2).to_string()),
            ("pending_memory_bytes", (497_u64 << 30).to_string()),
            ("allocated_cpus", "0".to_owned()),
        ] {
            assert_eq!(found[&format!("slurm_jobs_{name}{{partition=\"batch\"}}")], value, "{name}");
        }
        assert_eq!(found[r#"slurm_jobs_total{partition="batch",state="pending"}"#], "497");
        assert_eq!(found[r#"slurm_jobs_pending_reason{partition="batch",reason="Resources"}"#], "497");
        assert_eq!(found[r#"slurm_jobs_pending_gpus{partition="batch",gpu_type="h100"}"#], "994");
        assert_eq!(found[r#"slurm_jobs_pending_gpus{partition="batch",gpu_type="any"}"#], "497");
        assert_eq!(found[r#"slurm_jobs_allocated_gpus{partition="batch",gpu_type="h100"}"#], "0");
    }

    #[test]
    fn a_job_in_several_partitions_counts_in_each() {
        let found = read(JobsBuilder::default().job("pending", "batch gpu", |job| job.tasks = 5));
        assert_eq!(found[r#"slurm_jobs_pending{partition="batch"}"#], "5");
        assert_eq!(found[r#"slurm_jobs_pending{partition="gpu"}"#], "5");
    }

    #[test]
    fn running_jobs_hold_and_finished_or_suspended_ones_do_not() {
        let found = read(
            JobsBuilder::default()
                .job("running", "gpu", |job| (job.cpus, job.nodes, job.memory_bytes) = (64, 2, 100))
                .gpus("h100", 8)
                .gpus("1g.10gb", 1)
                .job("completed", "gpu", |job| job.cpus = 1000)
                .gpus("a100", 4)
                .job("suspended", "gpu", |job| job.cpus = 1000),
        );
        assert_eq!(found[r#"slurm_jobs_allocated_cpus{partition="gpu"}"#], "64");
        assert_eq!(found[r#"slurm_jobs_allocated_nodes{partition="gpu"}"#], "2");
        assert_eq!(found[r#"slurm_jobs_allocated_memory_bytes{partition="gpu"}"#], "100");
        let gpus: Vec<_> =
            found.iter().filter(|(series, _)| series.starts_with("slurm_jobs_allocated_gpus")).collect();
        assert_eq!(gpus.len(), 1);
        assert_eq!(found[r#"slurm_jobs_allocated_gpus{partition="gpu",gpu_type="h100"}"#], "8");
    }

    #[test]
    fn a_missing_reason_is_none_and_only_pending_jobs_have_one() {
        let found = read(
            JobsBuilder::default()
                .job("pending", "batch", |_| {})
                .job("cancelled", "batch", |_| {})
                .reason("Priority"),
        );
        let reasons: Vec<_> =
            found.keys().filter(|series| series.starts_with("slurm_jobs_pending_reason")).collect();
        assert_eq!(reasons, [r#"slurm_jobs_pending_reason{partition="batch",reason="None"}"#]);
    }

    #[test]
    fn the_oldest_submit_time_is_that_of_pending_jobs() {
        let at = |seconds| move |job: &mut Job| job.submit_at = Timestamp::from_unix(Some(seconds));
        let found = read(
            JobsBuilder::default()
                .job("running", "batch", at(100))
                .job("pending", "batch", at(300))
                .job("pending", "batch", at(200))
                .job("pending", "batch", at(0))
                .job("running", "gpu", at(50)),
        );
        let name = "slurm_jobs_pending_oldest_submit_timestamp_seconds";
        assert_eq!(found[&format!("{name}{{partition=\"batch\"}}")], "200");
        assert!(!found.contains_key(&format!("{name}{{partition=\"gpu\"}}")));
    }

    #[test]
    fn a_partition_without_jobs_is_complete_with_zeros() {
        let jobs = JobsBuilder::default().job("running", "batch", |_| {}).build();
        let found = samples(
            &COLLECTOR,
            &snapshot().jobs(jobs).partitions(partitions(&["batch up", "idle up"])).build(),
        );
        let of = |name: &str| {
            let label = format!("partition=\"{name}\"");
            found.keys().filter(|series| series.contains(&label)).count()
        };
        assert_eq!(of("idle"), of("batch"));
        assert_eq!(found[r#"slurm_jobs_total{partition="idle",state="pending"}"#], "0");
    }

    #[test]
    fn absurd_amounts_do_not_overflow() {
        let found = read(
            JobsBuilder::default()
                .job("pending", "batch", |job| (job.tasks, job.memory_bytes) = (u32::MAX, u64::MAX))
                .gpus("h100", u64::MAX)
                .job("pending", "batch", |job| job.memory_bytes = 1),
        );
        let most = u64::MAX.to_string();
        assert_eq!(found[r#"slurm_jobs_pending_memory_bytes{partition="batch"}"#], most);
        assert_eq!(found[r#"slurm_jobs_pending_gpus{partition="batch",gpu_type="h100"}"#], most);
    }

    #[test]
    fn a_choice_of_partitions_and_words_leaves_out_the_other_series() {
        let chosen = |words: &[&str]| Only(words.iter().map(|word| (*word).to_owned()).collect());
        let jobs = JobsBuilder::default()
            .job("pending", "batch gpu", |_| {})
            .job("running configuring", "gpu", |_| {})
            .build();
        let mut settings = Settings::default();
        settings.jobs.partitions = chosen(&["gpu"]);
        settings.jobs.states = chosen(&["pending", "configuring"]);
        let found = samples_with(&COLLECTOR, &snapshot().jobs(jobs).build(), &settings);
        assert!(found.keys().all(|series| series.contains(r#"partition="gpu""#)), "{found:?}");
        assert_eq!(found[r#"slurm_jobs_total{partition="gpu",state="pending"}"#], "1");
        assert_eq!(found[r#"slurm_jobs_flagged{partition="gpu",flag="configuring"}"#], "1");
        assert_eq!(found[r#"slurm_jobs_pending_cpus{partition="gpu"}"#], "1");
        for name in ["slurm_jobs_running", "slurm_jobs_allocated_cpus"] {
            assert!(!found.contains_key(&format!(r#"{name}{{partition="gpu"}}"#)), "{name}");
        }
        assert_eq!(found.keys().filter(|series| series.starts_with("slurm_jobs_total{")).count(), 1);
    }
}
