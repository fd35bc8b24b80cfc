//! rivosinc's prometheus-slurm-exporter: nodes under the word that `sinfo` shows in lower case, jobs under that of
//! `squeue` in upper case. Memory is in bytes, diag's times in microseconds, its own scrapes in milliseconds.

use std::collections::BTreeMap;

use super::fact::{Fact, desc, descs, fact, write};
use super::node_tally::{self, NodeTally};
use super::statistics::{self, Statistic, plain};
use super::{Part, Set, words};
use crate::exposition::{Batch, Desc, Kind};
use crate::model::diag::{RPCS_BY_TYPE, RPCS_BY_USER};
use crate::model::limit::{GRP_JOBS, GRP_SUBMIT_JOBS, GRP_TRES};
use crate::model::{Diag, Endpoint, Job, Jobs, License, Nodes, Snapshot, Symbol};

pub(super) const SET: Set = Set {
    name: "rivosinc",
    parts: &[
        Part { name: "nodes", needs: &[Endpoint::Nodes], families: node_families, collect: collect_nodes },
        Part { name: "jobs", needs: &[Endpoint::Jobs], families: job_families, collect: collect_jobs },
        Part { name: "diag", needs: &[Endpoint::Diag], families: diag_families, collect: collect_diag },
        Part {
            name: "licenses",
            needs: &[Endpoint::Licenses],
            families: || descs(LICENSES).chain([&LICENSE_ERRORS]).collect(),
            collect: collect_licenses,
        },
        Part {
            name: "limits",
            needs: &[Endpoint::Associations],
            families: limit_families,
            collect: collect_limits,
        },
    ],
};

const PARTITION: &[&str] = &["partition"];
const PARTITION_STATE: &[&str] = &["partition", "state"];

static NODES: &[Fact<NodeTally>] = &[
    fact("slurm_cpus_total", "CPUs.", &[], |nodes| Some(nodes.cpus.into())),
    fact("slurm_cpus_idle", "CPUs that are not allocated.", &[], |nodes| Some(nodes.cpus_idle().into())),
    fact("slurm_cpu_load", "Sum of the nodes' load averages.", &[], |nodes| Some(nodes.load().into())),
    fact("slurm_mem_real", "Memory in bytes.", &[], |nodes| Some(nodes.memory_bytes.into())),
    fact("slurm_mem_alloc", "Allocated memory in bytes.", &[], |nodes| {
        Some(nodes.memory_allocated_bytes.into())
    }),
    fact("slurm_mem_free", "Free memory in bytes.", &[], |nodes| Some(nodes.memory_free_bytes.into())),
];
static PARTITIONS: &[Fact<NodeTally>] = &[
    fact("slurm_partition_total_cpus", "CPUs.", PARTITION, |nodes| Some(nodes.cpus.into())),
    fact("slurm_partition_idle_cpus", "CPUs that are not allocated.", PARTITION, |nodes| {
        Some(nodes.cpus_idle().into())
    }),
    fact("slurm_partition_cpu_load", "Sum of the nodes' load averages.", PARTITION, |nodes| {
        Some(nodes.load().into())
    }),
    fact("slurm_partition_real_mem", "Memory in bytes.", PARTITION, |nodes| Some(nodes.memory_bytes.into())),
    fact("slurm_partition_free_mem", "Free memory in bytes.", PARTITION, |nodes| {
        Some(nodes.memory_free_bytes.into())
    }),
    fact("slurm_partition_weight", "Sum of the nodes' weights.", PARTITION, |nodes| {
        Some(nodes.weight.into())
    }),
];
static STATES: &[Fact<NodeTally>] = &[
    fact("slurm_cpus_per_state", "CPUs by the nodes' state.", &["state"], |nodes| Some(nodes.cpus.into())),
    fact("slurm_node_count_per_state", "Nodes by state.", &["state"], |nodes| Some(nodes.nodes.into())),
];
static PARTITION_STATES: &[Fact<NodeTally>] = &[
    fact("slurm_partition_alloc_cpus", "Allocated CPUs by the nodes' state.", PARTITION_STATE, |nodes| {
        Some(nodes.cpus_allocated.into())
    }),
    fact(
        "slurm_partition_alloc_mem",
        "Allocated memory in bytes by the nodes' state.",
        PARTITION_STATE,
        |nodes| Some(nodes.memory_allocated_bytes.into()),
    ),
    fact("slurm_partition_node_count", "Nodes by state.", PARTITION_STATE, |nodes| Some(nodes.nodes.into())),
];

