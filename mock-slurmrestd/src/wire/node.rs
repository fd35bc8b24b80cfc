//! An element of `/nodes`.
//! Not here: what follows from a node's state (cluster/node.rs).

use super::json::{Json, NoVal, Sink, key};
use super::tres::Tres;
use super::version::{ApiVersion, Face, Release};
use crate::cluster::Cluster;
use crate::cluster::clock::{Millis, SECOND};
use crate::cluster::inventory::{NodeType, SOCKETS};
use crate::cluster::node::Node;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize, face: Face) {
    let api = face.api;
    let spec = &cluster.inventory().nodes[index];
    let (node, kind) = (&cluster.nodes()[index], spec.kind());
    // What slurmd reports is unknown as long as it does not answer.
    let alive = node.is_responding();
    let seen = |time: Millis| if alive { time / SECOND } else { 0 };
    json.open_element();
    json.str(key!("architecture"), if alive { "x86_64" } else { "" });
    json.str(key!("burstbuffer_network_address"), "");
    json.int(key!("boards"), 1u64);
    json.set(key!("boot_time"), seen(node.boot_time));
    if api >= ApiVersion::V0_0_43 {
        json.set(key!("tls_cert_last_renewal"), 0u64);
        json.empty_list(key!("cert_flags"));
    }
    json.str(key!("cluster_name"), "");
    json.int(key!("cores"), kind.cpus / SOCKETS);
    json.int(key!("specialized_cores"), 0u64);
    json.int(key!("cpu_binding"), 0u64);
    json.int(key!("cpu_load"), if alive { cpu_load(node, index, cluster.now()) } else { 0 });
    let free = u64::from(node.free_memory_mb(kind));
    let used_by_system = (2_000 + index as u64 * 37 % 9_000).min(free);
    json.no_val(key!("free_mem"), if alive { NoVal::Set(free - used_by_system) } else { NoVal::Unset });
    json.int(key!("cpus"), kind.cpus);
    json.int(key!("effective_cpus"), kind.cpus);
    json.str(key!("specialized_cpus"), "");
    energy(json, cluster, index);
    if api < ApiVersion::V0_0_45 {
        json.empty_object(key!("external_sensors"));
    }
    json.str(key!("extra"), "");
    if api < ApiVersion::V0_0_45 {
        json.empty_object(key!("power"));
    }
    json.words(key!("features"), kind.features.iter().copied());
    json.words(key!("active_features"), kind.features.iter().copied());
    if api >= ApiVersion::V0_0_41 {
        json.str(key!("gpu_spec"), "");
    }
    let (gres, gres_used) = gres(node, kind.gpus, kind.gpu_model, alive);
    json.str(key!("gres"), &gres);
    json.str(key!("gres_drained"), "N/A");
    json.str(key!("gres_used"), &gres_used);
    json.str(key!("instance_id"), "");
    json.str(key!("instance_type"), "");
    json.set(key!("last_busy"), seen(node.last_busy));
    json.str(key!("mcs_label"), "");
    json.int(key!("specialized_memory"), 0u64);
    json.str(key!("name"), &spec.name);
    json.words(key!("next_state_after_reboot"), ["INVALID"]);
    json.str(key!("address"), &spec.name);
    json.str(key!("hostname"), &spec.name);
    json.open_list(key!("state"));
    json.str_element(node.base(kind).word());
    for flag in node.flags() {
        json.str_element(flag.word());
    }
    json.close_list();
    let system = "Linux 6.1.0-37-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)";
    json.str(key!("operating_system"), if alive { system } else { "" });
    json.str(key!("owner"), "");
    let partitions = &cluster.inventory().partitions;
    json.words(
        key!("partitions"),
        spec.partitions.iter().map(|at| partitions[usize::from(*at)].name.as_str()),
    );
    json.int(key!("port"), 6_818u64);
    json.int(key!("real_memory"), kind.memory_mb);
    if api >= ApiVersion::V0_0_41 {
        json.int(key!("res_cores_per_gpu"), 0u64);
    }
    json.str(key!("comment"), "");
    json.str(key!("reason"), node.reason.as_ref().map_or("", |reason| &reason.text));
    json.set(key!("reason_changed_at"), node.reason.as_ref().map_or(0, |reason| reason.since / SECOND));
    json.str(key!("reason_set_by_user"), node.reason.as_ref().map_or("", |reason| reason.set_by));
    json.set(key!("resume_after"), 0u64);
    let reservation = node.reservation.and_then(|id| cluster.reservation(id));
    json.str(key!("reservation"), reservation.map_or("", |reservation| reservation.name.as_str()));
    if api >= ApiVersion::V0_0_45 {
        json.infinite(key!("suspend_time"));
    }
    let cpus = node.allocated_cpus();
    json.int(key!("alloc_memory"), node.allocated_memory_mb);
    json.int(key!("alloc_cpus"), cpus);
    json.int(key!("alloc_idle_cpus"), kind.cpus - cpus);
    json.str(key!("tres_used"), &used_tres(node, kind));
    if api < ApiVersion::V0_0_45 {
        let weighted = if face.release < Release::S26_05 { cpus } else { 0 };
        json.float(key!("tres_weighted"), weighted.into());
    }
    json.set(key!("slurmd_start_time"), seen(node.slurmd_start));
    json.int(key!("sockets"), SOCKETS);
    json.int(key!("threads"), 1u64);
    json.int(key!("temporary_disk"), kind.temporary_disk_mb);
    json.int(key!("weight"), kind.weight);
    if api >= ApiVersion::V0_0_43 {
        json.str(key!("topology"), "");
    }
    json.str(key!("tres"), &configured_tres(kind));
    json.str(key!("version"), if alive { face.release.name() } else { "" });
    json.close_object();
}

