//! Facts about a cluster by name, such as `nodes idle`: as Slurm's commands tell them (`judges`), as slurmctld's own
//! metrics do (`native`), and as the exporter's page does. What differs by definition is said in `native`.

use std::collections::BTreeMap;

pub(crate) mod judges;
pub(crate) mod native;

pub(crate) type Facts = BTreeMap<String, f64>;

fn add(facts: &mut Facts, name: String, value: f64) {
    *facts.entry(name).or_default() += value;
}

/// Fails with the facts that differ, each with both values.
pub(crate) fn assert_equal(judge: &Facts, page: &Facts, context: &str) {
    let names = judge.keys().chain(page.keys().filter(|name| !judge.contains_key(*name)));
    let differing: Vec<_> = names
        .filter(|name| judge.get(*name) != page.get(*name))
        .map(|name| format!("{name}: Slurm {:?}, exporter {:?}", judge.get(name), page.get(name)))
        .collect();
    assert!(differing.is_empty(), "{context}:\n{}", differing.join("\n"));
}
