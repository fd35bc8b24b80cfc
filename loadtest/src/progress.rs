//! How the run goes, on stderr: one moving line on a terminal, else a line every ten seconds.
//! It shows figures and judges none.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reports::model::run::ResourceSample;
use reports::quantity;

use crate::recorder::{Progress, Recorder};
use crate::sample::Sampler;
use crate::scenario::LoadPlan;

/// Between two lines where nobody watches a terminal.
const PLAIN_INTERVAL_SECONDS: u64 = 10;

/// Shows the progress once a second, for ever: the caller drops it when the load is over.
pub(crate) async fn show(
    recorder: Arc<Recorder>,
    plan: &LoadPlan,
    subject: Option<&Sampler>,
) -> std::convert::Infallible {
    let start = recorder.start();
    let bar = std::io::stderr().is_terminal().then(|| bar(plan));
    // Just after a second has passed, so that the last full second is complete.
    let first = start + Duration::from_millis(1020);
    let mut ticks = tokio::time::interval_at(first.into(), Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(start);
        let line = line(&recorder.progress(now), subject.and_then(Sampler::latest).as_ref());
        let phase = if elapsed < plan.warmup { "warm-up  " } else { "" };
        match &bar {
            Some(bar) => {
                bar.set_position(elapsed.as_secs().min(plan.total().as_secs()));
                bar.set_message(format!("{phase}{line}"));
            }
            None if elapsed.as_secs().is_multiple_of(PLAIN_INTERVAL_SECONDS) => {
                let total = plan.total().as_secs();
                // Progress that nobody can see is no reason to end the run.
                _ = writeln!(anstream::stderr(), "{:>4}/{total} s  {phase}{line}", elapsed.as_secs());
            }
            None => {}
        }
    }
}

fn bar(plan: &LoadPlan) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:8} {pos}/{len} s  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(plan.total().as_secs()).with_style(style)
}

fn line(progress: &Progress, target: Option<&ResourceSample>) -> String {
    let time = |time: Option<Duration>| time.map_or("-".into(), |time| quantity::seconds(time.as_secs_f64()));
    let target = target.map_or(String::new(), |sample| {
        format!("  target {:.2} cores, {}", sample.cpu_cores, quantity::bytes(sample.rss_bytes as f64))
    });
    format!(
        "{} rps  p50 {}  p95 {}  p99 {}  errors {}{target}",
        progress.requests_last_second,
        time(progress.p50),
        time(progress.p95),
        time(progress.p99),
        quantity::count(progress.errors)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_rate_latency_errors_and_target() {
        let progress = Progress {
            requests_last_second: 50,
            errors: 1200,
            p50: Some(Duration::from_micros(1500)),
            p95: Some(Duration::from_millis(20)),
            p99: None,
        };
        let sample = ResourceSample {
            offset: 1.0,
            cpu_cores: 0.256,
            rss_bytes: 50 << 20,
            open_fds: None,
            threads: None,
        };
        assert_eq!(
            line(&progress, Some(&sample)),
            "50 rps  p50 1.5 ms  p95 20 ms  p99 -  errors 1,200  target 0.26 cores, 50 MiB"
        );
    }
}
