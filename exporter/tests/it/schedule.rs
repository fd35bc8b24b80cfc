//! When endpoints are polled, on a clock that the test moves: intervals, rests, and what a bad poll leaves.

mod discipline;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exporter::collectors::{COLLECTORS, Collector, Settings};
use exporter::config::{CircuitBreaker, Collection};
use exporter::exposition::{Names, Publisher};
use exporter::model::{Controller, Controllers, Endpoint, Reading, Release, Timestamp};
use exporter::schedule::{Board, Budget, Cluster, Memory, Plan, run};
use exporter::source::{ErrorClass, Poll, PollError, Source};
use exporter::telemetry::Telemetry;
use exporter::wire::Answer;
use tokio::time::{Instant, sleep};

/// A Slurm that answers only pings, as it is told to, and notes when it was asked for what.
struct Fake {
    /// What the poll of an endpoint gives that is the nth of it, from 1.
    answer: Box<dyn Fn(Endpoint, u32) -> Answered + Send + Sync>,
    takes: Duration,
    asked: Mutex<Vec<(Endpoint, Instant)>>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fake")
    }
}

enum Answered {
    Up,
    /// As 24.11 answers a ping while slurmctld is down.
    Silent,
    TimedOut,
    Refused,
    /// As slurmrestd says it while slurmdbd is down, and 26.05 also when the token is refused.
    NoDatabase,
    Absent,
    Panics,
}

impl Source for Fake {
    fn poll<'a>(
        &'a self,
        endpoint: Endpoint,
        _: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Poll> + Send + 'a>> {
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((endpoint, Instant::now()));
            asked.iter().filter(|(name, _)| *name == endpoint).count()
        };
        Box::pin(async move {
            sleep(self.takes).await;
            let outcome = match (self.answer)(endpoint, u32::try_from(count).unwrap()) {
                Answered::Up => Ok(ping(true)),
                Answered::Silent => Ok(ping(false)),
                Answered::TimedOut => Err(failure(ErrorClass::Timeout)),
                Answered::Refused => Err(failure(ErrorClass::Connect)),
                Answered::NoDatabase => Err(PollError {
                    reading: Some(Reading::empty(Endpoint::DatabasePing)),
                    ..failure(ErrorClass::HttpStatus)
                }),
                Answered::Absent => Err(PollError { not_served: true, ..failure(ErrorClass::HttpStatus) }),
                Answered::Panics => panic!("an answer that nobody thought of"),
            };
            Poll { outcome, requests: Vec::new() }
        })
    }

    fn token_expiry(&self) -> Option<u64> {
        None
    }
}

fn ping(up: bool) -> Answer {
    let row = Controller { hostname: "ctl".into(), role: "primary".into(), up, latency_micros: Some(500) };
    Answer {
        reading: Reading::Ping(Box::new(Controllers { rows: vec![row] })),
        rows: 1,
        release: Release {
            cluster: Some("sim".into()),
            slurm_version: "24.11.5".into(),
            api_version: "v0.0.42",
        },
        errors: Vec::new(),
        warnings: Vec::new(),
        unchanged: false,
    }
}

fn failure(class: ErrorClass) -> PollError {
    PollError { class, message: "no".into(), reading: None, not_served: false, drifted_field: None }
}

struct Running {
    fake: Arc<Fake>,
    board: Arc<Board>,
    publisher: Arc<Publisher>,
    budget: Arc<Budget>,
    _task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(
        endpoints: &[Endpoint],
        takes: Duration,
        answer: impl Fn(Endpoint, u32) -> Answered + Send + Sync + 'static,
    ) -> Self {
        Self::with(COLLECTORS.to_vec(), endpoints, takes, answer)
    }

    fn with(
        collectors: Vec<&'static Collector>,
        endpoints: &[Endpoint],
        takes: Duration,
        answer: impl Fn(Endpoint, u32) -> Answered + Send + Sync + 'static,
    ) -> Self {
        let budget = Arc::new(Budget::new(4));
        let fake = Arc::new(Fake { answer: Box::new(answer), takes, asked: Mutex::default() });
        let board = Arc::new(Board::new(None, endpoints));
        let publisher = Arc::new(Publisher::new(Names::default()));
        let task = tokio::spawn(run(Cluster {
            source: Arc::clone(&fake) as Arc<dyn Source>,
            plan: Plan {
                endpoints: endpoints.to_vec(),
                collection: Collection { jitter: Duration::ZERO, ..Collection::default() },
                max_in_flight: 2,
                circuit_breaker: CircuitBreaker::default(),
            },
            collectors,
            settings: Settings::default(),
            pseudonyms: None,
            board: Arc::clone(&board),
            publisher: Arc::clone(&publisher),
            legacy: Arc::default(),
            telemetry: Arc::new(Telemetry::new(Arc::clone(&board), &[])),
            memory: Memory::default(),
            budget: Arc::clone(&budget),
            seed: 1,
        }));
        Self { fake, board, publisher, budget, _task: task }
    }

