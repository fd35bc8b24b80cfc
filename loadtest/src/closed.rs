//! Closed-loop load by goose: users that ask, read the whole answer, and ask again at their pace.
//! Goose starts, holds and stops the users; what is measured and how long a user waits is ours.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use goose::GooseAttack;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{
    GooseUser, Scenario as GooseScenario, Transaction, TransactionFunction, TransactionResult,
};

use crate::probe::Probe;
use crate::recorder::Recorder;
use crate::scenario::{LoadPlan, RequestSpec, UserPlan};
use crate::stop::Stop;

/// How long an idle user sleeps at most before it looks whether it has to go.
const IDLE: Duration = Duration::from_millis(20);
/// Fractional part of the golden ratio: multiples of it spread any number of users evenly over their period.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Who is asked for what, by how many, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack<'run> {
    pub(crate) target: &'run reqwest::Url,
    pub(crate) mix: &'run [RequestSpec],
    pub(crate) plan: &'run LoadPlan,
    pub(crate) users: &'run UserPlan,
}

/// What all users share.
#[derive(Debug)]
struct Shared {
    probe: Arc<Probe>,
    recorder: Arc<Recorder>,
    stop: Stop,
    /// Time between two starts of one user.
    period: Duration,
    /// No request starts after this.
    end: Instant,
    users: AtomicU32,
}

/// One user's pace.
#[derive(Clone, Copy, Debug)]
struct Pace {
    next: Instant,
}

/// Runs the plan to its end, or until it is stopped. Returns when every request has finished.
/// `report` is where goose writes its own HTML report, when it is wanted.
///
/// # Errors
/// When goose refuses its configuration or cannot write its report.
pub(crate) async fn run(
    Attack { target, mix, plan, users }: Attack<'_>,
    probe: Arc<Probe>,
    recorder: Arc<Recorder>,
    stop: Stop,
    report: Option<&str>,
) -> anyhow::Result<()> {
    let shared = Arc::new(Shared {
        probe,
        end: recorder.start() + plan.total(),
        recorder,
        stop: stop.clone(),
        period: Duration::from_secs_f64(1.0 / users.rate),
        users: AtomicU32::new(0),
    });
    let mut scenario = GooseScenario::new("scrapers").register_transaction(on_start(&shared));
    for (index, request) in mix.iter().enumerate() {
        let transaction =
            transaction(&shared, index).set_name(&request.name).set_weight(request.weight as usize)?;
        scenario = scenario.register_transaction(transaction);
    }
    let attack = GooseAttack::initialize_with_config(configuration(target, users, report)?)?
        // Replaced by the probe's client when a user starts; without it goose would set up one client per user.
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies().gzip(false))?
        .register_scenario(scenario)
        .execute();
    let _muted = Muted::stdout()?;
    // Goose clears its kill switch while it starts, so asking once could be lost.
    let kill = async {
        let reason = stop.requested().await;
        loop {
            goose::trigger_killswitch(&reason.to_string());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        finished = attack => finished.map(|_| ()).context("goose"),
        never = kill => never,
    }
}

/// Keeps stdout for our own result: goose says there how many users it started, and no option of it stops that.
/// Until it is dropped, whatever is written to stdout is lost.
struct Muted {
    stdout: OwnedFd,
}

impl Muted {
    fn stdout() -> anyhow::Result<Self> {
        let nowhere = OpenOptions::new().write(true).open("/dev/null").context("/dev/null")?;
        let stdout = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).context("stdout")?;
        rustix::stdio::dup2_stdout(&nowhere).context("stdout")?;
        Ok(Self { stdout })
    }
}

impl Drop for Muted {
    fn drop(&mut self) {
        // What goose left in the buffer goes the same way.
        _ = std::io::stdout().flush();
        if let Err(error) = rustix::stdio::dup2_stdout(&self.stdout) {
            tracing::error!(%error, "could not restore stdout");
        }
    }
}

