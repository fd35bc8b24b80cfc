//! Every way to fail that we know, against the shipped binary with scrapers at work: what is served, what is said about
//! it, how soon it is whole again, and how much memory it took. `ci/fault-matrix.sh` runs all of it and writes the report.

mod case;
mod ending;
mod load;
mod report;
mod stack;
mod upstream;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use case::{CASES, Case};
use report::Report;
use stack::{Outcome, Scale, Stack};

/// So small an exporter's normal is less than what it may keep of one answer; two endpoints are struck.
const SMALL_ALLOWANCE: u64 = 2 * (64 << 20);

/// About 100,000 series, and answers that a quiet machine transfers in a quarter of the time-out.
const FULL_NODES: u32 = 8_000;
const FULL_JOBS: u32 = 2_000;

/// So many wait at once; each does little else.
const AT_ONCE: usize = 12;

#[test]
fn in_every_fault_scrapes_are_answered_failures_classed_and_old_data_withdrawn() {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_small(case);
                }
            });
        }
    });
}

fn run_small(case: &Case) {
    let stack = Stack::start(Scale {
        nodes: 20,
        jobs: 40,
        interval: Duration::from_secs(6),
        timeout: Duration::from_millis(1_900),
        stale_after: Duration::from_millis(6_500),
        scrapers: 1,
        pause: Duration::from_millis(200),
    });
    let (_, normal) = stack.peak(|| stack.load(|| stack.wait_for_next_poll()));
    let outcome = stack.run(case);
    assert!(!outcome.latencies.is_empty());
    let bound = 2 * normal + SMALL_ALLOWANCE;
    assert!(outcome.peak_bytes <= bound, "{case:?}: {} of {bound} bytes", outcome.peak_bytes);
}

#[test]
fn scrapers_cause_no_more_than_one_poll_per_endpoint_and_interval() {
    let stack = Stack::start(Scale {
        nodes: 20,
        jobs: 40,
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
        stale_after: Duration::from_secs(60),
        scrapers: 50,
        pause: Duration::ZERO,
    });
    let polls = stack.count_polls(5);
    for endpoint in &polls.endpoints {
        assert!(endpoint.requests <= polls.whole_intervals + 1, "{polls:?}");
        assert_eq!(endpoint.max_in_flight, 1, "{polls:?}");
    }
    assert!(polls.latencies.len() >= 50, "each scraper was answered: {}", polls.latencies.len());
    // Answers that have begun come whole, and the exit code is 0.
    stack.end_while_answering(8);
}

/// 100,000 series and 8 scrapers: promises 1, 3, 4, 5 and 6. Takes minutes, and only a release build is worth it.
#[test]
fn the_fault_matrix_at_full_size() {
    if std::env::var_os("FAULT_MATRIX_REPORT").is_none() {
        println!("skipped, takes minutes: ci/fault-matrix.sh runs it");
        return;
    }
    let stack = Stack::start(Scale {
        nodes: FULL_NODES,
        jobs: FULL_JOBS,
        interval: Duration::from_secs(5),
        timeout: Duration::from_millis(1_600),
        stale_after: Duration::from_secs(8),
        scrapers: 8,
        pause: Duration::from_millis(250),
    });
    let calm = |name| {
        let (((), latencies), peak) =
            stack.peak(|| stack.load(|| std::thread::sleep(stack.scale.interval * 3)));
        Outcome::calm(name, latencies, peak)
    };
    let mut report = Report::new(&stack, calm("none"));
    let wanted = std::env::var("FAULT_MATRIX_CASES").unwrap_or_default();
    let wanted: Vec<_> = wanted.split_whitespace().collect();
    for case in CASES.iter().filter(|case| wanted.is_empty() || wanted.contains(&case.name())) {
        // One broken case must not hide the others.
        match catch_unwind(AssertUnwindSafe(|| stack.run(case))) {
            Ok(outcome) => report.add(outcome),
            Err(panic) => {
                report.add_broken(case.name(), panic.as_ref());
                stack.heal();
            }
        }
    }
    report.add(calm("none, at the end"));
    drop(stack);

    let scale = Scale {
        nodes: FULL_NODES,
        jobs: FULL_JOBS,
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(30),
        stale_after: Duration::from_secs(60),
        scrapers: 50,
        pause: Duration::from_secs(1),
    };
    let stack = Stack::start(scale);
    report.add_polls(stack.count_polls(12));
    let listening_after = stack.listening_after;
    report.add_life(listening_after, &stack.end_while_answering(8));
    report.finish();
}
