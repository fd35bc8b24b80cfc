//! A capacity plan: for each size of cluster what the exporter needs, and on which runs that rests.
//! It recommends; it changes nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Document;

/// Recommendations from run records (`perf-plan/v1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// `perf-plan/v1`.
    pub format: String,
    /// Ids of the runs that the plan rests on.
    pub runs: Vec<String>,
    pub recommendations: Vec<Recommendation>,
    /// What could not be said, and what is missing for it.
    pub notes: Vec<String>,
}

impl Document for Plan {
    const FORMAT: &'static str = "perf-plan/v1";
    const READABLE: &'static [&'static str] = &["perf-plan/v1"];
}

/// What to run the exporter with, for one size class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// `small`, `medium`, `large`.
    pub size_class: String,
    /// `single`, `optimised`, `sharded`, `federated`.
    pub strategy: String,
    pub replicas: u32,
    pub cpu_request_millicores: u32,
    pub cpu_limit_millicores: u32,
    pub memory_request_bytes: u64,
    pub memory_limit_bytes: u64,
    /// `measured` when a run of this class is among the inputs, else `extrapolated`.
    pub basis: Basis,
    /// Measured figures behind it, by name (`peak_rss_bytes`, `cpu_cores_p95`, ...).
    pub evidence: BTreeMap<String, f64>,
    pub reasons: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    Measured,
    Extrapolated,
}
