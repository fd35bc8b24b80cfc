//! One job of `/jobs`, as v0.0.38 and v0.0.40 to v0.0.45 write it. Its many cores and paths are passed over unread.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text, present};
use super::skim::Skimmer;
use super::words::{Words, sort};
use crate::model::job::{Details, Gpus, Job, Jobs, count_array_tasks};
use crate::model::state::{job_base, job_flag};
use crate::model::symbol::Run;
use crate::model::tres::Tres;
use crate::model::{Symbol, Timestamp};

/// The rows so far, and what spares work between neighbours.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) jobs: Jobs,
    last_partitions: Run,
    last_gpus: Run,
    /// Whether [`Jobs::details`] are wanted.
    pub(super) with_details: bool,
    /// Reused for each job.
    flags: Vec<Symbol>,
    skimmer: Skimmer,
}

#[derive(Deserialize)]
struct Wire<'a> {
    job_id: Option<Number>,
    #[serde(default, borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    job_state: Option<Words<'a>>,
    #[serde(borrow)]
    partition: Option<Text<'a>>,
    #[serde(default)]
    array_job_id: Number,
    #[serde(default)]
    cpus: Number,
    #[serde(default, borrow)]
    array_task_string: Text<'a>,
    #[serde(default, borrow)]
    user_name: Text<'a>,
    #[serde(default, borrow)]
    account: Text<'a>,
    #[serde(default, borrow)]
    qos: Text<'a>,
    #[serde(default, borrow)]
    state_reason: Text<'a>,
    #[serde(default)]
    node_count: Number,
    #[serde(default)]
    max_nodes: Number,
    #[serde(default)]
    user_id: Number,
    #[serde(default)]
    priority: Number,
    #[serde(default, borrow)]
    features: Text<'a>,
    /// Empty without any, like the next one; every version writes both.
    #[serde(default, borrow, deserialize_with = "present")]
    tres_req_str: Option<Text<'a>>,
    #[serde(default, borrow, deserialize_with = "present")]
    tres_alloc_str: Option<Text<'a>>,
    #[serde(default)]
    submit_time: Number,
    #[serde(default)]
    eligible_time: Number,
    #[serde(default)]
    start_time: Number,
    #[serde(default)]
    end_time: Number,
    /// Minutes.
    #[serde(default)]
    time_limit: Number,
    #[serde(default)]
    restart_cnt: Number,
}

