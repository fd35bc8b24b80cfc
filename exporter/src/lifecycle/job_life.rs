//! Jobs from one reading to the next: what was submitted, started, requeued and finished in between, each once.
//! Only what the rows themselves say counts, with their own times; a job that is gone has no end that we know.

use std::collections::HashMap;
use std::sync::Arc;

use super::buckets::Buckets;
use crate::model::job_totals::JobTotals;
use crate::model::state::{Word, job_base};
use crate::model::tres::is_gpu_slice;
use crate::model::{Job, Jobs, Symbol, Timestamp};

/// How much older than the last reading a job may be that was not in it and is new all the same. What is older was
/// hidden from us then (`PrivateData`, a filtered view), and is taken as it is found.
const GRACE_SECONDS: u32 = 60;

/// Whether a base state is an end, and whether that end is a failure.
const ENDS: &[(u8, bool)] = &[
    (job_base::COMPLETED, false),
    (job_base::CANCELLED, false),
    (job_base::PREEMPTED, false),
    (job_base::FAILED, true),
    (job_base::TIMEOUT, true),
    (job_base::OUT_OF_MEMORY, true),
    (job_base::NODE_FAIL, true),
    (job_base::BOOT_FAIL, true),
    (job_base::DEADLINE, true),
];

/// The jobs of the last whole reading and the totals so far.
#[derive(Clone, Debug, Default)]
pub struct JobLife {
    /// Ascending by id; none before the first reading.
    known: Option<Vec<Known>>,
    totals: Arc<JobTotals>,
}

/// What is remembered of a job between two readings: 16 bytes each.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: u32,
    submit_at: Timestamp,
    tasks: u32,
    restarts: u16,
    /// Whether its newest run has begun: it was given resources and does not wait.
    started: bool,
    finished: bool,
}

impl JobLife {
    /// Counts what happened since the reading before. The first one only shows what there is already.
    ///
    /// `clock` is the controller's, read before these jobs were asked for, so that they tell everything up to then.
    pub fn advance(&mut self, jobs: &Jobs, clock: Timestamp, buckets: &Buckets) -> Arc<JobTotals> {
        let is_first = self.known.is_none();
        let old = self.known.take().unwrap_or_default();
        let totals = Arc::make_mut(&mut self.totals);
        buckets.apply(totals);
        let before = totals.as_of;
        let as_of = before.max(clock).max(told_until(jobs));
        totals.as_of = as_of;
        let mut count = Count::new(jobs, totals);
        let mut known = Vec::with_capacity(jobs.rows.len());
        let mut gone = old.iter().peekable();
        for job in by_id(jobs) {
            while let Some(vanished) = gone.next_if(|old| old.id < job.id) {
                count.vanish(vanished);
            }
            let same_id = gone.next_if(|old| old.id == job.id);
            let now = Known::of(job);
            let mut base = now;
            if let Some(same) = same_id.filter(|old| old.is_same_job(&now)) {
                base = *same;
            } else {
                if let Some(reused) = same_id {
                    count.vanish(reused);
                }
                let is_task = is_task_of_known(job, &old);
                let is_new = !is_first && job.submit_at >= earlier(before, GRACE_SECONDS);
                if is_new && !is_task {
                    count.totals.submitted += u64::from(now.tasks);
                }
                if is_new || is_task {
                    base = now.before_it_began();
                }
                if is_new || is_task || !now.finished {
                    count.open(job);
                }
            }
            count.changes(job, base, now);
            let usage_from = if is_first { as_of } else { before };
            count.usage(job, base, now, usage_from, as_of);
            known.push(now.after(&base));
        }
        gone.for_each(|old| count.vanish(old));
        self.known = Some(known);
        Arc::clone(&self.totals)
    }

    /// Takes the next reading as the first one: it will be of another Slurm. What was counted stays.
    pub fn forget_readings(&mut self) {
        self.known = None;
        Arc::make_mut(&mut self.totals).as_of = Timestamp::NONE;
    }

    /// Lets time pass over jobs that have not changed since the last whole reading.
    pub fn pass(&mut self, jobs: &Jobs, clock: Timestamp) -> Arc<JobTotals> {
        let totals = Arc::make_mut(&mut self.totals);
        let before = totals.as_of;
        let as_of = before.max(clock);
        totals.as_of = as_of;
        let mut count = Count::new(jobs, totals);
        for job in by_id(jobs) {
            let now = Known::of(job);
            count.usage(job, now, now, before, as_of);
        }
        Arc::clone(&self.totals)
    }
}

