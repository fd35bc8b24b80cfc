//! The names of other exporters: each set of families on a page of its own, made from the same snapshot as ours, so
//! that dashboards and alerts keep working while a site migrates. Kinds, labels and units are theirs, right or wrong;
//! the counts are ours: an array counts its tasks. No family here is on `/metrics`.
//!
//! To add a set: one folder or file with a `pub(super) const SET`, and two lines here, `mod` and an entry of [`SETS`].

mod fact;
mod job_tally;
mod native;
mod node_tally;
mod pages;
mod rivosinc;
mod slinky;
mod statistics;
mod vpenso;
mod words;

pub use pages::Pages;

use crate::exposition::{Batch, Desc};
use crate::model::{Endpoint, Snapshot};

/// All families of one other exporter.
#[derive(Debug)]
pub struct Set {
    /// As in `metrics.legacy` and `/metrics/legacy/NAME`.
    pub name: &'static str,
    pub parts: &'static [Part],
}

/// The families of a set that are made together.
#[derive(Debug)]
pub struct Part {
    /// Under this name the families replace those of the reading before.
    pub name: &'static str,
    /// A new reading of any of these makes them again. Families whose input is missing are left out.
    pub needs: &'static [Endpoint],
    /// Every family that it may write.
    pub families: fn() -> Vec<&'static Desc>,
    pub collect: fn(&Snapshot, &mut Batch),
}

/// Every set.
pub const SETS: &[&Set] = &[&vpenso::SET, &rivosinc::SET, &slinky::SET, &native::SET];

/// The set of this name.
pub fn by_name(name: &str) -> Option<&'static Set> {
    SETS.iter().copied().find(|set| set.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `kind name{labels}`, the labels in the alphabet's order, as the lists in `tests/fixtures/legacy` say it.
    fn declaration(desc: &Desc) -> String {
        let labels: BTreeSet<_> = desc.labels.iter().copied().collect();
        format!("{} {}{{{}}}", desc.kind.as_str(), desc.name, Vec::from_iter(labels).join(","))
    }

    /// What a set leaves out.
    const LEFT_OUT: &[&str] = &[
        // No list of a job's nodes is kept.
        "gauge slurm_account_jobs_nodes_alloc{account}",
        "gauge slurm_user_jobs_nodes_alloc{username}",
        // It has none: with Fair Tree sshare shows blanks there (vpenso made them 0), without it slurmrestd has zeros.
        "gauge slurm_account_fairshare{account}",
    ];

    #[test]
    fn a_set_has_the_names_kinds_and_labels_of_its_exporter() {
        for (set, listed) in [
            ("native", include_str!("../../tests/fixtures/legacy/native.txt")),
            ("rivosinc", include_str!("../../tests/fixtures/legacy/rivosinc.txt")),
            ("slinky", include_str!("../../tests/fixtures/legacy/slinky.txt")),
            ("vpenso", include_str!("../../tests/fixtures/legacy/vpenso.txt")),
        ] {
            let parts = by_name(set).expect("every set is registered").parts;
            let ours: Vec<_> = parts.iter().flat_map(|part| (part.families)()).map(declaration).collect();
            let unique: BTreeSet<_> = ours.iter().map(String::as_str).collect();
            assert_eq!(unique.len(), ours.len(), "{set} declares a family twice");
            let listed: BTreeSet<_> = listed.lines().filter(|line| !LEFT_OUT.contains(line)).collect();
            let differing: Vec<_> = unique.symmetric_difference(&listed).collect();
            assert!(differing.is_empty(), "{set}: {differing:?}");
        }
    }
}
