//! Open-loop load: requests start when the schedule says so, whatever became of those before them.
//! Latency counts from the intended start; an arrival that cannot be sent is counted as dropped, with its cause.

mod schedule;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub(crate) use self::schedule::Schedule;
use crate::probe::Probe;
use crate::recorder::{Culprit, Recorder, Recording};
use crate::scenario::{ArrivalPlan, Load, LoadPlan, RequestSpec};
use crate::stop::Stop;

/// An arrival that is sent later than this is late by the generator's fault.
pub(crate) const LATE: Duration = Duration::from_millis(10);
/// When the cap is reached, requests that have been under way for less than this on average were answered fast:
/// the cap is too small for the rate.
const SLOW: Duration = Duration::from_millis(500);
/// How long the schedule sleeps at most before it looks whether it has to stop.
const NAP: Duration = Duration::from_millis(100);

/// What the requests under way share.
#[derive(Debug)]
struct Shared {
    probe: Arc<Probe>,
    recorder: Arc<Recorder>,
    stop: Stop,
    under_way: AtomicU32,
    /// Sum of when they started, in microseconds since the start of the run; it may wrap.
    started_micros: AtomicU64,
}

/// One request under way.
struct UnderWay {
    shared: Arc<Shared>,
    started_micros: u64,
}

/// Makes the load of `plan` alone, without sampling or judging: what the self-test compares with the truth. The recording has the histograms (`Recording::requests`), the errors by kind, the seconds,
/// and of the arrivals what was dropped by whom and the schedule's lag (`Recording::arrivals`).
///
/// # Errors
/// When `plan` is none of arrivals, the thread of the schedule cannot be started, or the recording not be finished.
pub(crate) async fn step(
    plan: &LoadPlan,
    mix: &[RequestSpec],
    probe: Arc<Probe>,
    stop: Stop,
) -> anyhow::Result<Recording> {
    let Load::Arrivals(arrivals) = &plan.load else { anyhow::bail!("a step needs a rate, not users") };
    let start = Instant::now();
    let names = mix.iter().map(|request| request.name.clone()).collect();
    let recorder = Arc::new(Recorder::new(names, plan.clone(), start, SystemTime::now()));
    run(arrivals, mix, probe, Arc::clone(&recorder), stop.clone()).await?;
    let end = if stop.reason().is_some() { Instant::now() } else { start + plan.total() };
    recorder.finish(end).context("failed to finish the recording")
}

/// Runs the schedule to its end, or until it is stopped. Returns when every request has finished.
///
/// # Errors
/// When the thread of the schedule cannot be started.
pub(crate) async fn run(
    plan: &ArrivalPlan,
    mix: &[RequestSpec],
    probe: Arc<Probe>,
    recorder: Arc<Recorder>,
    stop: Stop,
) -> anyhow::Result<()> {
    raise_file_limit();
    let shared = Arc::new(Shared {
        probe,
        recorder,
        stop,
        under_way: AtomicU32::new(0),
        started_micros: AtomicU64::new(0),
    });
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let (plan, mix, handle) = (plan.clone(), mix.to_vec(), Handle::current());
    // A thread of its own: tokio's timer ticks in milliseconds, and its workers read bodies in between.
    let thread = std::thread::Builder::new()
        .name("schedule".into())
        .spawn(move || dispatch(&plan, &mix, &shared, &handle, &alive))
        .context("failed to start the thread of the schedule")?;
    // Nothing is ever sent: it ends when the thread and the last request have dropped their ends.
    _ = all_gone.recv().await;
    thread.join().map_err(|_| anyhow::anyhow!("the thread of the schedule panicked"))
}

