//! What does not change while a cluster lives: node types, nodes, partitions, users, QOS.
//! Not here: states, allocations, jobs.

use super::hostlist;
use super::size::Size;

/// One kind of machine.
#[derive(Debug)]
pub struct NodeType {
    pub prefix: &'static str,
    pub cpus: u16,
    pub memory_mb: u32,
    pub gpus: u8,
    pub gpu_model: &'static str,
    pub features: &'static [&'static str],
    pub weight: u32,
    pub temporary_disk_mb: u32,
}

/// Sockets of every node type; cores are split evenly, one thread each.
pub const SOCKETS: u16 = 2;

/// In the order of the names, as slurmctld lists nodes.
pub const NODE_TYPES: [NodeType; 3] = [
    NodeType {
        prefix: "big",
        cpus: 128,
        memory_mb: 4_096_000,
        gpus: 0,
        gpu_model: "",
        features: &["bigmem"],
        weight: 500,
        temporary_disk_mb: 0,
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
    },
];
pub const BIG: usize = 0;
pub const CPU: usize = 1;
pub const GPU: usize = 2;

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
}

#[derive(Clone, Debug)]
pub struct Partition {
    pub name: String,
    /// Node indices, cheapest weight first: the order in which they are filled.
    pub nodes: Vec<u32>,
    /// `cpu[0001-0700]`
    pub hostlist: String,
    pub is_default: bool,
    pub default_minutes: Option<u32>,
    pub max_minutes: u32,
    pub tier: u16,
    pub cpus: u64,
    pub memory_mb: u64,
    pub gpus: u64,
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub uid: u32,
    /// Index into [`Inventory::accounts`].
    pub account: u16,
    pub association: u32,
    /// What fair share adds to the priority of this user's jobs.
    pub fair_share: u32,
}

#[derive(Debug)]
pub struct Qos {
    pub name: &'static str,
    pub priority: u32,
    /// The part of all CPUs that one user may hold in this QOS.
    pub user_cpu_share: Option<f64>,
}

pub const QOS: [Qos; 3] = [
    Qos { name: "normal", priority: 10_000, user_cpu_share: Some(0.4) },
    Qos { name: "high", priority: 50_000, user_cpu_share: None },
    Qos { name: "low", priority: 0, user_cpu_share: Some(0.1) },
];

const ACCOUNTS: [&str; 12] = [
    "physics",
    "bio",
    "chem",
    "ml",
    "climate",
    "astro",
    "engineering",
    "geo",
    "math",
    "medicine",
    "materials",
    "economics",
];

/// The fixed part of a cluster.
#[derive(Debug)]
pub struct Inventory {
    pub cluster: String,
    pub nodes: Vec<NodeSpec>,
    pub partitions: Vec<Partition>,
    pub users: Vec<User>,
    pub accounts: Vec<String>,
    pub cpus: u64,
    pub gpus: u64,
}

impl Inventory {
    pub fn new(size: &Size, cluster: &str) -> Self {
        let counts = [
            size.bigmem_nodes,
            size.nodes.saturating_sub(size.bigmem_nodes + size.gpu_nodes),
            size.gpu_nodes,
        ];
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
        let accounts = accounts(usize::from(size.users));
        let users = users(usize::from(size.users.max(1)), accounts.len());
        Self {
            cluster: cluster.to_owned(),
            cpus: nodes.iter().map(|node| u64::from(node.kind().cpus)).sum(),
            gpus: nodes.iter().map(|node| u64::from(node.kind().gpus)).sum(),
            nodes,
            partitions,
            users,
            accounts,
        }
    }

    pub fn node_type(&self, node: u32) -> &'static NodeType {
        self.nodes[node as usize].kind()
    }

    /// The index of the partition of that name.
    pub fn partition(&self, name: &str) -> Option<u16> {
        self.partitions.iter().position(|partition| partition.name == name).map(|index| index as u16)
    }
}

/// The first three are batch, gpu and bigmem, as far as such nodes exist; `all` spans every node;
/// more are departments, each with its own slice of the CPU nodes.
fn partitions(count: usize, nodes: &[NodeSpec]) -> Vec<Partition> {
    let of_kind = |kind: usize| -> Vec<u32> {
        (0..nodes.len() as u32).filter(|node| usize::from(nodes[*node as usize].kind) == kind).collect()
    };
    let mut all = of_kind(CPU);
    all.extend(of_kind(GPU));
    all.extend(of_kind(BIG));
    let mut drafts = Vec::new();
    let named = [("batch", CPU, 10_080, 10), ("gpu", GPU, 2_880, 20), ("bigmem", BIG, 1_440, 1)];
    for (name, kind, max_minutes, tier) in named {
        let members = of_kind(kind);
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
            cpus: members.iter().map(|node| u64::from(nodes[*node as usize].kind().cpus)).sum(),
            memory_mb: members.iter().map(|node| u64::from(nodes[*node as usize].kind().memory_mb)).sum(),
            gpus: members.iter().map(|node| u64::from(nodes[*node as usize].kind().gpus)).sum(),
            nodes: members,
        })
        .collect()
}

fn accounts(users: usize) -> Vec<String> {
    (0..(users / 6).clamp(3, 120))
        .map(|index| match index / ACCOUNTS.len() {
            0 => ACCOUNTS[index].to_owned(),
            round => format!("{}{}", ACCOUNTS[index % ACCOUNTS.len()], round + 1),
        })
        .collect()
}

fn users(count: usize, accounts: usize) -> Vec<User> {
    (0..count)
        .map(|index| User {
            name: format!("user{:03}", index + 1),
            uid: 1001 + index as u32,
            account: (index % accounts) as u16,
            association: 4 + index as u32,
            // Spread by a fixed rule: heavy users (low indices) have used up more of their share.
            fair_share: 1_000 + ((index * 7_919) % 4_000) as u32 + (4_000 * index / count) as u32,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_in_all_and_in_the_partition_of_its_type() {
        let inventory = Inventory::new(&Size::of(100, 10), "sim");
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
            let inventory = Inventory::new(&size, "sim");
            assert_eq!(inventory.partitions.len(), usize::from(count));
            assert!(inventory.partitions.iter().all(|partition| !partition.nodes.is_empty()));
            assert_eq!(inventory.partitions.iter().filter(|partition| partition.is_default).count(), 1);
        }
    }
}
