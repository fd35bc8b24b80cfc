//! Nodes: each one's resources, load, software and history; their state words are in `node_states`.
//! What the cluster or a partition has in sum is counted by those collectors.

use super::settings::NodeSettings;
use super::{Collector, Settings, gauge, gpu, node_states};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::state::node_flag;
use crate::model::{Endpoint, Node, Nodes, Snapshot, Symbol};

pub(super) const COLLECTOR: Collector = Collector {
    name: "nodes",
    needs: &[Endpoint::Nodes],
    families: &[
        &node_states::NODES,
        &node_states::FLAGGED,
        &CPUS,
        &CPUS_ALLOCATED,
        &CPUS_IDLE,
        &CPU_LOAD,
        &MEMORY,
        &MEMORY_ALLOCATED,
        &MEMORY_FREE,
        &GPUS,
        &GPUS_ALLOCATED,
        &GRES,
        &GRES_ALLOCATED,
        &node_states::STATE,
        &INFO,
        &DRAIN_INFO,
        &DRAINED_AT,
        &BOOTED_AT,
        &LAST_BUSY_AT,
        &POWER,
        &WEIGHT,
        &FEATURES,
        &node_states::STATE_SECONDS,
        &node_states::TRANSITIONS,
    ],
    collect,
};

static CPUS: Desc = per_node("slurm_node_cpus_total", "CPUs of the node.", Unit::None);
static CPUS_ALLOCATED: Desc =
    per_node("slurm_node_cpus_allocated", "CPUs of the node that jobs hold.", Unit::None);
static CPUS_IDLE: Desc = per_node(
    "slurm_node_cpus_idle",
    "CPUs of the node that no job holds, also when it is down or drained.",
    Unit::None,
);
static CPU_LOAD: Desc =
    per_node("slurm_node_cpu_load", "Load average of the node as its kernel counts it.", Unit::None);
static MEMORY: Desc =
    per_node("slurm_node_memory_total_bytes", "Memory of the node in bytes as configured.", Unit::Bytes);
static MEMORY_ALLOCATED: Desc =
    per_node("slurm_node_memory_allocated_bytes", "Memory of the node in bytes that jobs hold.", Unit::Bytes);
static MEMORY_FREE: Desc = per_node(
    "slurm_node_memory_free_bytes",
    "Memory in bytes that the node's kernel calls free, whatever is allocated.",
    Unit::Bytes,
);
static GPUS: Desc = gauge(
    "slurm_node_gpus_total",
    "GPUs of the node by type.",
    Unit::None,
    &["node", "gpu_type"],
    Level::Important,
);
static GPUS_ALLOCATED: Desc = gauge(
    "slurm_node_gpus_allocated",
    "GPUs of the node that jobs hold, by type.",
    Unit::None,
    &["node", "gpu_type"],
    Level::Important,
);
static GRES: Desc = gauge(
    "slurm_node_gres_total",
    "Generic resources of the node by name and type, MIG slices and shards among them.",
    Unit::None,
    &["node", "gres", "type"],
    Level::Important,
);
static GRES_ALLOCATED: Desc = gauge(
    "slurm_node_gres_allocated",
    "Generic resources of the node that jobs hold, by name and type.",
    Unit::None,
    &["node", "gres", "type"],
    Level::Important,
);
static INFO: Desc = gauge(
    "slurm_node_info",
    "Always 1, with the node's architecture, operating system and slurmd release.",
    Unit::None,
    &["node", "arch", "os", "slurmd_version"],
    Level::Important,
);
static DRAIN_INFO: Desc = gauge(
    "slurm_node_drain_info",
    "Always 1 for a node with DRAIN, with the reason and the user who gave it.",
    Unit::None,
    &["node", "reason", "user"],
    Level::Important,
);
static DRAINED_AT: Desc = per_node(
    "slurm_node_drain_timestamp_seconds",
    "When the reason of a node with DRAIN was given, in Unix seconds.",
    Unit::Seconds,
);
static BOOTED_AT: Desc =
    per_node("slurm_node_boot_timestamp_seconds", "When the node booted, in Unix seconds.", Unit::Seconds);
static LAST_BUSY_AT: Desc = per_node(
    "slurm_node_last_busy_timestamp_seconds",
    "When the node last had a job, in Unix seconds.",
    Unit::Seconds,
);
static POWER: Desc =
    per_node("slurm_node_power_watts", "Power in watts that the node's sensor measures.", Unit::None);