/// Jobs in one state, with what they hold.
#[derive(Debug, Default)]
struct Held {
    jobs: u64,
    cpus: u64,
    memory_bytes: u64,
}

impl Held {
    fn add(&mut self, job: &Job) {
        let tasks = u64::from(job.tasks);
        self.jobs += tasks;
        if job.is_running() {
            self.cpus += u64::from(job.cpus);
            self.memory_bytes += job.memory_bytes;
        }
    }
}

macro_rules! held {
    ($jobs:literal, $cpus:literal, $memory:literal, $labels:expr) => {
        &[
            fact($jobs, "Jobs.", $labels, |held| Some(held.jobs.into())),
            fact($cpus, "CPUs that jobs hold.", $labels, |held| Some(held.cpus.into())),
            fact($memory, "Memory in bytes that jobs hold.", $labels, |held| Some(held.memory_bytes.into())),
        ]
    };
}

static ACCOUNTS: &[Fact<Held>] = held!(
    "slurm_account_job_state_total",
    "slurm_account_job_state_cpu_alloc",
    "slurm_account_job_state_mem_alloc",
    &["account", "state"]
);
static USERS: &[Fact<Held>] =
    held!("slurm_user_state_total", "slurm_user_cpu_alloc", "slurm_user_mem_alloc", &["state", "username"]);
/// By the constraint that the job was submitted with.
static FEATURES: &[Fact<Held>] =
    held!("slurm_feature_total", "slurm_feature_cpu_alloc", "slurm_feature_mem_alloc", &["feature"]);
static PARTITION_JOBS: &[Fact<Held>] =
    &[fact("slurm_partition_job_state_total", "Jobs by state.", PARTITION_STATE, |held| {
        Some(held.jobs.into())
    })];
static PENDING_REASON: Desc = desc("slurm_pending_reason_total", "Jobs that wait, by reason.", &["reason"]);

static STATISTICS: &[Statistic] = &[
    plain("slurm_backfill_cycle_count", "Mean backfill cycle in microseconds.", "bf_cycle_mean"),
    plain("slurm_backfill_cycle_counter", "Backfill cycles.", "bf_cycle_counter"),
    plain("slurm_backfill_job_count", "Jobs started by backfill.", "bf_backfilled_jobs"),
    plain("slurm_backfill_last_depth", "Depth of the last backfill cycle.", "bf_last_depth"),
    plain(
        "slurm_backfill_last_depth_try_sched",
        "Depth that the last backfill cycle tried.",
        "bf_last_depth_try",
    ),
    plain("slurm_daemon_thread_count", "Threads of slurmctld.", "server_thread_count"),
    plain("slurm_dbd_agent_queue_size", "Messages that wait for slurmdbd.", "dbd_agent_queue_size"),
];
/// A limit of accounts: its name in an association, and the TRES.
struct AccountLimit(Desc, &'static str, &'static str);

const ACCOUNT: &[&str] = &["account"];

static LIMITS: [AccountLimit; 4] = [
    AccountLimit(
        desc("slurm_account_cpu_limit", "CPUs that jobs may hold at once.", ACCOUNT),
        GRP_TRES,
        "cpu",
    ),
    AccountLimit(
        desc("slurm_account_mem_limit", "Memory in bytes that jobs may hold at once.", ACCOUNT),
        GRP_TRES,
        "mem",
    ),
    AccountLimit(desc("slurm_account_job_alloc_limit", "Jobs that may run at once.", ACCOUNT), GRP_JOBS, ""),
    AccountLimit(
        desc("slurm_account_job_limit", "Jobs that may wait and run at once.", ACCOUNT),
        GRP_SUBMIT_JOBS,
        "",
    ),
];
static RPC_COUNT: Desc = desc("slurm_rpc_msg_type_count", "RPCs by type.", &["type"]);
static RPC_TOTAL: Desc = desc("slurm_rpc_msg_type_total_time", "Time of RPCs in microseconds.", &["type"]);
static RPC_MEAN: Desc =
    desc("slurm_rpc_msg_type_avg_time", "Mean time of an RPC in microseconds.", &["type"]);
static USER_RPC_COUNT: Desc = desc("slurm_rpc_user_count", "RPCs by user.", &["user"]);
static USER_RPC_TOTAL: Desc = desc("slurm_rpc_user_total_time", "Time of RPCs in microseconds.", &["user"]);

const NAME: &[&str] = &["name"];

