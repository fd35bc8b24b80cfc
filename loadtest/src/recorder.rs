//! Every request, per name and second: counts, errors and an HdrHistogram, merged at the end and logged as it goes.
//! It takes times as arguments and judges nothing; the warm-up is kept, tagged, and left out of the totals.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use reports::model::LatencyHistogram;
use reports::model::run::{ArrivalStats, RequestStats, Second};

use crate::abort::Abort;
use crate::interval_log::{self, Interval};
use crate::scenario::{Load, LoadPlan};

/// One finished request.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// Index of the request in the mix.
    pub(crate) request: usize,
    /// When the body was complete or the request had failed.
    pub(crate) finished: Instant,
    pub(crate) latency: Duration,
    /// When it was due and how much later it was sent, in an open loop; the latency counts from then.
    pub(crate) arrival: Option<(Instant, Duration)>,
    /// Body bytes as on the wire.
    pub(crate) bytes: u64,
    pub(crate) failure: Option<Failure>,
}

impl Observation {
    /// The observation as an open loop counts it: from when the request was due.
    pub(crate) fn intended_at(self, due: Instant) -> Self {
        let latency = self.finished.saturating_duration_since(due);
        let lag = latency.saturating_sub(self.latency);
        Self { latency, arrival: Some((due, lag)), ..self }
    }
}

/// Whose fault it is that an arrival was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Culprit {
    Generator,
    Target,
}

/// Why a request counts as failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `timeout`, `connect`, `reset`, `truncated`, `status_503`, `content`, `content_truncated`.
    pub(crate) kind: String,
    /// What exactly, for the reader.
    pub(crate) detail: String,
}

/// What the progress line shows: the last full second and the measured part so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) requests_last_second: u64,
    pub(crate) errors: u64,
    pub(crate) p50: Option<Duration>,
    pub(crate) p95: Option<Duration>,
    pub(crate) p99: Option<Duration>,
}

/// Everything that was recorded.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Sorted by name; measured part only.
    pub(crate) requests: Vec<RequestStats>,
    pub(crate) seconds: Vec<Second>,
    /// Those that were due in the measured part; `None` in a closed loop.
    pub(crate) arrivals: Option<ArrivalStats>,
    /// From the end of the warm-up to the last finished request, and at least to the end of the plan or the stop.
    pub(crate) measured: Duration,
    /// HDR V2 interval log, one histogram per second and request name.
    pub(crate) interval_log: Vec<u8>,
    /// The first failure of each kind in the measured part.
    pub(crate) examples: BTreeMap<String, String>,
}

/// Shared by all users; one short lock per request.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Instant,
    plan: LoadPlan,
    in_flight: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Offset of the second that is being filled.
    second: u32,
    current: Vec<Slot>,
    totals: Vec<Slot>,
    names: Vec<String>,
    seconds: Vec<Second>,
    arrivals: Option<ArrivalStats>,
    last_finished: Option<Instant>,
    examples: BTreeMap<String, String>,
    abort: Option<Abort>,
    /// Both are gone once the recording is finished.
    log: Option<Sender<Interval>>,
    writer: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

/// What one request name gathered over a second, or over the measured part.
#[derive(Clone, Debug, Default)]
struct Slot {
    count: u64,
    bytes: u64,
    errors: BTreeMap<String, u64>,
    latency: LatencyHistogram,
}

