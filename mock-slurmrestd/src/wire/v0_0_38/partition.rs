//! An element of `/partitions` in v0.0.38.
//! Not here: later versions (../partition.rs).

use super::super::json::{Json, Sink, key};
use super::super::partition::configured;
use crate::cluster::inventory::Partition;

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, partition: &Partition) {
    json.open_element();
    json.words(key!("flags"), partition.is_default.then_some("default"));
    json.words(key!("preemption_mode"), ["disabled"]);
    json.str(key!("allowed_allocation_nodes"), "");
    json.str(key!("allowed_accounts"), "");
    json.str(key!("allowed_groups"), "");
    json.str(key!("allowed_qos"), "");
    json.str(key!("alternative"), "");
    json.str(key!("billing_weights"), "");
    json.null(key!("default_memory_per_cpu"));
    json.null(key!("default_memory_per_node"));
    json.int_or_null(key!("default_time_limit"), partition.default_minutes.map(u64::from));
    json.str(key!("denied_accounts"), "");
    json.str(key!("denied_qos"), "");
    json.int(key!("preemption_grace_time"), 0u64);
    // INFINITE of a 32-bit field, leaked.
    json.signed(key!("maximum_cpus_per_node"), -1);
    json.null(key!("maximum_memory_per_cpu"));
    json.null(key!("maximum_memory_per_node"));
    json.signed(key!("maximum_nodes_per_job"), -1);
    json.int(key!("max_time_limit"), partition.max_minutes);
    json.int(key!("min nodes per job"), 0u64);
    json.str(key!("name"), &partition.name);
    json.str(key!("nodes"), &partition.hostlist);
    json.null(key!("over_time_limit"));
    json.int(key!("priority_job_factor"), 1u64);
    json.int(key!("priority_tier"), partition.tier);
    json.str(key!("qos"), "");
    json.str(key!("state"), "UP");
    json.int(key!("total_cpus"), partition.cpus);
    json.int(key!("total_nodes"), partition.nodes.len() as u64);
    json.str(key!("tres"), &configured(partition));
    json.close_object();
}
