//! One node of `/nodes`, as v0.0.38 and v0.0.40 to v0.0.45 write it.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text, present};
use super::skim::Skimmer;
use super::words::{Words, sort};
use crate::model::node::{Gres, Node, Nodes};
use crate::model::state::{node_base, node_flag};
use crate::model::symbol::Run;
use crate::model::tres::parse_gres;
use crate::model::{Symbol, Symbols, Timestamp};

/// The rows so far, and what spares work between neighbours.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) nodes: Nodes,
    last_partitions: Run,
    last_gres: Run,
    last_features: Run,
    /// Reused for each node.
    flags: Vec<Symbol>,
    gres: Vec<Gres>,
    skimmer: Skimmer,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Words<'a>>,
    /// v0.0.38 only: the flags, apart from the base word.
    #[serde(default, borrow)]
    state_flags: Words<'a>,
    #[serde(borrow)]
    partitions: Option<Vec<Text<'a>>>,
    /// Separated by commas in v0.0.38.
    #[serde(default, borrow)]
    features: Words<'a>,
    cpus: Option<Number>,
    alloc_cpus: Option<Number>,
    /// Not before v0.0.40.
    #[serde(default)]
    effective_cpus: Number,
    #[serde(default)]
    specialized_memory: Number,
    #[serde(default)]
    cpu_load: Number,
    real_memory: Option<Number>,
    alloc_memory: Option<Number>,
    /// `free_memory` in v0.0.38.
    #[serde(default, alias = "free_memory")]
    free_mem: Number,
    /// Empty or null without any; every version writes both.
    #[serde(default, borrow, deserialize_with = "present")]
    gres: Option<Text<'a>>,
    #[serde(default, borrow, deserialize_with = "present")]
    gres_used: Option<Text<'a>>,
    #[serde(default, borrow)]
    reason: Text<'a>,
    #[serde(default, borrow)]
    reason_set_by_user: Text<'a>,
    #[serde(default)]
    reason_changed_at: Number,
    #[serde(default)]
    boot_time: Number,
    #[serde(default)]
    last_busy: Number,
    #[serde(default)]
    energy: Energy,
    #[serde(default)]
    weight: Number,
    #[serde(default, borrow)]
    architecture: Text<'a>,
    #[serde(default, borrow)]
    operating_system: Text<'a>,
    /// `slurmd_version` in v0.0.38.
    #[serde(default, borrow, alias = "slurmd_version")]
    version: Text<'a>,
}

#[derive(Default, Deserialize)]
struct Energy {
    #[serde(default)]
    current_watts: Number,
}

const MIB: u64 = 1 << 20;

/// Reads one node into the table.
pub(super) fn read(bytes: &[u8], table: &mut Table) -> Result<usize, ValueError> {
    let (wire, len) = table.skimmer.read::<Wire<'_>>(bytes)?;
    let nodes = &mut table.nodes;
    let symbols = &mut nodes.symbols;
    let name = wire.name.ok_or(ValueError::Missing("name"))?.0;
    let names_before = symbols.len();
    let symbol = symbols.intern(&name);
    // A new name needs no look-up; an old one may be another node's, or a partition's or a reason's.
    if symbols.len() == names_before && nodes.rows.iter().any(|node| node.name == symbol) {
        return Err(ValueError::Repeated { field: "name", value: name.into_owned() });
    }
    let name = symbol;
    let mut words = wire.state.ok_or(ValueError::Missing("state"))?;
    words.extend(wire.state_flags);
    let number = |value: Option<Number>, field| value.and_then(Number::get).ok_or(ValueError::Missing(field));
    let memory_total = number(wire.real_memory, "real_memory")?;
    let memory_allocated = number(wire.alloc_memory, "alloc_memory")?;
    let cpus_total = number(wire.cpus, "cpus")?;
    let cpus_allocated = number(wire.alloc_cpus, "alloc_cpus")?;
    // Without these sums would say 0 for what nobody knows.
    let partitions = wire.partitions.ok_or(ValueError::Missing("partitions"))?;
    let gres = wire.gres.ok_or(ValueError::Missing("gres"))?;
    let gres_used = wire.gres_used.ok_or(ValueError::Missing("gres_used"))?;

    table.flags.clear();
    let state = sort(&words, node_base::index_of, node_flag::index_of, |_| None, symbols, &mut table.flags);
    let row = u32::try_from(nodes.rows.len()).expect("fewer than 2^32 nodes fit in one answer");
    nodes.other_flags.extend(table.flags.iter().map(|flag| (row, *flag)));

    let partitions: Vec<_> = partitions.iter().map(|partition| symbols.intern(&partition.0)).collect();
    table.last_partitions = nodes.partition_lists.store(partitions, table.last_partitions);
    merge_gres(&mut table.gres, symbols, &gres.0, &gres_used.0);
    table.last_gres = nodes.gres_lists.store(table.gres.iter().copied(), table.last_gres);

    let features = wire.features.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty());
    let features: Vec<_> = features.map(|feature| symbols.intern(feature)).collect();
    table.last_features = nodes.feature_lists.store(features, table.last_features);

    let cpus = u32::try_from(cpus_total).unwrap_or(u32::MAX);
    nodes.rows.push(Node {
        name,
        state,
        partitions: table.last_partitions,
        gres: table.last_gres,
        features: table.last_features,
        cpus_total: cpus,
        cpus_allocated: u32::try_from(cpus_allocated).unwrap_or(u32::MAX),
        cpu_load_hundredths: wire.cpu_load.get_u32(),
        memory_total_bytes: memory_total.saturating_mul(MIB),
        cpus_effective: wire.effective_cpus.get().and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(cpus),
        memory_allocated_bytes: memory_allocated.saturating_mul(MIB),
        memory_effective_bytes: memory_total
            .saturating_sub(wire.specialized_memory.get().unwrap_or(0))
            .saturating_mul(MIB),
        memory_free_bytes: wire.free_mem.get().map(|mib| mib.saturating_mul(MIB)),
        reason: symbols.intern(&wire.reason.0),
        reason_user: symbols.intern(&wire.reason_set_by_user.0),
        reason_at: Timestamp::from_unix(wire.reason_changed_at.get()),
        boot_at: Timestamp::from_unix(wire.boot_time.get()),
        last_busy_at: Timestamp::from_unix(wire.last_busy.get()),
        // Without an energy plugin Slurm says 0 for every node, live or not.
        power_watts: wire.energy.current_watts.get_u32().filter(|watts| *watts > 0),
        weight: wire.weight.get_u32(),
        architecture: symbols.intern(&wire.architecture.0),
        operating_system: symbols.intern(&wire.operating_system.0),
        slurmd_version: symbols.intern(&wire.version.0),
    });
    Ok(len)
}

/// Joins what a node has with what of it is in use. What is used but not listed has a total of what is used.
fn merge_gres(merged: &mut Vec<Gres>, symbols: &mut Symbols, total: &str, used: &str) {
    merged.clear();
    for item in parse_gres(total) {
        let (name, kind) = (symbols.intern(item.name), symbols.intern(item.kind));
        merged.push(Gres { name, kind, total: item.count, allocated: 0 });
    }
    for item in parse_gres(used).into_iter().filter(|item| item.count > 0) {
        let (name, kind) = (symbols.intern(item.name), symbols.intern(item.kind));
        match merged.iter_mut().find(|known| known.name == name && known.kind == kind) {
            Some(known) => known.allocated = known.allocated.saturating_add(item.count),
            None => merged.push(Gres { name, kind, total: item.count, allocated: item.count }),
        }
    }
}