static WEIGHT: Desc = per_node(
    "slurm_node_weight",
    "Scheduling weight of the node; of nodes that fit the lowest is taken first.",
    Unit::None,
);

static FEATURES: Desc = gauge(
    "slurm_node_feature",
    "Always 1, one series for each feature that the node is configured with, active or not.",
    Unit::None,
    &["node", "feature"],
    Level::Important,
);

const fn per_node(name: &'static str, help: &'static str, unit: Unit) -> Desc {
    gauge(name, help, unit, &["node"], Level::Important)
}

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    if let Some(nodes) = &snapshot.nodes {
        let is_chosen: Vec<_> =
            nodes.rows.iter().map(|node| is_chosen(nodes, node, &settings.nodes)).collect();
        let chosen = nodes.rows.iter().zip(&is_chosen).filter(|(_, chosen)| **chosen).map(|(node, _)| node);
        let chosen: Vec<_> = chosen.collect();
        node_states::write_sums(nodes, &snapshot.node_totals, batch);
        node_states::write_states(nodes, &is_chosen, batch);
        write_amounts(nodes, &chosen, batch);
        write_gres(nodes, &chosen, batch);
        write_facts(nodes, &chosen, batch);
        if settings.nodes.include_features {
            write_features(nodes, &chosen, batch);
        }
    }
}

/// Whether a node has series of its own.
fn is_chosen(nodes: &Nodes, node: &Node, settings: &NodeSettings) -> bool {
    let NodeSettings { partitions, states, .. } = settings;
    let resolve = |symbol: &Symbol| nodes.symbols.resolve(*symbol);
    let is_in =
        partitions.is_all() || nodes.partitions(node).iter().any(|name| partitions.allows(resolve(name)));
    is_in && (states.is_all() || node_states::words(nodes, node).any(|word| states.allows(word)))
}

fn write_features(nodes: &Nodes, chosen: &[&Node], batch: &mut Batch) {
    let family = batch.family(&FEATURES);
    for node in chosen {
        let features = nodes.features(node);
        for (at, feature) in features.iter().enumerate() {
            // Twice configured is still one feature.
            if !features[..at].contains(feature) {
                family.sample(&[nodes.symbols.resolve(node.name), nodes.symbols.resolve(*feature)], 1_u64);
            }
        }
    }
}

fn write_amounts(nodes: &Nodes, chosen: &[&Node], batch: &mut Batch) {
    let [cpus, cpus_allocated, cpus_idle, cpu_load, memory, memory_allocated, memory_free, power, weight] =
        batch.families([
            &CPUS,
            &CPUS_ALLOCATED,
            &CPUS_IDLE,
            &CPU_LOAD,
            &MEMORY,
            &MEMORY_ALLOCATED,
            &MEMORY_FREE,
            &POWER,
            &WEIGHT,
        ]);
    for node in chosen {
        let labels = [nodes.symbols.resolve(node.name)];
        cpus.sample(&labels, node.cpus_total);
        cpus_allocated.sample(&labels, node.cpus_allocated);
        cpus_idle.sample(&labels, node.cpus_total.saturating_sub(node.cpus_allocated));
        if let Some(hundredths) = node.cpu_load_hundredths {
            cpu_load.sample(&labels, f64::from(hundredths) / 100.0);
        }
        memory.sample(&labels, node.memory_total_bytes);
        memory_allocated.sample(&labels, node.memory_allocated_bytes);
        if let Some(free) = node.memory_free_bytes {
            memory_free.sample(&labels, free);
        }
        if let Some(watts) = node.power_watts {
            power.sample(&labels, watts);
        }
        if let Some(value) = node.weight {
            weight.sample(&labels, value);
        }
    }
}