/// Reads one job into the table.
pub(super) fn read(bytes: &[u8], table: &mut Table) -> Result<usize, ValueError> {
    let (wire, len) = table.skimmer.read::<Wire<'_>>(bytes)?;
    let jobs = &mut table.jobs;
    let symbols = &mut jobs.symbols;
    let id = wire.job_id.and_then(Number::get_u32).ok_or(ValueError::Missing("job_id"))?;
    let words = wire.job_state.ok_or(ValueError::Missing("job_state"))?;
    let partition = wire.partition.ok_or(ValueError::Missing("partition"))?;

    table.flags.clear();
    let state = sort(&words, job_base::index_of, job_flag::index_of, implied_base, symbols, &mut table.flags);
    let row = u32::try_from(jobs.rows.len()).expect("fewer than 2^32 jobs fit in one answer");
    jobs.other_flags.extend(table.flags.iter().map(|flag| (row, *flag)));

    let names = partition.0.split(',').filter(|name| !name.is_empty());
    let partitions: Vec<_> = names.map(|name| symbols.intern(name)).collect();
    table.last_partitions = jobs.partition_lists.store(partitions, table.last_partitions);

    // A job that holds or held resources says in tres_alloc_str what they are; one that waits, what it asks for.
    let requested = wire.tres_req_str.ok_or(ValueError::Missing("tres_req_str"))?;
    let allocated = wire.tres_alloc_str.ok_or(ValueError::Missing("tres_alloc_str"))?;
    let has_allocation = !allocated.0.is_empty();
    let tres = Tres::parse(if has_allocation { &allocated.0 } else { &requested.0 });
    let gpus = tres.gres.iter().filter(|item| item.name == "gpu");
    let gpus: Vec<_> = gpus.map(|item| Gpus { kind: symbols.intern(item.kind), count: item.count }).collect();
    table.last_gpus = jobs.gpu_lists.store(gpus, table.last_gpus);
    let fits = |value: Option<u64>| value.map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let cpus = fits(tres.cpus).filter(|_| has_allocation).or(wire.cpus.get_u32());
    let cpus = cpus.ok_or(ValueError::Missing("cpus"))?;
    let nodes = fits(tres.nodes).or(wire.node_count.get_u32()).ok_or(ValueError::Missing("node_count"))?;

    // Only the waiting rest of an array has a task string; a started task is a row of its own without one.
    let array = if wire.array_task_string.0.is_empty() {
        Some((1, false))
    } else {
        count_array_tasks(&wire.array_task_string.0)
    };
    // A string that makes no sense stands for at least one task, like one that Slurm cut.
    let (tasks, tasks_truncated) = array.unwrap_or((1, true));
    let reason =
        if wire.state_reason.0 == "None" { Symbol::EMPTY } else { symbols.intern(&wire.state_reason.0) };

    jobs.rows.push(Job {
        id,
        array_id: wire.array_job_id.get_u32().unwrap_or(0),
        tasks,
        state,
        partitions: table.last_partitions,
        gpus: table.last_gpus,
        user: symbols.intern(&wire.user_name.0),
        user_id: wire.user_id.get_u32().unwrap_or(0),
        account: symbols.intern(&wire.account.0),
        qos: symbols.intern(&wire.qos.0),
        reason,
        features: symbols.intern(&wire.features.0),
        is_held: wire.priority.get() == Some(0),
        cpus,
        nodes,
        max_nodes: wire.max_nodes.get_u32().unwrap_or(0),
        memory_bytes: tres.memory_bytes.unwrap_or(0),
        submit_at: Timestamp::from_unix(wire.submit_time.get()),
        eligible_at: Timestamp::from_unix(wire.eligible_time.get()),
        start_at: Timestamp::from_unix(wire.start_time.get()),
        end_at: Timestamp::from_unix(wire.end_time.get()),
        time_limit_minutes: wire.time_limit.get_u32().and_then(NonZeroU32::new),
        restarts: u16::try_from(wire.restart_cnt.get().unwrap_or(0)).unwrap_or(u16::MAX),
        has_allocation,
        tasks_truncated,
    });
    if table.with_details {
        jobs.details.push(Details { name: symbols.intern(&wire.name.0), priority: wire.priority.get_u32() });
    }
    Ok(len)
}

/// The base state behind a flag that v0.0.38 gives instead of it. COMPLETING hides how the job ended,
/// so it stays a word of its own there.
pub(super) fn implied_base(flag: u8) -> Option<u8> {
    match flag {
        job_flag::CONFIGURING | job_flag::RESIZING | job_flag::SIGNALING | job_flag::POWER_UP_NODE => {
            Some(job_base::RUNNING)
        }
        job_flag::REQUEUED | job_flag::REQUEUE_HOLD | job_flag::SPECIAL_EXIT | job_flag::REQUEUE_FED => {
            Some(job_base::PENDING)
        }
        _ => None,
    }
}

/// The yardstick of the decoder's speed: serde_json over a whole body of `/jobs`, into the same structs.
/// Gives the number of jobs. For benchmarks; it holds the body and every job at once.
///
/// # Errors
/// When the body is not a valid answer.
pub fn decode_whole_slice(body: &[u8]) -> Result<usize, serde_json::Error> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        jobs: Vec<Wire<'a>>,
    }
    let body: Body<'_> = serde_json::from_slice(body)?;
    Ok(std::hint::black_box(body.jobs).len())
}
