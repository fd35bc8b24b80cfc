//! Keys that matter to each other: what is missing, what cannot work together, and what one makes of another.
//! What one key alone may hold is tested beside this.

use std::time::Duration;

use exporter::cli::Ending;
use exporter::config::TokenSource;
use mock_slurmrestd::http::{Fault, FaultKind};

use super::{URL, check, load_text, refusal, run, written};
use crate::process::Exporter;
use crate::simulator::Simulator;

#[test]
fn without_a_url_one_line_says_how_to_give_it() {
    assert_eq!(
        refusal("", &[]),
        "slurm.url: is not set; give --slurm.url URL, SLURM_EXPORTER_SLURM_URL or slurm.url in the configuration \
         file, such as http://127.0.0.1:6820"
    );
    let Err(Ending::Invalid(errors)) = run("", &[]) else { panic!("it runs without a URL") };
    assert_eq!(errors.to_string().lines().count(), 1);
}

#[test]
fn a_token_goes_to_another_host_only_over_https() {
    let insecure = "slurm:\n  url: http://head.example:6820\n  auth:\n    token_file: /run/token\n";
    check_alone(
        insecure,
        "config.yaml:2:8: slurm.url: the token would go to head.example over plain http; use https, or set \
         slurm.allow_insecure_token: true",
    );
    for allowed in [
        insecure.replace("http:", "https:"),
        insecure.replace("head.example", "localhost"),
        insecure.replace("  auth", "  allow_insecure_token: true\n  auth"),
    ] {
        assert!(load_text(&allowed, &[]).is_ok(), "{allowed}");
    }
}

fn check_alone(yaml: &str, expected: &str) {
    assert_eq!(refusal(yaml, &[]), expected);
}

#[test]
fn another_host_wants_a_token() {
    check_alone(
        "slurm:\n  url: https://head.example\n",
        "config.yaml:2:8: slurm.url: head.example wants a token; set slurm.auth.token_file or the variable SLURM_JWT",
    );
    let config = load_text("slurm:\n  url: http://127.0.0.1:6820\n", &[]).unwrap();
    assert_eq!(config.slurm.auth.token, TokenSource::None);
    assert_eq!(
        config.warnings,
        ["no token: slurm.auth.token_file and SLURM_JWT are not set; requests go out without one"]
    );
}

#[test]
fn a_token_file_wins_over_the_variable_and_says_so() {
    let yaml = "slurm:\n  auth: {token_file: /run/token}\n";
    let config = load_text(yaml, &[URL, ("SLURM_JWT", "a.canary.c")]).unwrap();
    assert_eq!(config.slurm.auth.token, TokenSource::File("/run/token".into()));
    assert_eq!(config.warnings, ["SLURM_JWT is set too, but slurm.auth.token_file is what is used"]);
    let config = load_text("", &[URL, ("SLURM_JWT", "a.canary.c")]).unwrap();
    assert!(matches!(&config.slurm.auth.token, TokenSource::Given(token) if token.expose() == "a.canary.c"));
    assert!(config.warnings.is_empty());
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn a_token_that_is_none_is_not_quoted() {
    assert_eq!(
        refusal("", &[URL, ("SLURM_JWT", "two canaries")]),
        "SLURM_JWT: the token holds blanks or characters that no token has"
    );
}

#[test]
fn a_connection_takes_no_longer_than_a_request_unless_both_are_set() {
    let connect = |yaml: &str| load_text(yaml, &[URL]).unwrap().slurm.connect_timeout;
    assert_eq!(connect("slurm: {request_timeout: 5s}\n"), Duration::from_secs(5));
    assert_eq!(connect("slurm: {request_timeout: 50s}\n"), Duration::from_secs(10));
    assert_eq!(connect("slurm: {request_timeout: 5s, connect_timeout: 5s}\n"), Duration::from_secs(5));
    check(
        "slurm: {request_timeout: 5s, connect_timeout: 0s}\n",
        &["config.yaml:1:47: slurm.connect_timeout: expected a duration longer than 0, got \"0s\""],
    );
}

#[test]
fn combinations_that_cannot_work_are_refused() {
    check(
        "slurm:\n  connect_timeout: 10s\n  request_timeout: 5s\n",
        &["config.yaml:2:20: slurm.connect_timeout: 10s is longer than a whole request may take \
           (slurm.request_timeout 5s)"],
    );
    check(
        "collection:\n  stale_after: 30s\n  intervals: {jobs: 20s, partitions: 20s}\n",
        &[
            "config.yaml:2:16: collection.stale_after: 30s is not longer than the interval of nodes (30s): its \
           readings would be withdrawn before the next one",
        ],
    );
    assert!(load_text("collection: {stale_after: 61s}\n", &[URL]).is_ok());
    let shorter_than_jobs = "collection: {stale_after: 59s, intervals: {partitions: 50s}}\n";
    assert!(load_text(shorter_than_jobs, &[URL]).is_ok(), "jobs are auto, so stale_after grows with them");
    check(
        "collectors:\n  controller: {enabled: false}\n  nodes: {enabled: false}\n  partitions: {enabled: false}\n  \
         jobs: {enabled: false}\n  scheduler: {enabled: false}\n",
        &["collectors: every collector is switched off; nothing would be exported"],
    );
    check(
        "collectors: {jobs: {interval: 30s}}\ncollection: {intervals: {jobs: 40s}}\n",
        &[
            "config.yaml:1:31: collectors.jobs.interval: is collection.intervals.jobs, which config.yaml:2:32 sets \
           too; keep one of them",
        ],
    );
}

#[test]
fn no_more_requests_are_under_way_than_configured() {
    check(
        "slurm: {max_in_flight: 0}\n",
        &["config.yaml:1:24: slurm.max_in_flight: expected a number from 1 to 64, got \"0\""],
    );
    let most_with = |count: u64| {
        let simulator = Simulator::start();
        let slow = Fault { delay: Duration::from_millis(200), ..Fault::always(FaultKind::Latency) };
        simulator.server.set_faults(vec![slow]);
        let file = written(&format!("slurm: {{max_in_flight: {count}}}\n"));
        let mut arguments = simulator.exporter_arguments();
        arguments.push(format!("--config={}", file.path.display()));
        let exporter = Exporter::start(&arguments);
        exporter.wait_until_ready();
        simulator.server.requests().max_in_flight
    };
    assert_eq!(most_with(1), 1);
    assert_eq!(most_with(3), 3);
}
