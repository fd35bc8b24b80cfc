//! One job of `/slurmdb/jobs` with its steps, as v0.0.38 and v0.0.40 to v0.0.45 write it.
//! The job's own times of use are 0 in all of them (observed on 22.05.8, 24.11.5 and 26.05.5): only its steps tell.

use serde::Deserialize;

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::stream::read_value;
use super::tres_list::Item;
use super::words::Words;
use crate::model::Timestamp;
use crate::model::accounting::{Accounting, FinishedJob};

/// The rows so far, and the steps of the job at hand that came before the job was whole.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) accounting: Accounting,
    steps: Steps,
}

/// What steps used together.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    cpu_micros: Option<u64>,
    memory_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    job_id: Option<Number>,
    #[serde(borrow)]
    state: Option<State<'a>>,
    time: Option<Times>,
    #[serde(default, borrow)]
    cluster: Text<'a>,
    #[serde(default, borrow)]
    partition: Text<'a>,
    #[serde(default, borrow)]
    account: Text<'a>,
    #[serde(default, borrow)]
    tres: JobTres<'a>,
    #[serde(default, borrow)]
    steps: Vec<Step<'a>>,
}

#[derive(Deserialize)]
struct State<'a> {
    #[serde(borrow)]
    current: Words<'a>,
}

#[derive(Deserialize)]
struct Times {
    #[serde(default)]
    submission: Number,
    #[serde(default)]
    start: Number,
    #[serde(default)]
    end: Number,
    #[serde(default)]
    elapsed: Number,
}

#[derive(Default, Deserialize)]
struct JobTres<'a> {
    #[serde(default, borrow)]
    allocated: Vec<Item<'a>>,
}

/// Empty where it was handed on before, see [`read_step`].
#[derive(Default, Deserialize)]
struct Step<'a> {
    time: Option<StepTimes>,
    #[serde(default, borrow)]
    tres: StepTres<'a>,
}

#[derive(Deserialize)]
struct StepTimes {
    /// User and system time together; more than a million microseconds may stand beside the seconds.
    total: Option<Clock>,
}

#[derive(Deserialize)]
struct Clock {
    seconds: u64,
    microseconds: u64,
}

#[derive(Default, Deserialize)]
struct StepTres<'a> {
    #[serde(default, borrow)]
    requested: Usage<'a>,
}

/// In spite of its name this is `TRESUsageIn` of `sacct`.
#[derive(Default, Deserialize)]
struct Usage<'a> {
    /// The sum over the tasks of what each had at most; memory in bytes.
    #[serde(default, borrow)]
    total: Vec<Item<'a>>,
}

impl Steps {
    fn add(&mut self, step: &Step<'_>) {
        if let Some(Clock { seconds, microseconds }) = step.time.as_ref().and_then(|time| time.total.as_ref())
        {
            let micros = seconds.saturating_mul(1_000_000).saturating_add(*microseconds);
            self.cpu_micros = Some(self.cpu_micros.unwrap_or(0).saturating_add(micros));
        }
        // Steps may run one after the other: the largest is what the job surely needed.
        let memory = step.tres.requested.total.iter().find(|item| item.is_memory());
        self.memory_bytes = self.memory_bytes.max(memory.and_then(|item| item.count.get()));
    }
}

/// The words of jobs that are over, as the filter of the request names them.
const FINISHED: &[&str] = &[
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
];

/// The same in the short words of the commands.
pub const FINISHED_STATES: &str = "CD,CA,F,TO,NF,PR,BF,DL,OOM";

/// What the request asks for, behind `?`; both times in Unix seconds.
pub(super) fn query(from: u32, until: u32) -> String {
    let states = FINISHED.join("&state=");
    // Without `show_duplicates` a job that was requeued shows its last run only.
    format!("start_time=uts{from}&end_time=uts{until}&state={states}&show_duplicates=true")
}

/// The same for v0.0.38, which takes one list of short words, and refuses parameters that it does not know.
pub(super) fn query_v0_0_38(from: u32, until: u32) -> String {
    format!("start_time=uts{from}&end_time=uts{until}&state={}", FINISHED_STATES.replace(',', "%2C"))
}

/// Reads one job into the table. One that is not over is left out: slurmdbd's filter may have been ignored.
pub(super) fn read(bytes: &[u8], table: &mut Table) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let mut steps = std::mem::take(&mut table.steps);
    for step in &wire.steps {
        steps.add(step);
    }
    let id = wire.job_id.and_then(Number::get_u32).ok_or(ValueError::Missing("job_id"))?;
    let state = wire.state.ok_or(ValueError::Missing("state.current"))?.current;
    let time = wire.time.ok_or(ValueError::Missing("time"))?;
    if !state.iter().any(|word| FINISHED.contains(&word)) {
        return Ok(len);
    }
    let symbols = &mut table.accounting.symbols;
    let mut allocated = wire.tres.allocated.iter();
    table.accounting.jobs.push(FinishedJob {
        cluster: symbols.intern(&wire.cluster.0),
        id,
        submit_at: Timestamp::from_unix(time.submission.get()),
        start_at: Timestamp::from_unix(time.start.get()),
        end_at: Timestamp::from_unix(time.end.get()),
        partition: symbols.intern(&wire.partition.0),
        account: symbols.intern(&wire.account.0),
        elapsed_seconds: time.elapsed.get().unwrap_or(0),
        cpus: allocated.clone().find(|item| item.is_cpu()).and_then(Item::in_base_units).unwrap_or(0),
        memory_bytes: allocated.find(|item| item.is_memory()).and_then(Item::in_base_units),
        cpu_used_micros: steps.cpu_micros,
        memory_used_bytes: steps.memory_bytes,
    });
    Ok(len)
}

/// Reads one step of a job that is too long to be kept whole.
pub(super) fn read_step(bytes: &[u8], table: &mut Table) -> Result<(), ValueError> {
    let (step, _) = read_value::<Step<'_>>(bytes)?;
    table.steps.add(&step);
    Ok(())
}