impl Recorder {
    /// `start` and `wall_clock` are the same instant, from which seconds are counted.
    pub(crate) fn new(names: Vec<String>, plan: LoadPlan, start: Instant, wall_clock: SystemTime) -> Self {
        let (log, intervals) = channel();
        // Deflating a histogram takes longer than serving a request should wait for the lock.
        let writer = std::thread::spawn(move || interval_log::write(wall_clock, intervals.iter().map(Ok)));
        let state = State {
            second: 0,
            current: vec![Slot::default(); names.len()],
            totals: vec![Slot::default(); names.len()],
            names,
            seconds: Vec::new(),
            arrivals: match plan.load {
                Load::Users(_) => None,
                Load::Arrivals(_) => Some(ArrivalStats::default()),
            },
            last_finished: None,
            examples: BTreeMap::new(),
            abort: None,
            log: Some(log),
            writer: Some(writer),
        };
        Self { start, plan, in_flight: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// Shows every measured second to the rules that may end the run, from now on.
    pub(crate) fn watch(&self, abort: Option<Abort>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).abort = abort;
    }

    /// When the run began.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    /// Records a finished request in the second in which it finished.
    pub(crate) fn record(&self, observation: Observation) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_seconds(&mut state, observation.finished);
        state.last_finished = state.last_finished.max(Some(observation.finished));
        if let Some(failure) = &observation.failure
            && !self.is_warmup(state.second)
        {
            let State { examples, .. } = &mut *state;
            examples.entry(failure.kind.clone()).or_insert_with(|| failure.detail.clone());
        }
        if let Some((_, lag)) = observation.arrival.filter(|(due, _)| self.is_measured(*due))
            && let Some(arrivals) = &mut state.arrivals
        {
            arrivals.scheduled += 1;
            arrivals.lag.record(lag);
        }
        let slot = &mut state.current[observation.request];
        slot.count += 1;
        slot.bytes += observation.bytes;
        slot.latency.record(observation.latency);
        if let Some(failure) = observation.failure {
            *slot.errors.entry(failure.kind).or_default() += 1;
        }
    }

    /// Counts an arrival that was not sent, by when it was due.
    pub(crate) fn drop_arrival(&self, due: Instant, culprit: Culprit) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arrivals) = state.arrivals.as_mut().filter(|_| self.is_measured(due)) {
            arrivals.scheduled += 1;
            match culprit {
                Culprit::Generator => arrivals.dropped_by_generator += 1,
                Culprit::Target => arrivals.dropped_by_target += 1,
            }
        }
    }

    /// Closes the seconds that have passed, and tells how it goes.
    pub(crate) fn progress(&self, now: Instant) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_seconds(&mut state, now);
        let latency = merged(&state.totals);
        Progress {
            requests_last_second: state.seconds.last().map_or(0, |second| second.requests),
            errors: state.totals.iter().map(Slot::error_count).sum(),
            p50: latency.quantile(0.50),
            p95: latency.quantile(0.95),
            p99: latency.quantile(0.99),
        }
    }

    /// Ends the recording, once; `end` is the end of the plan, or when it was stopped.
    ///
    /// # Errors
    /// When the interval log could not be written to memory.
    pub(crate) fn finish(&self, end: Instant) -> io::Result<Recording> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let end = state.last_finished.map_or(end, |last| last.max(end));
        let after = end.saturating_duration_since(self.start);
        // An end on a full second does not open another one, unless something finished in it.
        let last = u32::try_from(after.as_secs()).unwrap_or(u32::MAX);
        let seconds = Seconds { plan: &self.plan, in_flight: self.in_flight.load(Ordering::Relaxed) };
        seconds.close_until(&mut state, last);
        if state.current.iter().any(|slot| slot.count > 0) || after.subsec_nanos() > 0 {
            seconds.close_until(&mut state, last.saturating_add(1));
        }
        state.log = None;
        let writer =
            state.writer.take().ok_or_else(|| io::Error::other("the recording was finished before"))?;
        let interval_log =
            writer.join().map_err(|_| io::Error::other("the interval log's thread panicked"))??;
        let State { names, totals, seconds, examples, arrivals, .. } = &mut *state;
        let mut requests: Vec<RequestStats> =
            names.iter().zip(totals.drain(..)).map(|(name, slot)| slot.stats(name)).collect();
        requests.sort_by(|a, b| a.name.cmp(&b.name));
        let measured = after.saturating_sub(self.plan.warmup);
        let (seconds, examples, arrivals) =
            (std::mem::take(seconds), std::mem::take(examples), arrivals.take());
        Ok(Recording { requests, seconds, arrivals, measured, interval_log, examples })
    }

    fn is_measured(&self, due: Instant) -> bool {
        due >= self.start + self.plan.warmup
    }

    fn is_warmup(&self, second: u32) -> bool {
        u64::from(second) < self.plan.warmup.as_secs()
    }

    fn close_seconds(&self, state: &mut State, now: Instant) {
        let second = u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX);
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        Seconds { plan: &self.plan, in_flight }.close_until(state, second);
    }
}

