//! An element of `/nodes` in v0.0.38.
//! Not here: later versions (../node.rs).

use super::super::json::{Json, NO_VAL, Sink, key};
use super::super::node::{configured_tres, cpu_load, gres, used_tres};
use super::super::version::Release;
use crate::cluster::Cluster;
use crate::cluster::clock::{Millis, SECOND};
use crate::cluster::inventory::SOCKETS;
use crate::cluster::node::NodeFlag;

pub(in super::super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    let spec = &cluster.inventory().nodes[index];
    let (node, kind) = (&cluster.nodes()[index], spec.kind());
    let alive = node.is_responding();
    let seen = |time: Millis| if alive { time / SECOND } else { 0 };
    json.open_element();
    json.str(key!("architecture"), if alive { "x86_64" } else { "" });
    json.str(key!("burstbuffer_network_address"), "");
    json.int(key!("boards"), 1u64);
    json.int(key!("boot_time"), seen(node.boot_time));
    json.str(key!("comment"), "");
    json.int(key!("cores"), kind.cpus / SOCKETS);
    json.int(key!("cpu_binding"), 0u64);
    json.int(key!("cpu_load"), if alive { cpu_load(node, index, cluster.now()) } else { NO_VAL });
    json.str(key!("extra"), "");
    let free = u64::from(node.free_memory_mb(kind));
    match alive {
        true => json.int(key!("free_memory"), free - (2_000 + index as u64 * 37 % 9_000).min(free)),
        false => json.signed(key!("free_memory"), -2),
    }
    json.int(key!("cpus"), kind.cpus);
    json.int(key!("last_busy"), seen(node.last_busy));
    let features = kind.features.join(",");
    json.str(key!("features"), &features);
    json.str(key!("active_features"), &features);
    let (gres, gres_used) = gres(node, kind.gpus, kind.gpu_model, alive);
    json.str(key!("gres"), &gres);
    json.str(key!("gres_drained"), "N/A");
    json.str(key!("gres_used"), if kind.gpus == 0 { "gpu:0" } else { &gres_used });
    json.str(key!("mcs_label"), "");
    json.str(key!("name"), &spec.name);
    json.str(key!("next_state_after_reboot"), "invalid");
    json.str(key!("address"), &spec.name);
    json.str(key!("hostname"), &spec.name);
    json.str(key!("state"), &node.base(kind).word().to_lowercase());
    // Recorded: a node that is down is not said to be silent too.
    let told = |flag: &NodeFlag| !(node.down && *flag == NodeFlag::NotResponding);
    json.words(key!("state_flags"), node.flags().filter(told).map(NodeFlag::word));
    json.empty_list(key!("next_state_after_reboot_flags"));
    let system = "Linux 6.1.0-37-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)";
    json.str(key!("operating_system"), if alive { system } else { "" });
    json.null(key!("owner"));
    let partitions = &cluster.inventory().partitions;
    json.words(
        key!("partitions"),
        spec.partitions.iter().map(|at| partitions[usize::from(*at)].name.as_str()),
    );
    json.int(key!("port"), 6_818u64);
    json.int(key!("real_memory"), kind.memory_mb);
    json.str(key!("reason"), node.reason.as_ref().map_or("", |reason| &reason.text));
    json.int(key!("reason_changed_at"), node.reason.as_ref().map_or(0, |reason| reason.since / SECOND));
    json.str_or_null(key!("reason_set_by_user"), node.reason.as_ref().map(|reason| reason.set_by));
    json.int(key!("slurmd_start_time"), seen(node.slurmd_start));
    json.int(key!("sockets"), SOCKETS);
    json.int(key!("threads"), 1u64);
    json.int(key!("temporary_disk"), kind.temporary_disk_mb);
    json.int(key!("weight"), kind.weight);
    json.str(key!("tres"), &configured_tres(kind));
    json.str(key!("slurmd_version"), if alive { Release::S22_05.name() } else { "" });
    let cpus = node.allocated_cpus();
    json.int(key!("alloc_memory"), node.allocated_memory_mb);
    json.int(key!("alloc_cpus"), cpus);
    json.int(key!("idle_cpus"), kind.cpus - cpus);
    json.text(key!("tres_used"), &used_tres(node, kind));
    json.float(key!("tres_weighted"), cpus.into());
    json.close_object();
}