impl Known {
    fn of(job: &Job) -> Self {
        Self {
            id: job.id,
            submit_at: job.submit_at,
            tasks: job.tasks,
            restarts: job.restarts,
            started: job.has_begun(),
            finished: end_of(job).is_some(),
        }
    }

    /// A new submit time is another job that got the same id, unless it was requeued: slurmctld sets it anew then
    /// (its job_mgr.c, so that the database has a record for each run).
    fn is_same_job(&self, now: &Self) -> bool {
        self.submit_at == now.submit_at || now.restarts > self.restarts
    }

    fn before_it_began(self) -> Self {
        Self { restarts: 0, started: false, finished: false, ..self }
    }

    /// What to remember: a run that was seen to begin or end did so, whatever an older state of a restarted
    /// slurmctld says.
    fn after(self, base: &Self) -> Self {
        if self.restarts > base.restarts {
            return self;
        }
        Self {
            restarts: base.restarts,
            started: self.started || base.started,
            finished: self.finished || base.finished,
            ..self
        }
    }
}

/// The totals being counted, with what one reading needs for it.
struct Count<'a> {
    jobs: &'a Jobs,
    totals: &'a mut JobTotals,
    /// Of the reading's symbols, those of the totals.
    symbols: HashMap<Symbol, Symbol>,
}

impl<'a> Count<'a> {
    fn new(jobs: &'a Jobs, totals: &'a mut JobTotals) -> Self {
        Self { jobs, totals, symbols: HashMap::new() }
    }

    fn changes(&mut self, job: &Job, base: Known, now: Known) {
        let requeues = u64::from(now.restarts.saturating_sub(base.restarts));
        self.totals.requeued += requeues;
        // Who was requeued had begun before, seen or not.
        let starts = |known: Known| u64::from(known.restarts) + u64::from(known.started);
        self.totals.started += starts(now).saturating_sub(starts(base));
        let is_newer_run = requeues > 0;
        let is_older_run = now.restarts < base.restarts;
        if now.started && !is_older_run && (is_newer_run || !base.started) {
            self.start(job);
        }
        if let Some((state, is_failure)) = end_of(job)
            && !is_older_run
            && (is_newer_run || !base.finished)
        {
            self.finish(job, now, state, is_failure);
        }
    }

    fn start(&mut self, job: &Job) {
        // Eligible after its start is a clock that was set back: it did not wait.
        if let (Some(eligible), Some(start)) = (job.eligible_at.get(), job.start_at.get()) {
            let labels = [self.partition(job), self.symbol(job.qos)];
            self.totals.wait.observe(labels, start.saturating_sub(eligible).into());
        }
    }

    fn finish(&mut self, job: &Job, now: Known, state: u8, is_failure: bool) {
        let (partition, account) = (self.partition(job), self.symbol(job.account));
        let state = self.totals.symbols.intern(job_base::WORDS[usize::from(state)]);
        *self.totals.finished.entry([partition, account, state]).or_default() += u64::from(now.tasks);
        if is_failure {
            let user = self.symbol(job.user);
            *self.totals.failed.entry([partition, account, user]).or_default() += u64::from(now.tasks);
        }
        if let (true, Some(start), Some(end)) = (now.started, job.start_at.get(), job.end_at.get()) {
            let ran = f64::from(end.saturating_sub(start));
            self.totals.run.observe([partition, state], ran);
            if let Some(minutes) = job.time_limit_minutes {
                let limit = f64::from(minutes.get()) * 60.0;
                self.totals.limit_used.observe([partition], ran / limit);
            }
        }
    }

    fn usage(&mut self, job: &Job, base: Known, now: Known, before: Timestamp, as_of: Timestamp) {
        if !now.started || base.finished || now.restarts < base.restarts {
            return;
        }
        let was_counted = base.started && base.restarts == now.restarts;
        let until = if now.finished { job.end_at } else { as_of };
        let (Some(start), Some(until)) = (job.start_at.get(), until.get()) else { return };
        let from = if was_counted { start.max(before.get().unwrap_or(start)) } else { start };
        // What is suspended keeps its memory but no CPU; Slurm does not count it as use either.
        let seconds = if job.state.has_base(job_base::SUSPENDED) { 0 } else { until.saturating_sub(from) };
        if seconds > 0 {
            self.hold(job, seconds.into());
        }
    }