/// What closing a second needs to know beside the state.
struct Seconds<'run> {
    plan: &'run LoadPlan,
    in_flight: u64,
}

impl Seconds<'_> {
    /// Closes every second before `second`; those in which nothing finished are kept as rows of zero.
    fn close_until(&self, state: &mut State, second: u32) {
        while state.second < second {
            self.close(state);
        }
    }

    fn close(&self, state: &mut State) {
        let offset = state.second;
        let warmup = u64::from(offset) < self.plan.warmup.as_secs();
        let latency = merged(&state.current);
        let micros = |quantile| latency.quantile(quantile).map(|value| value.as_micros() as u64);
        state.seconds.push(Second {
            offset,
            warmup,
            requests: state.current.iter().map(|slot| slot.count).sum(),
            errors: state.current.iter().map(Slot::error_count).sum(),
            offered: Some(self.plan.offered(offset))
                .filter(|_| Duration::from_secs(offset.into()) < self.plan.total()),
            in_flight: Some(self.in_flight),
            p50_us: micros(0.50),
            p95_us: micros(0.95),
            p99_us: micros(0.99),
            max_us: latency.max().map(|value| value.as_micros() as u64),
        });
        if let Some(abort) = state.abort.as_mut().filter(|_| !warmup) {
            let stats = state.names.iter().zip(&state.current).map(|(name, slot)| slot.clone().stats(name));
            abort.add(&stats.collect::<Vec<_>>());
        }
        for index in 0..state.current.len() {
            if state.current[index].count == 0 {
                continue;
            }
            let slot = std::mem::take(&mut state.current[index]);
            if !warmup {
                state.totals[index].add(&slot);
            }
            let interval =
                Interval { offset, warmup, name: state.names[index].clone(), latency: slot.latency };
            // The writer ends early only by an error, which `finish` reports.
            if let Some(log) = &state.log {
                drop(log.send(interval));
            }
        }
        state.second += 1;
    }
}

impl Slot {
    fn stats(self, name: &str) -> RequestStats {
        let Self { count, bytes, errors, latency } = self;
        RequestStats { name: name.into(), count, errors, bytes, latency }
    }

    fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.latency.merge(&other.latency);
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
    }
}

