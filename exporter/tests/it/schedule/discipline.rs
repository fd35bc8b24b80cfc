//! How slurmrestd is spared when it fails, and the host when it is short: retries, circuit breaker, levels, stretching.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exporter::config::Collection;
use exporter::model::Endpoint;
use exporter::model::endpoint::{Cost, Daemon};
use tokio::time::{Instant, sleep};

use super::{Answered, Running};

impl Running {
    /// Seconds from the start to each poll of an endpoint.
    fn times(&self, endpoint: Endpoint, start: Instant) -> Vec<u64> {
        let asked = self.fake.asked.lock().unwrap();
        asked.iter().filter(|(name, _)| *name == endpoint).map(|(_, at)| (*at - start).as_secs()).collect()
    }

    fn has(&self, line: &str) -> bool {
        self.page().lines().any(|found| found == line)
    }

    fn is_up(&self, endpoint: Endpoint) -> bool {
        self.board.statuses().iter().any(|(name, status)| *name == endpoint && status.up == Some(true))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again_before_the_next_poll_is_due() {
    let start = Instant::now();
    let running = Running::start(&[Endpoint::Nodes], Duration::ZERO, |_, count| match count {
        1 => Answered::Refused,
        _ => Answered::Up,
    });
    sleep(Duration::from_millis(1)).await;
    assert!(!running.is_up(Endpoint::Nodes), "a failure shows at once");
    sleep(Duration::from_secs(11)).await;
    assert!(running.is_up(Endpoint::Nodes));
    sleep(Duration::from_secs(40)).await;
    let [first, retry, next] = running.times(Endpoint::Nodes, start)[..] else { panic!("three polls") };
    assert!(first == 0 && retry <= 10, "the delay is at most 10s: {retry}");
    assert!((29..=31).contains(&(next - retry)), "the interval counts from the last answer: {retry} {next}");
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_and_keep_the_regular_polls_in_time() {
    let start = Instant::now();
    // Every fifth poll is good, so that the breaker stays closed.
    let running = Running::start(&[Endpoint::Jobs], Duration::ZERO, |_, count| match count % 5 {
        0 => Answered::Up,
        _ => Answered::Refused,
    });
    sleep(Duration::from_secs(599)).await;
    let times = running.times(Endpoint::Jobs, start);
    for poll in times.windows(5) {
        assert!(poll[4] - poll[0] >= 60, "one poll and three retries in an interval at most: {times:?}");
    }
    assert!(times.len() > 10, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_slurmctld_is_left_alone_and_found_again_by_a_ping() {
    let lives = Arc::new(AtomicBool::new(true));
    let alive = Arc::clone(&lives);
    let of_slurmctld = |endpoint: &Endpoint| endpoint.daemon() == Daemon::Slurmctld;
    let endpoints: Vec<_> = Endpoint::ALL.into_iter().filter(of_slurmctld).collect();
    let running = Running::start(&endpoints, Duration::from_secs(1), move |endpoint, _| {
        match (alive.load(Ordering::SeqCst), endpoint) {
            (true, _) => Answered::Up,
            (false, Endpoint::Ping) => Answered::Silent,
            (false, _) => Answered::Refused,
        }
    });
    let state = |state: u32| {
        format!("slurm_exporter_circuit_breaker_state{{cluster=\"sim\",daemon=\"slurmctld\"}} {state}")
    };
    sleep(Duration::from_secs(20)).await;
    assert!(running.has(&state(0)));
    lives.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(70)).await;
    assert!(running.has(&state(2)), "{}", running.page());
    // Down for twenty minutes: the breaker lets one request through each half minute.
    let before = running.fake.asked.lock().unwrap().len();
    sleep(Duration::from_secs(1200)).await;
    let asked = running.fake.asked.lock().unwrap()[before..].to_vec();
    let pings = asked.iter().filter(|(endpoint, _)| *endpoint == Endpoint::Ping).count();
    assert!((79..=81).contains(&pings), "pings go on: {pings}");
    assert!(asked.len() - pings <= 41, "{} requests but pings in 1200s", asked.len() - pings);
    for (endpoint, status) in running.board.statuses() {
        let is_ping = endpoint == Endpoint::Ping;
        // Readings of a long interval last longer than this.
        let is_kept = Collection::default().intervals.of(endpoint).every * 5 > Duration::from_secs(1200);
        let expected = (Some(is_ping), !is_ping && !is_kept);
        assert_eq!((status.up, status.stale), expected, "{endpoint}: {}", status.error);
    }
    let missed = "slurm_exporter_collection_errors_total{cluster=\"sim\",collector=\"nodes\",error_type=\"circuit_open\"} ";
    let page = running.page();
    let count = page.lines().find_map(|line| line.strip_prefix(missed)).unwrap().parse::<u32>().unwrap();
    assert!((20..=45).contains(&count), "one for each refresh that nodes miss: {count}");

    lives.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(30)).await;
    let late: Vec<_> = endpoints.iter().filter(|endpoint| !running.is_up(**endpoint)).collect();
    // Those that were let through last, in vain, have their next turn an interval later.
    assert!(late.len() <= 2, "back within two of the shortest intervals: {late:?}");
    assert!(running.has(&state(0)));
    let longest = late.iter().map(|endpoint| Collection::default().intervals.of(**endpoint).every).max();
    sleep(longest.unwrap_or_default() + Duration::from_secs(40)).await;
    assert!(endpoints.iter().all(|endpoint| running.is_up(*endpoint)), "the last one too");
    assert!(running.page().contains("slurm_controller_up{cluster=\"sim\""));
}

#[tokio::test(start_paused = true)]
async fn one_dead_endpoint_does_not_open_the_circuit() {
    let running = Running::start(&Endpoint::ALL, Duration::from_millis(10), |endpoint, _| match endpoint {
        Endpoint::Jobs => Answered::Refused,
        _ => Answered::Up,
    });
    sleep(Duration::from_secs(900)).await;
    assert!(running.has("slurm_exporter_circuit_breaker_state{cluster=\"sim\",daemon=\"slurmctld\"} 0"));
    assert!(running.gaps(Endpoint::Nodes).iter().all(|gap| *gap == 30));
}

#[tokio::test(start_paused = true)]
async fn a_level_without_memory_is_withdrawn_and_comes_back_at_once() {
    let running = Running::start(&[Endpoint::Ping, Endpoint::Jobs], Duration::ZERO, |_, _| Answered::Up);
    sleep(Duration::from_secs(10)).await;
    running.budget.set_level(Cost::Important);
    sleep(Duration::from_secs(2)).await;
    assert!(running.has("slurm_exporter_endpoint_stale{cluster=\"sim\",endpoint=\"jobs\"} 1"));
    assert!(running.has("slurm_exporter_endpoint_stale{cluster=\"sim\",endpoint=\"ping\"} 0"));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(running.gaps(Endpoint::Jobs), Vec::<u64>::new(), "not asked again");
    assert!(running.has("slurm_exporter_endpoint_up{cluster=\"sim\",endpoint=\"jobs\"} 0"));
    let missed = "collector=\"jobs\",error_type=\"memory_limit\"}";
    assert!(!running.page().contains(&format!("{missed} 0")), "the missed refreshes are counted");

    running.budget.set_level(Cost::Detailed);
    sleep(Duration::from_secs(2)).await;
    assert!(running.has("slurm_exporter_endpoint_up{cluster=\"sim\",endpoint=\"jobs\"} 1"));
    assert!(running.has("slurm_exporter_endpoint_stale{cluster=\"sim\",endpoint=\"jobs\"} 0"));
}

#[tokio::test(start_paused = true)]
async fn intervals_stretch_without_data_going_stale() {
    let running = Running::start(&[Endpoint::Nodes], Duration::ZERO, |_, _| Answered::Up);
    running.budget.set_stretch(8);
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(running.gaps(Endpoint::Nodes), [240, 240, 240, 240]);
    assert!(running.has("slurm_exporter_endpoint_stale{cluster=\"sim\",endpoint=\"nodes\"} 0"));
}

#[tokio::test(start_paused = true)]
async fn the_database_is_down_only_while_slurmctld_takes_the_token() {
    for (is_taken, expected) in [(true, Some("slurm_database_up{cluster=\"sim\"} 0")), (false, None)] {
        let endpoints = [Endpoint::Ping, Endpoint::Diag, Endpoint::DatabasePing];
        let running = Running::start(&endpoints, Duration::ZERO, move |endpoint, _| match endpoint {
            Endpoint::DatabasePing => Answered::NoDatabase,
            Endpoint::Diag if !is_taken => Answered::Refused,
            _ => Answered::Up,
        });
        sleep(Duration::from_secs(20)).await;
        let page = running.page();
        assert_eq!(page.lines().find(|line| line.starts_with("slurm_database_up")), expected);
        assert!(!running.is_up(Endpoint::DatabasePing));
    }
}

#[tokio::test(start_paused = true)]
async fn what_slurm_lacks_is_seldom_looked_for() {
    let start = Instant::now();
    let endpoints = [Endpoint::Ping, Endpoint::JobStates];
    let running = Running::start(&endpoints, Duration::ZERO, |endpoint, count| match endpoint {
        Endpoint::JobStates if count <= 2 => Answered::Absent,
        _ => Answered::Up,
    });
    sleep(Duration::from_secs(1220)).await;
    assert_eq!(running.times(Endpoint::JobStates, start), [0, 600, 1200, 1215]);
    assert!(running.has("slurm_exporter_endpoint_up{cluster=\"sim\",endpoint=\"job_states\"} 1"));
}
