//! `POST /sim/submit` and `/sim/drain`: wishes of tests and tools, from JSON to the cluster and back.
//! Not here: what a wish means and whether it can be had (cluster/orders.rs).

use super::Simulator;
use crate::cluster::JobOrder;
use serde_json::{Value, json};

/// `{"partition": "batch", "cpus": 8, "count": 3}`
pub(super) fn submit(value: &Value, simulator: &Simulator) -> Result<Value, String> {
    let object =
        value.as_object().ok_or_else(|| format!("{value}: expected an object with {}", JobOrder::KEYS))?;
    let mut order = JobOrder::default();
    for (key, value) in object {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        order.set(key, &text)?;
    }
    let ids = simulator.change(|cluster| cluster.order(&order))?;
    Ok(json!({"job_ids": ids}))
}

/// `{"nodes": "cpu[0001-0004]", "reason": "disk"}`, or `{"nodes": "cpu0001", "undo": true}`
pub(super) fn drain(value: &Value, simulator: &Simulator) -> Result<Value, String> {
    const EXPECTED: &str = "expected {\"nodes\": \"cpu[0001-0004]\", \"reason\": \"disk\"} or {\"nodes\": \"cpu0001\", \"undo\": true}";
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let undo = value.get("undo").map_or(Some(false), Value::as_bool);
    let known = |key: &String| ["nodes", "reason", "undo"].contains(&key.as_str());
    let is_clean = value.as_object().is_some_and(|object| object.keys().all(known));
    let count = match (text("nodes"), text("reason"), undo) {
        (Some(nodes), None, Some(true)) if is_clean => {
            simulator.change(|cluster| cluster.resume_nodes(nodes))?
        }
        (Some(nodes), Some(reason), Some(false)) if is_clean => {
            simulator.change(|cluster| cluster.drain_nodes(nodes, reason))?
        }
        _ => return Err(EXPECTED.to_owned()),
    };
    Ok(json!({"nodes": count}))
}
