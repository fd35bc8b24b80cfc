//! Keys of other exporters' guides: all of them load, and what each one does is told.
//! The files are ours; `compat` holds the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exporter::config::{self, load};
use exporter::model::Endpoint;

use super::{URL, check, load_text, variables};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

/// Every path in a file of ours, which is indented by two and has a key on each line that is no item.
fn paths(text: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut paths = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', '-'])) {
        let Some((name, _)) = line.trim_start().split_once(':') else { continue };
        open.truncate((line.len() - line.trim_start().len()) / 2);
        open.push(name);
        paths.push(open.join("."));
    }
    paths
}

#[test]
fn every_dialect_loads() {
    assert!(!files().is_empty());
    for file in files() {
        let loaded = load(Some(&file), &variables(&[URL]), Vec::new());
        assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
    }
}

#[test]
fn every_row_that_is_not_refused_stands_in_a_file() {
    let texts = files().into_iter().map(|file| fs::read_to_string(file).unwrap());
    let written: BTreeSet<_> = texts.flat_map(|text| paths(&text)).collect();
    for (path, meaning) in config::dialects().filter(|(_, meaning)| !meaning.starts_with("refused")) {
        let (before, after) = path.split_once('*').unwrap_or((path, ""));
        let stands = written.iter().any(|path| path.starts_with(before) && path.ends_with(after));
        assert!(stands, "{path}: {meaning}");
    }
}

#[test]
fn another_dialect_s_key_is_the_same_as_ours() {
    let yaml = "slurm: {timeout: 9s, retry_attempts: 7, circuit_breaker: {timeout: 8s}}\nmax_workers: 3\n\
                collectors:\n  jobs: {collection_interval: 2m}\n  cluster: {interval: 40s, enabled: false, timeout: 5s}\n\
                runtime: {max_heap_size: 1GiB}\nperformance: {connection_pool: {enabled: true, max_connections: 3}}\n\
                processing: {cache: {enabled: false, ttl: 90s}}\n";
    let config = load_text(yaml, &[URL]).unwrap();
    assert_eq!(config.slurm.request_timeout, Some(Duration::from_secs(9)));
    assert_eq!(config.slurm.circuit_breaker.reset_timeout, Duration::from_secs(8));
    assert_eq!(config.slurm.timeout(Endpoint::Ping), Duration::from_secs(5));
    assert_eq!(config.slurm.timeout(Endpoint::Diag), Duration::from_secs(5));
    assert_eq!((config.collection.retry.attempts, config.collection.max_workers), (7, 3));
    for (endpoint, seconds) in [(Endpoint::Jobs, 120), (Endpoint::Ping, 40), (Endpoint::Diag, 40)] {
        assert_eq!(config.collection.intervals.of(endpoint).every, Duration::from_secs(seconds));
    }
    assert!(!config.collectors.is_enabled("controller") && !config.collectors.is_enabled("scheduler"));
    assert_eq!(config.performance.memory_limit, Some(1 << 30));
    assert!(config.slurm.connections.keep_alive && config.slurm.connections.max == Some(3));
    let ttl = Some(Duration::from_secs(90));
    assert_eq!(config.collection.caching, config::Caching { enabled: false, default_ttl: ttl });
}

#[test]
fn users_are_read_with_the_jobs() {
    let interval = |yaml: &str| {
        let config = load_text(yaml, &[URL]).unwrap();
        let told = config.warnings.iter().any(|line| line.starts_with("collection.intervals.users: "));
        (config.collection.intervals.of(Endpoint::Jobs).every.as_secs(), told)
    };
    assert_eq!(interval("collection: {intervals: {users: 90s}}\n"), (90, false));
    assert_eq!(interval("collection: {intervals: {users: 90s, jobs: 40s}}\n"), (40, true));
}

#[test]
fn a_family_has_one_level_and_exists() {
    let yaml = "metrics:\n  levels: {critical: [slurm_controller_up], detailed: [slurm_node_details, slurm_node_info]}\n";
    let warnings = load_text(yaml, &[URL]).unwrap().warnings;
    assert!(
        warnings.contains(&"metrics.levels.detailed: no family has the name slurm_node_details".to_owned())
    );
    assert!(!warnings.iter().any(|line| line.contains("slurm_controller_up")), "{warnings:?}");
    check(
        &yaml.replace("slurm_node_details", "slurm_controller_up"),
        &[
            "config.yaml:2:55: metrics.levels.detailed: slurm_controller_up stands in metrics.levels.critical too; keep \
           one of them",
        ],
    );
}

