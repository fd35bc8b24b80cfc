//! What does not change while a cluster lives: node types, nodes, partitions; and, collected, people, QOS and TRES.
//! Not here: states, allocations, jobs.

use super::accounts::{Account, Association, People, User, Wckey};
use super::hostlist;
use super::license::License;
use super::qos::{self, Qos};
use super::rooms::STRETCH;
use super::size::Size;
use super::tres::{self, TresKind};

/// One kind of machine.
#[derive(Debug)]
pub struct NodeType {
    pub prefix: &'static str,
    pub cpus: u16,
    pub memory_mb: u32,
    /// At most 8. A slice of a divided GPU (MIG) counts as one.
    pub gpus: u8,
    pub gpu_model: &'static str,
    pub features: &'static [&'static str],
    pub weight: u32,
    pub temporary_disk_mb: u32,
    /// Power without load, and what busy CPUs and GPUs add.
    pub idle_watts: u32,
    pub watts_per_cpu: u32,
    pub watts_per_gpu: u32,
}

/// Sockets of every node type; cores are split evenly, one thread each.
pub const SOCKETS: u16 = 2;

/// In the order of the names, as slurmctld lists nodes.
pub const NODE_TYPES: [NodeType; 6] = [
    NodeType {
        prefix: "big",
        cpus: 128,
        memory_mb: 4_096_000,
        gpus: 0,
        gpu_model: "",
        features: &["bigmem"],
        weight: 500,
        temporary_disk_mb: 0,
        idle_watts: 320,
        watts_per_cpu: 4,
        watts_per_gpu: 0,
    },
    NodeType {
        prefix: "cld",
        cpus: 32,
        memory_mb: 128_000,
        gpus: 0,
        gpu_model: "",
        features: &["cloud"],
        weight: 1_000,
        temporary_disk_mb: 0,
        idle_watts: 0,
        watts_per_cpu: 0,
        watts_per_gpu: 0,
    },
    NodeType {
        prefix: "cpu",
        cpus: 64,
        memory_mb: 256_000,
        gpus: 0,
        gpu_model: "",
        features: &["icelake", "ib"],
        weight: 10,
        temporary_disk_mb: 800_000,
        idle_watts: 140,
        watts_per_cpu: 5,
        watts_per_gpu: 0,
    },
    NodeType {
        prefix: "dgx",
        cpus: 128,
        memory_mb: 2_048_000,
        gpus: 8,
        gpu_model: "a100",
        features: &["gpu", "a100", "ib"],
        weight: 200,
        temporary_disk_mb: 0,
        idle_watts: 1_100,
        watts_per_cpu: 3,
        watts_per_gpu: 340,
    },
    NodeType {
        prefix: "gpu",
        cpus: 96,
        memory_mb: 1_024_000,
        gpus: 8,
        gpu_model: "h100",
        features: &["gpu", "h100", "ib"],
        weight: 100,
        temporary_disk_mb: 0,
        idle_watts: 1_300,
        watts_per_cpu: 4,
        watts_per_gpu: 600,
    },
    // Four A100, each divided into two.
    NodeType {
        prefix: "mig",
        cpus: 64,
        memory_mb: 512_000,
        gpus: 8,
        gpu_model: "a100_3g.20gb",
        features: &["gpu", "mig"],
        weight: 50,
        temporary_disk_mb: 0,
        idle_watts: 600,
        watts_per_cpu: 3,
        watts_per_gpu: 170,
    },
];
pub const BIG: usize = 0;
pub const CLOUD: usize = 1;
pub const CPU: usize = 2;
pub const DGX: usize = 3;
pub const GPU: usize = 4;
pub const MIG: usize = 5;

#[derive(Clone, Debug)]
pub struct NodeSpec {
    pub name: String,
    /// Index into [`NODE_TYPES`].
    pub kind: u8,
    /// Indices into [`Inventory::partitions`], ascending.
    pub partitions: Vec<u16>,
}

impl NodeSpec {
    pub fn kind(&self) -> &'static NodeType {
        &NODE_TYPES[usize::from(self.kind)]
    }

    pub fn is_cloud(&self) -> bool {
        usize::from(self.kind) == CLOUD
    }
}

/// The part of a partition's list of nodes that lies in one stretch.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) stretch: usize,
    /// A bit for each that belongs to the partition.
    pub(super) nodes: u64,
    /// A bit for each of [`NODE_TYPES`] among them.
    pub(super) kinds: u8,
}

