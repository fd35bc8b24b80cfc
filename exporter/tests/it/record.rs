//! `slurm-exporter record` and the source that reads what it wrote: the same page, and nobody's name where none may be.
//! The cluster is the simulator's; the recordings of real Slurms stand for the rest.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use exporter::config::{Kind, Slurm};
use exporter::model::{Endpoint, Timestamp};
use exporter::source::{ErrorClass, Recorded, Source, record};

use crate::process::{Exporter, command};
use crate::simulator::Simulator;

fn run(arguments: &[String], more: &[&str]) -> Output {
    command().arg("record").args(arguments).args(more).output().unwrap()
}

fn written(folder: &Path, arguments: &[String], more: &[&str]) -> String {
    let out = folder.join("recording");
    let output = run(arguments, &[&["--out", out.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out.to_str().unwrap().to_owned()
}

pub(crate) fn replay(recording: &str) -> Exporter {
    let exporter = Exporter::start(&["--slurm.source=recorded", "--slurm.recorded-directory", recording]);
    exporter.wait_until_ready();
    exporter
}

/// What is said of the cluster, without what is said of the exporter and what every request changes.
pub(crate) fn cluster_page(exporter: &Exporter) -> BTreeSet<String> {
    let (status, page) = exporter.get("/metrics?exclude[]=exporter");
    assert_eq!(status, 200, "{page}");
    let is_moving = |line: &str| line.contains("_rpc_");
    page.lines().filter(|line| !line.starts_with('#') && !is_moving(line)).map(str::to_owned).collect()
}

#[test]
fn a_recording_gives_the_page_that_the_cluster_gave() {
    let simulator = Simulator::start();
    let live = Exporter::start(&simulator.exporter_arguments());
    live.wait_until_ready();
    let folder = tempfile::tempdir().unwrap();
    let recording = written(folder.path(), &simulator.exporter_arguments(), &[]);
    let (live, replayed) = (cluster_page(&live), cluster_page(&replay(&recording)));
    assert!(live.len() > 300, "only {} samples", live.len());
    let difference: Vec<_> = live.symmetric_difference(&replayed).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}

/// Every text in the recorded answers that stands under one of these keys.
fn texts(recording: &str, wanted: &[&str]) -> BTreeSet<String> {
    fn walk(value: &serde_json::Value, wanted: &[&str], is_wanted: bool, found: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::String(text) if is_wanted => drop(found.insert(text.clone())),
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| walk(item, wanted, is_wanted, found));
            }
            // What is counted has a type beside its name: `cpu`, a licence, a GPU.
            serde_json::Value::Object(members) if members.contains_key("type") => {}
            serde_json::Value::Object(members) => {
                for (key, value) in members.iter().filter(|(key, _)| *key != "plugin") {
                    walk(value, wanted, wanted.contains(&key.as_str()), found);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let paths = std::fs::read_dir(recording).unwrap().map(|entry| entry.unwrap().path());
    // Other files are answers that are not good, such as the 404 of what the simulator lacks.
    for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        walk(&document, wanted, false, &mut found);
    }
    found
}

#[test]
fn an_anonymised_recording_has_the_numbers_and_none_of_the_names() {
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let plain = written(folder.path(), &simulator.exporter_arguments(), &[]);
    let other = tempfile::tempdir().unwrap();
    let anonymous = written(other.path(), &simulator.exporter_arguments(), &["--anonymise"]);

    let people =
        ["user_name", "account", "group_name", "user", "cluster", "partition", "qos", "comment", "command"];
    let mut names = texts(&plain, &people);
    // "name" is also what nodes are called, which keep theirs.
    names.extend(
        texts(&plain, &["name"]).into_iter().filter(|name| !name.contains(|c: char| c.is_ascii_digit())),
    );
    names.retain(|name| !["", "root"].contains(&name.as_str()));
    assert!(names.len() > 20, "{names:?}");
    let kept = texts(&anonymous, &[&people[..], &["name"]].concat());
    let found: Vec<_> = names.intersection(&kept).collect();
    assert!(found.is_empty(), "{found:?}");

    // But for names, the same is on the page: as many samples of each family, with the same sums.
    let shape = |recording: &str| {
        let page = cluster_page(&replay(recording));
        let mut shape: Vec<_> = page
            .iter()
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                format!("{} {value}", series.split('{').next().unwrap())
            })
            .collect();
        shape.sort();
        shape
    };
    let (plain, anonymous) = (shape(&plain), shape(&anonymous));
    let first = plain.iter().zip(&anonymous).find(|(one, other)| one != other);
    assert_eq!((plain.len(), first), (anonymous.len(), None));
}

#[test]
fn a_recording_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("recording");
    let nobody = ["--slurm.url=http://127.0.0.1:1".to_owned()];
    let output = run(&nobody, &["--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("failed to record anything: ping: not recorded: "), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let simulator = Simulator::start();
    written(folder.path(), &simulator.exporter_arguments(), &[]);
    let again = run(&simulator.exporter_arguments(), &["--out", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(4));
    assert!(String::from_utf8(again.stderr).unwrap().contains("entity already exists"));
}

fn recorded(folder: &Path) -> Slurm {
    Slurm { source: Kind::Recorded, recording: Some(folder.to_owned()), ..Slurm::default() }
}

fn fixtures(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[tokio::test]
async fn answers_of_any_slurm_tell_their_version_and_survive_being_anonymised() {
    for (release, version) in [
        ("22.05.8", "v0.0.38"),
        ("24.11.5", "v0.0.40"),
        ("24.11.5", "v0.0.41"),
        ("24.11.5", "v0.0.42"),
        ("26.05.5", "v0.0.45"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("anonymous");
        let section = recorded(&fixtures(&format!("slurmrestd/{release}/{version}")));
        for line in record(&section, &out, true).await.unwrap() {
            assert!(!line.outcome.contains("it says"), "{version} {}: {}", line.endpoint, line.outcome);
        }
        let (plain, anonymous) = (Recorded::new(&section).unwrap(), Recorded::new(&recorded(&out)).unwrap());
        for endpoint in Endpoint::ALL {
            let rows = async |source: &Recorded| match source.poll(endpoint, Timestamp::NONE).await.outcome {
                Ok(answer) => {
                    assert_eq!(answer.release.api_version, version);
                    Some(answer.rows)
                }
                Err(error) => {
                    assert!(error.not_served, "{version}: {error}");
                    None
                }
            };
            assert_eq!(rows(&plain).await, rows(&anonymous).await, "{version} {endpoint}");
        }
    }
}

#[tokio::test]
async fn a_recorded_error_is_the_error_that_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(fixtures(from), folder.path().join(to)).unwrap();
    copy("slurmrestd/26.05.5/v0.0.45/ping.json", "ping.json");
    copy("errors/26.05.5/bad-token-nodes.http", "nodes.http");
    copy("errors/26.05.5/dbddown-slurm-v0.0.45-partitions.http", "partitions.http");
    copy("errors/24.11.5/unknown-endpoint.http", "jobs.http");
    let source = Recorded::new(&recorded(folder.path())).unwrap();
    let refused = async |endpoint| source.poll(endpoint, Timestamp::NONE).await.outcome.unwrap_err();
    assert_eq!(refused(Endpoint::Nodes).await.class, ErrorClass::Auth);
    assert_eq!(refused(Endpoint::Partitions).await.class, ErrorClass::Partial);
    assert!(refused(Endpoint::Jobs).await.not_served);
    assert!(refused(Endpoint::Diag).await.not_served);

    // And so it is once more in a recording of the recording.
    let out = folder.path().join("again");
    record(&recorded(folder.path()), &out, false).await.unwrap();
    let source = Recorded::new(&recorded(&out)).unwrap();
    let refused = async |endpoint| source.poll(endpoint, Timestamp::NONE).await.outcome.unwrap_err();
    assert_eq!(refused(Endpoint::Nodes).await.class, ErrorClass::Auth);
    assert_eq!(refused(Endpoint::Partitions).await.class, ErrorClass::Partial);
}

#[test]
fn a_folder_without_a_recording_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused = || {
        let output = command()
            .args(["--slurm.source=recorded", "--slurm.recorded-directory"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap().replace(&folder.path().display().to_string(), "DIR")
    };
    let said = "slurm.recorded.directory: failed to read the recording DIR: ";
    assert_eq!(refused(), format!("{said}no answer is in it, such as nodes.json\n"));
    std::fs::write(folder.path().join("nodes.json"), "{\"nodes\":[]}").unwrap();
    assert_eq!(
        refused(),
        format!("{said}its answers do not tell their API version; set slurm.api_version\n")
    );
}
