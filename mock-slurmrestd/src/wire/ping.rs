//! `/ping`: whether slurmctld answers.
//! Not here: other controllers; the simulated cluster has one.

use super::json::{Json, Sink, key};
use super::version::ApiVersion;
use crate::cluster::Cluster;

/// `trouble` is what slurmctld would say instead of answering; `None` when it answers.
pub(super) fn write<S: Sink>(
    json: &mut Json<'_, S>,
    cluster: &Cluster,
    api: ApiVersion,
    trouble: Option<&'static str>,
) {
    // Microseconds; moves with time, so that no two polls look the same.
    let latency = 280 + cluster.now() / 7 % 640;
    json.open_list(key!("pings"));
    json.open_element();
    json.str(key!("hostname"), "slurmctl1");
    if api < ApiVersion::V0_0_45 {
        json.str(key!("pinged"), if trouble.is_none() { "UP" } else { "DOWN" });
    }
    if api >= ApiVersion::V0_0_42 {
        json.bool(key!("responding"), trouble.is_none());
    }
    json.int(key!("latency"), latency);
    if api < ApiVersion::V0_0_45 {
        json.str(key!("mode"), "primary");
    }
    if api >= ApiVersion::V0_0_42 {
        json.bool(key!("primary"), true);
    }
    if api >= ApiVersion::V0_0_45 {
        json.str(key!("status"), trouble.unwrap_or("No error"));
    }
    json.close_object();
    json.close_list();
}
