//! Partitions: how they are configured, what their nodes have, and how many jobs run and wait.
//! A node counts in every partition that lists it; more about jobs per partition is in `jobs`.

use super::by_partition::{ByPartition, names};
use super::capacity::{Availability, Capacity, UpPartitions};
use super::word_counts::WordCounts;
use super::{Collector, Settings, gauge, gpu};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::state::node_base;
use crate::model::{Endpoint, Jobs, Nodes, Partitions, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "partitions",
    needs: &[Endpoint::Partitions, Endpoint::Nodes, Endpoint::Jobs],
    families: &[
        &INFO,
        &UP,
        &NODES_CONFIGURED,
        &CPUS_CONFIGURED,
        &MAX_TIME,
        &PRIORITY_TIER,
        &NODES,
        &NODES_IDLE,
        &NODES_ALLOCATED,
        &NODES_MIXED,
        &NODES_DOWN,
        &NODES_DRAINED,
        &NODES_DRAINING,
        &CPUS,
        &CPUS_ALLOCATED,
        &CPUS_IDLE,
        &CPUS_USABLE_IDLE,
        &MEMORY,
        &MEMORY_ALLOCATED,
        &GPUS,
        &GPUS_ALLOCATED,
        &GPUS_USABLE_IDLE,
        &JOBS_RUNNING,
        &JOBS_PENDING,
    ],
    collect,
};

static INFO: Desc = gauge(
    "slurm_partition_info",
    "Always 1, with the partition's state and whether it is the default one, empty if that is unknown.",
    Unit::None,
    &["partition", "state", "default"],
    Level::Important,
);
static UP: Desc = plain("slurm_partition_up", "Whether the partition is UP, so that it starts jobs.");
static NODES_CONFIGURED: Desc = plain(
    "slurm_partition_nodes_configured",
    "Nodes that the partition is configured with, also those that Slurm does not list.",
);
static CPUS_CONFIGURED: Desc = plain(
    "slurm_partition_cpus_configured",
    "CPUs that the partition is configured with, also those of nodes that Slurm does not list.",
);
static MAX_TIME: Desc = gauge(
    "slurm_partition_max_time_seconds",
    "Longest time limit of a job in seconds, +Inf when there is none.",
    Unit::Seconds,
    &["partition"],
    Level::Important,
);
static PRIORITY_TIER: Desc = plain(
    "slurm_partition_priority_tier",
    "Tier of the partition; jobs of a higher one are considered first and may preempt.",
);
static NODES: Desc = plain("slurm_partition_nodes_total", "Nodes that list the partition.");
static NODES_IDLE: Desc = plain("slurm_partition_nodes_idle", "Nodes with base state IDLE.");
static NODES_ALLOCATED: Desc = plain("slurm_partition_nodes_allocated", "Nodes with base state ALLOCATED.");
static NODES_MIXED: Desc = plain("slurm_partition_nodes_mixed", "Nodes with base state MIXED.");
static NODES_DOWN: Desc = plain("slurm_partition_nodes_down", "Nodes with base state DOWN.");
static NODES_DRAINED: Desc = plain(
    "slurm_partition_nodes_drained",
    "Nodes with DRAIN that are IDLE or DOWN; they are in that base state's family too.",
);
static NODES_DRAINING: Desc = plain(
    "slurm_partition_nodes_draining",
    "Nodes with DRAIN that are ALLOCATED or MIXED; they are in that base state's family too.",
);
static CPUS: Desc = plain("slurm_partition_cpus_total", "CPUs of the partition's nodes.");
static CPUS_ALLOCATED: Desc = plain(
    "slurm_partition_cpus_allocated",
    "CPUs of the partition's nodes that jobs hold, also jobs of other partitions.",
);
static CPUS_IDLE: Desc = plain(
    "slurm_partition_cpus_idle",
    "CPUs of the partition's nodes that no job holds, also on nodes that are down or drained.",
);
static CPUS_USABLE_IDLE: Desc = plain(
    "slurm_partition_cpus_usable_idle",
    "CPUs that a job could get here now: idle, on a node that takes jobs and has memory left, if the partition is UP.",
);
static MEMORY: Desc = gauge(
    "slurm_partition_memory_total_bytes",
    "Memory of the partition's nodes in bytes.",
    Unit::Bytes,
    &["partition"],
    Level::Important,
);
static MEMORY_ALLOCATED: Desc = gauge(
    "slurm_partition_memory_allocated_bytes",
    "Memory of the partition's nodes in bytes that jobs hold, also jobs of other partitions.",
    Unit::Bytes,
    &["partition"],
    Level::Important,
);
static GPUS: Desc = gpus("slurm_partition_gpus_total", "GPUs of the partition's nodes.");
static GPUS_ALLOCATED: Desc = gpus(
    "slurm_partition_gpus_allocated",
    "GPUs of the partition's nodes that jobs hold, also jobs of other partitions.",
);
static GPUS_USABLE_IDLE: Desc = gpus(
    "slurm_partition_gpus_usable_idle",
    "GPUs that a job could get here now: idle, on a node that takes jobs and has memory left, if the partition is UP.",
);
static JOBS_RUNNING: Desc =
    of_jobs("slurm_partition_jobs_running", "Jobs with base state RUNNING, also while their nodes boot.");