/// What the node has, as text.
pub(super) fn configured_tres(kind: &NodeType) -> String {
    let models = [(kind.gpu_model, u64::from(kind.gpus))];
    let configured = Tres {
        cpus: kind.cpus.into(),
        memory_mb: kind.memory_mb.into(),
        billing: kind.cpus.into(),
        gpus: kind.gpus.into(),
        gpu_models: if kind.gpus > 0 { &models } else { &[] },
        ..Tres::default()
    };
    configured.text()
}

/// What jobs hold of it, as text.
pub(super) fn used_tres(node: &Node, kind: &NodeType) -> String {
    let models = [(kind.gpu_model, u64::from(node.allocated_gpus()))];
    let used = Tres {
        cpus: node.allocated_cpus().into(),
        memory_mb: node.allocated_memory_mb.into(),
        gpus: node.allocated_gpus().into(),
        gpu_models: if node.gpus != 0 { &models } else { &[] },
        ..Tres::default()
    };
    used.text()
}

/// All zero where nothing measures it.
fn energy<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, index: usize) {
    let (node, kind) = (&cluster.nodes()[index], cluster.inventory().nodes[index].kind());
    let measures = cluster.inventory().has_power_readings && node.is_responding();
    let (watts, joules) =
        if measures { (node.watts(kind), node.joules(kind, cluster.now())) } else { (0, 0) };
    json.open_object(key!("energy"));
    json.int(key!("average_watts"), watts);
    json.int(key!("base_consumed_energy"), joules);
    json.int(key!("consumed_energy"), joules);
    json.set(key!("current_watts"), watts);
    json.int(key!("previous_consumed_energy"), 0u64);
    json.int(key!("last_collected"), if measures { cluster.now_unix() } else { 0 });
    json.close_object();
}

/// Load times 100: busy cores, give or take, renewed each simulated minute as slurmd reports it.
pub(super) fn cpu_load(node: &Node, index: usize, now: Millis) -> u64 {
    let noise = (index as u64).wrapping_mul(2_654_435_761).wrapping_add(now / 60_000) % 23;
    u64::from(node.allocated_cpus()) * 97 + noise
}

pub(super) fn gres(node: &Node, gpus: u8, model: &str, alive: bool) -> (String, String) {
    if gpus == 0 {
        return (String::new(), String::new());
    }
    let used = node.allocated_gpus();
    let index = match (alive, used) {
        (false, 0) => String::new(),
        (_, 0) => "(IDX:N/A)".to_owned(),
        _ => format!("(IDX:{})", indices(node.gpus)),
    };
    (format!("gpu:{model}:{gpus}"), format!("gpu:{model}:{used}{index}"))
}

/// The set bits as ranges: `0-1,4`.
pub(super) fn indices(mut bits: u8) -> String {
    let mut text = String::new();
    while bits != 0 {
        let first = bits.trailing_zeros();
        let length = (bits >> first).trailing_ones();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&first.to_string());
        if length > 1 {
            text.push_str(&format!("-{}", first + length - 1));
        }
        bits &= !(((1u16 << length) - 1) << first) as u8;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::indices;

    #[test]
    fn bits_become_ranges() {
        for (bits, expected) in
            [(0b11, "0-1"), (0b11_1100, "2-5"), (0b1000_0001, "0,7"), (0b1011, "0-1,3"), (255, "0-7")]
        {
            assert_eq!(indices(bits), expected);
        }
    }
}
