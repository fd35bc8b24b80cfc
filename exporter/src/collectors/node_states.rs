//! The state words of nodes: how many nodes have which, and those of each node. A part of the collector `nodes`.
//! The first word is the base and exclusive, the others are flags.

use super::word_counts::WordCounts;
use super::{counter, gauge};
use crate::exposition::{Batch, Desc, Family, Level, Unit};
use crate::model::state::{Word, node_base, node_flag};
use crate::model::{Node, NodeTotals, Nodes, Symbol};

pub(super) static NODES: Desc = gauge(
    "slurm_nodes_total",
    "Nodes by base state; flags such as DRAIN are in slurm_nodes_flagged.",
    Unit::None,
    &["state"],
    Level::Important,
);
pub(super) static FLAGGED: Desc = gauge(
    "slurm_nodes_flagged",
    "Nodes by state flag, where one node may have several; drained and draining tell DRAIN without and with jobs.",
    Unit::None,
    &["flag"],
    Level::Important,
);
pub(super) static STATE: Desc = gauge(
    "slurm_node_state",
    "Always 1, one series for each state word that holds: the base state and any flags.",
    Unit::None,
    &["node", "state"],
    Level::Important,
);
pub(super) static STATE_SECONDS: Desc = counter(
    "slurm_node_state_seconds_total",
    "Seconds that nodes were in a base state since the exporter began, added up over the nodes.",
    Unit::Seconds,
    &["state"],
    Level::Important,
);
pub(super) static TRANSITIONS: Desc = counter(
    "slurm_node_transitions_total",
    "Changes of a node's base state between two readings since the exporter began.",
    Unit::None,
    &["from", "to"],
    Level::Important,
);

/// What is told of all nodes together, whichever have series of their own.
pub(super) fn write_sums(nodes: &Nodes, totals: &NodeTotals, batch: &mut Batch) {
    write_counts(nodes, batch);
    let seconds = batch.family(&STATE_SECONDS);
    for word in node_base::WORDS {
        seconds.sample(&[word], totals.state_seconds.get(*word).copied().unwrap_or(0.0));
    }
    for (word, sum) in
        totals.state_seconds.iter().filter(|(word, _)| !node_base::WORDS.contains(&word.as_str()))
    {
        seconds.sample(&[word], *sum);
    }
    for ((from, to), changes) in &totals.transitions {
        batch.family(&TRANSITIONS).sample(&[from, to], *changes);
    }
}

/// The base state, the flags that have a name here, and what `slurm_nodes_flagged` adds to them.
pub(super) fn words<'a>(nodes: &'a Nodes, node: &Node) -> impl Iterator<Item = &'a str> {
    let base = match node.state.base {
        Word::Known(base) => node_base::WORDS[usize::from(base)],
        Word::Other(base) => nodes.symbols.resolve(base),
    };
    let state = node.state;
    let flags =
        (0..).zip(node_flag::WORDS).filter(move |(flag, _)| state.has_flag(*flag)).map(|(_, word)| *word);
    let drained = [("drained", node.is_drained()), ("draining", node.is_draining())];
    let drained = drained.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word);
    std::iter::once(base).chain(flags).chain(drained)
}

fn write_counts(nodes: &Nodes, batch: &mut Batch) {
    let mut states = WordCounts::new(node_base::WORDS);
    let mut flags = WordCounts::new(node_flag::WORDS);
    let (mut drained, mut draining) = (0_u64, 0_u64);
    for node in &nodes.rows {
        states.add(node.state.base, 1);
        flags.add_flags(node.state.flags, 1);
        drained += u64::from(node.is_drained());
        draining += u64::from(node.is_draining());
    }
    for (_, flag) in &nodes.other_flags {
        flags.add(Word::Other(*flag), 1);
    }
    let [total, flagged] = batch.families([&NODES, &FLAGGED]);
    states.each(&nodes.symbols, |state, count| total.sample(&[state], count));
    flags.each(&nodes.symbols, |flag, count| flagged.sample(&[flag], count));
    flagged.sample(&["drained"], drained);
    flagged.sample(&["draining"], draining);
}