static LICENSES: &[Fact<License>] = &[
    fact("slurm_lic_total", "Licenses.", NAME, |license| Some(license.total.into())),
    fact("slurm_lic_used", "Licenses that jobs hold.", NAME, |license| license.used.map(Into::into)),
    fact("slurm_lic_free", "Licenses that nobody holds.", NAME, |license| license.free.map(Into::into)),
    fact("slurm_lic_reserved", "Licenses that reservations hold.", NAME, |license| {
        license.reserved.map(Into::into)
    }),
    fact("slurm_lic_last_consumed", "Licenses in use on their server, as last told.", NAME, |license| {
        license.last_consumed.map(Into::into)
    }),
    fact(
        "slurm_lic_last_deficit",
        "Licenses in use beyond those there are, as last told.",
        NAME,
        |license| license.last_deficit.map(Into::into),
    ),
];
static LICENSE_ERRORS: Desc =
    Desc { kind: Kind::Counter, ..desc("slurm_lic_scrape_error", "Readings that failed.", &[]) };

/// What it said of its own reading of an endpoint: duration in milliseconds and failures.
struct Scrape {
    endpoint: Endpoint,
    duration: Desc,
    errors: Desc,
}

const fn scrape(endpoint: Endpoint, duration: &'static str, errors: &'static str) -> Scrape {
    Scrape {
        endpoint,
        duration: desc(duration, "How long the last reading took, in milliseconds.", &[]),
        errors: Desc { kind: Kind::Counter, ..desc(errors, "Readings that failed.", &[]) },
    }
}

static NODE_SCRAPE: Scrape = scrape(Endpoint::Nodes, "slurm_node_scrape_duration", "slurm_node_scrape_error");
static JOB_SCRAPE: Scrape = scrape(Endpoint::Jobs, "slurm_job_scrape_duration", "job_scrape_errors");
static DIAG_SCRAPE: Scrape = scrape(Endpoint::Diag, "slurm_diag_scrape_duration", "slurm_diag_scrape_error");
static LIMIT_SCRAPE: Scrape =
    scrape(Endpoint::Associations, "slurm_limit_scrape_duration", "slurm_account_collect_error");

impl Scrape {
    fn families(&'static self) -> [&'static Desc; 2] {
        [&self.duration, &self.errors]
    }

    fn write(&'static self, snapshot: &Snapshot, batch: &mut Batch) {
        let poll = snapshot.polls.of(self.endpoint);
        if let Some(took) = poll.took {
            batch.family(&self.duration).sample(&[], took.as_secs_f64() * 1e3);
        }
        batch.family(&self.errors).sample(&[], poll.failures);
    }
}

fn node_families() -> Vec<&'static Desc> {
    let tables = [NODES, PARTITIONS, STATES, PARTITION_STATES].into_iter().flat_map(descs);
    tables.chain(NODE_SCRAPE.families()).collect()
}

fn collect_nodes(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(nodes) = snapshot.nodes.as_deref() else { return };
    write(batch, NODES, &[(Vec::new(), &node_tally::all(nodes))]);
    let partitions = node_tally::by_partition(nodes);
    write(batch, PARTITIONS, &node_tally::rows(nodes, &partitions));
    write_node_states(nodes, batch);
    NODE_SCRAPE.write(snapshot, batch);
}

fn write_node_states(nodes: &Nodes, batch: &mut Batch) {
    let mut states = BTreeMap::<&str, NodeTally>::new();
    let mut partitions = BTreeMap::<(&str, &str), NodeTally>::new();
    for node in &nodes.rows {
        let state = words::of_node(nodes, node);
        states.entry(state).or_default().add(nodes, node);
        for partition in nodes.partitions(node) {
            let partition = nodes.symbols.resolve(*partition);
            partitions.entry((partition, state)).or_default().add(nodes, node);
        }
    }
    let rows: Vec<_> = states.iter().map(|(state, tally)| (vec![*state], tally)).collect();
    write(batch, STATES, &rows);
    let rows: Vec<_> =
        partitions.iter().map(|((partition, state), tally)| (vec![*partition, *state], tally)).collect();
    write(batch, PARTITION_STATES, &rows);
}

fn job_families() -> Vec<&'static Desc> {
    let tables = [ACCOUNTS, USERS, FEATURES, PARTITION_JOBS].into_iter().flat_map(descs);
    tables.chain([&PENDING_REASON]).chain(JOB_SCRAPE.families()).collect()
}

