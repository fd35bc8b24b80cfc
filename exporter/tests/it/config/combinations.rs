//! Keys that matter to each other: what is missing, what cannot work together, and what one makes of another.
//! What one key alone may hold is tested beside this.

use std::time::Duration;

use exporter::cli::Ending;
use exporter::collectors::COLLECTORS;
use exporter::config::{Collectors, TokenSource};
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
        "collection:\n  stale_after: 30s\n  intervals: {nodes: 31s, partitions: 20s}\n",
        &[
            "config.yaml:2:16: collection.stale_after: 30s is not longer than the interval of nodes (31s): its \
           readings would be withdrawn before the next one",
        ],
    );
    assert!(load_text("collection: {stale_after: 61s}\n", &[URL]).is_ok());
    let shorter_than_defaults = "collection: {stale_after: 20s}\n";
    assert!(load_text(shorter_than_defaults, &[URL]).is_ok(), "nobody chose the intervals that are longer");
    let on = COLLECTORS.iter().filter(|collector| Collectors::default().is_enabled(collector.name));
    let all_off: String = on.map(|collector| format!("  {}: {{enabled: false}}\n", collector.name)).collect();
    check(
        &format!("collectors:\n{all_off}"),
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
    let most_with = |keys: &str| {
        let simulator = Simulator::start();
        let slow = Fault::always(FaultKind::Latency).after(Duration::from_millis(200));
        simulator.server.set_faults(vec![slow]);
        let file = written(&format!("slurm: {{{keys}}}\n"));
        let mut arguments = simulator.exporter_arguments();
        arguments.push(format!("--config={}", file.path.display()));
        let exporter = Exporter::start(&arguments);
        exporter.wait_until_ready();
        simulator.server.requests().max_in_flight
    };
    assert_eq!(most_with("max_in_flight: 1"), 1);
    assert_eq!(most_with("max_in_flight: 3"), 3);
    assert_eq!(most_with("max_in_flight: 3, max_connections: 1"), 1);
}

#[test]
fn a_cluster_in_the_list_has_what_all_share_and_its_own() {
    let yaml = "slurm: {auth: {user: ann}, max_in_flight: 5, request_timeout: 7s}\n\
                clusters:\n  - {name: a, url: \"http://127.0.0.1:1\"}\n  \
                - {name: b, url: \"http://127.0.0.1:2\", max_in_flight: 3, auth: {token_file: /t}}\n";
    let config = load_text(yaml, &[]).unwrap();
    let [a, b] = config.clusters() else { panic!("{:?}", config.clusters()) };
    assert_eq!((a.max_in_flight, b.max_in_flight), (5, 3));
    assert_eq!((a.url.port(), b.url.port()), (Some(1), Some(2)));
    assert_eq!((a.auth.user.as_deref(), b.auth.user.as_deref()), (Some("ann"), Some("ann")));
    assert_eq!(b.auth.token, TokenSource::File("/t".into()));
    assert_eq!(a.auth.token, TokenSource::None);
    assert_eq!(a.connect_timeout, Duration::from_secs(7), "fitted to the shared request_timeout");
    assert_eq!(
        config.warnings,
        ["no token: clusters[0].auth.token_file is not set; requests go out without one"]
    );
    let one = load_text("slurm: {name: x}\n", &[URL]).unwrap();
    assert_eq!(one.clusters()[0].name.as_deref(), Some("x"));
}

#[test]
fn mistakes_in_the_list_of_clusters_name_their_place() {
    let told = |yaml: &str, environment: &[(&str, &str)]| {
        refusal(yaml, environment).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        told(
            "slurm: {name: x}\nclusters:\n  - {name: a, url: \"http://127.0.0.1:1\", max_in_flite: 3}\n  \
             - {name: a, url: nonsense}\n  - {url: \"http://h\", max_in_flight: 0}\n",
            &[],
        ),
        [
            "config.yaml:3:42: clusters[0].max_in_flite: unknown key, did you mean clusters[0].max_in_flight?",
            "config.yaml:4:20: clusters[1].url: expected a URL such as http://127.0.0.1:6820: relative URL \
             without a base",
            "config.yaml:5:38: clusters[2].max_in_flight: expected a number from 1 to 64, got \"0\"",
            "config.yaml:1:15: slurm.name: stands for one cluster, but clusters names several; each of those has \
             its own",
            "config.yaml:4:12: clusters[1].name: \"a\" is another cluster's name; their series would be the same",
            "clusters[2].name: is needed where there are several clusters, to tell their series apart",
            "config.yaml:5:11: clusters[2].url: h wants a token; set clusters[2].auth.token_file",
        ]
    );
    let no_section = told("clusters: [word]\n", &[]);
    assert_eq!(no_section.len(), 1, "that its keys are missing is only a consequence: {no_section:?}");
    assert!(
        no_section[0].starts_with("config.yaml:1:12: clusters[0]: expected a section with the keys url, ")
    );
    for yaml in ["clusters: []\n", "clusters: x\n", "clusters:\n"] {
        assert_eq!(
            told(yaml, &[]),
            ["config.yaml:1:1: clusters: expected a list of sections like slurm, one per cluster"]
        );
    }
    assert_eq!(
        told("clusters: [{name: a}]\n", &[URL]),
        [
            "SLURM_EXPORTER_SLURM_URL: slurm.url: stands for one cluster, but clusters names several; each of those \
             has its own",
            "clusters[0].url: is not set; give each cluster its own, such as http://127.0.0.1:6820",
        ]
    );
}

#[test]
fn one_token_is_not_shown_to_several_clusters() {
    let yaml = "clusters: [{name: a, url: \"https://h\"}]\n";
    assert!(refusal(yaml, &[("SLURM_JWT", "a.canary.c")]).contains("h wants a token"));
    let yaml = "clusters: [{name: a, url: \"https://h\", auth: {token_file: /t}}]\n";
    let config = load_text(yaml, &[("SLURM_JWT", "a.canary.c")]).unwrap();
    assert_eq!(config.warnings, ["SLURM_JWT is not used with clusters; give each its auth.token_file"]);
    assert!(!format!("{config:?}").contains("canary"));
}