fn merged(slots: &[Slot]) -> LatencyHistogram {
    let mut all = LatencyHistogram::default();
    for slot in slots {
        all.merge(&slot.latency);
    }
    all
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight<'recorder>(&'recorder AtomicU64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval_log::Logged;
    use crate::scenario::{Arrivals, Scenario, Shard};

    /// Warm-up of three seconds, then twenty.
    fn recorder(start: Instant) -> Recorder {
        let plan = LoadPlan::new(&Scenario::built_in("quick").unwrap(), 1, Shard::WHOLE);
        Recorder::new(vec!["b".into(), "a".into()], plan, start, SystemTime::UNIX_EPOCH)
    }

    fn observation(finished: Instant, request: usize, failure: Option<&str>) -> Observation {
        let failure = failure.map(|kind| Failure { kind: kind.into(), detail: format!("{kind} happened") });
        let latency = Duration::from_millis(5);
        Observation { request, finished, latency, arrival: None, bytes: 100, failure }
    }

    #[test]
    fn the_warm_up_is_kept_but_not_counted() {
        let start = Instant::now();
        let recorder = recorder(start);
        let at = |millis| start + Duration::from_millis(millis);
        recorder.record(observation(at(500), 0, Some("connect")));
        recorder.record(observation(at(3000), 0, None));
        recorder.record(observation(at(3100), 1, Some("timeout")));
        recorder.record(observation(at(5200), 1, None));
        let recording = recorder.finish(at(23_000)).unwrap();

        assert_eq!(
            recording.requests.iter().map(|stats| stats.name.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(recording.requests.iter().map(|stats| stats.count).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(recording.requests[0].errors, BTreeMap::from([("timeout".into(), 1)]));
        assert_eq!(recording.examples, BTreeMap::from([("timeout".into(), "timeout happened".into())]));
        assert_eq!(recording.measured, Duration::from_secs(20));
        assert_eq!(recording.seconds.len(), 23);
        let requests: Vec<u64> = recording.seconds.iter().take(6).map(|second| second.requests).collect();
        assert_eq!(requests, [1, 0, 0, 2, 0, 1]);
        assert_eq!(recording.seconds.iter().filter(|second| second.warmup).count(), 3);
    }

    #[test]
    fn the_interval_log_holds_every_request_under_its_tag() {
        let start = Instant::now();
        let recorder = recorder(start);
        recorder.record(observation(start, 0, None));
        recorder.record(observation(start + Duration::from_secs(4), 0, None));
        let recording = recorder.finish(start + Duration::from_secs(5)).unwrap();
        let mut entries = Vec::new();
        let note = |one: &Logged, latency: LatencyHistogram| {
            entries.push((one.warmup, one.name.clone(), one.offset, latency.count()));
        };
        interval_log::read(&recording.interval_log, note).unwrap();
        assert_eq!(entries, [(true, "b".into(), 0, 1), (false, "b".into(), 4, 1)]);
    }

    #[test]
    fn what_finishes_after_the_plan_still_counts() {
        let start = Instant::now();
        let recorder = recorder(start);
        recorder.record(observation(start + Duration::from_millis(24_500), 0, None));
        let recording = recorder.finish(start + Duration::from_secs(23)).unwrap();
        assert_eq!(recording.measured, Duration::from_millis(21_500));
        assert_eq!(recording.seconds.len(), 25);
        assert_eq!(recording.seconds[24].requests, 1);
        assert_eq!(recording.seconds[24].offered, None);
    }

    #[test]
    fn an_arrival_counts_from_when_it_was_due_and_a_drop_is_never_silent() {
        let start = Instant::now();
        let scenario = Scenario::built_in("quick").unwrap().open(Arrivals::Constant, None);
        let plan = LoadPlan::new(&scenario, 1, Shard::WHOLE);
        let recorder = Recorder::new(vec!["a".into()], plan, start, SystemTime::UNIX_EPOCH);
        let at = |millis| start + Duration::from_millis(millis);
        // Due in the warm-up: not counted. Then one that was sent 95 ms late, and two that were not sent.
        recorder.record(observation(at(2900), 0, None).intended_at(at(2800)));
        recorder.record(observation(at(3200), 0, None).intended_at(at(3100)));
        recorder.drop_arrival(at(2990), Culprit::Target);
        recorder.drop_arrival(at(3000), Culprit::Target);
        recorder.drop_arrival(at(3010), Culprit::Generator);
        let recording = recorder.finish(at(23_000)).unwrap();
        let arrivals = recording.arrivals.unwrap();
        assert_eq!(
            (arrivals.scheduled, arrivals.dropped_by_target, arrivals.dropped_by_generator),
            (3, 1, 1)
        );
        let near = |time: Option<Duration>, millis| time.unwrap().as_millis().abs_diff(millis) <= 1;
        assert!(near(arrivals.lag.max(), 95), "{:?}", arrivals.lag.max());
        assert!(near(recording.requests[0].latency.max(), 100));
    }
}
