//! Whether the controllers answer, and the cluster as one whole: its nodes, resources and jobs.
//! Partitions and single nodes have collectors of their own.

use super::capacity::{Availability, Capacity, UpPartitions};
use super::word_counts::WordCounts;
use super::{Collector, Settings, gauge, gpu};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::state::{Word, job_base};
use crate::model::{Controllers, Endpoint, Nodes, Partitions, Release, Snapshot, Symbols};

pub(super) const COLLECTOR: Collector = Collector {
    name: "controller",
    needs: &[
        Endpoint::Ping,
        Endpoint::DatabasePing,
        Endpoint::Nodes,
        Endpoint::Partitions,
        Endpoint::JobStates,
        Endpoint::Jobs,
    ],
    families: &[
        &UP,
        &LATENCY,
        &DATABASE_UP,
        &INFO,
        &NODES,
        &CPUS,
        &CPUS_ALLOCATED,
        &CPUS_IDLE,
        &CPUS_USABLE_IDLE,
        &MEMORY,
        &MEMORY_ALLOCATED,
        &GPUS,
        &GPUS_ALLOCATED,
        &GPUS_USABLE_IDLE,
        &GPUS_USABLE_RESUMABLE,
        &JOBS,
    ],
    collect,
};

static UP: Desc = gauge(
    "slurm_controller_up",
    "Whether the slurmctld on this host answered the last ping.",
    Unit::None,
    &["controller", "role"],
    Level::Critical,
);
static LATENCY: Desc = gauge(
    "slurm_controller_latency_seconds",
    "Round trip in seconds of the ping between slurmrestd and this slurmctld.",
    Unit::Seconds,
    &["controller"],
    Level::Critical,
);
static DATABASE_UP: Desc = gauge(
    "slurm_database_up",
    "Whether a slurmdbd answered the last ping, without a series before v0.0.42, which has none, and where it is unknown.",
    Unit::None,
    &[],
    Level::Critical,
);
static INFO: Desc = gauge(
    "slurm_cluster_info",
    "Always 1, with the release of Slurm and the version of its REST interface that is in use.",
    Unit::None,
    &["slurm_version", "api_version"],
    Level::Critical,
);
static NODES: Desc = of_nodes("slurm_cluster_nodes_total", "Nodes of the cluster.");
static CPUS: Desc = of_nodes("slurm_cluster_cpus_total", "CPUs of all nodes.");
static CPUS_ALLOCATED: Desc = of_nodes("slurm_cluster_cpus_allocated", "CPUs that jobs hold.");
static CPUS_IDLE: Desc =
    of_nodes("slurm_cluster_cpus_idle", "CPUs that no job holds, also on nodes that are down or drained.");
static CPUS_USABLE_IDLE: Desc = of_nodes(
    "slurm_cluster_cpus_usable_idle",
    "CPUs that a job could get now: idle, on a node that takes jobs and has memory left, in a partition that is UP.",
);
static MEMORY: Desc = gauge(
    "slurm_cluster_memory_total_bytes",
    "Memory of all nodes in bytes.",
    Unit::Bytes,
    &[],
    Level::Important,
);
static MEMORY_ALLOCATED: Desc = gauge(
    "slurm_cluster_memory_allocated_bytes",
    "Memory that jobs hold in bytes.",
    Unit::Bytes,
    &[],
    Level::Important,
);
static GPUS: Desc = gpus("slurm_cluster_gpus_total", "GPUs of all nodes.");
static GPUS_ALLOCATED: Desc = gpus("slurm_cluster_gpus_allocated", "GPUs that jobs hold.");
static GPUS_USABLE_IDLE: Desc = gpus(
    "slurm_cluster_gpus_usable_idle",
    "GPUs that a job could get now: idle, on a node that takes jobs and has memory left, in a partition that is UP.",
);
static GPUS_USABLE_RESUMABLE: Desc = gpus(
    "slurm_cluster_gpus_usable_resumable",
    "GPUs that a job could get after a boot: idle, on a powered-down node that is usable otherwise.",
);
static JOBS: Desc = gauge(
    "slurm_cluster_jobs",
    "Jobs by base state, each task of an array counted once.",
    Unit::None,
    &["state"],
    Level::Critical,
);

const fn of_nodes(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &[], Level::Important)
}

const fn gpus(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["gpu_type"], Level::Important)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    if let Some(controllers) = &snapshot.controllers {
        write_controllers(controllers, batch);
    }
    if let Some(databases) = &snapshot.databases {
        batch.family(&DATABASE_UP).sample(&[], databases.rows.iter().any(|row| row.up));
    }
    if let Some(release) = &snapshot.release {
        write_release(release, batch);
    }
    if let Some(nodes) = &snapshot.nodes {
        write_capacity(nodes, snapshot.partitions.as_deref(), batch);
    }
    // Never the one and then the other: the states are of all jobs, the jobs of those that we may see.
    if let Some(states) = &snapshot.job_states {
        write_jobs(&states.symbols, states.tasks.iter().copied(), batch);
    } else if let Some(jobs) = &snapshot.jobs {
        let tasks = jobs.rows.iter().map(|job| (job.state.base, u64::from(job.tasks)));
        write_jobs(&jobs.symbols, tasks, batch);
    }
}

