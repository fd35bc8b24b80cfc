//! Nodes from one reading to the next: the time in each base state, and the changes between them.
//! A change and its reverse between two readings are not seen; nothing is said of the time without readings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::node_totals::NodeTotals;
use crate::model::state::{Word, node_base};
use crate::model::{Node, Nodes};

/// The totals so far.
#[derive(Clone, Debug, Default)]
pub struct NodeLife {
    totals: Arc<NodeTotals>,
}

impl NodeLife {
    /// Counts the time since the reading before, in the states that it showed, and what has changed since. Nodes that
    /// are in one of the two only are left out.
    pub fn advance(&mut self, before: &Nodes, now: &Nodes, elapsed: Duration) -> Arc<NodeTotals> {
        let totals = Arc::make_mut(&mut self.totals);
        let old: HashMap<&str, &str> =
            before.rows.iter().map(|node| (before.symbols.resolve(node.name), base(before, node))).collect();
        for node in &now.rows {
            let Some(from) = old.get(now.symbols.resolve(node.name)) else { continue };
            add(&mut totals.state_seconds, from, elapsed.as_secs_f64());
            let to = base(now, node);
            if *from != to {
                *totals.transitions.entry(((*from).to_owned(), to.to_owned())).or_default() += 1;
            }
        }
        Arc::clone(&self.totals)
    }
}

fn add(sums: &mut BTreeMap<String, f64>, word: &str, seconds: f64) {
    match sums.get_mut(word) {
        Some(sum) => *sum += seconds,
        None => drop(sums.insert(word.to_owned(), seconds)),
    }
}

fn base<'a>(nodes: &'a Nodes, node: &Node) -> &'a str {
    match node.state.base {
        Word::Known(base) => node_base::WORDS[usize::from(base)],
        Word::Other(word) => nodes.symbols.resolve(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::NodesBuilder;

    fn nodes(states: &[(&str, &str)]) -> Nodes {
        let add =
            |nodes: NodesBuilder, (name, state): &(&str, &str)| nodes.node(name, state, "batch", |_| {});
        states.iter().fold(NodesBuilder::default(), add).build()
    }

    #[test]
    fn time_belongs_to_the_state_before_and_each_change_counts_once() {
        let mut life = NodeLife::default();
        let first = nodes(&[("n1", "idle"), ("n2", "mixed drain"), ("gone", "down")]);
        // In another order, and with a node that was not there before.
        let second = nodes(&[("new", "idle"), ("n2", "mixed"), ("n1", "dozing")]);
        life.advance(&first, &second, Duration::from_secs(30));
        let totals = life.advance(&second, &second, Duration::from_millis(500));
        let seconds: Vec<_> = totals.state_seconds.iter().map(|(word, sum)| (word.as_str(), *sum)).collect();
        assert_eq!(seconds, [("dozing", 0.5), ("idle", 30.5), ("mixed", 30.5)]);
        let changes: Vec<_> = totals.transitions.iter().collect();
        assert_eq!(changes, [(&("idle".to_owned(), "dozing".to_owned()), &1)]);
    }
}
