//! What Slurm's own commands say, as facts, read from their output, live or recorded; and which of the exporter's
//! families say the same. Nothing of the exporter's is used to read them.
//!
//! To add a judge: one file with a `pub(super) const` [`Judge`] and two lines here, `mod` and an entry of [`JUDGES`].

mod accounting;
mod diag;
mod jobs;
mod nodes;
mod partitions;
mod reservations;
mod shares;

pub(crate) use jobs::told;

use super::{Facts, add};
use crate::page::{Labels, Samples};

const MIB: f64 = 1_048_576.0;

/// One command.
pub(crate) struct Judge {
    /// Recordings keep its output in a file of this name.
    pub(crate) name: &'static str,
    /// Times are Unix seconds when it runs live.
    pub(crate) command: &'static str,
    pub(crate) read: fn(&mut Facts, &str),
    /// The exporter's families that say the same.
    pub(crate) ours: &'static [Ours],
    /// Whether the recordings of special cases hold its output.
    pub(crate) is_recorded: bool,
    /// Whether its facts only grow, also while the cluster holds still; else they hold still too.
    pub(crate) moves: bool,
}

/// A family, and the fact that one of its samples is: the name with the sample's labels filled in.
pub(crate) struct Ours {
    fact: &'static str,
    family: &'static str,
    /// Commands that count print no zeros; then ours are left out.
    has_zeros: bool,
    /// Whether the command prints six decimals.
    is_rounded: bool,
}

const fn ours(fact: &'static str, family: &'static str) -> Ours {
    Ours { fact, family, has_zeros: false, is_rounded: false }
}

const fn with_zeros(fact: &'static str, family: &'static str) -> Ours {
    Ours { has_zeros: true, ..ours(fact, family) }
}

const fn rounded(fact: &'static str, family: &'static str) -> Ours {
    Ours { has_zeros: true, is_rounded: true, ..ours(fact, family) }
}

/// Every command.
pub(crate) const JUDGES: &[&Judge] = &[
    &nodes::NODES,
    &nodes::NODE_TIMES,
    &partitions::PARTITIONS,
    &partitions::SINFO,
    &jobs::TASKS,
    &jobs::OWNERS,
    &jobs::OLDEST,
    &reservations::RESERVATIONS,
    &reservations::LICENSES,
    &shares::SHARES,
    &accounting::QOS,
    &accounting::ASSOCIATIONS,
    &diag::JOB_COUNTS,
    &diag::CYCLES_AND_RPCS,
];

/// What the judges say, each given its output.
pub(crate) fn judged(judges: &[&Judge], output: impl Fn(&Judge) -> String) -> Facts {
    let mut all = Facts::new();
    for judge in judges {
        let mut facts = Facts::new();
        (judge.read)(&mut facts, &output(judge));
        assert!(!facts.is_empty(), "{} says nothing", judge.name);
        all.extend(facts.into_iter().map(|(fact, value)| (format!("{}: {fact}", judge.name), value)));
    }
    all
}

/// The same facts from the exporter's page.
pub(crate) fn published(judges: &[&Judge], page: &Samples) -> Facts {
    let mut facts = Facts::new();
    for judge in judges {
        for Ours { fact, family, has_zeros, is_rounded } in judge.ours {
            for (labels, value) in page.all(family).filter(|(_, value)| *has_zeros || *value != 0.0) {
                let name = format!("{}: {}", judge.name, fill(fact, labels));
                let value = if *is_rounded { (value * 1e6).round() / 1e6 } else { value };
                assert!(facts.insert(name.clone(), value).is_none(), "{name} twice");
            }
        }
    }
    facts
}

/// A name with the labels that stand in braces replaced by their values.
fn fill(name: &str, labels: &Labels) -> String {
    labels.iter().fold(name.to_owned(), |name, (label, value)| name.replace(&format!("{{{label}}}"), value))
}

/// The value of `key=` in a line of `scontrol -o`.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let start = if line.starts_with(&format!("{key}=")) { 0 } else { line.find(&format!(" {key}="))? + 1 };
    let value = &line[start + key.len() + 1..];
    // A value may hold `=` (TRES) and blanks (reasons); only a blank before `Word=` ends it.
    let is_key =
        |text: &str| text.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric));
    let ends = value.match_indices(' ').map(|(at, _)| at).find(|at| is_key(value[at + 1..].trim_start()));
    let end = ends.unwrap_or(value.len());
    Some(value[..end].trim())
}

fn number(line: &str, key: &str) -> f64 {
    field(line, key).unwrap_or_else(|| panic!("no {key} in {line}")).parse().unwrap()
}