fn collect_jobs(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    let mut accounts = BTreeMap::<(&str, String), Held>::new();
    let mut users = BTreeMap::<(String, &str), Held>::new();
    let mut partitions = BTreeMap::<(&str, String), Held>::new();
    let mut features = BTreeMap::<&str, Held>::new();
    let mut reasons = BTreeMap::<&str, u64>::new();
    for job in &jobs.rows {
        let state = || words::of_job(jobs, job).to_ascii_uppercase();
        accounts.entry((name(jobs, job.account), state())).or_default().add(job);
        users.entry((state(), name(jobs, job.user))).or_default().add(job);
        for partition in jobs.partitions(job) {
            partitions.entry((name(jobs, *partition), state())).or_default().add(job);
        }
        if !job.features.is_empty() {
            features.entry(name(jobs, job.features)).or_default().add(job);
        }
        if job.is_pending() {
            let reason = if job.reason.is_empty() { "None" } else { name(jobs, job.reason) };
            *reasons.entry(reason).or_default() += u64::from(job.tasks);
        }
    }
    write(batch, ACCOUNTS, &rows(&accounts, |(account, state)| vec![*account, state]));
    write(batch, USERS, &rows(&users, |(state, user)| vec![state, *user]));
    write(batch, PARTITION_JOBS, &rows(&partitions, |(partition, state)| vec![*partition, state]));
    write(batch, FEATURES, &rows(&features, |feature| vec![*feature]));
    for (reason, tasks) in reasons {
        batch.family(&PENDING_REASON).sample(&[reason], tasks);
    }
    JOB_SCRAPE.write(snapshot, batch);
}

fn name(jobs: &Jobs, symbol: Symbol) -> &str {
    jobs.symbols.resolve(symbol)
}

fn rows<'a, K>(
    held: &'a BTreeMap<K, Held>,
    labels: impl Fn(&'a K) -> Vec<&'a str>,
) -> Vec<(Vec<&'a str>, &'a Held)> {
    held.iter().map(|(key, held)| (labels(key), held)).collect()
}

fn diag_families() -> Vec<&'static Desc> {
    let rpcs = [&RPC_COUNT, &RPC_TOTAL, &RPC_MEAN, &USER_RPC_COUNT, &USER_RPC_TOTAL];
    statistics::descs(STATISTICS).chain(rpcs).chain(DIAG_SCRAPE.families()).collect()
}

fn collect_diag(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(diag) = snapshot.diag.as_deref() else { return };
    statistics::write(batch, diag, STATISTICS);
    write_rpcs(diag, batch);
    DIAG_SCRAPE.write(snapshot, batch);
}

fn write_rpcs(diag: &Diag, batch: &mut Batch) {
    for (list, count, total, mean) in [
        (RPCS_BY_TYPE, &RPC_COUNT, &RPC_TOTAL, Some(&RPC_MEAN)),
        (RPCS_BY_USER, &USER_RPC_COUNT, &USER_RPC_TOTAL, None),
    ] {
        for (name, [calls, micros]) in diag.said.rpcs(list) {
            batch.family(count).sample(&[name], calls);
            batch.family(total).sample(&[name], micros);
            if let Some(mean) = mean.filter(|_| calls > 0) {
                batch.family(mean).sample(&[name], micros / calls);
            }
        }
    }
}

fn collect_licenses(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(licenses) = snapshot.licenses.as_deref() else { return };
    let rows: Vec<_> = licenses.rows.iter().map(|license| (vec![license.name.as_str()], license)).collect();
    write(batch, LICENSES, &rows);
    let failures = snapshot.polls.of(Endpoint::Licenses).failures;
    batch.family(&LICENSE_ERRORS).sample(&[], failures);
}

fn limit_families() -> Vec<&'static Desc> {
    LIMITS.iter().map(|AccountLimit(desc, ..)| desc).chain(LIMIT_SCRAPE.families()).collect()
}

fn collect_limits(snapshot: &Snapshot, batch: &mut Batch) {
    let Some(table) = snapshot.associations.as_deref() else { return };
    let text = |symbol| table.symbols.resolve(symbol);
    for account in table.rows.iter().filter(|row| row.user.is_empty()) {
        for limit in &account.limits {
            let is_it = |AccountLimit(_, name, tres): &&AccountLimit| {
                *name == limit.name && *tres == text(limit.tres)
            };
            if let Some(AccountLimit(desc, ..)) = LIMITS.iter().find(is_it) {
                batch.family(desc).sample(&[text(account.account)], limit.value);
            }
        }
    }
    LIMIT_SCRAPE.write(snapshot, batch);
}