static JOBS_PENDING: Desc = of_jobs(
    "slurm_partition_jobs_pending",
    "Tasks that wait, each in every partition that it was submitted to.",
);

const fn plain(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["partition"], Level::Important)
}

const fn gpus(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["partition", "gpu_type"], Level::Important)
}

const fn of_jobs(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["partition"], Level::Detailed)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let partitions = snapshot.partitions.as_deref();
    let nodes = snapshot.nodes.as_deref().map(|nodes| (nodes, count_nodes(nodes, partitions)));
    let jobs = snapshot.jobs.as_deref().map(|jobs| (jobs, count_jobs(jobs)));
    let of_nodes = nodes
        .iter()
        .flat_map(|(nodes, counts)| counts.symbols().map(|partition| nodes.symbols.resolve(partition)));
    let of_jobs = jobs
        .iter()
        .flat_map(|(jobs, counts)| counts.symbols().map(|partition| jobs.symbols.resolve(partition)));
    let names = names(partitions, of_nodes.chain(of_jobs));

    if let Some(partitions) = partitions {
        write_configuration(partitions, batch);
    }
    if let Some((nodes, counts)) = &nodes {
        let listed = |name: &str| partitions.is_some_and(|all| all.rows.iter().any(|row| row.name == name));
        let none = NodeCounts::new();
        for name in &names {
            let counts = nodes.symbols.get(name).and_then(|partition| counts.get(partition));
            write_nodes(nodes, name, counts.unwrap_or(&none), listed(name), batch);
        }
    }
    if let Some((jobs, counts)) = &jobs {
        for name in &names {
            let counts = jobs.symbols.get(name).and_then(|partition| counts.get(partition));
            let JobCounts { running, pending } = counts.copied().unwrap_or_default();
            batch.family(&JOBS_RUNNING).sample(&[name], running);
            batch.family(&JOBS_PENDING).sample(&[name], pending);
        }
    }
}

#[derive(Debug)]
struct NodeCounts {
    capacity: Capacity,
    by_base: WordCounts,
    drained: u64,
    draining: u64,
}

