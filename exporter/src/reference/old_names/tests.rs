//! Whether every query names what we have, and every name of the other exporters has a row.
//! Whether the queries are PromQL is promtool's business, in `tests/it`.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::collectors::COLLECTORS;
use crate::exposition::{Desc, Kind};
use crate::model::state::{job_base, job_flag, node_base, node_flag};
use crate::telemetry;

/// How others spell a state or a flag, beside our word with or without its underscores.
const STATES: &[&str] = &["alloc", "node_failed"];
const FLAGS: &[&str] = &[
    "cg",
    "dyn_future",
    "dyn_normal",
    "fed_requeued",
    "maint",
    "no_resp",
    "noresp",
    "powerup_node",
    "reboot_req",
    "resv",
];

/// The labels that a sample of each name may have.
fn catalogue() -> BTreeMap<String, BTreeSet<&'static str>> {
    let collected = COLLECTORS.iter().flat_map(|collector| collector.families);
    let mut found = BTreeMap::new();
    let mut add = |desc: &&'static Desc| {
        let labels: BTreeSet<_> = desc.labels.iter().copied().chain(["cluster"]).collect();
        if desc.kind == Kind::Histogram {
            for suffix in ["_bucket", "_sum", "_count"] {
                let more = labels.iter().copied().chain(["le"]).collect();
                found.insert(format!("{}{suffix}", desc.name), more);
            }
        } else {
            found.insert(desc.name.to_owned(), labels);
        }
    };
    collected.for_each(&mut add);
    telemetry::FAMILIES.iter().for_each(add);
    found
}

/// The names of metrics in a query, each with what stands in its braces.
fn selectors(query: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find("slurm_") {
        rest = &rest[start..];
        let name =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(name);
        let inside = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        found.push((name, inside.map_or("", |(inside, _)| inside)));
        rest = inside.map_or(after, |(_, after)| after);
    }
    found
}

fn is_word(word: &str, of: &[&[&str]], others: &[&str]) -> bool {
    others.contains(&word)
        || of.iter().copied().flatten().any(|ours| *ours == word || ours.replace('_', "") == word)
}

fn covers(row: &str, name: &str) -> bool {
    let between = |placeholder: &str| {
        let (before, after) = row.split_once(placeholder)?;
        name.strip_prefix(before)?.strip_suffix(after)
    };
    row == name
        || between("<state>").is_some_and(|word| is_word(word, &[job_base::WORDS, node_base::WORDS], STATES))
        || between("<flag>").is_some_and(|word| is_word(word, &[job_flag::WORDS, node_flag::WORDS], FLAGS))
}

#[test]
fn every_query_names_families_and_labels_that_we_have() {
    let catalogue = catalogue();
    for (old, query) in SETS.iter().flat_map(|set| set.rows) {
        let Ok(query) = query else { continue };
        let selectors = selectors(query);
        assert!(!selectors.is_empty(), "{old}: {query} names nothing");
        for (name, inside) in selectors {
            let labels = catalogue.get(name).unwrap_or_else(|| panic!("{old}: {name} is none of ours"));
            for matcher in inside.split(',').filter(|matcher| !matcher.is_empty()) {
                let label = matcher.split(['=', '!']).next().unwrap_or_default();
                assert!(labels.contains(label), "{old}: {name} has no label {label}");
            }
        }
    }
}

#[test]
fn every_name_of_another_exporter_has_a_row_and_every_row_a_name() {
    for (name, listed) in [
        ("native", include_str!("../../../tests/fixtures/legacy/native.txt")),
        ("rivosinc", include_str!("../../../tests/fixtures/legacy/rivosinc.txt")),
        ("slinky", include_str!("../../../tests/fixtures/legacy/slinky.txt")),
        ("vpenso", include_str!("../../../tests/fixtures/legacy/vpenso.txt")),
    ] {
        let rows = SETS.iter().find(|set| set.name == name).expect("every set is here").rows;
        let mut used = BTreeSet::new();
        for line in listed.lines() {
            let old = line.split([' ', '{']).nth(1).expect("a line is KIND NAME{LABELS}");
            let row = rows.iter().find(|(row, _)| covers(row, old));
            used.insert(row.unwrap_or_else(|| panic!("{name}: {old} has no row")).0);
        }
        let idle: Vec<_> = rows.iter().map(|(row, _)| *row).filter(|row| !used.contains(row)).collect();
        assert!(idle.is_empty(), "{name} has no {idle:?}");
    }
}

#[test]
fn no_old_name_stands_twice() {
    for set in &SETS {
        let unique: BTreeSet<_> = set.rows.iter().map(|(old, _)| old).collect();
        assert_eq!(unique.len(), set.rows.len(), "{}", set.name);
    }
}
