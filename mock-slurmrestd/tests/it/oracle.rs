//! What the oracle counts is what the JSON says.
//! Not here: laws within the oracle (conservation.rs).

use crate::ordered::Json;
use crate::shapes::lively_cluster;
use mock_slurmrestd::cluster::Cluster;
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};
use std::collections::BTreeMap;

fn elements(cluster: &Cluster, api: ApiVersion, endpoint: Endpoint, list: &str) -> Vec<Json> {
    let mut bytes = Vec::new();
    write(cluster, api, endpoint, Style::Pretty, &mut bytes);
    Json::parse(&bytes).get(list).list().to_vec()
}

#[test]
fn nodes_add_up_to_the_oracle() {
    let cluster = lively_cluster();
    let oracle = cluster.oracle();
    for api in ApiVersion::ALL.into_iter().filter(|api| *api >= ApiVersion::V0_0_40) {
        let nodes = elements(&cluster, api, Endpoint::Nodes, "nodes");
        let mut by_base: BTreeMap<String, u64> = BTreeMap::new();
        let mut by_flag: BTreeMap<String, u64> = BTreeMap::new();
        for node in &nodes {
            let state = node.get("state").list();
            *by_base.entry(state[0].text().to_owned()).or_default() += 1;
            for flag in &state[1..] {
                *by_flag.entry(flag.text().to_owned()).or_default() += 1;
            }
        }
        let named = |words: &BTreeMap<&'static str, u64>| {
            words.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!((by_base, by_flag), (named(&oracle.nodes_by_base), named(&oracle.nodes_by_flag)), "{api}");
        let sum = |key: &str| nodes.iter().map(|node| node.get(key).number()).sum::<u64>();
        assert_eq!((sum("cpus"), sum("alloc_cpus")), (oracle.cpus.total, oracle.cpus.allocated));
        assert_eq!(sum("alloc_memory") << 20, oracle.memory_bytes.allocated);
        assert_eq!(sum("real_memory") << 20, oracle.memory_bytes.total);
        let gpus: u64 = nodes.iter().filter_map(|node| gpus_in(node.get("tres_used").text())).sum();
        assert_eq!(gpus, oracle.gpus.allocated);
    }
}

fn gpus_in(tres: &str) -> Option<u64> {
    tres.split(',').find_map(|part| part.strip_prefix("gres/gpu="))?.parse().ok()
}

/// The tasks that an element stands for, counted from its task string as an exporter has to.
fn tasks(job: &Json) -> u64 {
    let text = job.get("array_task_string").text();
    let text = text.split('%').next().unwrap();
    if text.is_empty() {
        return 1;
    }
    let number = |text: &str| text.parse::<u64>().unwrap();
    let count = |item: &str| {
        let (range, step) = item.split_once(':').unwrap_or((item, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (number(last) - number(first)) / number(step) + 1
    };
    text.split(',').map(count).sum()
}

#[test]
fn jobs_and_their_states_add_up_to_the_oracle_with_arrays_expanded() {
    let cluster = lively_cluster();
    let oracle = cluster.oracle();
    let expected: BTreeMap<String, u64> =
        oracle.jobs_by_state.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
    for api in ApiVersion::ALL.into_iter().filter(|api| *api >= ApiVersion::V0_0_40) {
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let jobs = elements(&cluster, api, Endpoint::Jobs, "jobs");
        for job in &jobs {
            let state = job.get("job_state").list()[0].text();
            *counted.entry(state.to_owned()).or_default() += tasks(job);
            if state == "PENDING" {
                *reasons.entry(job.get("state_reason").text().to_owned()).or_default() += tasks(job);
            }
        }
        assert_eq!(counted, expected, "{api}");
        for (reason, count) in &oracle.pending_by_reason {
            assert_eq!(reasons.get(*reason), Some(count), "{api} {reason}");
        }
        assert!(jobs.iter().any(|job| tasks(job) > 1));
        let mut states: BTreeMap<String, u64> = BTreeMap::new();
        for entry in elements(&cluster, api, Endpoint::JobsState, "jobs") {
            *states.entry(entry.get("state").list()[0].text().to_owned()).or_default() += 1;
        }
        assert_eq!(states, expected, "{api} jobs/state");
    }
}

#[test]
fn a_started_array_task_names_its_array_and_its_place_in_it() {
    let cluster = lively_cluster();
    let jobs = elements(&cluster, ApiVersion::V0_0_42, Endpoint::Jobs, "jobs");
    let running = |job: &&Json| job.get("job_state").list()[0].text() == "RUNNING";
    let task = jobs.iter().filter(running).find(|job| job.get("array_task_id").get("set").text() == "true");
    let task = task.expect("a running array task");
    assert_eq!(task.get("array_task_string").text(), "");
    let (array, id) = (task.get("array_job_id").get("number").number(), task.get("job_id").number());
    let index = task.get("array_task_id").get("number").number();
    let names = |api| -> Vec<String> {
        let entries = elements(&cluster, api, Endpoint::JobsState, "jobs");
        entries.iter().map(|entry| entry.get("job_id").text().to_owned()).collect()
    };
    assert!(names(ApiVersion::V0_0_40).contains(&format!("{array}_{index}")));
    assert!(names(ApiVersion::V0_0_41).contains(&format!("{id}_{index}")));
}