/// Goose's command line for the plan: quiet, no controllers, metrics for its own report only.
fn configuration(
    target: &reqwest::Url,
    plan: &UserPlan,
    report: Option<&str>,
) -> anyhow::Result<GooseConfiguration> {
    let mut arguments: Vec<String> =
        ["--quiet", "--no-telnet", "--no-print-metrics", "--no-scenario-metrics"]
            .into_iter()
            .chain(["--no-transaction-metrics", "--no-percentiles-over-time", "--no-gzip"])
            .map(Into::into)
            .collect();
    arguments.extend(["--host".into(), target.as_str().into()]);
    if let Some(report) = report {
        arguments.extend(["--report-file".into(), report.into()]);
    }
    if plan.is_steady() {
        let users = plan.steps[0].vus;
        let ramp = plan.steps[0].seconds;
        let hold: u64 = plan.steps[1..].iter().map(|step| step.seconds).sum();
        // Goose takes a time for the ramp only from two users and one second on.
        let rate = if ramp == 0 { f64::from(users) * 1000.0 } else { f64::from(users) / ramp as f64 };
        arguments.extend(["--users".into(), users.to_string(), "--increase-rate".into(), rate.to_string()]);
        arguments.extend(["--run-time".into(), format!("{hold}s")]);
    } else {
        let steps: Vec<String> = plan
            .steps
            .iter()
            .map(|step| format!("{},{}s", step.vus, step.seconds))
            .chain(["0,0s".into()])
            .collect();
        arguments.extend(["--test-plan".into(), steps.join(";")]);
    }
    Ok(GooseConfiguration::parse_args_default(&arguments)?)
}

/// Gives a starting user the shared client and its place within the period.
fn on_start(shared: &Arc<Shared>) -> Transaction {
    let shared = Arc::clone(shared);
    let function: TransactionFunction = Arc::new(move |user: &mut GooseUser| {
        let number = shared.users.fetch_add(1, Ordering::Relaxed);
        let phase = shared.period.mul_f64((f64::from(number) * GOLDEN).fract());
        user.client = shared.probe.client().clone();
        user.set_session_data(Pace { next: Instant::now() + phase });
        Box::pin(std::future::ready(Ok(())))
    });
    Transaction::new(function).set_on_start()
}

fn transaction(shared: &Arc<Shared>, request: usize) -> Transaction {
    let shared = Arc::clone(shared);
    let function: TransactionFunction = Arc::new(move |user: &mut GooseUser| {
        let shared = Arc::clone(&shared);
        Box::pin(async move { turn(&shared, user, request).await })
    });
    Transaction::new(function)
}

/// Waits for the user's next start and makes one request; without a request once the run is over.
async fn turn(shared: &Shared, user: &mut GooseUser, request: usize) -> TransactionResult {
    let due = user.get_session_data::<Pace>().map_or_else(Instant::now, |pace| pace.next);
    let over = || shared.stop.reason().is_some() || Instant::now() >= shared.end;
    // A timer for a moment that has just passed still ends at the next whole millisecond: a user that is late needs none.
    if Instant::now() < due && due < shared.end && !over() {
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            _ = shared.stop.requested() => {}
        }
    }
    if due >= shared.end || over() {
        // Goose looks for its command to leave only between two turns.
        tokio::time::sleep(IDLE).await;
        return Ok(());
    }
    let in_flight = shared.recorder.begin();
    let observation = tokio::select! {
        observation = shared.probe.fetch(&user.client, request) => observation,
        // A stopped run does not wait for an answer that may take the whole timeout.
        _ = shared.stop.requested() => return Ok(()),
    };
    drop(in_flight);
    if let Some(pace) = user.get_session_data_mut::<Pace>() {
        // A user that is late goes on at once but does not catch up: that is what closed loop means.
        pace.next = (due + shared.period).max(observation.finished);
    }
    let (success, kind) =
        (observation.failure.is_none(), observation.failure.as_ref().map(|failure| failure.kind.clone()));
    let latency = observation.latency;
    shared.recorder.record(observation);
    user.record_custom_request_duration(
        "GET",
        shared.probe.name(request),
        latency,
        success,
        None,
        kind.as_deref(),
    )
    .await
}