fn write_controllers(controllers: &Controllers, batch: &mut Batch) {
    let [up, latency] = batch.families([&UP, &LATENCY]);
    for controller in &controllers.rows {
        up.sample(&[&controller.hostname, &controller.role], controller.up);
        if let Some(micros) = controller.latency_micros {
            latency.sample(&[&controller.hostname], micros as f64 / 1e6);
        }
    }
}

fn write_release(release: &Release, batch: &mut Batch) {
    batch.family(&INFO).sample(&[&release.slurm_version, release.api_version], 1_u64);
}

fn write_capacity(nodes: &Nodes, partitions: Option<&Partitions>, batch: &mut Batch) {
    let up = partitions.map(|partitions| UpPartitions::new(nodes, partitions));
    let mut sum = Capacity::default();
    for node in &nodes.rows {
        let is_up = up
            .as_ref()
            .is_some_and(|up| nodes.partitions(node).iter().any(|partition| up.contains(*partition)));
        sum.add(nodes, node, Availability::of(node).through(is_up));
    }
    batch.family(&NODES).sample(&[], sum.nodes);
    batch.family(&CPUS).sample(&[], sum.cpus_total);
    batch.family(&CPUS_ALLOCATED).sample(&[], sum.cpus_allocated);
    batch.family(&CPUS_IDLE).sample(&[], sum.cpus_idle);
    batch.family(&MEMORY).sample(&[], sum.memory_total_bytes);
    batch.family(&MEMORY_ALLOCATED).sample(&[], sum.memory_allocated_bytes);
    if up.is_some() {
        batch.family(&CPUS_USABLE_IDLE).sample(&[], sum.cpus_usable_idle);
    }
    for (kind, gpus) in &sum.gpus {
        let labels = [gpu::type_label(nodes.symbols.resolve(*kind))];
        batch.family(&GPUS).sample(&labels, gpus.total);
        batch.family(&GPUS_ALLOCATED).sample(&labels, gpus.allocated);
        if up.is_some() {
            batch.family(&GPUS_USABLE_IDLE).sample(&labels, gpus.usable_idle);
            batch.family(&GPUS_USABLE_RESUMABLE).sample(&labels, gpus.usable_resumable);
        }
    }
}