    fn hold(&mut self, job: &Job, seconds: u64) {
        let labels = [self.symbol(job.account), self.symbol(job.user)];
        let jobs = self.jobs;
        let is_whole = |kind| !is_gpu_slice(jobs.symbols.resolve(kind));
        for gpus in jobs.gpus(job).iter().filter(|gpus| is_whole(gpus.kind)) {
            let kind = self.symbol(gpus.kind);
            let sum = self.totals.usage.entry(labels).or_default().gpu_seconds.entry(kind).or_default();
            *sum = sum.saturating_add(seconds.saturating_mul(gpus.count));
        }
        let usage = self.totals.usage.entry(labels).or_default();
        usage.cpu_seconds += seconds * u64::from(job.cpus);
        usage.memory_byte_seconds += u128::from(seconds) * u128::from(job.memory_bytes);
    }

    /// Shows the series that most queries divide by at 0, before anything ends: Prometheus does not see the first
    /// increment of a series that it did not know.
    fn open(&mut self, job: &Job) {
        let (partition, account, user) =
            (self.partition(job), self.symbol(job.account), self.symbol(job.user));
        let completed = self.totals.symbols.intern(job_base::WORDS[usize::from(job_base::COMPLETED)]);
        self.totals.finished.entry([partition, account, completed]).or_default();
        self.totals.failed.entry([partition, account, user]).or_default();
        self.totals.usage.entry([account, user]).or_default();
    }

    fn vanish(&mut self, old: &Known) {
        if !old.finished {
            self.totals.vanished += u64::from(old.tasks);
        }
    }

    /// The partition that it runs or ran in; the first of several while it waits in all of them.
    fn partition(&mut self, job: &Job) -> Symbol {
        let first = self.jobs.partitions(job).first().copied();
        self.symbol(first.unwrap_or(Symbol::EMPTY))
    }

    fn symbol(&mut self, symbol: Symbol) -> Symbol {
        let (jobs, totals) = (self.jobs, &mut self.totals.symbols);
        *self.symbols.entry(symbol).or_insert_with(|| totals.intern(jobs.symbols.resolve(symbol)))
    }
}

/// The state in which a job ended, and whether that is a failure; none while it lives.
fn end_of(job: &Job) -> Option<(u8, bool)> {
    ENDS.iter().copied().find(|(state, _)| job.state.base == Word::Known(*state))
}

/// The rows in ascending order of their ids, each id once. Slurm's own order is nearly that.
fn by_id(jobs: &Jobs) -> impl Iterator<Item = &Job> {
    let mut rows: Vec<&Job> = jobs.rows.iter().collect();
    rows.sort_by_key(|job| job.id);
    rows.dedup_by_key(|job| job.id);
    rows.into_iter()
}

/// Whether the array was known of which this is a task that has left it to begin.
fn is_task_of_known(job: &Job, known: &[Known]) -> bool {
    let Ok(at) = known.binary_search_by_key(&job.array_id, |known| known.id) else { return false };
    job.array_id != job.id && (known[at].submit_at == job.submit_at || job.restarts > 0)
}

/// The controller's clock at the last change that these jobs show. v0.0.38 does not send it, but it is at least the
/// time of their last event.
fn told_until(jobs: &Jobs) -> Timestamp {
    if jobs.last_update != Timestamp::NONE {
        return jobs.last_update;
    }
    let event = |job: &Job| {
        let known = Known::of(job);
        let start = if known.started { job.start_at } else { Timestamp::NONE };
        let end = if known.finished { job.end_at } else { Timestamp::NONE };
        // A requeued job's submit time may be a second ahead.
        let submit = if job.restarts == 0 { job.submit_at } else { Timestamp::NONE };
        submit.max(start).max(end)
    };
    jobs.rows.iter().map(event).max().unwrap_or_default()
}

