//! The recordings of special cases, judged by what Slurm's commands and its own metrics said at that moment:
//! het jobs, jobs in several partitions, requeued ones, arrays, GPUs by type, reservations, FUTURE nodes.

use std::fs;
use std::path::PathBuf;

use exporter::model::endpoint::Daemon;
use exporter::model::{Endpoint, Snapshot};

use crate::facts::judges::{JUDGES, judged, published, told};
use crate::facts::{assert_equal, native};
use crate::golden::{exposition, legacy_page};
use crate::page::Samples;
use crate::recordings::{fixtures, snapshot_of};

const SPECIAL: &[(&str, &str)] = &[("22.05.8", "v0.0.38"), ("24.11.5", "v0.0.42"), ("26.05.5", "v0.0.45")];

fn folder(release: &str, version: &str) -> PathBuf {
    fixtures().join(release).join(version).join("special")
}

fn snapshot(release: &str, version: &str) -> Snapshot {
    snapshot_of(release, version, |endpoint| {
        // Nothing of slurmdbd but the QOS was recorded beside what the judges said.
        if endpoint.daemon() == Daemon::Slurmdbd && endpoint != Endpoint::Qos {
            return None;
        }
        let path = folder(release, version).join(format!("{endpoint}.json"));
        Some(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    })
}

fn page(release: &str, version: &str) -> Samples {
    Samples::parse(&exposition(snapshot(release, version)))
}

fn recorded(release: &str, version: &str, name: &str) -> String {
    let path = folder(release, version).join(format!("judges/{name}.txt"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_says_what_slurms_commands_said() {
    let judges: Vec<_> = JUDGES.iter().copied().filter(|judge| judge.is_recorded).collect();
    for (release, version) in SPECIAL {
        let facts = judged(&judges, |judge| told(version, &recorded(release, version, judge.name)));
        assert!(facts.len() > 250, "{release}: only {} facts", facts.len());
        assert_equal(&facts, &published(&judges, &page(release, version)), &format!("{release} {version}"));
    }
}

#[test]
fn the_page_says_what_slurmctld_itself_said() {
    let page = page("26.05.5", "v0.0.45");
    let text = native::PATHS.map(|path| recorded("26.05.5", "v0.0.45", &format!("native-{path}")));
    let native = Samples::parse(&text.concat());
    assert_eq!(native::unknown(&native), Vec::<&str>::new(), "neither the same nor different for a reason");
    let (theirs, ours) = native::compare(&native, &page);
    assert!(theirs.len() > 250, "only {} facts", theirs.len());
    assert_equal(&theirs, &ours, "native");

    let set = exporter::legacy::by_name("native").expect("it is one of the sets");
    let legacy = Samples::parse(&legacy_page(set, snapshot("26.05.5", "v0.0.45")));
    let (theirs, ours) = native::compare_legacy(&native, &legacy);
    assert!(theirs.len() > 600, "only {} facts", theirs.len());
    assert_equal(&theirs, &ours, "native, by its own names");
}
