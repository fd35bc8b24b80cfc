//! White space, brackets and escapes are those of json-c: compared line by line with byte-exact recordings.
//! Not here: keys and types of everything (shapes.rs).

use crate::shapes::{RECORDED, fixture, lively_cluster};
use mock_slurmrestd::cluster::{Cluster, JobOrder, Size};
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Face, Style, write};
use std::time::Duration;

/// The line with its value replaced by the value's kind; indentation, key, brackets and commas stay.
fn kind(line: &str) -> String {
    let (key, value) = match line.split_once("\": ") {
        Some((key, value)) => (format!("{key}\": "), value),
        None => {
            let indent = line.len() - line.trim_start().len();
            (line[..indent].to_owned(), line.trim_start())
        }
    };
    let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
    let kind = match value.as_bytes() {
        [b'"', ..] => "<text>",
        [b'0'..=b'9', ..] if value.contains('.') => "<float>",
        [b'0'..=b'9' | b'-', ..] => "<int>",
        [b't' | b'f', ..] => "<bool>",
        _ => value,
    };
    format!("{key}{kind}{comma}")
}

fn text(cluster: &Cluster, face: impl Into<Face>, endpoint: Endpoint) -> String {
    let mut bytes = Vec::new();
    write(cluster, face, endpoint, Style::Pretty, &mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// The head of a recording against the element of ours that starts with `open` and has the same kind of content.
fn check(face: Face, name: &str, ours: &str, open: &str, is_alike: impl Fn(&str) -> bool) {
    let recorded = std::fs::read_to_string(fixture(face, name)).unwrap();
    let name = format!("{} {} {name}", face.release, face.api);
    let (head, first) = recorded.split_at(recorded.find(open).unwrap());
    assert!(ours.starts_with(head), "{name}: the head is {head:?}");
    let ends = "\n    },\n";
    // The last line of a recording is cut anywhere.
    let first = first.split(ends).next().unwrap();
    let recorded: Vec<String> = first.lines().map(kind).collect();
    let whole = &recorded[..recorded.len() - 1];
    let element =
        ours.split(open).skip(1).find(|element| is_alike(element)).expect("an element like the recorded");
    let element = format!("{open}{}", element.split(ends).next().unwrap());
    let lines: Vec<String> = element.lines().map(kind).collect();
    for (at, line) in whole.iter().enumerate() {
        assert_eq!(lines.get(at), Some(line), "{name}, line {at}");
    }
    assert!(whole.len() > 45, "{name}: only {} lines compared", whole.len());
}

#[test]
fn a_dead_node_is_laid_out_as_recorded() {
    let size = Size { gpu_nodes: 0, bigmem_nodes: 60, partitions: 2, ..Size::of(60, 10) };
    let cluster = Cluster::new(&size, 1);
    for face in RECORDED {
        let ours = text(&cluster, face, Endpoint::Nodes);
        check(face, "nodes-head.raw.txt", &ours, "    {\n      \"architecture\"", |element| {
            let between = |from: &str, to: char| element.split(from).nth(1)?.split(to).next();
            match between("\"state\": [", ']') {
                Some(state) => state.contains("DOWN") && state.matches('"').count() == 4,
                // v0.0.38 has a word, and the flags apart.
                None => {
                    let flags = between("\"state_flags\": [", ']').unwrap();
                    element.contains("\"state\": \"down\"") && !flags.contains('"')
                }
            }
        });
    }
}

#[test]
fn a_running_job_is_laid_out_as_recorded() {
    // Four cores and memory per node, as the recorded one asked for.
    let mut cluster = Cluster::new(&Size::of(20, 0), 1);
    let mut order = JobOrder::default();
    for (key, value) in [("cpus", "4"), ("memory_mb", "4096"), ("run_seconds", "600")] {
        order.set(key, value).unwrap();
    }
    cluster.order(&order).unwrap();
    cluster.advance(Duration::from_secs(10));
    for face in RECORDED {
        let ours = text(&cluster, face, Endpoint::Jobs);
        check(face, "jobs-head.raw.txt", &ours, "    {\n      \"account\"", |element| {
            let has = |text: &str| element.contains(text);
            let usual = has("\"USING_DEFAULT_QOS\"") && has("\"USING_DEFAULT_PARTITION\"");
            // v0.0.38 does not tell what was left to the defaults.
            let cores = "\"0\": \"allocated\",\n                  \"1\": \"allocated\"\n                }";
            let plain = has("\"JOB_MEM_SET\"")
                && has("\"memory_per_cpu\": null")
                && element.matches(cores).count() == 2;
            has("\"RUNNING\"") && (usual || plain)
        });
    }
}

#[test]
fn slashes_and_quotes_are_escaped_as_json_c_escapes_them() {
    let cluster = lively_cluster();
    let jobs = text(&cluster, ApiVersion::V0_0_42, Endpoint::Jobs);
    assert!(jobs.contains("\"standard_output\": \"\\/dev\\/null\""));
    assert!(jobs.contains("\"data_parser\": \"data_parser\\/v0.0.42\""));
    let unescaped = |text: &str| text.as_bytes().windows(2).any(|pair| pair[1] == b'/' && pair[0] != b'\\');
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| *endpoint != Endpoint::OpenApi) {
        assert!(!unescaped(&text(&cluster, ApiVersion::V0_0_45, endpoint)), "{endpoint}");
    }
}
