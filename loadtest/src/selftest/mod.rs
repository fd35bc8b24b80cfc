//! Whether the load test itself measures right: against a stub of known latencies and a known stall, by both loops.
//! It says nothing about any exporter.

mod stub;
mod truth;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use reports::model::LatencyHistogram;
use reports::model::run::{ArrivalStats, RequestStats};
use reports::model::verdict::Outcome;
use reports::quantity;
use reqwest::Url;
use tokio::process::Command;

pub(crate) use self::stub::serve;
pub(crate) use self::truth::Weather;
use crate::probe::Probe;
use crate::recorder::{Recorder, Recording};
use crate::scenario::{Arrivals, Encoding, Load, LoadPlan, RequestSpec, Scenario, Shard};
use crate::stack::Child;
use crate::stop::Stop;
use crate::{closed, open};

/// 40 users with five requests a second each, or as many arrivals.
const USERS: u32 = 40;
const RATE: f64 = 200.0;
const WARMUP: Duration = Duration::from_secs(2);
/// Two whole cycles of the stub.
const DURATION: Duration = Duration::from_secs(20);
/// How far a quantile may be from the truth: whichever is more.
const TOLERANCE_RATIO: f64 = 0.02;
const TOLERANCE_SECONDS: f64 = 0.005;
/// When one in a hundred short sleeps takes this much too long (half of what a quantile may be off), a wrong figure may be
/// this machine's fault.
const DISTURBED: Duration = Duration::from_micros(2500);
const TIMEOUT: Duration = Duration::from_secs(30);

/// One measurement.
struct Case {
    name: &'static str,
    is_open: bool,
    weather: Weather,
    /// What the truth is of, in words.
    truth: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        name: "closed loop, calm",
        is_open: false,
        weather: Weather::Calm,
        truth: "the stub's distribution",
    },
    Case { name: "open loop, calm", is_open: true, weather: Weather::Calm, truth: "the stub's distribution" },
    Case {
        name: "closed loop, stalls",
        is_open: false,
        weather: Weather::Stalls,
        truth: "what users see who wait for their answers; those who would have come meanwhile are not asked",
    },
    Case {
        name: "open loop, stalls",
        is_open: true,
        weather: Weather::Stalls,
        truth: "what everyone sees who comes evenly, however it stands",
    },
];

/// Measures all cases, one after the other, prints a table and returns the exit code.
///
/// # Errors
/// When the stub cannot be started or a load not be made.
pub(crate) async fn run() -> anyhow::Result<u8> {
    let stop = Stop::new();
    stop.on_signals().context("failed to install the signal handlers")?;
    let mut out = anstream::stdout();
    writeln!(
        out,
        "{} requests a second for {} s each; in a stall nothing is answered for 1 s of every 10 s",
        quantity::number(RATE),
        DURATION.as_secs()
    )?;
    writeln!(out, "{:<20}  {:<4}  {:>10}  {:>10}  {:>9}  verdict", "", "", "truth", "measured", "deviation")?;
    let mut outcome = Outcome::Pass;
    for case in &CASES {
        let (recording, jitter) = measure(case, stop.clone()).await?;
        if let Some(reason) = stop.reason() {
            tracing::warn!("{reason}: the self-test is not complete");
            return Ok(reason.exit_code().unwrap_or(3));
        }
        outcome = outcome.max(show(&mut out, case, &recording, &jitter)?);
    }
    writeln!(
        out,
        "{}",
        match outcome {
            Outcome::Pass => "✅ SELF-TEST PASSED",
            Outcome::Inconclusive => "⚠ SELF-TEST INCONCLUSIVE",
            Outcome::Fail => "❌ SELF-TEST FAILED",
        }
    )?;
    Ok(outcome.exit_code())
}

/// Loads a fresh stub and returns what was recorded, and how late this machine was meanwhile.
async fn measure(case: &Case, stop: Stop) -> anyhow::Result<(Recording, LatencyHistogram)> {
    let mut command = Command::new(std::env::current_exe().context("own executable")?);
    command.arg("stub").args((case.weather == Weather::Stalls).then_some("--stalls"));
    let mut stub = Child::start("the stub", command, Path::new("/dev/null"))?;
    let url = Url::parse(&stub.announced("listening on ").await?).context("address of the stub")?;
    stub.drain();
    let mix = [RequestSpec { name: "page".into(), path: None, encoding: Encoding::Identity, weight: 1 }];
    let probe = Arc::new(Probe::new(&url, &mix, TIMEOUT)?);
    let jitter = Jitter::start();
    let recording = if case.is_open {
        let times = [WARMUP, DURATION];
        let plan = LoadPlan::constant_rate(RATE, Arrivals::Constant, times, None, 1);
        open::step(&plan, &mix, probe, stop).await?
    } else {
        closed_loop(&url, &mix, probe, stop).await?
    };
    let jitter = jitter.stop();
    stub.stop().await;
    Ok((recording, jitter))
}

