//! The declarations of the exporter's own families: those of the process, and those of each cluster,
//! whose series carry the label `cluster` like everything about Slurm.

use crate::exposition::{Desc, Kind, Level, Unit};

const fn own(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Desc {
    Desc { name, help, kind, unit, labels, level: Level::Own }
}

use Kind::{Counter, Gauge, Histogram};

pub(super) static BUILD_INFO: Desc = own(
    "slurm_exporter_build_info",
    Gauge,
    Unit::None,
    &["version"],
    "Version of this exporter; the value is always 1.",
);
pub(super) static ENDPOINT_UP: Desc = own(
    "slurm_exporter_endpoint_up",
    Gauge,
    Unit::None,
    &["endpoint"],
    "Whether the last poll of the endpoint succeeded. No series before the first poll and where Slurm lacks it.",
);
pub(super) static ENDPOINT_STALE: Desc = own(
    "slurm_exporter_endpoint_stale",
    Gauge,
    Unit::None,
    &["endpoint"],
    "Whether the endpoint's data grew older than stale_after and was withdrawn.",
);
pub(super) static LAST_SUCCESS: Desc = own(
    "slurm_exporter_last_success_timestamp_seconds",
    Gauge,
    Unit::Seconds,
    &["endpoint"],
    "When the endpoint's data was last refreshed, in Unix seconds.",
);
pub(super) static CLOCK_SKEW: Desc = own(
    "slurm_exporter_clock_skew_seconds",
    Gauge,
    Unit::Seconds,
    &[],
    "Clock of slurmctld less the clock of this host, in whole seconds, at the last diag poll.",
);
pub(super) static COLLECTION_DURATION: Desc = own(
    "slurm_exporter_collection_duration_seconds",
    Histogram,
    Unit::Seconds,
    &["collector"],
    "Time a collector took to turn the snapshot into samples.",
);
pub(super) static COLLECTIONS: Desc = own(
    "slurm_exporter_collections_total",
    Counter,
    Unit::None,
    &["collector"],
    "How often a collector ran.",
);
pub(super) static COLLECTION_ERRORS: Desc = own(
    "slurm_exporter_collection_errors_total",
    Counter,
    Unit::None,
    &["collector", "error_type"],
    "Refreshes that a collector missed: failed polls of an endpoint it needs, by class, and its own panics.",
);
pub(super) static SCRAPE_DURATION: Desc = own(
    "slurm_exporter_scrape_duration_seconds",
    Histogram,
    Unit::Seconds,
    &[],
    "Time to make an answer for the metrics path, without sending it.",
);
pub(super) static API_REQUESTS: Desc = own(
    "slurm_exporter_api_requests_total",
    Counter,
    Unit::None,
    &["endpoint", "code"],
    "Requests to Slurm by HTTP status, or commands by exit status; code is \"none\" where no answer came.",
);
pub(super) static API_DURATION: Desc = own(
    "slurm_exporter_api_request_duration_seconds",
    Histogram,
    Unit::Seconds,
    &["endpoint"],
    "Time of requests to Slurm, or of its commands, body and decoding included.",
);
pub(super) static API_BYTES: Desc = own(
    "slurm_exporter_api_response_bytes",
    Gauge,
    Unit::Bytes,
    &["endpoint"],
    "Body size of the last answer.",
);
pub(super) static CIRCUIT_BREAKER: Desc = own(
    "slurm_exporter_circuit_breaker_state",
    Gauge,
    Unit::None,
    &["daemon"],
    "Whether the daemon's endpoints are polled: 0 closed (yes), 1 half open (one at a time), 2 open (only ping is).",
);
pub(super) static CACHE_HITS: Desc = own(
    "slurm_exporter_cache_hits_total",
    Counter,
    Unit::None,
    &[],
    "Polls that slurmrestd answered with \"unchanged\".",
);
pub(super) static CACHE_MISSES: Desc = own(
    "slurm_exporter_cache_misses_total",
    Counter,
    Unit::None,
    &[],
    "Polls that slurmrestd answered in full.",
);
pub(super) static CACHE_HIT_RATIO: Desc = own(
    "slurm_exporter_cache_hit_ratio",
    Gauge,
    Unit::Ratio,
    &[],
    "Share of the answered polls that were \"unchanged\".",
);
pub(super) static CACHE_SIZE: Desc = own(
    "slurm_exporter_cache_size_bytes",
    Gauge,
    Unit::Bytes,
    &[],
    "Size of the published page as plain text.",
);
pub(super) static CARDINALITY: Desc = own(
    "slurm_exporter_cardinality_current",
    Gauge,
    Unit::None,
    &["family"],
    "Series of each published family.",
);
pub(super) static CARDINALITY_LIMIT: Desc = own(
    "slurm_exporter_cardinality_limit",
    Gauge,
    Unit::None,
    &[],
    "The most series that the page may have, metrics.max_series; no series where there is no limit.",
);
pub(super) static CARDINALITY_DROPPED: Desc = own(
    "slurm_exporter_cardinality_dropped_series",
    Gauge,
    Unit::None,
    &["family"],
    "Series that a limit took from the family at its last refresh: folded into \"other\", or left out.",
);
pub(super) static MEMORY_USAGE: Desc =
    own("slurm_exporter_memory_usage_bytes", Gauge, Unit::Bytes, &[], "Resident memory of the exporter.");
pub(super) static MEMORY_LIMIT: Desc = own(
    "slurm_exporter_memory_limit_bytes",
    Gauge,
    Unit::Bytes,
    &[],
    "What performance.memory_limit is set to.",
);
pub(super) static LEVEL_DROPPED: Desc = own(
    "slurm_exporter_level_dropped",
    Gauge,
    Unit::None,
    &["level"],
    "Whether the endpoints of a level are no longer read because memory is short.",
);
pub(super) static INTERVAL_STRETCH: Desc = own(
    "slurm_exporter_interval_stretch_ratio",
    Gauge,
    Unit::Ratio,
    &[],
    "By how much all intervals are longer than configured because the CPU quota throttles the exporter; 1 is not.",
);
pub(super) static CPU_THROTTLED: Desc = own(
    "slurm_exporter_cpu_throttled_ratio",
    Gauge,
    Unit::Ratio,
    &[],
    "Share of the CPU periods in the last minute that the quota cut short; no series without a quota.",
);
pub(super) static TOKEN_EXPIRY: Desc = own(
    "slurm_exporter_token_expiry_timestamp_seconds",
    Gauge,
    Unit::Seconds,
    &[],
    "When the token in use expires, in Unix seconds.",
);
pub(super) static SCHEMA_DRIFT: Desc = own(
    "slurm_exporter_schema_drift_total",
    Counter,
    Unit::None,
    &["endpoint", "field"],
    "Answers that could not be decoded because of this field.",
);
pub(super) static ARRAY_TRUNCATED: Desc = own(
    "slurm_exporter_array_truncated",
    Gauge,
    Unit::None,
    &[],
    "Job arrays whose task list Slurm cut short and whose tasks nothing else told, so that they count too few.",
);
pub(super) static PARTIAL_VIEW: Desc = own(
    "slurm_exporter_partial_view",
    Gauge,
    Unit::None,
    &["endpoint"],
    "Whether Slurm shows only what our user may see: not half of the jobs that its statistics count, or no root account.",
);
pub(super) static CONFIG_RELOAD: Desc = own(
    "slurm_exporter_config_last_reload_successful",
    Gauge,
    Unit::None,
    &[],
    "Whether the last reading of the configuration was good; 0 while an older one stays in use.",
);
pub(super) static CONFIG_HASH: Desc = own(
    "slurm_exporter_config_hash",
    Gauge,
    Unit::None,
    &[],
    "CRC-32 of the configuration file in use, to compare replicas by; no series without a file.",
);
pub(super) static LEADER: Desc = own(
    "slurm_exporter_leader",
    Gauge,
    Unit::None,
    &[],
    "Whether this exporter serves the clusters: 1 unless ha makes it a standby.",
);
pub(super) static PROCESS_CPU: Desc = own(
    "process_cpu_seconds_total",
    Counter,
    Unit::Seconds,
    &[],
    "CPU time of the exporter, user and system.",
);
pub(super) static PROCESS_RESIDENT: Desc =
    own("process_resident_memory_bytes", Gauge, Unit::Bytes, &[], "Resident memory size in bytes.");
pub(super) static PROCESS_VIRTUAL: Desc =
    own("process_virtual_memory_bytes", Gauge, Unit::Bytes, &[], "Virtual memory size in bytes.");
pub(super) static PROCESS_START: Desc = own(
    "process_start_time_seconds",
    Gauge,
    Unit::Seconds,
    &[],
    "Start time of the process in Unix seconds.",
);
pub(super) static PROCESS_FDS: Desc =
    own("process_open_fds", Gauge, Unit::None, &[], "Open file descriptors.");
pub(super) static PROCESS_MAX_FDS: Desc =
    own("process_max_fds", Gauge, Unit::None, &[], "Limit of open file descriptors.");
pub(super) static PROCESS_THREADS: Desc =
    own("process_threads", Gauge, Unit::None, &[], "Threads of the process.");

/// Every family above, for the reference.
pub static FAMILIES: &[&Desc] = &[
    &BUILD_INFO,
    &ENDPOINT_UP,
    &ENDPOINT_STALE,
    &LAST_SUCCESS,
    &CLOCK_SKEW,
    &COLLECTION_DURATION,
    &COLLECTIONS,
    &COLLECTION_ERRORS,
    &SCRAPE_DURATION,
    &API_REQUESTS,
    &API_DURATION,
    &API_BYTES,
    &CIRCUIT_BREAKER,
    &CACHE_HITS,
    &CACHE_MISSES,
    &CACHE_HIT_RATIO,
    &CACHE_SIZE,
    &CARDINALITY,
    &CARDINALITY_LIMIT,
    &CARDINALITY_DROPPED,
    &MEMORY_USAGE,
    &MEMORY_LIMIT,
    &LEVEL_DROPPED,
    &INTERVAL_STRETCH,
    &CPU_THROTTLED,
    &TOKEN_EXPIRY,
    &SCHEMA_DRIFT,
    &ARRAY_TRUNCATED,
    &PARTIAL_VIEW,
    &CONFIG_RELOAD,
    &CONFIG_HASH,
    &LEADER,
    &PROCESS_CPU,
    &PROCESS_RESIDENT,
    &PROCESS_VIRTUAL,
    &PROCESS_START,
    &PROCESS_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_THREADS,
];