fn write_jobs(symbols: &Symbols, tasks: impl Iterator<Item = (Word, u64)>, batch: &mut Batch) {
    let mut states = WordCounts::new(job_base::WORDS);
    for (base, tasks) in tasks {
        states.add(base, tasks);
    }
    let family = batch.family(&JOBS);
    states.each(symbols, |state, tasks| family.sample(&[state], tasks));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, NodesBuilder, partitions, samples, snapshot};
    use crate::model::{Controller, JobStates};

    #[test]
    fn controllers_and_release_are_named() {
        let mut snapshot = Snapshot {
            release: Some(Arc::new(Release {
                cluster: None,
                slurm_version: "24.11.5".to_owned(),
                api_version: "v0.0.42",
            })),
            ..Snapshot::default()
        };
        let row = |hostname: &str, role: &str, up, latency_micros| Controller {
            hostname: hostname.to_owned(),
            role: role.to_owned(),
            up,
            latency_micros,
        };
        let rows = vec![row("ctl1", "primary", true, Some(1500)), row("ctl2", "backup", false, None)];
        snapshot.controllers = Some(Arc::new(Controllers { rows }));
        snapshot.databases = Some(Arc::default());
        let found = samples(&COLLECTOR, &snapshot);
        assert_eq!(found[r#"slurm_controller_up{controller="ctl1",role="primary"}"#], "1");
        assert_eq!(found[r#"slurm_controller_up{controller="ctl2",role="backup"}"#], "0");
        assert_eq!(found[r#"slurm_controller_latency_seconds{controller="ctl1"}"#], "0.0015");
        assert_eq!(found[r#"slurm_cluster_info{slurm_version="24.11.5",api_version="v0.0.42"}"#], "1");
        assert_eq!(found["slurm_database_up"], "0");
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn totals_come_from_node_rows_and_a_node_counts_once() {
        let nodes = NodesBuilder::default()
            .node("n1", "mixed", "batch all", |node| node.cpus_allocated = 3)
            .node("n2", "down not_responding", "batch all", |node| node.memory_allocated_bytes = 5)
            .build();
        let found = samples(&COLLECTOR, &snapshot().nodes(nodes).build());
        assert_eq!(found["slurm_cluster_nodes_total"], "2");
        assert_eq!(found["slurm_cluster_cpus_total"], "16");
        assert_eq!(found["slurm_cluster_cpus_allocated"], "3");
        assert_eq!(found["slurm_cluster_cpus_idle"], "13");
        assert_eq!(found["slurm_cluster_memory_total_bytes"], "2000");
        assert_eq!(found["slurm_cluster_memory_allocated_bytes"], "5");
    }

    #[test]
    fn usable_idle_needs_a_partition_that_is_up() {
        let nodes = || {
            NodesBuilder::default()
                .node("n1", "mixed", "batch closed", |node| node.cpus_allocated = 3)
                .node("n2", "idle", "closed", |_| {})
                .node("n3", "idle drain", "batch", |_| {})
                .build()
        };
        let found = samples(
            &COLLECTOR,
            &snapshot().nodes(nodes()).partitions(partitions(&["batch up", "closed down"])).build(),
        );
        assert_eq!(found["slurm_cluster_cpus_usable_idle"], "5");
        assert_eq!(found["slurm_cluster_cpus_idle"], "21");
        let without_partitions = samples(&COLLECTOR, &snapshot().nodes(nodes()).build());
        assert!(!without_partitions.contains_key("slurm_cluster_cpus_usable_idle"));
    }

    #[test]
    fn gpus_count_by_type_and_those_of_powered_down_nodes_apart() {
        let nodes = NodesBuilder::default()
            .node("n1", "mixed", "gpu", |_| {})
            .gres("gpu", "h100", 8, 6)
            .gres("gpu", "", 2, 0)
            .gres("gpu", "1g.10gb", 7, 0)
            .gres("shard", "", 16, 0)
            .node("n2", "idle cloud powered_down", "gpu", |_| {})
            .gres("gpu", "h100", 8, 0)
            .node("n3", "idle drain", "gpu", |_| {})
            .gres("gpu", "h100", 8, 0)
            .build();
        let found = samples(&COLLECTOR, &snapshot().nodes(nodes).partitions(partitions(&["gpu up"])).build());
        assert_eq!(found[r#"slurm_cluster_gpus_total{gpu_type="h100"}"#], "24");
        assert_eq!(found[r#"slurm_cluster_gpus_allocated{gpu_type="h100"}"#], "6");
        assert_eq!(found[r#"slurm_cluster_gpus_usable_idle{gpu_type="h100"}"#], "2");
        assert_eq!(found[r#"slurm_cluster_gpus_usable_resumable{gpu_type="h100"}"#], "8");
        assert_eq!(found[r#"slurm_cluster_gpus_total{gpu_type="any"}"#], "2");
        assert_eq!(found[r#"slurm_cluster_gpus_usable_resumable{gpu_type="any"}"#], "0");
        assert_eq!(found.keys().filter(|series| series.starts_with("slurm_cluster_gpus_total")).count(), 2);
    }

    #[test]
    fn every_base_state_is_there_and_tasks_count_once_whatever_their_partitions() {
        let jobs = JobsBuilder::default()
            .job("pending", "batch gpu", |job| job.tasks = 497)
            .job("running configuring", "batch", |_| {})
            .job("dreaming", "batch", |job| job.tasks = 2)
            .build();
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs).build());
        assert_eq!(found.len(), job_base::WORDS.len() + 1);
        assert_eq!(found[r#"slurm_cluster_jobs{state="pending"}"#], "497");
        assert_eq!(found[r#"slurm_cluster_jobs{state="running"}"#], "1");
        assert_eq!(found[r#"slurm_cluster_jobs{state="dreaming"}"#], "2");
        assert_eq!(found[r#"slurm_cluster_jobs{state="out_of_memory"}"#], "0");
    }

    #[test]
    fn the_states_alone_count_where_there_are_any() {
        let jobs = JobsBuilder::default().job("pending", "batch", |job| job.tasks = 497).build();
        let mut snapshot = snapshot().jobs(jobs).build();
        let mut states = JobStates::default();
        states.add(Word::Known(job_base::RUNNING), None);
        let dreaming = states.symbols.intern("dreaming");
        states.add(Word::Other(dreaming), Some(7));
        snapshot.job_states = Some(Arc::new(states));
        let found = samples(&COLLECTOR, &snapshot);
        assert_eq!(found.len(), job_base::WORDS.len() + 1);
        assert_eq!(found[r#"slurm_cluster_jobs{state="pending"}"#], "0");
        assert_eq!(found[r#"slurm_cluster_jobs{state="running"}"#], "1");
        assert_eq!(found[r#"slurm_cluster_jobs{state="dreaming"}"#], "1");
    }
}
