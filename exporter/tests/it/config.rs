//! What people get to read when a configuration is wrong, and what a right one means.
//! Through the library: the binary prints the same text.

mod combinations;
mod dialects;
mod layers;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exporter::cli::{self, Ending};
use exporter::config::{Config, ConfigErrors, load};
use exporter::model::Endpoint;

/// An environment that makes every configuration complete.
const URL: (&str, &str) = ("SLURM_EXPORTER_SLURM_URL", "http://127.0.0.1:6820");

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(yaml: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    fs::write(&path, yaml).unwrap();
    Written { _folder: folder, path }
}

fn load_text(yaml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load(Some(&written(yaml).path), &variables(environment), Vec::new())
}

/// The error text, with the file's folder left out.
fn refusal(yaml: &str, environment: &[(&str, &str)]) -> String {
    let file = written(yaml);
    let errors = load(Some(&file.path), &variables(environment), Vec::new()).unwrap_err();
    errors.to_string().replace(&file.path.display().to_string(), "config.yaml")
}

fn check(yaml: &str, expected: &[&str]) {
    assert_eq!(refusal(yaml, &[URL]).lines().collect::<Vec<_>>(), expected, "{yaml}");
}

fn run(line: &str, environment: &[(&str, &str)]) -> Result<Config, Ending> {
    let arguments = std::iter::once("slurm-exporter").chain(line.split_whitespace()).map(OsString::from);
    cli::parse(arguments, &variables(environment)).map(|invocation| invocation.loaded.config)
}

#[test]
fn the_example_holds_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    let from_file = load(Some(&example), &[], Vec::new()).unwrap();
    let defaults = load(None, &variables(&[URL]), Vec::new()).unwrap();
    assert_eq!(from_file, defaults);
}