    fn page(&self) -> String {
        String::from_utf8(self.publisher.page().identity().concat()).unwrap()
    }

    /// Seconds between the polls of an endpoint.
    fn gaps(&self, endpoint: Endpoint) -> Vec<u64> {
        let asked = self.fake.asked.lock().unwrap();
        let times: Vec<_> = asked.iter().filter(|(name, _)| *name == endpoint).map(|(_, at)| *at).collect();
        times.windows(2).map(|two| (two[1] - two[0]).as_secs()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_keeps_its_interval_and_starts_at_once() {
    let running = Running::start(&Endpoint::ALL, Duration::from_millis(10), |_, _| Answered::Up);
    sleep(Duration::from_secs(121)).await;
    for (endpoint, interval) in
        HashMap::from([(Endpoint::Ping, 15), (Endpoint::Nodes, 30), (Endpoint::Jobs, 60)])
    {
        let gaps = running.gaps(endpoint);
        assert!(gaps.len() >= 2 && gaps.iter().all(|gap| *gap == interval), "{endpoint}: {gaps:?}");
    }
    let first = running.fake.asked.lock().unwrap()[..5].iter().map(|(_, at)| *at).max().unwrap();
    let start = running.fake.asked.lock().unwrap()[0].1;
    assert!(first - start < Duration::from_secs(1), "the first polls wait only for each other");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_rests_after_a_time_out() {
    let running = Running::start(&[Endpoint::Nodes], Duration::from_secs(60), |_, _| Answered::TimedOut);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(running.gaps(Endpoint::Nodes), [180, 180, 180]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_panics_is_a_failure_and_the_next_one_comes() {
    let running = Running::start(&[Endpoint::Ping], Duration::ZERO, |_, count| match count {
        2 => Answered::Panics,
        _ => Answered::Up,
    });
    sleep(Duration::from_secs(16)).await;
    let (_, status) = running.board.statuses()[0].clone();
    assert_eq!(status.up, Some(false));
    assert!(status.error.contains("panicked"), "{}", status.error);
    assert!(running.page().contains("slurm_controller_up"), "the last good data stays");
    sleep(Duration::from_secs(15)).await;
    assert_eq!(running.board.statuses()[0].1.up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_panics_is_counted_and_keeps_the_others() {
    static PANICS: Collector = Collector {
        name: "panics",
        needs: &[Endpoint::Ping],
        families: &[],
        collect: |_, _, _| panic!("a snapshot that nobody thought of"),
    };
    let all = COLLECTORS.iter().copied().chain([&PANICS]).collect();
    let running = Running::with(all, &[Endpoint::Ping], Duration::ZERO, |_, _| Answered::Up);
    sleep(Duration::from_secs(18)).await;
    let page = running.page();
    assert!(page.contains("slurm_controller_up{cluster=\"sim\""), "{page}");
    let counted = |family: &str, labels: &str| {
        let start = format!("slurm_exporter_{family}{{cluster=\"sim\",collector=\"panics\"{labels}}} ");
        page.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
    };
    assert_eq!(counted("collection_errors_total", ",error_type=\"panic\""), "2", "{page}");
    assert_eq!(counted("collections_total", ""), "2");
    assert_eq!(running.board.statuses()[0].1.up, Some(true), "the poll was good");
}

#[tokio::test(start_paused = true)]
async fn nothing_about_slurm_is_left_when_all_is_stale() {
    let running = Running::start(&[Endpoint::Ping], Duration::ZERO, |_, count| match count {
        1 => Answered::Up,
        _ => Answered::TimedOut,
    });
    sleep(Duration::from_secs(5)).await;
    assert!(running.page().contains("slurm_cluster_info{cluster=\"sim\""));
    sleep(Duration::from_secs(80)).await;
    let page = running.page();
    let left: Vec<_> = page
        .lines()
        .filter(|line| !["#", "slurm_exporter_", "process_"].iter().any(|start| line.starts_with(start)))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(page.contains("slurm_exporter_endpoint_stale{cluster=\"sim\",endpoint=\"ping\"} 1\n"));
}

#[tokio::test(start_paused = true)]
async fn what_never_came_is_stale_in_the_end() {
    let running = Running::start(&[Endpoint::Ping], Duration::ZERO, |_, _| Answered::TimedOut);
    sleep(Duration::from_secs(10)).await;
    assert!(
        running.page().contains("slurm_exporter_endpoint_stale{cluster=\"default\",endpoint=\"ping\"} 0\n")
    );
    sleep(Duration::from_secs(80)).await;
    assert!(
        running.page().contains("slurm_exporter_endpoint_stale{cluster=\"default\",endpoint=\"ping\"} 1\n")
    );
}
