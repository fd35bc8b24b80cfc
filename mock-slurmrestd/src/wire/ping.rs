//! `/ping`: whether slurmctld answers.
//! Not here: when it does not (http/).

use super::json::{Json, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;

/// What slurmrestd hears on a port where nobody listens.
pub(crate) const NO_CONTROLLER: &str = "Unable to contact slurm controller (connect failure)";

/// `trouble` is what slurmctld would say instead of answering; `None` when it answers.
pub(super) fn write<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    api: ApiVersion,
    trouble: Option<&'static str>,
) {
    json.open_list(key!("pings"));
    controller(json, cluster, api, "slurmctl1", true, trouble);
    json.close_list();
}

/// The first controller is down and the second answers in its place.
pub(super) fn write_failed_over<S: Sink>(json: &mut Json<'_, S>, cluster: &Cluster, api: ApiVersion) {
    json.open_list(key!("pings"));
    controller(json, cluster, api, "slurmctl1", true, Some(NO_CONTROLLER));
    controller(json, cluster, api, "slurmctl2", false, None);
    json.close_list();
}

fn controller<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    api: ApiVersion,
    hostname: &str,
    primary: bool,
    trouble: Option<&'static str>,
) {
    // Microseconds; moves with time, so that no two polls look the same.
    let latency = 280 + cluster.now() / 7 % 640;
    json.open_element();
    json.str(key!("hostname"), hostname);
    if api < ApiVersion::V0_0_45 {
        json.str(key!("pinged"), if trouble.is_none() { "UP" } else { "DOWN" });
    }
    if api >= ApiVersion::V0_0_42 {
        json.bool(key!("responding"), trouble.is_none());
    }
    json.int(key!("latency"), latency);
    if api < ApiVersion::V0_0_45 {
        // No second controller was recorded: its word is a guess.
        json.str(key!("mode"), if primary { "primary" } else { "backup" });
    }
    if api >= ApiVersion::V0_0_42 {
        json.bool(key!("primary"), primary);
    }
    if api >= ApiVersion::V0_0_45 {
        json.str(key!("status"), trouble.unwrap_or("No error"));
    }
    json.close_object();
}
