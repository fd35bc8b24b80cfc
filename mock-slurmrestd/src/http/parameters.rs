//! The parameters that each endpoint knows, by version, as slurmrestd publishes them.
//! Not here: what they mean and what is said to the others (query.rs).

use crate::wire::ApiVersion::{self, V0_0_40, V0_0_41, V0_0_42, V0_0_44, V0_0_45};
use crate::wire::Endpoint;

/// Its name, and the versions that know it.
type Parameter = (&'static str, ApiVersion, ApiVersion);

const fn always(name: &'static str) -> Parameter {
    (name, V0_0_40, V0_0_45)
}

pub(super) fn parameters(endpoint: Endpoint, api: ApiVersion) -> Vec<&'static str> {
    if api < V0_0_40 {
        return old(endpoint).to_vec();
    }
    let is_known = |(_, first, last): &&Parameter| *first <= api && api <= *last;
    all(endpoint).iter().filter(is_known).map(|(name, ..)| *name).collect()
}

/// Of v0.0.38.
fn old(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Nodes
        | Endpoint::Jobs
        | Endpoint::Partitions
        | Endpoint::Partition
        | Endpoint::Reservations
        | Endpoint::Reservation => &["update_time"],
        Endpoint::DbJobs => OLD_JOBS,
        Endpoint::DbUsers | Endpoint::DbAccounts | Endpoint::DbQos => &["with_deleted"],
        Endpoint::DbAssociations => &["cluster", "account", "user", "partition"],
        _ => &[],
    }
}

/// From v0.0.40 on.
fn all(endpoint: Endpoint) -> &'static [Parameter] {
    match endpoint {
        Endpoint::Nodes
        | Endpoint::Node
        | Endpoint::Jobs
        | Endpoint::Job
        | Endpoint::Partitions
        | Endpoint::Partition => const { &[always("update_time"), always("flags")] },
        Endpoint::Reservations | Endpoint::Reservation | Endpoint::DbClusters => {
            const { &[always("update_time")] }
        }
        Endpoint::JobsState => const { &[always("job_id")] },
        Endpoint::Shares => const { &[always("accounts"), always("users")] },
        Endpoint::DbJobs => JOBS,
        Endpoint::DbUsers => USERS,
        Endpoint::DbAccounts => ACCOUNTS,
        Endpoint::DbAssociations => ASSOCIATIONS,
        Endpoint::DbQos => QOS,
        Endpoint::DbWckeys => WCKEYS,
        Endpoint::DbInstances => INSTANCES,
        _ => &[],
    }
}

const OLD_JOBS: &[&str] = &[
    "submit_time",
    "start_time",
    "end_time",
    "account",
    "association",
    "cluster",
    "constraints",
    "cpus_max",
    "cpus_min",
    "skip_steps",
    "disable_wait_for_result",
    "exit_code",
    "format",
    "group",
    "job_name",
    "nodes_max",
    "nodes_min",
    "partition",
    "qos",
    "reason",
    "reservation",
    "state",
    "step",
    "node",
    "wckey",
];

const JOBS: &[Parameter] = &[
    always("account"),
    always("association"),
    always("cluster"),
    always("constraints"),
    ("cpus_max", V0_0_40, V0_0_40),
    ("cpus_min", V0_0_40, V0_0_40),
    always("scheduler_unset"),
    always("scheduled_on_submit"),
    always("scheduled_by_main"),
    always("scheduled_by_backfill"),
    always("job_started"),
    ("job_altered", V0_0_44, V0_0_45),
    always("exit_code"),
    always("show_duplicates"),
    always("skip_steps"),
    always("disable_truncate_usage_time"),
    always("whole_hetjob"),
    always("disable_whole_hetjob"),
    always("disable_wait_for_result"),
    always("usage_time_as_submit_time"),
    always("show_batch_script"),
    always("show_job_environment"),
    ("format", V0_0_40, V0_0_44),
    always("groups"),
    always("job_name"),
    ("nodes_max", V0_0_40, V0_0_40),
    ("nodes_min", V0_0_40, V0_0_40),
    always("partition"),
    always("qos"),
    always("reason"),
    always("reservation"),
    always("reservation_id"),
    always("state"),
    always("step"),
    ("timelimit_max", V0_0_40, V0_0_40),
    ("timelimit_min", V0_0_40, V0_0_40),
    always("end_time"),
    always("start_time"),
    ("submit_time", V0_0_40, V0_0_40),
    always("node"),
    always("users"),
    always("wckey"),
];

const USERS: &[Parameter] = &[
    always("admin_level"),
    always("default_account"),
    always("default_wckey"),
    always("with_assocs"),
    always("with_coords"),
    always("with_deleted"),
    always("with_wckeys"),
    always("without_defaults"),
];

const ACCOUNTS: &[Parameter] = &[
    always("description"),
    ("with_assocs", V0_0_40, V0_0_40),
    ("with_coords", V0_0_40, V0_0_40),
    ("with_deleted", V0_0_40, V0_0_40),
    ("DELETED", V0_0_41, V0_0_45),
    ("WithAssociations", V0_0_41, V0_0_45),
    ("WithCoordinators", V0_0_41, V0_0_45),
    ("NoUsersAreCoords", V0_0_41, V0_0_45),
    ("UsersAreCoords", V0_0_41, V0_0_45),
];

const ASSOCIATIONS: &[Parameter] = &[
    always("account"),
    always("cluster"),
    always("default_qos"),
    ("only_defaults", V0_0_40, V0_0_41),
    ("with_usage", V0_0_40, V0_0_41),
    ("with_deleted", V0_0_40, V0_0_41),
    ("with_raw_qos", V0_0_40, V0_0_41),
    ("with_sub_accts", V0_0_40, V0_0_41),
    ("without_parent_info", V0_0_40, V0_0_41),
    ("without_parent_limits", V0_0_40, V0_0_41),
    ("Include deleted associations", V0_0_42, V0_0_45),
    ("Include usage", V0_0_42, V0_0_45),
    ("Filter to only defaults", V0_0_42, V0_0_45),
    ("Include the raw QOS or delta_qos", V0_0_42, V0_0_45),
    ("Include sub acct information", V0_0_42, V0_0_45),
    ("Exclude parent id/name", V0_0_42, V0_0_45),
    ("Exclude limits from parents", V0_0_42, V0_0_45),
    ("format", V0_0_40, V0_0_44),
    always("id"),
    always("parent_account"),
    always("partition"),
    always("qos"),
    always("usage_end"),
    always("usage_start"),
    always("user"),
];

const QOS: &[Parameter] = &[
    always("description"),
    ("Include deleted QOS", V0_0_42, V0_0_45),
    ("with_deleted", V0_0_40, V0_0_41),
    always("id"),
    ("format", V0_0_40, V0_0_44),
    always("name"),
    always("preempt_mode"),
];

const WCKEYS: &[Parameter] = &[
    always("cluster"),
    ("format", V0_0_40, V0_0_44),
    always("id"),
    always("name"),
    always("only_defaults"),
    always("usage_end"),
    always("usage_start"),
    always("user"),
    always("with_usage"),
    always("with_deleted"),
];

const INSTANCES: &[Parameter] = &[
    always("cluster"),
    always("extra"),
    ("format", V0_0_40, V0_0_44),
    always("instance_id"),
    always("instance_type"),
    always("node_list"),
    always("time_end"),
    always("time_start"),
];
