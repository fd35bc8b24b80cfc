//! Finished jobs, each counted once: which time to ask slurmdbd for next, and what all answers add up to.
//! It asks for nothing itself.
//!
//! A window begins [`OVERLAP`] before the end of the last one that was read, for jobs that slurmctld enters late, and is
//! at most [`LONGEST_WINDOW`](crate::model::accounting::LONGEST_WINDOW) long: after an outage each poll reads one slice until all is read. A poll that fails
//! moves nothing. Jobs that ended before the first poll are not counted, so that a restart counts no job again.

use std::collections::{BTreeMap, HashMap};

use super::buckets::Buckets;
use crate::model::accounting::{FinishedJob, Usage, Waste, window_end};
use crate::model::histogram::Histograms;
use crate::model::{Accounting, Symbol, Symbols, Timestamp};

/// How long after its end a job may be entered and still be counted. slurmctld sends records at once while slurmdbd
/// answers, and holds them while it does not; then our polls fail as well, and the window stays where it was.
const OVERLAP: u32 = 900;

/// Upper bounds of the histograms of efficiency.
const BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// What was counted since the first poll.
#[derive(Debug, Default)]
pub struct Ledger {
    /// When the first poll began: jobs that end from then on count.
    counts_since: Option<u32>,
    /// The end of the last window that was read.
    read_until: Option<u32>,
    asked: Window,
    /// Jobs that a later window may show again, with their ends.
    seen: HashMap<Run, Timestamp>,
    symbols: Symbols,
    waste: BTreeMap<[Symbol; 2], Waste>,
    cpu_efficiency: Histograms<1>,
    memory_efficiency: Histograms<1>,
    memory_usage: Histograms<1>,
}

/// One run of a job: a requeued job has another submit time, and at least another start.
type Run = (u32, Timestamp, Timestamp);

/// The window that was asked for last, in Unix seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    until: u32,
    /// When it was asked for.
    now: u32,
}

impl Ledger {
    /// The start of the window to ask for now; it ends at [`window_end`], or now where that is nearer.
    pub fn ask(&mut self, now: Timestamp) -> Timestamp {
        let now = now.get().unwrap_or(0);
        self.counts_since.get_or_insert(now);
        // A clock that was set back must not leave a window without an end.
        let from = self.read_until.unwrap_or(now).min(now).saturating_sub(OVERLAP);
        self.asked = Window { until: window_end(from).min(now), now };
        Timestamp::from_unix(Some(from.into()))
    }

    /// What the answer to the last question and all before it add up to.
    pub fn advance(&mut self, answer: &Accounting, buckets: &Buckets) -> Accounting {
        self.cpu_efficiency.set_bounds(BOUNDS);
        self.memory_efficiency.set_bounds(BOUNDS);
        self.memory_usage.set_bounds(&buckets.memory_usage);
        let before = self.read_until;
        let mut window: BTreeMap<_, Usage> = BTreeMap::new();
        let mut latest = 0;
        for job in &answer.jobs {
            let labels = [job.partition, job.account]
                .map(|symbol| self.symbols.intern(answer.symbols.resolve(symbol)));
            add_usage(&mut window, labels, job);
            let Some(end) = job.end_at.get() else { continue };
            let run = (job.id, job.submit_at, job.start_at);
            if self.seen.insert(run, job.end_at).is_none() && Some(end) >= self.counts_since {
                self.count(labels, job);
                // It ended in a window that was read without it.
                latest = latest.max(before.map_or(0, |before| before.saturating_sub(end)));
            }
        }
        let Window { until, now, .. } = self.asked;
        self.read_until = Some(until);
        let oldest = Timestamp::from_unix(Some(until.saturating_sub(OVERLAP).into()));
        self.seen.retain(|_, end| *end >= oldest);
        Accounting {
            symbols: self.symbols.clone(),
            jobs: Vec::new(),
            window,
            waste: self.waste.clone(),
            cpu_efficiency: self.cpu_efficiency.clone(),
            memory_efficiency: self.memory_efficiency.clone(),
            memory_usage: self.memory_usage.clone(),
            lag_seconds: u64::from(latest.max(now.saturating_sub(until))),
        }
    }

    fn count(&mut self, labels: [Symbol; 2], job: &FinishedJob) {
        let waste = self.waste.entry(labels).or_default();
        if let Some((held, used)) = job.cpu() {
            *waste.cpu_seconds.get_or_insert(0.0) += (held - used).max(0.0);
            self.cpu_efficiency.observe([labels[0]], used / held);
        }
        if let Some((held, used)) = job.memory() {
            *waste.memory_byte_seconds.get_or_insert(0.0) += (held - used).max(0.0);
            self.memory_efficiency.observe([labels[0]], used / held);
        }
        if let Some(bytes) = job.memory_used_bytes {
            self.memory_usage.observe([labels[0]], bytes as f64);
        }
    }
}

