//! The figures of the full matrix, judged against the promises, as a Markdown table.
//! These bounds are for a release build on a machine that does nothing else.

use std::any::Any;
use std::fmt::Write as _;
use std::time::Duration;

use super::ending::Ended;
use super::stack::{Outcome, Polls, Stack};

/// Once a second the exporter looks for old data and encodes what it says of itself; the tests look ten times a second.
const TICKS: Duration = Duration::from_millis(2_500);

pub(super) struct Report {
    text: String,
    broken: Vec<String>,
    /// Peak without a fault.
    normal: u64,
    interval: Duration,
    timeout: Duration,
    stale_after: Duration,
}

impl Report {
    /// Begins with what is measured and the row of a time without a fault.
    pub(super) fn new(stack: &Stack, calm: Outcome) -> Self {
        let scale = &stack.scale;
        let series = stack.exporter.scrape().count();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let text = format!(
            "# Fault matrix\n\n{series} series, {} scrapers, interval {:?}, time-out {:?}, stale after {:?}; \
             {cores} cores, load average at the start {}.\n\n\
             | fault | struck | counted as | scrapes | p50 | p99 | max | peak RSS | of normal | noticed after | withdrawn at age \
             | whole again after |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
            scale.scrapers,
            scale.interval,
            scale.timeout,
            scale.stale_after,
            load.split(' ').next().unwrap_or_default(),
        );
        let mut report = Self {
            text,
            broken: Vec::new(),
            normal: calm.peak_bytes,
            interval: scale.interval,
            timeout: scale.timeout,
            stale_after: scale.stale_after,
        };
        report.add(calm);
        report
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        let Outcome { case, struck, classes, mut latencies, peak_bytes, .. } = outcome;
        let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1?}"));
        let within = |time: Option<Duration>, bound| time.is_none_or(|time| time <= bound);
        let (p50, p99, max) = quantiles(&mut latencies);
        let share = peak_bytes as f64 / self.normal as f64;
        let _ = writeln!(
            self.text,
            "| `{case}` | {struck} | {} | {} | {p50:.1?} | {p99:.1?} | {max:.1?} | {} MiB | {share:.2} | {} | {} | {} |",
            classes.join(", "),
            latencies.len(),
            peak_bytes >> 20,
            time(outcome.noticed_after),
            time(outcome.withdrawn_at_age),
            time(outcome.recovered_after),
        );
        for (what, holds) in [
            ("p99 <= 100 ms", p99 <= Duration::from_millis(100)),
            ("max <= 1 s", max <= Duration::from_secs(1)),
            ("peak RSS <= 2 x normal", share <= 2.0),
            ("noticed within one poll", within(outcome.noticed_after, self.interval + self.timeout + TICKS)),
            ("withdrawn after stale_after", within(outcome.withdrawn_at_age, self.stale_after + TICKS)),
            ("whole again within 2 intervals", within(outcome.recovered_after, self.interval * 2)),
        ] {
            if !holds {
                self.broken.push(format!("{case}: {what}"));
            }
        }
    }

    /// A case that was given up at the first promise that did not hold.
    pub(super) fn add_broken(&mut self, case: &str, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        let _ = writeln!(self.text, "| `{case}` | given up | - | - | - | - | - | - | - | - | - | - |");
        self.broken.push(format!("{case}: {}", text.replace('\n', " ")));
    }

    /// What many scrapers made the exporter ask for.
    pub(super) fn add_polls(&mut self, polls: Polls) {
        let Polls { whole_intervals, endpoints, mut latencies } = polls;
        let (p50, p99, max) = quantiles(&mut latencies);
        let _ = writeln!(
            self.text,
            "\n50 scrapers for {whole_intervals} intervals: {} scrapes, p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}.\n\n\
             | endpoint | polls | most in flight |\n|---|---|---|",
            latencies.len()
        );
        for polled in endpoints {
            let _ =
                writeln!(self.text, "| {} | {} | {} |", polled.name, polled.requests, polled.max_in_flight);
            if polled.requests != whole_intervals || polled.max_in_flight != 1 {
                self.broken.push(format!("{}: one poll per interval", polled.name));
            }
        }
    }

    /// How the exporter began and ended.
    pub(super) fn add_life(&mut self, listening_after: Duration, ended: &Ended) {
        let Ended { answers, bytes, after } = ended;
        let _ = writeln!(
            self.text,
            "\nListening {listening_after:.1?} after its start. Ended {after:.1?} after SIGTERM with exit code 0, while \
             {answers} answers of {bytes} bytes were under way, which all came whole."
        );
        for (what, holds) in [
            ("listening within 1 s", listening_after <= Duration::from_secs(1)),
            ("ended within 5 s", *after <= Duration::from_secs(5)),
        ] {
            if !holds {
                self.broken.push(what.to_owned());
            }
        }
    }

    /// Prints the report, writes it where `FAULT_MATRIX_REPORT` says, and fails when a promise is broken.
    pub(super) fn finish(mut self) {
        let verdict =
            if self.broken.is_empty() { "Every promise holds.".to_owned() } else { self.broken.join("\n") };
        let _ = writeln!(self.text, "\n{verdict}");
        println!("{}", self.text);
        if let Some(file) = std::env::var_os("FAULT_MATRIX_REPORT") {
            std::fs::write(file, &self.text).expect("the report is written");
        }
        assert!(self.broken.is_empty(), "{verdict}");
    }
}

/// p50, p99 and the greatest.
fn quantiles(latencies: &mut [Duration]) -> (Duration, Duration, Duration) {
    latencies.sort_unstable();
    let at = |quantile: f64| latencies[((latencies.len() - 1) as f64 * quantile).round() as usize];
    (at(0.5), at(0.99), at(1.0))
}