#[derive(Clone, Debug)]
pub struct Partition {
    pub name: String,
    /// Node indices, cheapest weight first: the order in which they are filled.
    pub nodes: Vec<u32>,
    /// The same in stretches of neighbours, from the lowest index in each.
    pub(super) spans: Vec<Span>,
    /// `cpu[0001-0700]`
    pub hostlist: String,
    pub is_default: bool,
    pub default_minutes: Option<u32>,
    pub max_minutes: u32,
    pub tier: u16,
    /// `PriorityJobFactor`.
    pub job_factor: u16,
    pub cpus: u64,
    pub memory_mb: u64,
    pub gpus: u64,
    pub gpu_models: Vec<(&'static str, u64)>,
}

/// The fixed part of a cluster.
#[derive(Debug)]
pub struct Inventory {
    pub cluster: String,
    pub nodes: Vec<NodeSpec>,
    pub partitions: Vec<Partition>,
    /// The largest `PriorityJobFactor`.
    pub most_job_factor: u16,
    /// Ordinary users, then root.
    pub users: Vec<User>,
    /// The first is root.
    pub accounts: Vec<Account>,
    /// The first is the account root; parents come before children.
    pub associations: Vec<Association>,
    pub wckeys: Vec<Wckey>,
    pub qos: Vec<Qos>,
    pub tres: Vec<TresKind>,
    pub cpus: u64,
    pub gpus: u64,
    pub gpu_models: Vec<(&'static str, u64)>,
    /// Node indices: those that are powered down when idle.
    pub powered_on_demand: Vec<u32>,
    /// Whether nodes measure their power.
    pub has_power_readings: bool,
}

impl Inventory {
    pub fn new(size: &Size, cluster: &str, licenses: &[License]) -> Self {
        let mut counts = [0; NODE_TYPES.len()];
        for (kind, count) in [
            (BIG, size.bigmem_nodes),
            (CLOUD, size.cloud_nodes),
            (DGX, size.dgx_nodes),
            (GPU, size.gpu_nodes),
            (MIG, size.mig_nodes),
        ] {
            counts[kind] = count;
        }
        counts[CPU] = size.nodes.saturating_sub(counts.iter().sum());
        let width = if size.nodes > 9_999 { 5 } else { 4 };
        let mut nodes = Vec::with_capacity(size.nodes as usize);
        for (kind, count) in counts.iter().enumerate() {
            let prefix = NODE_TYPES[kind].prefix;
            nodes.extend((1..=*count).map(|number| NodeSpec {
                name: format!("{prefix}{number:0width$}"),
                kind: kind as u8,
                partitions: Vec::new(),
            }));
        }
        let partitions = partitions(usize::from(size.partitions.max(1)), &nodes);
        for (index, partition) in partitions.iter().enumerate() {
            for node in &partition.nodes {
                nodes[*node as usize].partitions.push(index as u16);
            }
        }
        let cpus = nodes.iter().map(|node| u64::from(node.kind().cpus)).sum();
        let everything: Vec<u32> = (0..nodes.len() as u32).collect();
        let gpu_models = gpu_models(&everything, &nodes);
        let gpus = gpu_models.iter().map(|(_, count)| count).sum();
        let people = People::new(usize::from(size.users.max(1)), cpus, gpus);
        Self {
            cluster: cluster.to_owned(),
            powered_on_demand: everything
                .into_iter()
                .filter(|node| {
                    let spec = &nodes[*node as usize];
                    spec.is_cloud() || (size.power_saving && usize::from(spec.kind) == CPU)
                })
                .collect(),
            tres: tres::list(&nodes, &gpu_models, licenses),
            qos: qos::list(cpus),
            cpus,
            gpus,
            gpu_models,
            nodes,
            most_job_factor: partitions.iter().map(|partition| partition.job_factor).max().unwrap_or(1),
            partitions,
            users: people.users,
            accounts: people.accounts,
            associations: people.associations,
            wckeys: people.wckeys,
            has_power_readings: size.power_readings,
        }
    }

    pub fn node_type(&self, node: u32) -> &'static NodeType {
        self.nodes[node as usize].kind()
    }

    /// All nodes in Slurm's short form.
    pub fn hostlist(&self) -> String {
        hostlist::compress(self.nodes.iter().map(|node| node.name.as_str()))
    }

    /// The index of the node of that name.
    pub fn node(&self, name: &str) -> Option<u32> {
        self.nodes.iter().position(|node| node.name == name).map(|index| index as u32)
    }

    /// Users who submit jobs: all but root.
    pub fn ordinary_users(&self) -> usize {
        self.users.len() - 1
    }

    /// The account of an association.
    pub fn account_of(&self, association: u32) -> &Account {
        &self.accounts[usize::from(self.associations[association as usize].account)]
    }