fn earlier(time: Timestamp, seconds: u32) -> Timestamp {
    Timestamp::from_unix(time.get().map(|at| u64::from(at.saturating_sub(seconds))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::JobsBuilder;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    /// One job of 4 CPUs that was submitted at 1000, with its state, the rest as `change` makes it.
    fn one(state: &str, change: impl FnOnce(&mut Job)) -> JobsBuilder {
        JobsBuilder::default().job(state, "batch", |job| {
            (job.cpus, job.submit_at, job.eligible_at) = (4, at(1000), at(1000));
            change(job);
        })
    }

    fn ran(start: u64, end: u64) -> impl FnOnce(&mut Job) {
        move |job| (job.start_at, job.end_at) = (at(start), at(end))
    }

    /// The totals after readings at the given times, the first of which is of an empty cluster at 900.
    fn after(readings: Vec<(u64, JobsBuilder)>) -> Arc<JobTotals> {
        let mut life = JobLife::default();
        let mut totals = life.advance(&Jobs::default(), at(900), &Buckets::default());
        for (clock, jobs) in readings {
            totals = life.advance(&jobs.build(), at(clock), &Buckets::default());
        }
        totals
    }

    fn counts(totals: &JobTotals) -> [u64; 5] {
        let finished = totals.finished.values().sum();
        [totals.submitted, totals.started, totals.requeued, finished, totals.vanished]
    }

    #[test]
    fn what_is_there_at_the_first_reading_is_not_counted_but_its_end_is() {
        let mut life = JobLife::default();
        let jobs = one("running", ran(1100, 9000)).job("failed", "batch", ran(1100, 1200)).build();
        assert_eq!(counts(&life.advance(&jobs, at(1500), &Buckets::default())), [0; 5]);
        let jobs = one("timeout", ran(1100, 1600)).build();
        let totals = life.advance(&jobs, at(1700), &Buckets::default());
        assert_eq!(counts(&totals), [0, 0, 0, 1, 0]);
        assert_eq!(totals.failed.values().sum::<u64>(), 1);
        // From the first reading to the end: what was before belongs to nobody's rate.
        assert_eq!(totals.usage.values().map(|usage| usage.cpu_seconds).sum::<u64>(), 4 * 100);
    }

    #[test]
    fn a_life_between_two_readings_counts_whole_with_its_own_times() {
        let totals = after(vec![(
            2000,
            one("completed", |job| {
                ran(1030, 1630)(job);
                job.time_limit_minutes = std::num::NonZeroU32::new(20);
            }),
        )]);
        assert_eq!(counts(&totals), [1, 1, 0, 1, 0]);
        let sum = |histogram: Option<f64>| histogram.unwrap();
        assert_eq!(sum(totals.wait.iter().next().map(|(_, waited)| waited.sum())), 30.0);
        assert_eq!(sum(totals.run.iter().next().map(|(_, ran)| ran.sum())), 600.0);
        assert_eq!(sum(totals.limit_used.iter().next().map(|(_, share)| share.sum())), 0.5);
        assert_eq!(totals.completed().map(|(_, count)| count).sum::<u64>(), 1);
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 600);
    }

    #[test]
    fn a_job_cancelled_before_it_began_never_started() {
        let cancelled = |job: &mut Job| {
            ran(1500, 1500)(job);
            job.has_allocation = false;
        };
        let totals = after(vec![(1100, one("pending", |_| {})), (1600, one("cancelled", cancelled))]);
        assert_eq!(counts(&totals), [1, 0, 0, 1, 0]);
        assert_eq!((totals.wait.iter().count(), totals.run.iter().count()), (0, 0));
        assert_eq!(totals.failed.values().sum::<u64>(), 0);
    }

    #[test]
    fn exactly_the_six_states_are_failures() {
        let mut failures = Vec::new();
        for (state, _) in ENDS {
            let word = job_base::WORDS[usize::from(*state)];
            let totals = after(vec![(2000, one(word, ran(1100, 1200)))]);
            assert_eq!(counts(&totals), [1, 1, 0, 1, 0], "{word}");
            if totals.failed.values().sum::<u64>() == 1 {
                failures.push(word);
            }
        }
        failures.sort_unstable();
        assert_eq!(failures, ["boot_fail", "deadline", "failed", "node_fail", "out_of_memory", "timeout"]);
    }

    #[test]
    fn an_array_counts_its_tasks_and_they_begin_as_jobs_of_their_own() {
        let waiting = |tasks| move |job: &mut Job| (job.array_id, job.tasks) = (1, tasks);
        let task = |job: &mut Job| {
            (job.array_id, job.submit_at, job.start_at) = (1, at(1000), at(1200));
        };
        let totals = after(vec![
            (1100, one("pending", waiting(3))),
            (1300, one("pending", waiting(2)).job("running", "batch", task)),
            // The last task runs under the id of the array.
            (1400, one("running", task).job("running", "batch", task).job("running", "batch", task)),
        ]);
        assert_eq!(counts(&totals), [3, 3, 0, 0, 0]);
        // An array that was never seen waiting as a whole: the tasks that began tell of it too.
        let totals = after(vec![(1300, one("pending", waiting(2)).job("running", "batch", task))]);
        assert_eq!(counts(&totals), [3, 1, 0, 0, 0]);
    }

    #[test]
    fn a_requeued_job_is_the_same_job_and_each_of_its_runs_counts() {
        let second = |submit| {
            move |job: &mut Job| (job.restarts, job.submit_at, job.start_at) = (1, at(submit), at(1500))
        };
        // slurmctld gives it a new submit time.
        for submit in [1000, 1400] {
            let totals = after(vec![
                (1200, one("running", ran(1100, 9000))),
                (1450, one("pending", second(submit))),
                (1600, one("running", second(submit))),
            ]);
            assert_eq!(counts(&totals), [1, 2, 1, 0, 0], "{submit}");
            // 1100 to 1200 and 1500 to 1600; where between 1200 and 1450 the first run ended nobody knows.
            assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 200, "{submit}");
        }
        // Both runs between two readings.
        let totals = after(vec![(1050, one("pending", |_| {})), (1600, one("running", second(1400)))]);
        assert_eq!(counts(&totals), [1, 2, 1, 0, 0]);
    }

    #[test]
    fn an_id_that_is_used_again_is_another_job() {
        let reused = |job: &mut Job| {
            ran(1500, 1550)(job);
            job.submit_at = at(1490);
        };
        let totals = after(vec![
            (1200, one("completed", ran(1100, 1150))),
            (1600, one("completed", reused)),
            (1700, one("completed", reused)),
        ]);
        assert_eq!(counts(&totals), [2, 2, 0, 2, 0]);
    }

    #[test]
    fn a_job_that_is_gone_has_no_end_but_is_told() {
        let totals = after(vec![
            (1200, one("running", ran(1100, 9000)).job("completed", "batch", ran(1100, 1150))),
            (1300, JobsBuilder::default()),
        ]);
        assert_eq!(totals.vanished, 1);
        assert_eq!(
            totals.finished.values().sum::<u64>(),
            0,
            "the second job was submitted at no time we know"
        );
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 100);
    }

    #[test]
    fn a_restarted_slurmctld_that_remembers_less_counts_nothing_twice() {
        let totals = after(vec![
            (1200, one("completed", ran(1100, 1150))),
            (1300, one("running", ran(1100, 9000))),
            (1400, one("completed", ran(1100, 1350))),
            (1500, one("pending", |_| {})),
            (1600, one("completed", ran(1100, 1150))),
        ]);
        assert_eq!(counts(&totals), [1, 1, 0, 1, 0]);
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 50);
    }

    #[test]
    fn jobs_that_were_hidden_are_not_new() {
        let totals = after(vec![(1500, JobsBuilder::default()), (1600, one("running", ran(1100, 9000)))]);
        assert_eq!(counts(&totals), [0; 5]);
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 100);
    }

    #[test]
    fn time_passes_over_an_unchanged_list_and_never_runs_back() {
        let mut life = JobLife::default();
        life.advance(&Jobs::default(), at(900), &Buckets::default());
        let mut jobs = one("running", ran(1100, 9000)).gpus("h100", 2).gpus("1g.10gb", 1).build();
        life.advance(&jobs, at(1200), &Buckets::default());
        life.pass(&jobs, at(1300));
        let totals = life.pass(&jobs, at(1250));
        let usage = totals.usage.values().next().unwrap();
        assert_eq!((usage.cpu_seconds, usage.memory_byte_seconds), (800, 2000));
        let gpus: Vec<_> =
            usage.gpu_seconds.iter().map(|(kind, s)| (totals.symbols.resolve(*kind), *s)).collect();
        assert_eq!(gpus, [("h100", 400)]);
        // A list from after the clock was told.
        jobs.last_update = at(1310);
        let totals = life.advance(&jobs, at(1305), &Buckets::default());
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 840);
    }

    #[test]
    fn a_suspended_job_uses_nothing() {
        let totals = after(vec![
            (1200, one("running", ran(1100, 9000))),
            (1300, one("suspended", ran(1100, 9000))),
            (1400, one("running", ran(1100, 9000))),
        ]);
        assert_eq!(totals.usage.values().next().unwrap().cpu_seconds, 4 * 200);
        assert_eq!(counts(&totals), [1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_job_counts_in_the_partition_that_it_ran_in() {
        let mut life = JobLife::default();
        life.advance(&Jobs::default(), at(900), &Buckets::default());
        let waiting = JobsBuilder::default().job("pending", "a b", |job| job.submit_at = at(1000)).build();
        life.advance(&waiting, at(1100), &Buckets::default());
        let done = JobsBuilder::default().job("completed", "b", |job| {
            ran(1150, 1160)(job);
            job.submit_at = at(1000);
        });
        let totals = life.advance(&done.build(), at(1200), &Buckets::default());
        let partitions: Vec<_> = totals
            .finished
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|([partition, ..], _)| totals.symbols.resolve(*partition))
            .collect();
        assert_eq!(partitions, ["b"]);
    }

    #[test]
    fn what_is_remembered_of_a_job_is_small() {
        assert_eq!(size_of::<Known>(), 16);
    }
}
