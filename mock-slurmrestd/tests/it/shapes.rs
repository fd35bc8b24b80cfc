//! Every endpoint in every version has the keys, in order, and the types of the recordings.
//! Not here: layout and escapes (layout.rs).

use crate::ordered::{Json, Shape};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Face, Release, Style, write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every version of every release that was recorded.
pub(crate) const RECORDED: [Face; 8] = [
    face(Release::S22_05, ApiVersion::V0_0_38),
    face(Release::S24_11, ApiVersion::V0_0_40),
    face(Release::S24_11, ApiVersion::V0_0_41),
    face(Release::S24_11, ApiVersion::V0_0_42),
    face(Release::S26_05, ApiVersion::V0_0_42),
    face(Release::S26_05, ApiVersion::V0_0_43),
    face(Release::S26_05, ApiVersion::V0_0_44),
    face(Release::S26_05, ApiVersion::V0_0_45),
];

const fn face(release: Release, api: ApiVersion) -> Face {
    Face { release, api }
}

pub(crate) fn fixture(face: Face, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(face.release.name()).join(face.api.name()).join(name)
}

/// What was recorded of the endpoint; `None` where that release did not serve it.
fn recording(face: Face, endpoint: Endpoint) -> Option<Vec<u8>> {
    let (face, name) = match endpoint {
        // One of them was recorded as the list that it is in.
        Endpoint::Reservation => (face, "reservations".to_owned()),
        Endpoint::DbJob => (face, "slurmdb-jobs".to_owned()),
        // Only here was somebody asking who may see it.
        Endpoint::DbDiag => (RECORDED[7], "slurmdb-diag".to_owned()),
        _ => (face, endpoint.path().replace('/', "-")),
    };
    std::fs::read(fixture(face, &format!("{name}.json"))).ok()
}

/// What was not recorded at all: the document about everything, and slurmdbd's counters in 22.05.
pub(crate) fn was_recorded(face: Face, endpoint: Endpoint) -> bool {
    let is_denied = endpoint == Endpoint::DbDiag && face.release == Release::S22_05;
    endpoint != Endpoint::OpenApi && !is_denied
}

/// The same of a cluster with more kinds of jobs, which the exporter's tests keep for some versions.
fn special_recording(face: Face, endpoint: Endpoint) -> Option<Vec<u8>> {
    if endpoint.is_accounting() && endpoint != Endpoint::DbQos {
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exporter/tests/fixtures/slurmrestd");
    let folder = folder.join(face.release.name()).join(face.api.name()).join("special");
    std::fs::read(folder.join(format!("{}.json", endpoint.path().trim_start_matches("slurmdb/")))).ok()
}

/// All that was recorded of the endpoint.
pub(crate) fn recorded(face: Face, endpoint: Endpoint) -> Vec<Vec<u8>> {
    recording(face, endpoint).into_iter().chain(special_recording(face, endpoint)).collect()
}

fn shape_of(answers: &[Vec<u8>]) -> Shape {
    let mut shape = Shape::default();
    for bytes in answers {
        add(&mut shape, bytes);
    }
    shape
}

fn add(shape: &mut Shape, bytes: &[u8]) {
    // The bare Infinity of 24.11 is no JSON; a number takes its place.
    let text = String::from_utf8_lossy(bytes).replace(": Infinity", ": 1e300");
    shape.add(&Json::parse(text.as_bytes()));
}

/// With finished, failed, cancelled and array jobs, drained and dead nodes.
pub(crate) fn lively_cluster() -> Cluster {
    let size = Size { finished_share: 0.1, pending_share: 0.7, ..Size::of(120, 800) };
    let lively = |seed| {
        let mut cluster = Cluster::new(&size, seed);
        cluster.advance(Duration::from_secs(1_800));
        cluster
    };
    // Endpoints of one thing show the first: a job with nodes and a node without flags, as was recorded.
    let shows = |cluster: &Cluster| {
        !cluster.jobs()[0].allocation.is_empty() && cluster.nodes()[0].flags().next().is_none()
    };
    (5..100).map(lively).find(shows).expect("a cluster that begins like the recorded ones")
}

/// Where the recordings hold no job of a kind that the cluster has: here no heterogeneous one.
const UNRECORDED: [&str; 1] =
    ["22.05 v0.0.38 slurmdb/jobs.jobs[].het.job_offset: {\"int\", \"null\"}, recorded {\"null\"}"];

#[test]
fn keys_and_types_are_those_of_the_recordings() {
    let cluster = lively_cluster();
    let (mut differences, mut answers, mut keys) = (Vec::new(), 0, 0);
    for face in RECORDED {
        let served = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_served_by(face));
        for endpoint in served.filter(|endpoint| was_recorded(face, *endpoint)) {
            let name = format!("{} {} {endpoint}", face.release, face.api);
            let recorded = recorded(face, endpoint);
            assert!(!recorded.is_empty(), "{name} was not recorded");
            let recorded = shape_of(&recorded);
            let mut ours = Vec::new();
            write(&cluster, face, endpoint, Style::Pretty, &mut ours);
            shape_of(&[ours]).differences(&recorded, &name, &mut differences);
            answers += 1;
            keys += recorded.count();
        }
    }
    differences.retain(|difference| !UNRECORDED.contains(&difference.as_str()));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("compared {answers} answers with {keys} keys");
}

/// The bare Infinity of 24.11 in its older versions.
fn is_no_json(api: ApiVersion, endpoint: Endpoint) -> bool {
    endpoint == Endpoint::Shares && (ApiVersion::V0_0_40..ApiVersion::V0_0_42).contains(&api)
}

#[test]
fn compact_and_pretty_say_the_same() {
    let cluster = Cluster::new(&Size::of(20, 100), 3);
    for api in ApiVersion::ALL {
        let served = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_served_by(api));
        for endpoint in
            served.filter(|endpoint| *endpoint != Endpoint::OpenApi && !is_no_json(api, *endpoint))
        {
            let (mut pretty, mut compact) = (Vec::new(), Vec::new());
            write(&cluster, api, endpoint, Style::Pretty, &mut pretty);
            write(&cluster, api, endpoint, Style::Compact, &mut compact);
            assert_eq!(Json::parse(&pretty), Json::parse(&compact), "{api} {endpoint}");
            assert!(compact.len() < pretty.len());
        }
    }
}

/// Facts of running Slurms, bytes per item of 1,000 nodes and of pending jobs.
#[test]
fn bytes_per_node_and_per_pending_job_are_within_a_tenth_of_the_real() {
    let length = |nodes, jobs, api, endpoint| {
        let mut bytes = Vec::new();
        let size = Size { pending_share: 1.0, ..Size::of(nodes, jobs) };
        write(&Cluster::new(&size, 1), api, endpoint, Style::Pretty, &mut bytes);
        bytes.len() as f64
    };
    for (api, node, job) in [
        (ApiVersion::V0_0_38, 1_280.0, 3_178.0),
        (ApiVersion::V0_0_40, 2_341.0, 7_700.0),
        (ApiVersion::V0_0_42, 2_393.0, 7_730.0),
        (ApiVersion::V0_0_45, 2_569.0, 8_261.0),
    ] {
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
