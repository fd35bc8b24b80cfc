//! Random histories of a small job table, read now and then, against a count of what really happened to it.
//! The table behaves as slurmctld's: arrays split as their tasks begin, ends stay listed, ids come back.

use std::collections::BTreeMap;

use exporter::lifecycle::{Buckets, JobLife};
use exporter::model::state::{State, Word, job_base};
use exporter::model::symbol::Run;
use exporter::model::{Job, JobTotals, Jobs, Symbol, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

/// What may happen next; a number picks the job it happens to.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pass(u32),
    Submit {
        tasks: u32,
        cpus: u32,
    },
    Start(usize),
    End(usize, u8),
    Cancel(usize),
    Requeue(usize),
    /// slurmctld forgets the ends that are old enough to have been read.
    Forget,
    Read,
    /// The list has not changed, or only the clock is asked.
    ReadUnchanged,
}

const ENDS: [u8; 4] = [job_base::COMPLETED, job_base::FAILED, job_base::TIMEOUT, job_base::NODE_FAIL];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_u32..200).prop_map(Event::Pass),
        3 => (1_u32..4, 1_u32..9).prop_map(|(tasks, cpus)| Event::Submit { tasks, cpus }),
        6 => any::<usize>().prop_map(Event::Start),
        4 => (any::<usize>(), 0..ENDS.len()).prop_map(|(which, end)| Event::End(which, ENDS[end])),
        1 => any::<usize>().prop_map(Event::Cancel),
        2 => any::<usize>().prop_map(Event::Requeue),
        1 => Just(Event::Forget),
        3 => Just(Event::Read),
        1 => Just(Event::ReadUnchanged),
    ]
}

#[derive(Clone, Debug)]
struct Record {
    id: u32,
    array_id: u32,
    tasks: u32,
    cpus: u32,
    state: u8,
    submit_at: u32,
    start_at: u32,
    end_at: u32,
    restarts: u16,
    /// Whether its end was read.
    end_was_read: bool,
    /// Up to when its use was read.
    used_until: u32,
}

/// The table, and what has happened to it since it was first read.
#[derive(Debug)]
struct Table {
    now: u32,
    changed_at: u32,
    records: Vec<Record>,
    /// Ids come back late: not before a list was read that lacks them.
    forgotten_ids: Vec<u32>,
    free_ids: Vec<u32>,
    next_id: u32,
    /// Slurm gives a requeued job a new submit time, at least a second after the old one.
    renews_submit: bool,
    sends_last_update: bool,
    first_read_at: Option<u32>,
    submitted: u64,
    started: u64,
    requeued: u64,
    finished: BTreeMap<u8, u64>,
    ended_runs: u64,
    cpu_seconds: u64,
}

impl Table {
    fn happen(&mut self, event: Event, life: &mut JobLife) {
        let was_read = u64::from(self.first_read_at.is_some());
        let now = self.now;
        match event {
            Event::Pass(seconds) => self.now += seconds,
            Event::Submit { tasks, cpus } => {
                let id = self.take_id();
                self.submitted += u64::from(tasks) * was_read;
                self.records.push(Record {
                    id,
                    array_id: if tasks > 1 { id } else { 0 },
                    tasks,
                    cpus,
                    state: job_base::PENDING,
                    submit_at: now,
                    start_at: 0,
                    end_at: 0,
                    restarts: 0,
                    end_was_read: false,
                    used_until: 0,
                });
                self.changed_at = now;
            }
            Event::Start(which) => {
                let Some(at) = self.pick(which, job_base::PENDING) else { return };
                let at = if self.records[at].tasks > 1 { self.split(at) } else { at };
                let record = &mut self.records[at];
                (record.state, record.start_at, record.used_until) = (job_base::RUNNING, now, now);
                self.started += was_read;
                self.changed_at = now;
            }
            Event::End(which, state) => {
                let Some(at) = self.pick(which, job_base::RUNNING) else { return };
                let record = &mut self.records[at];
                (record.state, record.end_at) = (state, now);
                self.cpu_seconds += u64::from(record.cpus * (now - record.used_until)) * was_read;
                self.ended_runs += was_read;
                *self.finished.entry(state).or_default() += was_read;
                self.changed_at = now;
            }
            Event::Cancel(which) => {
                let Some(at) = self.pick(which, job_base::PENDING) else { return };
                let record = &mut self.records[at];
                (record.state, record.start_at, record.end_at) = (job_base::CANCELLED, now, now);
                *self.finished.entry(job_base::CANCELLED).or_default() += u64::from(record.tasks) * was_read;
                self.changed_at = now;
            }
            Event::Requeue(which) => {
                let Some(at) = self.pick(which, job_base::RUNNING) else { return };
                let record = &mut self.records[at];
                record.state = job_base::PENDING;
                record.restarts += 1;
                record.start_at = now + 120;
                if self.renews_submit {
                    record.submit_at = now.max(record.submit_at + 1);
                }
                self.requeued += was_read;
                self.changed_at = now;
            }
            Event::Forget => {
                let (gone, kept) = std::mem::take(&mut self.records)
                    .into_iter()
                    .partition::<Vec<_>, _>(|record| record.end_was_read);
                self.records = kept;
                self.forgotten_ids.extend(gone.iter().map(|record| record.id));
                self.changed_at = if gone.is_empty() { self.changed_at } else { now };
            }
            Event::Read => drop(self.read(life)),
            Event::ReadUnchanged => {
                if self.first_read_at.is_some() {
                    // Only true right after a reading.
                    self.read(life);
                    life.pass(&self.rows(), timestamp(self.now));
                }
            }
        }
    }