async fn closed_loop(
    url: &Url,
    mix: &[RequestSpec],
    probe: Arc<Probe>,
    stop: Stop,
) -> anyhow::Result<Recording> {
    let mut scenario = Scenario::built_in("quick")?.closed(USERS);
    scenario.rate = RATE / f64::from(USERS);
    (scenario.warmup, scenario.duration, scenario.ramp) = (WARMUP, DURATION, Duration::ZERO);
    let plan = LoadPlan::new(&scenario, 1, Shard::WHOLE);
    let Load::Users(users) = &plan.load else { anyhow::bail!("the loop is not closed") };
    let start = Instant::now();
    let names = mix.iter().map(|request| request.name.clone()).collect();
    let recorder = Arc::new(Recorder::new(names, plan.clone(), start, SystemTime::now()));
    let attack = closed::Attack { target: url, mix, plan: &plan, users };
    closed::run(attack, probe, Arc::clone(&recorder), stop, None).await?;
    recorder.finish(start + plan.total()).context("failed to finish the recording")
}

/// Prints the rows of a case and judges it.
fn show(
    out: &mut impl Write,
    case: &Case,
    recording: &Recording,
    jitter: &LatencyHistogram,
) -> std::io::Result<Outcome> {
    let times = [WARMUP, DURATION].map(|time| time.as_secs_f64());
    let truth = if case.is_open {
        truth::open_loop(case.weather)
    } else {
        truth::closed_loop(case.weather, USERS, f64::from(USERS) / RATE, times)
    };
    let mut latency = LatencyHistogram::default();
    recording.requests.iter().for_each(|stats| latency.merge(&stats.latency));
    let failed: u64 = recording.requests.iter().map(RequestStats::error_count).sum();
    let dropped = recording.arrivals.as_ref().map_or(0, ArrivalStats::dropped);
    let late = jitter.quantile(0.99).unwrap_or_default().max(
        recording.arrivals.as_ref().and_then(|arrivals| arrivals.lag.quantile(0.99)).unwrap_or_default(),
    );
    let mut outcome = Outcome::Pass;
    let seconds = quantity::seconds;
    for (index, share) in [0.50, 0.95, 0.99].into_iter().enumerate() {
        let truth = truth::quantile(&truth, share);
        let measured = latency.quantile(share).map_or(f64::NAN, |time| time.as_secs_f64());
        let deviation = measured - truth;
        // Written so that a missing figure is not within.
        let within = deviation.abs() <= (truth * TOLERANCE_RATIO).max(TOLERANCE_SECONDS);
        let verdict = if within { "pass" } else { "FAIL" };
        if !within {
            outcome = Outcome::Fail;
        }
        let name = if index == 0 { case.name } else { "" };
        writeln!(
            out,
            "{name:<20}  p{:<3.0}  {:>10}  {:>10}  {:>+7.1}ms  {verdict}",
            share * 100.0,
            seconds(truth),
            seconds(measured),
            deviation * 1e3
        )?;
    }
    writeln!(
        out,
        "{:<20}  truth: {}; {} requests, {failed} failed, {dropped} dropped, this machine late by {} at p99",
        "",
        case.truth,
        quantity::count(latency.count()),
        seconds(late.as_secs_f64())
    )?;
    // The stub refuses nothing: whatever is missing was lost here.
    if failed + dropped > 0 {
        outcome = Outcome::Fail;
    }
    if outcome == Outcome::Fail && late >= DISTURBED {
        writeln!(out, "{:<20}  inconclusive: this machine is too busy to measure now", "")?;
        return Ok(Outcome::Inconclusive);
    }
    Ok(outcome)
}

/// A thread that sleeps for short times and notes how much longer it took.
struct Jitter {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<LatencyHistogram>,
}

impl Jitter {
    fn start() -> Self {
        const NAP: Duration = Duration::from_millis(5);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut late = LatencyHistogram::default();
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                std::thread::sleep(NAP);
                late.record(before.elapsed().saturating_sub(NAP));
            }
            late
        });
        Self { stop, thread }
    }

    fn stop(self) -> LatencyHistogram {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}
