//! Every endpoint in every version has the keys, in order, and the types of the recordings.
//! Not here: layout and escapes (layout.rs).

use crate::ordered::{Json, Shape};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn shape_of(bytes: &[u8]) -> Shape {
    let mut shape = Shape::default();
    shape.add(&Json::parse(bytes));
    shape
}

/// With finished, failed, cancelled and array jobs, drained and dead nodes.
pub(crate) fn lively_cluster() -> Cluster {
    let mut cluster =
        Cluster::new(&Size { finished_share: 0.1, pending_share: 0.7, ..Size::of(120, 800) }, 5);
    cluster.advance(Duration::from_secs(1_800));
    cluster
}

#[test]
fn keys_and_types_are_those_of_the_recordings() {
    let cluster = lively_cluster();
    let mut differences = Vec::new();
    for api in ApiVersion::ALL {
        for endpoint in Endpoint::ALL {
            let name = format!("{api}/{}.json", endpoint.path().replace('/', "-"));
            let recorded = shape_of(&std::fs::read(fixture(&name)).unwrap());
            let mut ours = Vec::new();
            write(&cluster, api, endpoint, Style::Pretty, &mut ours);
            shape_of(&ours).differences(&recorded, &name, &mut differences);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn compact_and_pretty_say_the_same() {
    let cluster = Cluster::new(&Size::of(20, 100), 3);
    for api in ApiVersion::ALL {
        for endpoint in Endpoint::ALL {
            let (mut pretty, mut compact) = (Vec::new(), Vec::new());
            write(&cluster, api, endpoint, Style::Pretty, &mut pretty);
            write(&cluster, api, endpoint, Style::Compact, &mut compact);
            assert_eq!(Json::parse(&pretty), Json::parse(&compact), "{api} {endpoint}");
            assert!(compact.len() < pretty.len());
        }
    }
}

/// Facts of a running Slurm, bytes per item: 2,393 and 2,569 a node, 7,730 and 8,261 a pending job.
#[test]
fn bytes_per_node_and_per_pending_job_are_within_a_tenth_of_the_real() {
    let length = |nodes, jobs, api, endpoint| {
        let mut bytes = Vec::new();
        let size = Size { pending_share: 1.0, ..Size::of(nodes, jobs) };
        write(&Cluster::new(&size, 1), api, endpoint, Style::Pretty, &mut bytes);
        bytes.len() as f64
    };
    for (api, node, job) in [(ApiVersion::V0_0_42, 2_393.0, 7_730.0), (ApiVersion::V0_0_45, 2_569.0, 8_261.0)]
    {
        let per_node = length(1_000, 10, api, Endpoint::Nodes) / 1_000.0;
        let per_job = length(100, 1_000, api, Endpoint::Jobs) / 1_000.0;
        assert!((per_node / node - 1.0).abs() < 0.1, "{api}: {per_node} bytes a node, really {node}");
        assert!((per_job / job - 1.0).abs() < 0.1, "{api}: {per_job} bytes a pending job, really {job}");
    }
}

/// 19,989 and 20,671 bytes for a job on one node of 64 cores.
#[test]
fn bytes_of_a_running_job_are_within_a_tenth_of_the_real() {
    let cluster = Cluster::new(&Size { gpu_nodes: 0, bigmem_nodes: 0, ..Size::of(200, 4_000) }, 1);
    for (api, real) in [(ApiVersion::V0_0_42, 19_989.0), (ApiVersion::V0_0_45, 20_671.0)] {
        let mut bytes = Vec::new();
        write(&cluster, api, Endpoint::Jobs, Style::Pretty, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let elements = text.split("\n    {\n      \"account\"");
        let alone =
            elements.filter(|text| text.contains("\"RUNNING\"") && text.contains("      \"count\": 1,\n"));
        let lengths: Vec<f64> = alone.map(|text| text.len() as f64).collect();
        assert!(!lengths.is_empty());
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        assert!((mean / real - 1.0).abs() < 0.1, "{api}: {mean} bytes a running job, really {real}");
    }
}
