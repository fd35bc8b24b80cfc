//! v0.0.38 (Slurm 22.05): partitions are flat. Nodes and jobs differ only in names that the shared readers know.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::partition::{add, minutes_to_seconds};
use super::stream::read_value;
use super::{Api, finished_job, v0_0_40};
use crate::model::{Endpoint, Partition, Partitions};

pub(super) const API: Api = Api {
    version: "v0.0.38",
    absent: &[Endpoint::JobStates, Endpoint::DatabasePing, Endpoint::Shares],
    partition: read_partition,
    qos_member: "QOS",
    accounting_query: finished_job::query_v0_0_38,
    ..v0_0_40::API
};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(default)]
    total_nodes: Number,
    #[serde(default)]
    total_cpus: Number,
    /// Minutes; -1, or none, when unlimited.
    #[serde(default)]
    max_time_limit: Option<i64>,
    #[serde(default)]
    priority_tier: Number,
    #[serde(default, borrow)]
    flags: Vec<Text<'a>>,
}

fn read_partition(bytes: &[u8], table: &mut Partitions) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let minutes = wire.max_time_limit.and_then(|minutes| u64::try_from(minutes).ok());
    add(
        table,
        Partition {
            name: wire.name.ok_or(ValueError::Missing("name"))?.0.into_owned(),
            state: wire.state.ok_or(ValueError::Missing("state"))?.0.to_ascii_lowercase(),
            nodes_configured: wire.total_nodes.get(),
            cpus_configured: wire.total_cpus.get(),
            max_time_seconds: minutes.map(minutes_to_seconds),
            max_time_unlimited: minutes.is_none(),
            priority_tier: wire.priority_tier.get(),
            is_default: Some(wire.flags.iter().any(|flag| flag.0.eq_ignore_ascii_case("default"))),
        },
    )?;
    Ok(len)
}
