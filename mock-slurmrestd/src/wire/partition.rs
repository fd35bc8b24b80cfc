//! An element of `/partitions`.
//! Not here: what a partition allows; the model only limits time.

use super::json::{Json, NoVal, Sink, key};
use super::tres::Tres;
use super::version::ApiVersion;
use crate::cluster::inventory::Partition;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, partition: &Partition, api: ApiVersion) {
    json.open_element();
    json.open_object(key!("nodes"));
    json.str(key!("allowed_allocation"), "");
    json.str(key!("configured"), &partition.hostlist);
    json.int(key!("total"), partition.nodes.len() as u64);
    json.close_object();
    json.open_object(key!("accounts"));
    json.str(key!("allowed"), "");
    json.str(key!("deny"), "");
    json.close_object();
    json.open_object(key!("groups"));
    json.str(key!("allowed"), "");
    json.close_object();
    json.open_object(key!("qos"));
    json.str(key!("allowed"), "");
    json.str(key!("deny"), "");
    json.str(key!("assigned"), "");
    json.close_object();
    json.str(key!("alternate"), "");
    json.open_object(key!("tres"));
    json.str(key!("billing_weights"), "");
    json.str(key!("configured"), &configured(partition));
    json.close_object();
    json.str(key!("cluster"), "");
    if api >= ApiVersion::V0_0_45 {
        json.words(key!("select_type"), ["NONE"]);
    } else if api >= ApiVersion::V0_0_41 {
        json.empty_list(key!("select_type"));
    }
    json.open_object(key!("cpus"));
    if api >= ApiVersion::V0_0_45 {
        json.empty_list(key!("task_binding"));
    } else {
        json.int(key!("task_binding"), 0u64);
    }
    json.int(key!("total"), partition.cpus);
    json.close_object();
    defaults(json, partition);
    if api >= ApiVersion::V0_0_45 {
        json.words(key!("flags"), partition.is_default.then_some("DEFAULT"));
        state(json, api);
    }
    json.int(key!("grace_time"), 0u64);
    maximums(json, partition, api);
    json.open_object(key!("minimums"));
    json.int(key!("nodes"), 0u64);
    json.close_object();
    json.str(key!("name"), &partition.name);
    json.str(key!("node_sets"), if partition.name == "all" { "ALL" } else { "" });
    if api >= ApiVersion::V0_0_45 {
        json.words(key!("preempt_mode"), ["CLUSTER_GLOBAL"]);
    }
    json.open_object(key!("priority"));
    json.int(key!("job_factor"), partition.job_factor);
    json.int(key!("tier"), partition.tier);
    json.close_object();
    json.open_object(key!("timeouts"));
    json.unset(key!("resume"));
    json.unset(key!("suspend"));
    json.close_object();
    if api >= ApiVersion::V0_0_43 {
        json.str(key!("topology"), "");
    }
    // v0.0.45 moved this object up, behind the flags.
    if api < ApiVersion::V0_0_45 {
        state(json, api);
    }
    json.unset(key!("suspend_time"));
    json.close_object();
}

/// All that the partition's nodes have.
pub(super) fn configured(partition: &Partition) -> String {
    let tres = Tres {
        cpus: partition.cpus,
        memory_mb: partition.memory_mb,
        nodes: partition.nodes.len() as u64,
        billing: partition.cpus,
        gpus: partition.gpus,
        gpu_models: &partition.gpu_models,
    };
    tres.text()
}

fn state<S: Sink>(json: &mut Json<'_, S>, api: ApiVersion) {
    json.open_object(key!("partition"));
    if api >= ApiVersion::V0_0_45 {
        json.str(key!("exclusive"), "NO");
        json.str(key!("oversubscribe"), "NO");
    }
    json.words(key!("state"), ["UP"]);
    json.close_object();
}

fn defaults<S: Sink>(json: &mut Json<'_, S>, partition: &Partition) {
    json.open_object(key!("defaults"));
    json.int(key!("memory_per_cpu"), 0u64);
    json.unset(key!("partition_memory_per_cpu"));
    json.set(key!("partition_memory_per_node"), 0u64);
    json.no_val(
        key!("time"),
        partition.default_minutes.map_or(NoVal::Unset, |minutes| NoVal::Set(minutes.into())),
    );
    json.str(key!("job"), "");
    json.close_object();
}

fn maximums<S: Sink>(json: &mut Json<'_, S>, partition: &Partition, api: ApiVersion) {
    let shares: u64 = if api >= ApiVersion::V0_0_45 { 0 } else { 1 };
    json.open_object(key!("maximums"));
    json.infinite(key!("cpus_per_node"));
    json.infinite(key!("cpus_per_socket"));
    json.int(key!("memory_per_cpu"), 0u64);
    json.unset(key!("partition_memory_per_cpu"));
    json.set(key!("partition_memory_per_node"), 0u64);
    json.infinite(key!("nodes"));
    json.int(key!("shares"), shares);
    json.open_object(key!("oversubscribe"));
    json.int(key!("jobs"), shares);
    json.empty_list(key!("flags"));
    json.close_object();
    json.set(key!("time"), partition.max_minutes);
    json.unset(key!("over_time_limit"));
    json.close_object();
}
