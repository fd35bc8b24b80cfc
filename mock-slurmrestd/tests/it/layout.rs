//! White space, brackets and escapes are those of json-c: compared line by line with byte-exact recordings.
//! Not here: keys and types of everything (shapes.rs).

use crate::shapes::{fixture, lively_cluster};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};

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
        [b'0'..=b'9', ..] => "<int>",
        [b't' | b'f', ..] => "<bool>",
        _ => value,
    };
    format!("{key}{kind}{comma}")
}

fn text(cluster: &Cluster, api: ApiVersion, endpoint: Endpoint) -> String {
    let mut bytes = Vec::new();
    write(cluster, api, endpoint, Style::Pretty, &mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// The head of a recording against the element of ours that starts with `open` and has the same kind of content.
fn check(name: &str, ours: &str, open: &str, is_alike: impl Fn(&str) -> bool) {
    let recorded = std::fs::read_to_string(fixture(name)).unwrap();
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
    assert!(whole.len() > 90, "{name}: only {} lines compared", whole.len());
}

#[test]
fn a_dead_node_is_laid_out_as_recorded() {
    let size = Size { gpu_nodes: 0, bigmem_nodes: 60, partitions: 2, ..Size::of(60, 10) };
    let cluster = Cluster::new(&size, 1);
    for api in [ApiVersion::V0_0_40, ApiVersion::V0_0_42, ApiVersion::V0_0_45] {
        let ours = text(&cluster, api, Endpoint::Nodes);
        check(&format!("{api}/nodes-head.raw.txt"), &ours, "    {\n      \"architecture\"", |element| {
            let state = element.split("\"state\": [").nth(1).unwrap().split(']').next().unwrap();
            state.contains("DOWN") && state.matches('"').count() == 4
        });
    }
}

#[test]
fn a_running_job_is_laid_out_as_recorded() {
    let cluster = lively_cluster();
    for api in [ApiVersion::V0_0_40, ApiVersion::V0_0_42, ApiVersion::V0_0_45] {
        let ours = text(&cluster, api, Endpoint::Jobs);
        check(&format!("{api}/jobs-head.raw.txt"), &ours, "    {\n      \"account\"", |element| {
            let has = |text: &str| element.contains(text);
            has("\"RUNNING\"") && has("\"USING_DEFAULT_QOS\"") && has("\"USING_DEFAULT_PARTITION\"")
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
    for endpoint in Endpoint::ALL {
        assert!(!unescaped(&text(&cluster, ApiVersion::V0_0_45, endpoint)), "{endpoint}");
    }
}