    /// The index of the partition of that name.
    pub fn partition(&self, name: &str) -> Option<u16> {
        self.partitions.iter().position(|partition| partition.name == name).map(|index| index as u16)
    }
}

fn spans(members: &[u32], nodes: &[NodeSpec]) -> Vec<Span> {
    let stretch = |node: &u32| *node as usize / STRETCH;
    let parts = members.chunk_by(|one, next| stretch(one) == stretch(next) && one < next);
    parts
        .map(|part| Span {
            stretch: stretch(&part[0]),
            nodes: part.iter().map(|node| 1 << (*node as usize % STRETCH)).sum(),
            kinds: part.iter().fold(0, |kinds, node| kinds | 1 << nodes[*node as usize].kind),
        })
        .collect()
}

/// GPUs of these nodes by model, in the order of the node types.
fn gpu_models(members: &[u32], nodes: &[NodeSpec]) -> Vec<(&'static str, u64)> {
    let of_kind = |kind: &NodeType| {
        let with = members.iter().filter(|node| nodes[**node as usize].kind().prefix == kind.prefix);
        (kind.gpu_model, with.count() as u64 * u64::from(kind.gpus))
    };
    NODE_TYPES.iter().filter(|kind| kind.gpus > 0).map(of_kind).filter(|(_, count)| *count > 0).collect()
}

/// The first are batch, gpu, mig, bigmem and cloud, as far as such nodes exist; `all` spans every node;
/// more are departments, each with its own slice of the CPU nodes.
fn partitions(count: usize, nodes: &[NodeSpec]) -> Vec<Partition> {
    let of_kind = |kind: usize| -> Vec<u32> {
        (0..nodes.len() as u32).filter(|node| usize::from(nodes[*node as usize].kind) == kind).collect()
    };
    let of_kinds = |kinds: &[usize]| -> Vec<u32> { kinds.iter().flat_map(|kind| of_kind(*kind)).collect() };
    // In the order of the weights.
    let all = of_kinds(&[CPU, MIG, GPU, DGX, BIG, CLOUD]);
    let mut drafts = Vec::new();
    let named: [(&str, &[usize], u32, u16); 5] = [
        ("batch", &[CPU], 10_080, 10),
        ("gpu", &[GPU, DGX], 2_880, 20),
        ("mig", &[MIG], 1_440, 20),
        ("bigmem", &[BIG], 1_440, 1),
        ("cloud", &[CLOUD], 2_880, 1),
    ];
    for (name, kinds, max_minutes, tier) in named {
        let members = of_kinds(kinds);
        if !members.is_empty() && drafts.len() + 1 < count {
            drafts.push((name.to_owned(), members, max_minutes, tier));
        }
    }
    drafts.push(("all".to_owned(), all.clone(), 2_880, 1));
    let departments = count.saturating_sub(drafts.len());
    let pool = if of_kind(CPU).is_empty() { all } else { of_kind(CPU) };
    for number in 0..departments {
        let (from, to) = (number * pool.len() / departments, (number + 1) * pool.len() / departments);
        let members = if from < to { pool[from..to].to_vec() } else { pool[..pool.len().min(1)].to_vec() };
        drafts.push((format!("dept{:02}", number + 1), members, 4_320, 5));
    }
    drafts
        .into_iter()
        .enumerate()
        .map(|(index, (name, members, max_minutes, tier))| Partition {
            hostlist: hostlist::compress(members.iter().map(|node| nodes[*node as usize].name.as_str())),
            name,
            is_default: index == 0,
            default_minutes: (index == 0).then_some(60),
            max_minutes,
            tier,
            job_factor: if tier > 1 { 1 + tier / 10 } else { 1 },
            cpus: members.iter().map(|node| u64::from(nodes[*node as usize].kind().cpus)).sum(),
            memory_mb: members.iter().map(|node| u64::from(nodes[*node as usize].kind().memory_mb)).sum(),
            gpus: members.iter().map(|node| u64::from(nodes[*node as usize].kind().gpus)).sum(),
            gpu_models: gpu_models(&members, nodes),
            spans: spans(&members, nodes),
            nodes: members,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_in_all_and_in_the_partition_of_its_type() {
        let inventory = Inventory::new(&Size::of(100, 10), "sim", &[]);
        let all = inventory.partition("all").expect("partition all");
        let gpu = inventory.partition("gpu").expect("partition gpu");
        assert_eq!(inventory.nodes.len(), 100);
        for node in &inventory.nodes {
            assert!(node.partitions.contains(&all));
            assert_eq!(node.partitions.contains(&gpu), node.name.starts_with("gpu"));
        }
        assert_eq!(inventory.partitions[usize::from(gpu)].hostlist, "gpu[0001-0010]");
        assert_eq!(inventory.partitions[usize::from(gpu)].gpus, 80);
    }

    #[test]
    fn any_number_of_partitions_has_nodes_in_each() {
        for count in [1, 2, 3, 4, 5, 17, 64] {
            let size = Size { partitions: count, ..Size::of(20, 10) };
            let inventory = Inventory::new(&size, "sim", &[]);
            assert_eq!(inventory.partitions.len(), usize::from(count));
            assert!(inventory.partitions.iter().all(|partition| !partition.nodes.is_empty()));
            assert_eq!(inventory.partitions.iter().filter(|partition| partition.is_default).count(), 1);
        }
    }
}