pub(super) fn write_states(nodes: &Nodes, is_chosen: &[bool], batch: &mut Batch) {
    let family = batch.family(&STATE);
    let mut others = nodes.other_flags.as_slice();
    for (index, node) in nodes.rows.iter().enumerate() {
        let own = others.iter().take_while(|(row, _)| *row as usize == index).count();
        let (flags, rest) = others.split_at(own);
        others = rest;
        if !is_chosen[index] {
            continue;
        }
        let name = nodes.symbols.resolve(node.name);
        let base = match node.state.base {
            Word::Known(base) => node_base::WORDS[usize::from(base)],
            Word::Other(base) => nodes.symbols.resolve(base),
        };
        family.sample(&[name, base], 1_u64);
        let mut bits = node.state.flags;
        while bits != 0 {
            let flag = node_flag::WORDS[bits.trailing_zeros() as usize];
            // A node whose only word is a flag has it as its base.
            if flag != base {
                family.sample(&[name, flag], 1_u64);
            }
            bits &= bits - 1;
        }
        write_other_flags(nodes, name, base, flags, family);
    }
}

/// Flags that are new to us, in the order of the rows; a word that Slurm says twice holds once.
fn write_other_flags(nodes: &Nodes, node: &str, base: &str, flags: &[(u32, Symbol)], family: &mut Family) {
    for (at, (_, flag)) in flags.iter().enumerate() {
        let word = nodes.symbols.resolve(*flag);
        if word != base && flags[..at].iter().all(|(_, before)| before != flag) {
            family.sample(&[node, word], 1_u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::collectors::nodes::COLLECTOR;
    use crate::collectors::test_cluster::{NodesBuilder, samples, snapshot};

    fn read(nodes: NodesBuilder) -> BTreeMap<String, String> {
        samples(&COLLECTOR, &snapshot().nodes(nodes.build()).build())
    }

    #[test]
    fn base_states_are_complete_exclusive_and_sum_to_the_total() {
        let found = read(
            NodesBuilder::default()
                .node("n1", "idle drain", "a", |_| {})
                .node("n2", "mixed planned", "a", |_| {})
                .node("n3", "dozing", "a", |_| {}),
        );
        let states: BTreeMap<_, u64> = found
            .iter()
            .filter(|(series, _)| series.starts_with("slurm_nodes_total{"))
            .map(|(series, count)| (series.as_str(), count.parse().unwrap()))
            .collect();
        assert_eq!(states.len(), node_base::WORDS.len() + 1);
        assert_eq!(states.values().sum::<u64>(), 3);
        assert_eq!(states[r#"slurm_nodes_total{state="idle"}"#], 1);
        assert_eq!(states[r#"slurm_nodes_total{state="dozing"}"#], 1);
        assert_eq!(states[r#"slurm_nodes_total{state="down"}"#], 0);
    }

    #[test]
    fn flags_overlap_and_drained_and_draining_are_derived() {
        let found = read(
            NodesBuilder::default()
                .node("n1", "idle drain", "a", |_| {})
                .node("n2", "down drain not_responding", "a", |_| {})
                .node("n3", "mixed drain planned", "a", |_| {})
                .node("n4", "allocated drain", "a", |_| {})
                .node("n5", "error drain", "a", |_| {})
                .node("n6", "idle sparkling", "a", |_| {}),
        );
        for (flag, count) in [
            ("drain", "5"),
            ("drained", "2"),
            ("draining", "2"),
            ("not_responding", "1"),
            ("planned", "1"),
            ("sparkling", "1"),
            ("blocked", "0"),
        ] {
            assert_eq!(found[&format!("slurm_nodes_flagged{{flag=\"{flag}\"}}")], count, "{flag}");
        }
    }

    #[test]
    fn a_node_tells_every_word_that_holds_once() {
        let found = read(
            NodesBuilder::default()
                .node("n1", "idle cloud sparkling sparkling", "a", |_| {})
                .node("n2", "mixed", "a", |_| {})
                .node("n3", "drain drain glowing", "a", |_| {}),
        );
        let expected = [
            ("n1", "cloud"),
            ("n1", "idle"),
            ("n1", "sparkling"),
            ("n2", "mixed"),
            ("n3", "drain"),
            ("n3", "glowing"),
        ]
        .map(|(node, state)| format!("slurm_node_state{{node=\"{node}\",state=\"{state}\"}}"));
        assert_eq!(
            found
                .keys()
                .filter(|series| series.starts_with("slurm_node_state{"))
                .cloned()
                .collect::<Vec<_>>(),
            expected
        );
    }
}