#[test]
fn the_example_names_every_key() {
    let example =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")).unwrap();
    for key in exporter::config::keys() {
        let name = key.path.rsplit('.').next().unwrap();
        let stands = example.contains(&format!("{name}:")) || example.contains(&format!("\"{name}\""));
        assert!(stands, "{}", key.path);
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    check(
        "server:\n  listen: nowhere\n  metricspath: /m\nslurm:\n  api_verson: auto\n  api_version: v9\n  auth: bob\n\
         collection:\n  intervals:\n    jobs: 60\n    nodes: 0s\nlogging: {}\n",
        &[
            "config.yaml:2:11: server.listen: expected an address and a port such as 0.0.0.0:9341 or [::1]:9341, \
             got \"nowhere\"",
            "config.yaml:3:3: server.metricspath: unknown key, did you mean server.metrics_path?",
            "config.yaml:5:3: slurm.api_verson: unknown key, did you mean slurm.api_version?",
            "config.yaml:6:16: slurm.api_version: expected auto or one of v0.0.45, v0.0.44, v0.0.43, v0.0.42, \
             v0.0.41, v0.0.40, v0.0.38, got \"v9\"",
            "config.yaml:7:9: slurm.auth: expected a section with the keys user, token_file, token_command, \
             scheme",
            "config.yaml:10:11: collection.intervals.jobs: expected a duration such as 15s, 1m30s or 500ms, got \
             \"60\"",
            "config.yaml:11:12: collection.intervals.nodes: expected an interval of at least 1s, got \"0s\"",
            "config.yaml:12:1: logging: unknown key, known here: server, slurm, clusters, collection, collectors, metrics, \
             performance, ha, log",
        ],
    );
}

#[test]
fn a_key_in_the_wrong_section_is_sent_to_the_right_one() {
    check(
        "slurm:\n  token_file: /t\n",
        &["config.yaml:2:3: slurm.token_file: unknown key, did you mean slurm.auth.token_file?"],
    );
    check("listen: :9341\n", &["config.yaml:1:1: listen: unknown key, did you mean server.listen?"]);
}

#[test]
fn an_unknown_key_says_what_is_known() {
    check(
        "slurm:\n  colour: blue\n",
        &["config.yaml:2:3: slurm.colour: unknown key, known here: url, name, api_version, auth, \
           allow_insecure_token, connect_timeout, request_timeout, max_in_flight, max_body_bytes, max_reading_bytes, source, tls, \
           proxy_url, command, recorded, max_connections, keep_alive, max_idle_connections, connection_lifetime, \
           compression, circuit_breaker, rate_limit"],
    );
}

#[test]
fn each_kind_of_value_says_what_it_expects() {
    check(
        "server:\n  limits:\n    max_connections: 0\n    header_timeout: 0s\n    max_header_bytes: 1KiB\n",
        &[
            "config.yaml:3:22: server.limits.max_connections: expected a number from 1 to 65536, got \"0\"",
            "config.yaml:4:21: server.limits.header_timeout: expected a duration longer than 0, got \"0s\"",
            "config.yaml:5:23: server.limits.max_header_bytes: expected a size from 8KiB to 1MiB, got \"1KiB\"",
        ],
    );
    check(
        "slurm:\n  max_body_bytes: 4GB\n  allow_insecure_token: maybe\n  url:\n  name: [a]\n  connect_timeout: {}\n",
        &[
            "config.yaml:2:19: slurm.max_body_bytes: expected a size such as 16KiB, 64MiB or 4GiB, got \"4GB\"",
            "config.yaml:3:25: slurm.allow_insecure_token: expected true or false, got \"maybe\"",
            "config.yaml:4:3: slurm.url: expected URL, got nothing",
            "config.yaml:5:3: slurm.name: expected NAME, got a list",
            "config.yaml:6:3: slurm.connect_timeout: expected DURATION, got a section",
        ],
    );
    check(
        "log: {level: loud, format: xml}\ncollectors: {jobs: {enabled: 1}}\n",
        &[
            "config.yaml:1:14: log.level: expected one of error, warn, info, debug, trace, got \"loud\"",
            "config.yaml:1:28: log.format: expected one of text, json, got \"xml\"",
            "config.yaml:2:30: collectors.jobs.enabled: expected true or false, got \"1\"",
        ],
    );
}

#[test]
fn a_key_may_stand_once() {
    check(
        "slurm:\n  name: a\n  name: b\n",
        &["config.yaml:3:3: slurm.name: stands here again, first in line 2"],
    );
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    check(
        "slurm:\n  url: a: b\n",
        &["config.yaml:2:9: not YAML: mapping values are not allowed in this context"],
    );
}

#[test]
fn a_tag_is_refused_with_the_other_mistakes() {
    check(
        "slurm: !foo {name: a}\nserver: !!map\n  listen: !!str :9341\n  !bar metrics_path: /m\nlog: !x\n  level: ! info\n  \
         format: xml\n",
        &[
            "config.yaml:1:1: slurm: takes no YAML tag, got !foo",
            "config.yaml:2:1: server: takes no YAML tag, got !!map",
            "config.yaml:3:3: server.listen: takes no YAML tag, got !!str",
            "config.yaml:4:8: server.metrics_path: takes no YAML tag, got !bar",
            "config.yaml:5:1: log: takes no YAML tag, got !x",
            "config.yaml:6:3: log.level: takes no YAML tag, got !",
            "config.yaml:7:11: log.format: expected one of text, json, got \"xml\"",
        ],
    );
    check("!foo {log: {level: info}}\n", &["config.yaml:1:6: takes no YAML tag, got !foo"]);
}

#[test]
fn a_value_is_what_was_written() {
    for written in ["010", "yes", "1e3", "0x10", "1.50"] {
        let config =
            load_text(&format!("slurm: {{name: {written}, auth: {{user: {written}}}}}\n"), &[URL]).unwrap();
        assert_eq!(config.slurm.name.as_deref(), Some(written));
        assert_eq!(config.slurm.auth.user.as_deref(), Some(written));
    }
    check(
        "server: {limits: {max_connections: 0x10}}\nslurm: {allow_insecure_token: yes}\n",
        &[
            "config.yaml:1:36: server.limits.max_connections: expected a number from 1 to 65536, got \"0x10\"",
            "config.yaml:2:31: slurm.allow_insecure_token: expected true or false, got \"yes\"",
        ],
    );
}

#[test]
fn a_file_that_is_no_section_is_one_line() {
    for yaml in ["- a\n", "word\n", "12\n"] {
        assert_eq!(
            refusal(yaml, &[]),
            "config.yaml:1:1: expected a section with the keys server, slurm, clusters, collection, collectors, metrics, \
             performance, ha, log",
            "{yaml}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_section_is_not_told_again_as_missing() {
    for (yaml, expected) in [
        (
            "slurm: word\n",
            "config.yaml:1:8: slurm: expected a section with the keys url, name, api_version, auth, ",
        ),
        ("slurm: {url: [a]}\n", "config.yaml:1:9: slurm.url: expected URL, got a list"),
        (
            "slurm: {url: https://a, auth: [b]}\n",
            "config.yaml:1:31: slurm.auth: expected a section with the keys ",
        ),
    ] {
        let text = refusal(yaml, &[]);
        assert!(text.starts_with(expected) && text.lines().count() == 1, "{yaml}: {text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_line() {
    let errors =
        load(Some(Path::new("/nonexistent/config.yaml")), &variables(&[URL]), Vec::new()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "/nonexistent/config.yaml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn cluster_is_ping_and_diag_unless_they_are_set() {
    let yaml = "collection:\n  intervals: {ping: 7s, cluster: 40s, jobs: 2m}\n";
    let intervals = load_text(yaml, &[URL]).unwrap().collection.intervals;
    let every = |endpoint| intervals.of(endpoint).every;
    assert_eq!(every(Endpoint::Ping), Duration::from_secs(7));
    assert_eq!(every(Endpoint::Diag), Duration::from_secs(40));
    assert_eq!(every(Endpoint::Jobs), Duration::from_secs(120));
    assert!(!intervals.of(Endpoint::Jobs).grows);
}

#[test]
fn a_collector_s_interval_is_its_endpoint_s() {
    let config =
        load_text("collectors: {scheduler: {interval: 50s}, nodes: {enabled: false}}\n", &[URL]).unwrap();
    assert_eq!(config.collection.intervals.of(Endpoint::Diag).every, Duration::from_secs(50));
    assert!(!config.collectors.is_enabled("nodes"));
    assert!(config.collectors.is_enabled("scheduler"));
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let file = written("slurm: {name: file}\nlog: {level: warn}\ncollection: {intervals: {nodes: 11s}}\n");
    let environment = [
        URL,
        ("SLURM_EXPORTER_SLURM_NAME", "environment"),
        ("SLURM_EXPORTER_COLLECTION_INTERVALS_NODES", "12s"),
        ("SLURM_EXPORTER_SERVER_LISTEN", ""),
    ];
    let line = format!("--config {} --collection.intervals.nodes 13s", file.path.display());
    let config = run(&line, &environment).unwrap();
    assert_eq!(config.log.level, tracing::Level::WARN);
    assert_eq!(config.slurm.name.as_deref(), Some("environment"));
    assert_eq!(config.collection.intervals.of(Endpoint::Nodes).every, Duration::from_secs(13));
    assert_eq!(config.server.listen.port(), 9341);
}

#[test]
fn mistakes_outside_the_file_name_their_variable_or_flag() {
    let environment = [URL, ("SLURM_EXPORTER_SLURM_NAM", "x"), ("SLURM_EXPORTER_LOG_LEVEL", "loud")];
    let Err(Ending::Invalid(errors)) = run("--server.listen nowhere", &environment) else {
        panic!("it runs")
    };
    assert_eq!(
        errors.to_string().lines().collect::<Vec<_>>(),
        [
            "SLURM_EXPORTER_SLURM_NAM: unknown variable, did you mean SLURM_EXPORTER_SLURM_NAME?",
            "SLURM_EXPORTER_LOG_LEVEL: log.level: expected one of error, warn, info, debug, trace, got \"loud\"",
            "--server.listen: expected an address and a port such as 0.0.0.0:9341 or [::1]:9341, got \
             \"nowhere\"",
        ]
    );
}

#[test]
fn only_variables_that_kubernetes_sets_are_ignored() {
    for set in [
        ("SLURM_EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("SLURM_EXPORTER_SERVICE_PORT", "9341"),
        ("SLURM_EXPORTER_SERVICE_PORT_METRICS", "9341"),
        ("SLURM_EXPORTER_PORT", "tcp://10.0.0.1:9341"),
        ("SLURM_EXPORTER_PORT_9341_TCP", "tcp://10.0.0.1:9341"),
        ("SLURM_EXPORTER_PORT_9341_TCP_PROTO", "tcp"),
        ("SLURM_EXPORTER_PORT_9341_TCP_PORT", "9341"),
        ("SLURM_EXPORTER_PORT_9341_TCP_ADDR", "10.0.0.1"),
        ("SLURM_EXPORTER_PORT_53_UDP_ADDR", "10.0.0.1"),
        ("SLURM_EXPORTER_CANARY_SERVICE_HOST", "10.0.0.1"),
        ("SLURM_EXPORTER_PORT_PROBE_PORT_80_TCP_ADDR", "10.0.0.1"),
    ] {
        assert!(run("", &[URL, set]).is_ok(), "{set:?}");
    }
    for set in [
        ("SLURM_EXPORTER_SERVER_PORT", "9999"),
        ("SLURM_EXPORTER_PORT", "9999"),
        ("SLURM_EXPORTER_SERVICE_NAME", "x"),
        ("SLURM_EXPORTER_PORT_X_TCP", "x"),
        ("SLURM_EXPORTER_PORT_9341_HTTP", "x"),
        ("SLURM_EXPORTER_PORT_9341_TCP_LISTEN", "x"),
        ("SLURM_EXPORTER_SLURM_EXPORT", "x"),
    ] {
        let Err(Ending::Invalid(errors)) = run("", &[URL, set]) else { panic!("it runs with {set:?}") };
        assert!(errors.to_string().starts_with(&format!("{}: unknown variable", set.0)), "{errors}");
    }
}

#[test]
fn check_config_answers_with_its_exit_code() {
    let good = written("slurm: {url: \"http://127.0.0.1:6820\"}\n");
    let ending = run(&format!("check-config {}", good.path.display()), &[]).unwrap_err();
    assert!(matches!(&ending, Ending::Valid(file, _) if *file == good.path));
    assert_eq!(ending.code(), 0);
    let bad = written("slurm: {uri: x}\n");
    let ending = run(&format!("check-config {}", bad.path.display()), &[URL]).unwrap_err();
    assert!(matches!(&ending, Ending::Invalid(errors) if errors.0.len() == 1));
    assert_eq!(ending.code(), 2);
}

#[test]
fn every_collector_has_its_switch() {
    for collector in exporter::collectors::COLLECTORS {
        let name = collector.name;
        for on in [false, true] {
            let section = match name {
                "single_jobs" => format!("jobs: {{per_job: {on}}}"),
                "job_steps" => format!("jobs: {{include_steps: {on}}}"),
                _ => format!("{name}: {{enabled: {on}}}"),
            };
            let config = load_text(&format!("collectors: {{{section}}}\n"), &[URL]).unwrap();
            assert_eq!(config.collectors.is_enabled(name), on, "{name}");
        }
    }
    let config = load_text("", &[URL]).unwrap();
    let off = exporter::collectors::COLLECTORS.iter().map(|collector| collector.name);
    let off: Vec<_> = off.filter(|name| !config.collectors.is_enabled(name)).collect();
    assert_eq!(off, ["single_jobs", "job_steps"]);
}

#[test]
fn lists_are_lists_in_the_file_and_have_commas_elsewhere() {
    let yaml = "metrics:\n  filter: {include: [\"a{1,2}\", b]}\n  aggregation: {levels: [node]}\n  max_series: 100000\n";
    let config = load_text(yaml, &[URL]).unwrap();
    assert_eq!(config.metrics.include, ["a{1,2}", "b"]);
    assert_eq!(config.metrics.levels, ["node"].into());
    assert_eq!(config.metrics.max_series, Some(100_000));
    let variable = ("SLURM_EXPORTER_METRICS_AGGREGATION_LEVELS", "user, job");
    assert_eq!(load_text(yaml, &[URL, variable]).unwrap().metrics.levels, ["job", "user"].into());
    check(
        "metrics:\n  filter:\n    exclude: [\"(\"]\n    include: [[a]]\n  aggregation: {levels: [nodes]}\n  \
         label_limits: {user: 0}\n  prefix: slurm_exporter_\n",
        &[
            "config.yaml:3:14: metrics.filter.exclude: expected a regular expression, got \"(\": found open group \
             without closing ')'",
            "config.yaml:4:14: metrics.filter.include: expected a list of REGEX",
            "config.yaml:5:25: metrics.aggregation.levels: expected one of cluster, partition, account, user, node, \
             job, got \"nodes\"",
            "config.yaml:6:24: metrics.label_limits.user: expected a number of at least 1, or none, got \"0\"",
            "config.yaml:7:11: metrics.prefix: \"slurm_exporter_\" may give names that begin with slurm_exporter_, \
             which are the exporter's own",
        ],
    );
}