#[test]
fn what_has_no_effect_is_told_once_with_its_place() {
    let yaml = "collection: {queue_size: 10}\nprocessing: {cache: {max_size: [1, 2]}}\n";
    let warnings = load_text(yaml, &[URL]).unwrap().warnings;
    let told: Vec<_> = warnings.iter().filter_map(|line| line.split_once("config.yaml:")).collect();
    let told: Vec<_> = told.into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        told,
        [
            "1:14: collection.queue_size has no effect: nothing queues: an endpoint has one poll at a time",
            "2:22: processing.cache.max_size has no effect: one reading per endpoint is kept, whatever its size",
        ]
    );
}

#[test]
fn a_wrong_value_is_told_under_the_name_that_was_written() {
    check(
        "slurm: {timeout: 5}\nmax_workers: [1]\ncollectors: {jobs: {collection_interval: 0s}}\n",
        &[
            "config.yaml:1:18: slurm.timeout: expected a duration such as 15s, 1m30s or 500ms, got \"5\"",
            "config.yaml:2:1: max_workers: expected COUNT, got a list",
            "config.yaml:3:42: collectors.jobs.collection_interval: expected an interval of at least 1s, got \"0s\"",
        ],
    );
}

#[test]
fn two_names_of_one_thing_may_not_differ() {
    check(
        "collection: {max_workers: 2, intervals: {jobs: 30s}}\nmax_workers: 3\n\
         collectors: {jobs: {collection_interval: 40s}, cluster: {interval: 9s, collection_interval: 8s}}\n",
        &[
            "config.yaml:2:14: max_workers: is collection.max_workers, which config.yaml:1:27 sets too; keep one of them",
            "config.yaml:3:42: collectors.jobs.collection_interval: is collection.intervals.jobs, which config.yaml:1:48 \
             sets too; keep one of them",
            "config.yaml:3:93: collectors.cluster.collection_interval: is collectors.cluster.interval, which \
             config.yaml:3:68 sets too; keep one of them",
        ],
    );
    let same = "collection: {intervals: {cluster: 9s}}\ncollectors: {cluster: {interval: 9s}}\n";
    assert!(load_text(same, &[URL]).is_ok());
}

#[test]
fn unknown_keys_among_theirs_are_still_unknown() {
    check(
        "collection: {queue_sise: 1}\nprocessing: {cache: {tll: 1s}}\nruntime: {threads: 2}\n\
         collectors: {partition: {collection_interval: 1s}}\n",
        &[
            "config.yaml:1:14: collection.queue_sise: unknown key, did you mean collection.queue_size?",
            "config.yaml:2:22: processing.cache.tll: unknown key, did you mean processing.cache.ttl?",
            "config.yaml:3:11: runtime.threads: unknown key, known here: gc_target_percentage, max_heap_size",
            "config.yaml:4:14: collectors.partition: unknown key, did you mean collectors.partitions?",
        ],
    );
}

#[test]
fn a_token_in_the_file_is_refused_and_not_quoted() {
    let yaml = "slurm: {token: a.canary.c, auth: {token: a.canary.c}}\n";
    let text = super::refusal(yaml, &[URL]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.starts_with("config.yaml:1:9: slurm.token: a token does not stand in a configuration"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn in_the_list_of_clusters_only_what_is_a_cluster_s_own() {
    let yaml = "clusters:\n  - {name: a, url: \"http://127.0.0.1:1\", timeout: 5s, retry_attempts: 1, http2: true}\n";
    assert_eq!(
        super::refusal(yaml, &[]),
        "config.yaml:2:55: clusters[0].retry_attempts: is the same for all clusters: set collection.retry_attempts"
    );
    let config = load_text(&yaml.replace("retry_attempts: 1, ", ""), &[]).unwrap();
    assert_eq!(config.clusters()[0].request_timeout, Some(Duration::from_secs(5)));
    assert!(config.warnings.iter().any(|line| line.contains("clusters[0].http2 has no effect")));
}
