//! The table of trackable resources that slurmdbd keeps: numbers, types, names and the cluster's totals.
//! Not here: amounts of jobs (resources.rs).

use super::inventory::NodeSpec;
use super::license::License;

/// One line of `sacctmgr show tres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TresKind {
    pub id: u32,
    /// `cpu`, `gres`, `license`
    pub kind: &'static str,
    /// `gpu:h100`; empty for kinds of which there is one.
    pub name: String,
    /// What the whole cluster has.
    pub total: u64,
}

/// What slurmdbd adds from 1001 on is numbered in the order of the configuration.
const FIRST_OF_SITE: u32 = 1_001;

pub(super) fn list(
    nodes: &[NodeSpec],
    gpu_models: &[(&'static str, u64)],
    licenses: &[License],
) -> Vec<TresKind> {
    let sum = |of: fn(&NodeSpec) -> u64| nodes.iter().map(of).sum::<u64>();
    let cpus = sum(|node| node.kind().cpus.into());
    let fixed = [
        (1, "cpu", "", cpus),
        (2, "mem", "", sum(|node| node.kind().memory_mb.into())),
        (3, "energy", "", 0),
        (4, "node", "", nodes.len() as u64),
        (5, "billing", "", cpus),
        (6, "fs", "disk", 0),
        (7, "vmem", "", 0),
        (8, "pages", "", 0),
    ];
    let mut list: Vec<TresKind> = fixed
        .into_iter()
        .map(|(id, kind, name, total)| TresKind { id, kind, name: name.to_owned(), total })
        .collect();
    let gpus = gpu_models.iter().map(|(_, count)| count).sum();
    let site = std::iter::once(("gres", "gpu".to_owned(), gpus))
        .chain(gpu_models.iter().map(|(model, count)| ("gres", format!("gpu:{model}"), *count)))
        .chain([("gres", "gpumem".to_owned(), 0), ("gres", "gpuutil".to_owned(), 0)])
        .chain(licenses.iter().map(|license| ("license", license.name.to_owned(), license.total.into())));
    list.extend((FIRST_OF_SITE..).zip(site).map(|(id, (kind, name, total))| TresKind {
        id,
        kind,
        name,
        total,
    }));
    list
}
