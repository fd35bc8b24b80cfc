//! An element of `/licenses`, whose keys are in another case than everywhere else.
//! Not here: how many there are (cluster/license.rs).

use super::json::{Json, Sink, key};
use super::version::ApiVersion;
use crate::cluster::license::License;

pub(super) fn write<S: Sink>(json: &mut Json<'_, S>, license: &License, api: ApiVersion) {
    json.open_element();
    json.str(key!("LicenseName"), license.name);
    json.int(key!("Total"), license.total);
    json.int(key!("Used"), license.used);
    json.int(key!("Free"), license.total.saturating_sub(license.used));
    if json.is_plain() {
        json.int(key!("Reserved"), license.reserved);
        json.bool(key!("Remote"), false);
        return json.close_object();
    }
    json.bool(key!("Remote"), false);
    json.int(key!("Reserved"), license.reserved);
    json.int(key!("LastConsumed"), 0u64);
    json.int(key!("LastDeficit"), 0u64);
    json.int(key!("LastUpdate"), 0u64);
    if api >= ApiVersion::V0_0_44 {
        json.str(key!("Nodes"), "");
    }
    json.close_object();
}
