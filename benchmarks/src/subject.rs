//! The subjects, one file in `benches/` each, and the criterion groups that each of them measures.
//! To add a group: a constant here, its entry in [`SUBJECTS`], and a function in the subject's file.

pub const DECODE_JOBS: &str = "decode_jobs";
pub const DECODE_JOBS_BY_VERSION: &str = "decode_jobs_by_version";
pub const DECODE_NODES: &str = "decode_nodes";
pub const COLLECT: &str = "collect";
pub const ENCODE: &str = "encode";
pub const CYCLE: &str = "cycle";
pub const SCRAPE: &str = "scrape";

/// One file in `benches/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name of the file and of `cargo bench --bench`.
    pub name: &'static str,
    /// Names of its criterion groups.
    pub groups: &'static [&'static str],
}

pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "cpu",
        groups: &[DECODE_JOBS, DECODE_JOBS_BY_VERSION, DECODE_NODES, COLLECT, ENCODE, CYCLE],
    },
    Subject { name: "network", groups: &[SCRAPE] },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_in_benches_is_a_subject_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let subjects: Vec<String> = SUBJECTS.iter().map(|subject| subject.name.to_owned()).collect();
        assert_eq!(subjects, files.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_group_belongs_to_one_subject() {
        let mut seen = BTreeSet::new();
        for group in SUBJECTS.iter().flat_map(|subject| subject.groups) {
            assert!(seen.insert(group), "{group} is listed twice");
        }
    }
}