fn write_gres(nodes: &Nodes, chosen: &[&Node], batch: &mut Batch) {
    let [gpus, gpus_allocated, gres_total, gres_allocated] =
        batch.families([&GPUS, &GPUS_ALLOCATED, &GRES, &GRES_ALLOCATED]);
    for node in chosen {
        let name = nodes.symbols.resolve(node.name);
        for gres in gpu::of_node(nodes, node) {
            let labels = [name, gpu::type_label(nodes.symbols.resolve(gres.kind))];
            gpus.sample(&labels, gres.total);
            gpus_allocated.sample(&labels, gres.allocated);
        }
        for gres in nodes.gres(node) {
            let labels = [name, nodes.symbols.resolve(gres.name), nodes.symbols.resolve(gres.kind)];
            gres_total.sample(&labels, gres.total);
            gres_allocated.sample(&labels, gres.allocated);
        }
    }
}

fn write_facts(nodes: &Nodes, chosen: &[&Node], batch: &mut Batch) {
    let [info, drain_info, drained_at, booted_at, last_busy_at] =
        batch.families([&INFO, &DRAIN_INFO, &DRAINED_AT, &BOOTED_AT, &LAST_BUSY_AT]);
    let resolve = |symbol| nodes.symbols.resolve(symbol);
    for node in chosen {
        let name = resolve(node.name);
        let software = [node.architecture, node.operating_system, node.slurmd_version].map(resolve);
        let [architecture, operating_system, slurmd] = software;
        info.sample(&[name, architecture, operating_system, slurmd], 1_u64);
        if is_drain(node) {
            if !node.reason.is_empty() {
                drain_info.sample(&[name, resolve(node.reason), resolve(node.reason_user)], 1_u64);
            }
            if let Some(seconds) = node.reason_at.get() {
                drained_at.sample(&[name], seconds);
            }
        }
        if let Some(seconds) = node.boot_at.get() {
            booted_at.sample(&[name], seconds);
        }
        if let Some(seconds) = node.last_busy_at.get() {
            last_busy_at.sample(&[name], seconds);
        }
    }
}