    /// An id that was used before, but not by a job that is listed, or a new one.
    fn take_id(&mut self) -> u32 {
        self.free_ids.pop().unwrap_or_else(|| {
            self.next_id += 1;
            self.next_id
        })
    }

    fn pick(&self, which: usize, state: u8) -> Option<usize> {
        let fit: Vec<_> = (0..self.records.len()).filter(|at| self.records[*at].state == state).collect();
        (!fit.is_empty()).then(|| fit[which % fit.len()])
    }

    /// A task leaves its array, which goes on waiting with one less.
    fn split(&mut self, at: usize) -> usize {
        // Ids go up: no task gets that of an earlier one of its array.
        self.next_id += 1;
        let id = self.next_id;
        self.records[at].tasks -= 1;
        self.records.push(Record { id, tasks: 1, ..self.records[at].clone() });
        self.records.len() - 1
    }

    fn read(&mut self, life: &mut JobLife) -> std::sync::Arc<JobTotals> {
        let now = self.now;
        for record in &mut self.records {
            if record.state == job_base::RUNNING {
                if self.first_read_at.is_some() {
                    self.cpu_seconds += u64::from(record.cpus * (now - record.used_until));
                }
                record.used_until = now;
            }
            record.end_was_read |= record.end_at != 0;
        }
        self.free_ids.append(&mut self.forgotten_ids);
        self.first_read_at.get_or_insert(now);
        life.advance(&self.rows(), timestamp(now), &Buckets::default())
    }

    fn rows(&self) -> Jobs {
        let mut jobs = Jobs::default();
        let partition = jobs.symbols.intern("batch");
        let partitions = jobs.partition_lists.store([partition], Run::default());
        jobs.rows = self.records.iter().map(|record| row(record, partitions)).collect();
        if self.sends_last_update {
            jobs.last_update = timestamp(self.changed_at);
        }
        jobs
    }
}

fn timestamp(seconds: u32) -> Timestamp {
    Timestamp::from_unix(Some(seconds.into()))
}

fn row(record: &Record, partitions: Run) -> Job {
    let waits = record.state == job_base::PENDING || record.state == job_base::CANCELLED;
    Job {
        id: record.id,
        array_id: record.array_id,
        tasks: record.tasks,
        state: State { base: Word::Known(record.state), flags: 0 },
        partitions,
        gpus: Run::default(),
        user: Symbol::EMPTY,
        user_id: 0,
        account: Symbol::EMPTY,
        qos: Symbol::EMPTY,
        reason: Symbol::EMPTY,
        features: Symbol::EMPTY,
        is_held: false,
        cpus: record.cpus,
        nodes: 1,
        max_nodes: 0,
        memory_bytes: 0,
        submit_at: timestamp(record.submit_at),
        eligible_at: timestamp(record.submit_at),
        start_at: timestamp(record.start_at),
        end_at: timestamp(if record.end_at == 0 { record.start_at + 3600 } else { record.end_at }),
        time_limit_minutes: None,
        restarts: record.restarts,
        has_allocation: !waits,
        tasks_truncated: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_counted_as_it_happened(
        events in vec(event(), 1..120),
        renews_submit: bool,
        sends_last_update: bool,
    ) {
        let start = 1_795_000_000;
        let mut life = JobLife::default();
        let mut table = Table {
            now: start,
            changed_at: start,
            records: Vec::new(),
            forgotten_ids: Vec::new(),
            free_ids: Vec::new(),
            next_id: 0,
            renews_submit,
            sends_last_update,
            first_read_at: None,
            submitted: 0,
            started: 0,
            requeued: 0,
            finished: BTreeMap::new(),
            ended_runs: 0,
            cpu_seconds: 0,
        };
        for event in events {
            table.happen(event, &mut life);
        }
        let totals = table.read(&mut life);
        prop_assert_eq!(totals.submitted, table.submitted);
        prop_assert_eq!(totals.started, table.started);
        prop_assert_eq!(totals.requeued, table.requeued);
        prop_assert_eq!(totals.vanished, 0);
        let finished: BTreeMap<_, u64> = totals
            .finished
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|([.., state], count)| (totals.symbols.resolve(*state), *count))
            .collect();
        let happened: BTreeMap<_, u64> = table
            .finished
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(state, count)| (job_base::WORDS[usize::from(*state)], *count))
            .collect();
        prop_assert_eq!(finished, happened);
        let ended: u64 = totals.run.iter().filter_map(|(_, ran)| ran.cumulative().last().copied()).sum();
        prop_assert_eq!(ended, table.ended_runs);
        let used: u64 = totals.usage.values().map(|usage| usage.cpu_seconds).sum();
        prop_assert_eq!(used, table.cpu_seconds);
    }
}
