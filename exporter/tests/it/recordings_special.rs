//! The recordings of special cases, judged by what Slurm's commands and its own metrics said at that moment:
//! het jobs, jobs in several partitions, requeued ones, arrays, GPUs by type, reservations, FUTURE nodes.

use std::fs;
use std::path::PathBuf;

use exporter::model::Endpoint;
use exporter::model::endpoint::Daemon;

use crate::facts::exporter::from_page;
use crate::facts::judges::{JUDGES, told};
use crate::facts::{Facts, assert_equal, native};
use crate::golden::exposition;
use crate::page::Samples;
use crate::recordings::{fixtures, snapshot_of};

const SPECIAL: &[(&str, &str)] = &[("22.05.8", "v0.0.38"), ("24.11.5", "v0.0.42"), ("26.05.5", "v0.0.45")];

fn folder(release: &str, version: &str) -> PathBuf {
    fixtures().join(release).join(version).join("special")
}

fn page(release: &str, version: &str) -> Samples {
    let snapshot = snapshot_of(release, version, |endpoint| {
        // Nothing of slurmdbd but the QOS was recorded beside what the judges said.
        if endpoint.daemon() == Daemon::Slurmdbd && endpoint != Endpoint::Qos {
            return None;
        }
        let path = folder(release, version).join(format!("{endpoint}.json"));
        Some(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    });
    Samples::parse(&exposition(snapshot))
}

fn judged(release: &str, version: &str, name: &str) -> String {
    let path = folder(release, version).join(format!("judges/{name}.txt"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_says_what_slurms_commands_said() {
    for (release, version) in SPECIAL {
        let mut facts = Facts::new();
        for judge in JUDGES {
            (judge.read)(&mut facts, &told(version, &judged(release, version, judge.name)));
        }
        assert!(facts.len() > 80, "{release}: only {} facts", facts.len());
        assert_equal(&facts, &from_page(&page(release, version)), &format!("{release} {version}"));
    }
}

#[test]
fn the_page_says_what_slurmctld_itself_said() {
    let page = page("26.05.5", "v0.0.45");
    let text =
        ["jobs", "nodes", "partitions"].map(|path| judged("26.05.5", "v0.0.45", &format!("native-{path}")));
    let native = Samples::parse(&text.concat());
    assert_eq!(native::unknown(&native), Vec::<&str>::new(), "neither the same nor different for a reason");
    let (theirs, ours) = native::compare(&native, &page);
    assert!(theirs.len() > 250, "only {} facts", theirs.len());
    assert_equal(&theirs, &ours, "native");
}