fn is_drain(node: &Node) -> bool {
    node.state.has_flag(node_flag::DRAIN)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::collectors::settings::Only;
    use crate::collectors::test_cluster::{NodesBuilder, samples, samples_with, snapshot};
    use crate::model::Timestamp;

    fn read(nodes: NodesBuilder) -> BTreeMap<String, String> {
        samples(&COLLECTOR, &snapshot().nodes(nodes.build()).build())
    }

    fn starting(found: &BTreeMap<String, String>, prefix: &str) -> Vec<String> {
        found.keys().filter(|series| series.starts_with(prefix)).cloned().collect()
    }

    #[test]
    fn amounts_are_in_base_units_and_idle_is_what_is_not_allocated() {
        let found = read(NodesBuilder::default().node("n1", "down", "a", |node| {
            node.cpus_allocated = 3;
            node.cpu_load_hundredths = Some(1161);
            node.memory_allocated_bytes = 400;
            node.memory_free_bytes = Some(550);
            node.power_watts = Some(240);
            node.weight = Some(7);
        }));
        for (name, value) in [
            ("cpus_total", "8"),
            ("cpus_allocated", "3"),
            ("cpus_idle", "5"),
            ("cpu_load", "11.61"),
            ("memory_total_bytes", "1000"),
            ("memory_allocated_bytes", "400"),
            ("memory_free_bytes", "550"),
            ("power_watts", "240"),
            ("weight", "7"),
        ] {
            assert_eq!(found[&format!("slurm_node_{name}{{node=\"n1\"}}")], value, "{name}");
        }
    }

    #[test]
    fn what_is_unknown_is_no_series() {
        let found = read(NodesBuilder::default().node("n1", "idle", "a", |_| {}));
        for name in [
            "cpu_load",
            "memory_free_bytes",
            "power_watts",
            "drain_timestamp_seconds",
            "boot_timestamp_seconds",
            "last_busy_timestamp_seconds",
            "drain_info",
            "gpus_total",
            "gres_total",
        ] {
            assert_eq!(starting(&found, &format!("slurm_node_{name}")), Vec::<String>::new());
        }
    }

    #[test]
    fn gpus_are_whole_ones_and_gres_is_everything() {
        let found = read(
            NodesBuilder::default()
                .node("n1", "mixed", "a", |_| {})
                .gres("gpu", "h100", 8, 6)
                .gres("gpu", "", 2, 1)
                .gres("gpu", "1g.10gb", 7, 2)
                .gres("shard", "", 16, 4),
        );
        assert_eq!(found[r#"slurm_node_gpus_total{node="n1",gpu_type="h100"}"#], "8");
        assert_eq!(found[r#"slurm_node_gpus_allocated{node="n1",gpu_type="any"}"#], "1");
        assert_eq!(found[r#"slurm_node_gres_total{node="n1",gres="gpu",type="1g.10gb"}"#], "7");
        assert_eq!(found[r#"slurm_node_gres_allocated{node="n1",gres="shard",type=""}"#], "4");
        assert_eq!(starting(&found, "slurm_node_gpus_total").len(), 2);
        assert_eq!(starting(&found, "slurm_node_gres_total").len(), 4);
    }

    #[test]
    fn drain_info_is_for_nodes_with_drain_only() {
        let reason_at = |node: &mut Node| node.reason_at = Timestamp::from_unix(Some(1_795_000_000));
        let found = read(
            NodesBuilder::default()
                .node("n1", "idle drain", "a", reason_at)
                .reason("bad dimm", "root")
                .node("n2", "down", "a", reason_at)
                .reason("Not responding", "slurm")
                .node("n3", "idle drain", "a", |_| {}),
        );
        assert_eq!(
            starting(&found, "slurm_node_drain_info"),
            [r#"slurm_node_drain_info{node="n1",reason="bad dimm",user="root"}"#]
        );
        assert_eq!(found[r#"slurm_node_drain_timestamp_seconds{node="n1"}"#], "1795000000");
        assert_eq!(starting(&found, "slurm_node_drain_timestamp_seconds").len(), 1);
    }

    #[test]
    fn a_node_tells_its_software_and_its_times() {
        let found = read(
            NodesBuilder::default()
                .node("n1", "idle", "a", |node| {
                    node.boot_at = Timestamp::from_unix(Some(100));
                    node.last_busy_at = Timestamp::from_unix(Some(200));
                })
                .software("x86_64", "Linux 6.1", "24.11.5"),
        );
        let info = r#"slurm_node_info{node="n1",arch="x86_64",os="Linux 6.1",slurmd_version="24.11.5"}"#;
        assert_eq!(found[info], "1");
        assert_eq!(found[r#"slurm_node_boot_timestamp_seconds{node="n1"}"#], "100");
        assert_eq!(found[r#"slurm_node_last_busy_timestamp_seconds{node="n1"}"#], "200");
    }

    #[test]
    fn a_choice_of_nodes_leaves_the_sums_alone() {
        let nodes = NodesBuilder::default()
            .node("n1", "idle drain", "a b", |_| {})
            .node("n2", "idle", "b", |_| {})
            .node("n3", "mixed", "a", |_| {})
            .build();
        let snapshot = snapshot().nodes(nodes).build();
        let shown = |partitions: &[&str], states: &[&str]| {
            let only = |words: &[&str]| Only(words.iter().map(|word| (*word).to_owned()).collect());
            let nodes = NodeSettings {
                partitions: only(partitions),
                states: only(states),
                ..NodeSettings::default()
            };
            let found = samples_with(&COLLECTOR, &snapshot, &Settings { nodes, ..Settings::default() });
            assert_eq!(found[r#"slurm_nodes_total{state="idle"}"#], "2");
            let names = ["n1", "n2", "n3"];
            names
                .into_iter()
                .filter(|name| found.keys().any(|series| series.contains(name)))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&[], &[]), ["n1", "n2", "n3"]);
        assert_eq!(shown(&["a"], &[]), ["n1", "n3"]);
        assert_eq!(shown(&[], &["drain", "mixed"]), ["n1", "n3"]);
        assert_eq!(shown(&["b"], &["drained"]), ["n1"]);
    }

    #[test]
    fn features_are_series_only_where_they_are_asked_for() {
        let nodes = NodesBuilder::default().node("n1", "idle", "a", |_| {}).features("avx ib avx").build();
        let snapshot = snapshot().nodes(nodes).build();
        let mut settings = Settings::default();
        assert_eq!(starting(&samples_with(&COLLECTOR, &snapshot, &settings), "slurm_node_feature").len(), 0);
        settings.nodes.include_features = true;
        let found = samples_with(&COLLECTOR, &snapshot, &settings);
        assert_eq!(found[r#"slurm_node_feature{node="n1",feature="ib"}"#], "1");
        assert_eq!(starting(&found, "slurm_node_feature").len(), 2);
    }
}
