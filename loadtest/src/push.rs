//! The result as metrics, pushed to a Pushgateway: one group per scenario, replaced by every run.
//! What could not be measured is left out, never 0.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::bail;
use reports::model::RunRecord;
use reports::model::verdict::{Outcome, Verdict};
use reqwest::{Client, Url};

use crate::probe::innermost;

const TIMEOUT: Duration = Duration::from_secs(10);
const JOB: &str = "slurm_load_test";
/// The longest part of a gateway's answer that is quoted.
const QUOTED: usize = 300;

/// Where the results of a scenario go: the group's labels are its path.
///
/// # Errors
/// When the address is none that has a path.
pub(crate) fn group(gateway: &Url, scenario: &str) -> Result<Url, String> {
    let mut url = gateway.clone();
    let mut path = url.path_segments_mut().map_err(|()| "expected http://host:port".to_owned())?;
    path.pop_if_empty().extend(["metrics", "job", JOB, "scenario", scenario]);
    drop(path);
    Ok(url)
}

/// Replaces the group by this result.
///
/// # Errors
/// When the gateway cannot be reached or refuses; with its words.
pub(crate) async fn push(
    client: &Client,
    group: &Url,
    run: &RunRecord,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    let request = client.put(group.clone()).timeout(TIMEOUT).body(page(run, verdict));
    let unreachable = |error| anyhow::anyhow!("{group} cannot be reached: {}", innermost(&error));
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let words = answer.text().await.unwrap_or_default();
    bail!("{group} answers {status}: {}", words.trim().chars().take(QUOTED).collect::<String>())
}

/// The metrics in the text format.
fn page(run: &RunRecord, verdict: &Verdict) -> String {
    let mut page = String::new();
    let latency = run.latency();
    let quantile = |quantile| latency.quantile(quantile).map(|time| time.as_secs_f64());
    let flag = |is: bool| Some(f64::from(u8::from(is)));
    let subject = run.subject.as_ref();
    let cores =
        subject.filter(|_| run.duration_seconds > 0.0).map(|used| used.cpu_seconds / run.duration_seconds);
    for (name, help, value) in [
        ("response_time_p50", "Median latency in seconds, body included.", quantile(0.50)),
        ("response_time_p95", "95th percentile of the latency in seconds.", quantile(0.95)),
        ("response_time_p99", "99th percentile of the latency in seconds.", quantile(0.99)),
        ("throughput_rps", "Successful requests per second.", run.successful_throughput()),
        ("error_rate", "Failed requests / all requests.", run.error_rate()),
        (
            "availability",
            "Share of the 10 s slices in which at most 1 % of the requests failed.",
            reports::sla::availability(run),
        ),
        ("requests", "Requests of the measured part.", Some(run.request_count() as f64)),
        ("duration_seconds", "Length of the measured part.", Some(run.duration_seconds)),
        ("target_cpu_cores", "CPUs that the target used on average.", cores),
        (
            "target_peak_rss_bytes",
            "Largest resident set of the target.",
            subject.map(|used| used.peak_rss_bytes as f64),
        ),
        (
            "passed",
            "Whether the run passed; neither a failed nor an inconclusive one did.",
            flag(verdict.outcome == Outcome::Pass),
        ),
        (
            "inconclusive",
            "Whether the run could not be judged.",
            flag(verdict.outcome == Outcome::Inconclusive),
        ),
        ("aborted", "Whether the run ended before its plan.", flag(run.aborted.is_some())),
    ] {
        let Some(value) = value else { continue };
        // A String does not fail.
        _ = writeln!(
            page,
            "# HELP slurm_load_test_{name} {help}\n# TYPE slurm_load_test_{name} gauge\nslurm_load_test_{name} {value}"
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_path_below_the_gateway() {
        let group =
            |gateway: &str, scenario: &str| group(&Url::parse(gateway).unwrap(), scenario).map(String::from);
        let expected = "http://h:9091/metrics/job/slurm_load_test/scenario/quick";
        assert_eq!(group("http://h:9091", "quick").unwrap(), expected);
        assert_eq!(group("http://h:9091/", "quick").unwrap(), expected);
        let below = "http://h/push/metrics/job/slurm_load_test/scenario/a%2Fb";
        assert_eq!(group("http://h/push", "a/b").unwrap(), below);
        assert!(group("mailto:x", "quick").is_err());
    }
}