fn add_usage(window: &mut BTreeMap<[Symbol; 2], Usage>, labels: [Symbol; 2], job: &FinishedJob) {
    let usage = window.entry(labels).or_default();
    if let Some((held, used)) = job.cpu() {
        usage.cpu_seconds += held;
        usage.cpu_seconds_used += used;
    }
    if let Some((held, used)) = job.memory() {
        usage.memory_byte_seconds += held;
        usage.memory_byte_seconds_used += used;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 1_000_000;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_unix(Some(seconds.into()))
    }

    /// Jobs that ended at these times after 100 s on 4 CPUs with half of their CPUs and a quarter of 1000 bytes used.
    fn answer(jobs: &[(u32, u32)]) -> Accounting {
        let mut answer = Accounting::default();
        let [partition, account] = ["batch", "physics"].map(|name| answer.symbols.intern(name));
        let jobs = jobs.iter().map(|(id, end)| FinishedJob {
            cluster: Symbol::EMPTY,
            id: *id,
            submit_at: at(end - 200),
            start_at: at(end - 100),
            end_at: at(*end),
            partition,
            account,
            elapsed_seconds: 100,
            cpus: 4,
            memory_bytes: Some(1000),
            cpu_used_micros: Some(200_000_000),
            memory_used_bytes: Some(250),
        });
        answer.jobs = jobs.collect();
        answer
    }

    fn jobs_counted(totals: &Accounting) -> u64 {
        totals.cpu_efficiency.iter().map(|(_, histogram)| *histogram.cumulative().last().unwrap()).sum()
    }

    fn poll(ledger: &mut Ledger, now: u32, jobs: &[(u32, u32)]) -> (u32, Accounting) {
        let from = ledger.ask(at(now)).get().unwrap();
        (from, ledger.advance(&answer(jobs), &Buckets::default()))
    }

    #[test]
    fn a_job_counts_once_however_many_windows_show_it() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        let job = (1, START + 10);
        let (from, totals) = poll(&mut ledger, START + 300, &[job]);
        assert_eq!((from, jobs_counted(&totals)), (START - 900, 1));
        for now in [600, 900] {
            let (from, totals) = poll(&mut ledger, START + now, &[job, (now, START + now - 5)]);
            assert_eq!(from, START + now - 1200);
            assert_eq!(jobs_counted(&totals), 1 + u64::from(now / 300 - 1));
        }
        let waste = ledger.waste.values().next().unwrap();
        assert_eq!((waste.cpu_seconds, waste.memory_byte_seconds), (Some(600.0), Some(225_000.0)));
    }

    #[test]
    fn what_ended_before_the_first_poll_is_in_the_window_and_not_counted() {
        let mut ledger = Ledger::default();
        let (_, totals) = poll(&mut ledger, START, &[(1, START - 20)]);
        assert_eq!(jobs_counted(&totals), 0);
        assert_eq!(totals.waste.len(), 0);
        let usage = totals.window.values().next().unwrap();
        assert_eq!((usage.cpu_seconds, usage.cpu_seconds_used), (400.0, 200.0));
        // Nor when it comes late.
        let (_, totals) = poll(&mut ledger, START + 300, &[(2, START - 1)]);
        assert_eq!(jobs_counted(&totals), 0);
    }

    #[test]
    fn a_requeued_job_counts_each_run() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        let (_, totals) = poll(&mut ledger, START + 300, &[(1, START + 10), (1, START + 200)]);
        assert_eq!(jobs_counted(&totals), 2);
    }

    #[test]
    fn a_late_job_counts_and_tells_how_late_it_was() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        assert_eq!(poll(&mut ledger, START + 300, &[]).1.lag_seconds, 0);
        let (_, totals) = poll(&mut ledger, START + 600, &[(1, START + 60), (2, START + 590)]);
        assert_eq!((jobs_counted(&totals), totals.lag_seconds), (2, 240));
        assert_eq!(poll(&mut ledger, START + 900, &[(1, START + 60)]).1.lag_seconds, 0);
    }

    #[test]
    fn an_outage_is_caught_up_in_slices() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        // Polls that fail: asked, never answered.
        for now in [300, 600, 9_000] {
            assert_eq!(ledger.ask(at(START + now)), at(START - 900));
        }
        let now = START + 10_000;
        let mut ends = Vec::new();
        for _ in 0..5 {
            let (_, totals) = poll(&mut ledger, now, &[]);
            ends.push(now - u32::try_from(totals.lag_seconds).unwrap() - START);
        }
        assert_eq!(ends, [2_700, 5_400, 8_100, 10_000, 10_000]);
    }

    #[test]
    fn only_what_a_later_window_may_show_is_remembered() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        let jobs: Vec<_> = (0..1000).map(|id| (id, START + id)).collect();
        poll(&mut ledger, START + 1000, &jobs);
        assert_eq!(ledger.seen.len(), 900);
        poll(&mut ledger, START + 3000, &[]);
        assert_eq!(ledger.seen.len(), 0);
    }

    #[test]
    fn what_was_not_measured_is_in_no_sum() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        ledger.ask(at(START + 300));
        let mut raw = answer(&[(1, START + 10), (2, START + 20)]);
        raw.jobs[0].memory_used_bytes = None;
        raw.jobs[1].cpu_used_micros = None;
        raw.jobs[1].elapsed_seconds = 0;
        let totals = ledger.advance(&raw, &Buckets::default());
        assert_eq!(jobs_counted(&totals), 1);
        assert_eq!(totals.memory_efficiency.iter().count(), 0);
        let used: Vec<_> = totals.memory_usage.iter().map(|(_, bytes)| bytes.sum()).collect();
        assert_eq!(used, [250.0], "the second one ran for no time, and yet its memory was measured");
        let waste = totals.waste.values().next().unwrap();
        assert_eq!((waste.cpu_seconds, waste.memory_byte_seconds), (Some(200.0), None));
    }

    #[test]
    fn a_clock_set_back_loses_nothing() {
        let mut ledger = Ledger::default();
        poll(&mut ledger, START, &[]);
        let (from, totals) = poll(&mut ledger, START - 5000, &[]);
        assert_eq!((from, totals.lag_seconds), (START - 5900, 0));
        assert_eq!(jobs_counted(&poll(&mut ledger, START + 300, &[(1, START + 1)]).1), 1);
    }
}
