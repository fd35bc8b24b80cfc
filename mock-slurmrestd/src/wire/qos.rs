//! An element of slurmdbd's `/qos`.
//! Not here: how v0.0.38 writes a number without end (json.rs).

use super::association::{limit, tres_limits};
use super::json::{Json, NoVal, Sink, key};
use super::version::{ApiVersion, Face};
use crate::cluster::Cluster;
use crate::cluster::qos::Qos;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, qos: &Qos, face: Face) {
    json.open_element();
    json.str(key!("description"), qos.description);
    json.empty_list(key!("flags"));
    json.int(key!("id"), qos.id);
    json.open_object(key!("limits"));
    json.int(key!("grace_time"), 0u64);
    json.open_object(key!("max"));
    json.open_object(key!("active_jobs"));
    json.infinite(key!("accruing"));
    json.infinite(key!("count"));
    json.close_object();
    // v0.0.42 moved the jobs up.
    if face.api >= ApiVersion::V0_0_42 {
        jobs(json, qos, face);
    }
    tres(json, cluster, qos, face);
    json.open_object(key!("wall_clock"));
    json.open_object(key!("per"));
    json.infinite(key!("qos"));
    limit(json, key!("job"), qos.max_wall_minutes);
    json.close_object();
    json.close_object();
    if face.api < ApiVersion::V0_0_42 {
        jobs(json, qos, face);
    }
    json.open_object(key!("accruing"));
    json.open_object(key!("per"));
    json.infinite(key!("account"));
    json.infinite(key!("user"));
    json.close_object();
    json.close_object();
    json.close_object();
    json.no_val_float(key!("factor"), NoVal::Infinite);
    json.open_object(key!("min"));
    json.infinite(key!("priority_threshold"));
    json.open_object(key!("tres"));
    json.open_object(key!("per"));
    json.empty_list(key!("job"));
    json.close_object();
    json.close_object();
    json.close_object();
    json.close_object();
    json.str(key!("name"), qos.name);
    json.open_object(key!("preempt"));
    json.words(key!("list"), qos.preempts.iter().copied());
    json.words(key!("mode"), (!json.is_plain()).then_some("DISABLED"));
    json.infinite(key!("exempt_time"));
    json.close_object();
    json.set(key!("priority"), qos.priority);
    json.no_val_real(key!("usage_factor"), Some(qos.usage_factor));
    json.no_val_float(key!("usage_threshold"), NoVal::Infinite);
    json.close_object();
}

fn tres<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, qos: &Qos, face: Face) {
    json.open_object(key!("tres"));
    tres_limits(json, key!("total"), cluster, &[("cpu", "", qos.grp_cpus)]);
    json.open_object(key!("minutes"));
    if face.api >= ApiVersion::V0_0_42 {
        json.empty_list(key!("total"));
    }
    json.open_object(key!("per"));
    for key in [key!("qos"), key!("job"), key!("account"), key!("user")] {
        json.empty_list(key);
    }
    json.close_object();
    json.close_object();
    json.open_object(key!("per"));
    for key in [key!("account"), key!("job"), key!("node")] {
        json.empty_list(key);
    }
    tres_limits(json, key!("user"), cluster, &[("cpu", "", qos.max_cpus_per_user)]);
    json.close_object();
    json.close_object();
}

fn jobs<S: Sink>(json: &mut Json<'_, S>, qos: &Qos, face: Face) {
    json.open_object(key!("jobs"));
    if face.api >= ApiVersion::V0_0_42 {
        json.infinite(key!("count"));
    }
    json.open_object(key!("active_jobs"));
    json.open_object(key!("per"));
    json.infinite(key!("account"));
    limit(json, key!("user"), qos.max_jobs_per_user);
    json.close_object();
    json.close_object();
    json.open_object(key!("per"));
    json.infinite(key!("account"));
    limit(json, key!("user"), qos.max_submit_per_user);
    json.close_object();
    json.close_object();
}
