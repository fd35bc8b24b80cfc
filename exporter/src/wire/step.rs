//! The steps of one running job of `/slurmdb/jobs`, as v0.0.38 and v0.0.40 to v0.0.45 write them.
//! slurmctld tells of no steps through slurmrestd. What finished jobs used is read in `finished_job`.

use std::fmt::Write as _;

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use super::tres_list::Item;
use super::words::Words;
use crate::model::job::Gpus;
use crate::model::state::job_base;
use crate::model::step::{Step, Steps};
use crate::model::symbol::Run;
use crate::model::tres::Tres;
use crate::model::{Symbol, Timestamp};

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) steps: Steps,
    /// How many rows are of jobs that were read to their end.
    of_whole_jobs: usize,
    last_gpus: Run,
    /// Reused for each step.
    tres: String,
}

#[derive(Deserialize)]
struct WireJob<'a> {
    #[serde(default, borrow)]
    cluster: Text<'a>,
    #[serde(default, borrow)]
    steps: Vec<Wire<'a>>,
}

/// Without an id where it was handed on before, see [`read_step`].
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(default, borrow)]
    step: Identity<'a>,
    #[serde(default, borrow)]
    state: Words<'a>,
    #[serde(default)]
    time: Times,
    #[serde(default)]
    nodes: Count,
    #[serde(default)]
    tasks: Count,
    #[serde(default, borrow)]
    tres: StepTres<'a>,
}

#[derive(Default, Deserialize)]
struct Identity<'a> {
    /// Only in v0.0.38.
    #[serde(default)]
    job_id: Number,
    #[serde(borrow)]
    id: Option<Id<'a>>,
    #[serde(default, borrow)]
    name: Text<'a>,
}

/// `8.batch`; in v0.0.38 `"batch"` or 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'a> {
    Number(u32),
    Word(#[serde(borrow)] Text<'a>),
}

#[derive(Default, Deserialize)]
struct Times {
    #[serde(default)]
    start: Number,
}

#[derive(Default, Deserialize)]
struct Count {
    #[serde(default)]
    count: Number,
}

#[derive(Default, Deserialize)]
struct StepTres<'a> {
    #[serde(default, borrow)]
    allocated: Vec<Item<'a>>,
}

/// Reads the steps of one job into the table.
pub(super) fn read(bytes: &[u8], table: &mut Table) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<WireJob<'_>>(bytes)?;
    for step in &wire.steps {
        add(step, table)?;
    }
    let cluster = table.steps.symbols.intern(&wire.cluster.0);
    for step in &mut table.steps.rows[table.of_whole_jobs..] {
        step.cluster = cluster;
    }
    table.of_whole_jobs = table.steps.rows.len();
    Ok(len)
}

/// Reads one step of a job that is too long to be kept whole.
pub(super) fn read_step(bytes: &[u8], table: &mut Table) -> Result<(), ValueError> {
    let (step, _) = read_value::<Wire<'_>>(bytes)?;
    add(&step, table)
}

fn add(wire: &Wire<'_>, table: &mut Table) -> Result<(), ValueError> {
    let Some(id) = &wire.step.id else { return Ok(()) };
    if !wire.state.iter().any(|word| job_base::index_of(word) == Some(job_base::RUNNING)) {
        return Ok(());
    }
    let symbols = &mut table.steps.symbols;
    let (job_id, id) = match id {
        Id::Number(number) => (wire.step.job_id.get_u32(), symbols.intern(&number.to_string())),
        Id::Word(word) => match word.0.split_once('.') {
            // `8+1.0` is step 0 of the second component of the heterogeneous job 8.
            Some((job, id)) => match job.split_once('+') {
                Some((job, component)) => (job.parse().ok(), symbols.intern(&format!("{component}.{id}"))),
                None => (job.parse().ok(), symbols.intern(id)),
            },
            None => (wire.step.job_id.get_u32(), symbols.intern(&word.0)),
        },
    };
    let job_id = job_id.ok_or(ValueError::Missing("steps.step.id"))?;

    table.tres.clear();
    for item in &wire.tres.allocated {
        if let Some(count) = item.count.get() {
            // Without a unit memory is in MiB, here as in a TRES string.
            let _ = write!(table.tres, "{}={count},", item.name());
        }
    }
    let tres = Tres::parse(&table.tres);
    let gpus = tres.gres.iter().filter(|item| item.name == "gpu");
    let gpus: Vec<_> = gpus.map(|item| Gpus { kind: symbols.intern(item.kind), count: item.count }).collect();
    table.last_gpus = table.steps.gpu_lists.store(gpus, table.last_gpus);
    let fits = |value: Option<u64>| value.map_or(0, |value| u32::try_from(value).unwrap_or(u32::MAX));
    table.steps.rows.push(Step {
        // Known at the end of the job.
        cluster: Symbol::EMPTY,
        job_id,
        id,
        name: symbols.intern(&wire.step.name.0),
        tasks: wire.tasks.count.get_u32().unwrap_or(0),
        nodes: fits(tres.nodes.or(wire.nodes.count.get())),
        cpus: fits(tres.cpus),
        memory_bytes: tres.memory_bytes,
        gpus: table.last_gpus,
        start_at: Timestamp::from_unix(wire.time.start.get()),
    });
    Ok(())
}