impl NodeCounts {
    fn new() -> Self {
        Self {
            capacity: Capacity::default(),
            by_base: WordCounts::new(node_base::WORDS),
            drained: 0,
            draining: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct JobCounts {
    running: u64,
    pending: u64,
}

fn count_nodes(nodes: &Nodes, partitions: Option<&Partitions>) -> ByPartition<NodeCounts> {
    let up = partitions.map(|partitions| UpPartitions::new(nodes, partitions));
    let mut counts = ByPartition::new(&nodes.symbols);
    for node in &nodes.rows {
        let availability = Availability::of(node);
        for partition in nodes.partitions(node) {
            let is_up = up.as_ref().is_some_and(|up| up.contains(*partition));
            let counts = counts.of(*partition, NodeCounts::new);
            counts.capacity.add(nodes, node, availability.through(is_up));
            counts.by_base.add(node.state.base, 1);
            counts.drained += u64::from(node.is_drained());
            counts.draining += u64::from(node.is_draining());
        }
    }
    counts
}

fn count_jobs(jobs: &Jobs) -> ByPartition<JobCounts> {
    let mut counts = ByPartition::new(&jobs.symbols);
    for job in &jobs.rows {
        for partition in jobs.partitions(job) {
            let counts: &mut JobCounts = counts.of(*partition, JobCounts::default);
            if job.is_running() {
                counts.running += u64::from(job.tasks);
            } else if job.is_pending() {
                counts.pending += u64::from(job.tasks);
            }
        }
    }
    counts
}

fn write_configuration(partitions: &Partitions, batch: &mut Batch) {
    for row in &partitions.rows {
        let labels = [row.name.as_str()];
        let default = row.is_default.map_or("", |default| if default { "true" } else { "false" });
        batch.family(&INFO).sample(&[&row.name, &row.state, default], 1_u64);
        batch.family(&UP).sample(&labels, row.is_up());
        if let Some(nodes) = row.nodes_configured {
            batch.family(&NODES_CONFIGURED).sample(&labels, nodes);
        }
        if let Some(cpus) = row.cpus_configured {
            batch.family(&CPUS_CONFIGURED).sample(&labels, cpus);
        }
        if row.max_time_unlimited {
            batch.family(&MAX_TIME).sample(&labels, f64::INFINITY);
        } else if let Some(seconds) = row.max_time_seconds {
            batch.family(&MAX_TIME).sample(&labels, seconds);
        }
        if let Some(tier) = row.priority_tier {
            batch.family(&PRIORITY_TIER).sample(&labels, tier);
        }
    }
}

/// `state_known`: whether Slurm lists the partition, so that usable can be told from unusable.
fn write_nodes(nodes: &Nodes, partition: &str, counts: &NodeCounts, state_known: bool, batch: &mut Batch) {
    let capacity = &counts.capacity;
    for (family, value) in [
        (&NODES, capacity.nodes),
        (&NODES_IDLE, counts.by_base.get(node_base::IDLE)),
        (&NODES_ALLOCATED, counts.by_base.get(node_base::ALLOCATED)),
        (&NODES_MIXED, counts.by_base.get(node_base::MIXED)),
        (&NODES_DOWN, counts.by_base.get(node_base::DOWN)),
        (&NODES_DRAINED, counts.drained),
        (&NODES_DRAINING, counts.draining),
        (&CPUS, capacity.cpus_total),
        (&CPUS_ALLOCATED, capacity.cpus_allocated),
        (&CPUS_IDLE, capacity.cpus_idle),
        (&MEMORY, capacity.memory_total_bytes),
        (&MEMORY_ALLOCATED, capacity.memory_allocated_bytes),
    ] {
        batch.family(family).sample(&[partition], value);
    }
    if state_known {
        batch.family(&CPUS_USABLE_IDLE).sample(&[partition], capacity.cpus_usable_idle);
    }
    for (kind, gpus) in &capacity.gpus {
        let labels = [partition, gpu::type_label(nodes.symbols.resolve(*kind))];
        batch.family(&GPUS).sample(&labels, gpus.total);
        batch.family(&GPUS_ALLOCATED).sample(&labels, gpus.allocated);
        if state_known {
            batch.family(&GPUS_USABLE_IDLE).sample(&labels, gpus.usable_idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, NodesBuilder, partitions, samples, snapshot};

    #[test]
    fn configuration_is_told_as_it_is() {
        let mut read = partitions(&["batch up", "gpu drain"]);
        read.rows[0].is_default = Some(true);
        read.rows[1].max_time_seconds = None;
        read.rows[1].max_time_unlimited = true;
        read.rows[1].nodes_configured = None;
        read.rows[1].priority_tier = None;
        let found = samples(&COLLECTOR, &snapshot().partitions(read).build());
        assert_eq!(found[r#"slurm_partition_info{partition="batch",state="up",default="true"}"#], "1");
        assert_eq!(found[r#"slurm_partition_info{partition="gpu",state="drain",default=""}"#], "1");
        assert_eq!(found[r#"slurm_partition_up{partition="batch"}"#], "1");
        assert_eq!(found[r#"slurm_partition_up{partition="gpu"}"#], "0");
        assert_eq!(found[r#"slurm_partition_nodes_configured{partition="batch"}"#], "10");
        assert_eq!(found[r#"slurm_partition_max_time_seconds{partition="batch"}"#], "3600");
        assert_eq!(found[r#"slurm_partition_max_time_seconds{partition="gpu"}"#], "+Inf");
        assert!(!found.contains_key(r#"slurm_partition_nodes_configured{partition="gpu"}"#));
        assert!(!found.contains_key(r#"slurm_partition_priority_tier{partition="gpu"}"#));
    }

    #[test]
    fn a_node_counts_in_every_partition_it_lists() {
        let nodes = NodesBuilder::default()
            .node("n1", "mixed", "batch all", |node| node.cpus_allocated = 3)
            .node("n2", "idle drain", "all", |_| {})
            .node("n3", "allocated drain", "all", |node| node.cpus_allocated = 8)
            .node("n4", "down not_responding", "all", |_| {})
            .build();
        let found = samples(
            &COLLECTOR,
            &snapshot().nodes(nodes).partitions(partitions(&["batch up", "all up"])).build(),
        );
        for (name, batch, all) in [
            ("nodes_total", "1", "4"),
            ("nodes_idle", "0", "1"),
            ("nodes_allocated", "0", "1"),
            ("nodes_mixed", "1", "1"),
            ("nodes_down", "0", "1"),
            ("nodes_drained", "0", "1"),
            ("nodes_draining", "0", "1"),
            ("cpus_total", "8", "32"),
            ("cpus_allocated", "3", "11"),
            ("cpus_idle", "5", "21"),
            ("cpus_usable_idle", "5", "5"),
            ("memory_total_bytes", "1000", "4000"),
        ] {
            assert_eq!(found[&format!("slurm_partition_{name}{{partition=\"batch\"}}")], batch, "{name}");
            assert_eq!(found[&format!("slurm_partition_{name}{{partition=\"all\"}}")], all, "{name}");
        }
    }

    #[test]
    fn nothing_is_usable_through_a_partition_that_is_not_up() {
        let nodes = NodesBuilder::default()
            .node("n1", "idle", "batch closed", |_| {})
            .gres("gpu", "h100", 8, 2)
            .build();
        let found = samples(
            &COLLECTOR,
            &snapshot().nodes(nodes).partitions(partitions(&["batch up", "closed inactive"])).build(),
        );
        assert_eq!(found[r#"slurm_partition_cpus_usable_idle{partition="batch"}"#], "8");
        assert_eq!(found[r#"slurm_partition_cpus_usable_idle{partition="closed"}"#], "0");
        assert_eq!(found[r#"slurm_partition_gpus_usable_idle{partition="batch",gpu_type="h100"}"#], "6");
        assert_eq!(found[r#"slurm_partition_gpus_usable_idle{partition="closed",gpu_type="h100"}"#], "0");
        assert_eq!(found[r#"slurm_partition_gpus_total{partition="closed",gpu_type="h100"}"#], "8");
    }

    #[test]
    fn a_partition_without_nodes_or_jobs_is_complete_with_zeros() {
        let nodes = NodesBuilder::default().node("n1", "idle", "batch", |_| {}).build();
        let jobs = JobsBuilder::default().job("running", "batch", |_| {}).build();
        let read = partitions(&["batch up", "empty up"]);
        let found = samples(&COLLECTOR, &snapshot().nodes(nodes).jobs(jobs).partitions(read).build());
        let of = |name: &str| {
            let label = format!("partition=\"{name}\"");
            found.keys().filter(|series| series.contains(&label)).count()
        };
        assert_eq!(of("empty"), of("batch"));
        assert_eq!(found[r#"slurm_partition_nodes_total{partition="empty"}"#], "0");
        assert_eq!(found[r#"slurm_partition_cpus_usable_idle{partition="empty"}"#], "0");
        assert_eq!(found[r#"slurm_partition_jobs_pending{partition="empty"}"#], "0");
    }

    #[test]
    fn a_partition_that_only_rows_name_counts_but_its_state_is_unknown() {
        let nodes = NodesBuilder::default().node("n1", "idle", "hidden", |_| {}).build();
        let jobs = JobsBuilder::default().job("pending", "secret", |job| job.tasks = 4).build();
        let read = partitions(&["batch up"]);
        let found = samples(&COLLECTOR, &snapshot().nodes(nodes).jobs(jobs).partitions(read).build());
        assert_eq!(found[r#"slurm_partition_nodes_total{partition="hidden"}"#], "1");
        assert_eq!(found[r#"slurm_partition_jobs_pending{partition="hidden"}"#], "0");
        assert_eq!(found[r#"slurm_partition_jobs_pending{partition="secret"}"#], "4");
        for name in ["hidden", "secret"] {
            for family in ["up", "cpus_usable_idle"] {
                assert!(!found.contains_key(&format!("slurm_partition_{family}{{partition=\"{name}\"}}")));
            }
        }
    }

    #[test]
    fn families_without_their_reading_are_left_out() {
        let jobs = JobsBuilder::default().job("running configuring", "batch", |_| {}).build();
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs).build());
        assert_eq!(found.len(), 2);
        assert_eq!(found[r#"slurm_partition_jobs_running{partition="batch"}"#], "1");
        let nodes = NodesBuilder::default().node("n1", "idle", "batch", |_| {}).build();
        let found = samples(&COLLECTOR, &snapshot().nodes(nodes).build());
        assert!(found.keys().all(|series| !series.contains("usable") && !series.contains("_jobs_")));
    }
}