/// Sends what is due. It does nothing that could take long; what it finds it cannot send it drops.
fn dispatch(
    plan: &ArrivalPlan,
    mix: &[RequestSpec],
    shared: &Arc<Shared>,
    handle: &Handle,
    alive: &mpsc::Sender<()>,
) {
    // Without it the kernel may wake us 50 us late, to save energy. Where it refuses, the lag will tell.
    _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let start = shared.recorder.start();
    for arrival in Schedule::new(plan, mix) {
        let due = start + arrival.due;
        let now = loop {
            if shared.stop.reason().is_some() {
                return;
            }
            let now = Instant::now();
            if now >= due {
                break now;
            }
            std::thread::sleep((due - now).min(NAP));
        };
        let under_way = shared.under_way.load(Ordering::Relaxed);
        if under_way >= plan.max_in_flight {
            shared.recorder.drop_arrival(due, shared.culprit(now, now - due, under_way));
            continue;
        }
        let request = UnderWay::begin(shared, now);
        let alive = alive.clone();
        handle.spawn(async move {
            request.make(arrival.request, due).await;
            drop(alive);
        });
    }
}

impl Shared {
    /// Whose fault it is that `under_way` requests are the most that may be.
    fn culprit(&self, now: Instant, late: Duration, under_way: u32) -> Culprit {
        let now_micros = (now - self.recorder.start()).as_micros() as u64;
        let ages = now_micros
            .wrapping_mul(u64::from(under_way))
            .wrapping_sub(self.started_micros.load(Ordering::Relaxed));
        // One that ends at this moment may be counted in one sum and not in the other: a negative age is none.
        let ages = u64::try_from(ages.cast_signed()).unwrap_or(0);
        culprit(late, Duration::from_micros(ages / u64::from(under_way.max(1))))
    }
}

/// `age` is for how long those under way have been, on average.
fn culprit(late: Duration, age: Duration) -> Culprit {
    if late >= LATE || age < SLOW { Culprit::Generator } else { Culprit::Target }
}

impl UnderWay {
    fn begin(shared: &Arc<Shared>, now: Instant) -> Self {
        let started_micros = (now - shared.recorder.start()).as_micros() as u64;
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        shared.started_micros.fetch_add(started_micros, Ordering::Relaxed);
        Self { shared: Arc::clone(shared), started_micros }
    }

    async fn make(self, request: usize, due: Instant) {
        let Shared { probe, recorder, stop, .. } = &*self.shared;
        let in_flight = recorder.begin();
        let observation = tokio::select! {
            observation = probe.fetch(probe.client(), request) => observation,
            // A stopped run does not wait for an answer that may take the whole timeout.
            _ = stop.requested() => return,
        };
        drop(in_flight);
        recorder.record(observation.intended_at(due));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.shared.under_way.fetch_sub(1, Ordering::Relaxed);
        self.shared.started_micros.fetch_sub(self.started_micros, Ordering::Relaxed);
    }
}

/// As many files as the system allows: a refused socket of our own would look like a refused connection.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        let error = io::Error::from(error);
        tracing::warn!(%error, "could not raise the limit of open files");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_the_targets_only_when_the_schedule_was_kept_and_answers_took_long() {
        let (calm, late) = (Duration::from_millis(1), Duration::from_millis(10));
        let (fast, slow) = (Duration::from_millis(499), Duration::from_millis(500));
        assert_eq!(culprit(calm, slow), Culprit::Target);
        assert_eq!(culprit(calm, fast), Culprit::Generator);
        assert_eq!(culprit(late, slow), Culprit::Generator);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_step_tells_all_arrivals_of_a_target_that_refuses() {
        use crate::scenario::{Arrivals, Scenario};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        drop(listener);
        let mix = Scenario::built_in("quick").unwrap().requests;
        let probe = Probe::new(&reqwest::Url::parse(&url).unwrap(), &mix, Duration::from_secs(30)).unwrap();
        let times = [Duration::ZERO, Duration::from_secs(1)];
        let plan = LoadPlan::constant_rate(200.0, Arrivals::Poisson, times, None, 1);
        let recording = step(&plan, &mix, Arc::new(probe), Stop::new()).await.unwrap();
        let Load::Arrivals(arrivals) = &plan.load else { unreachable!() };
        let planned = Schedule::new(arrivals, &mix).count() as u64;
        let recorded = recording.arrivals.unwrap();
        assert_eq!((recorded.scheduled, recorded.dropped()), (planned, 0));
        let failed: u64 = recording.requests.iter().filter_map(|request| request.errors.get("connect")).sum();
        assert_eq!(failed, planned);
    }
}
