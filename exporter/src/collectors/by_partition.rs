//! Sums per partition without hashing a name per row: rows hold symbols, and a symbol is an index.
//! Also which partitions there are: those that Slurm lists, then those that only rows name.

use std::collections::HashSet;

use crate::model::{Partitions, Symbol, Symbols};

const NONE: u32 = u32::MAX;

/// One value per partition that a row names.
#[derive(Debug)]
pub(super) struct ByPartition<T> {
    /// Position in `entries` by symbol, or `NONE`.
    slots: Vec<u32>,
    entries: Vec<(Symbol, T)>,
}

impl<T> ByPartition<T> {
    /// `symbols` is the table that the rows' symbols belong to.
    pub(super) fn new(symbols: &Symbols) -> Self {
        Self { slots: vec![NONE; symbols.len()], entries: Vec::new() }
    }

    /// The value of a partition, made by `first` when no row has named it before.
    pub(super) fn of(&mut self, partition: Symbol, first: impl FnOnce() -> T) -> &mut T {
        let slot = &mut self.slots[partition.index()];
        if *slot == NONE {
            *slot = u32::try_from(self.entries.len()).expect("there are fewer partitions than symbols");
            self.entries.push((partition, first()));
        }
        &mut self.entries[*slot as usize].1
    }

    /// The value of a partition, if a row has named it.
    pub(super) fn get(&self, partition: Symbol) -> Option<&T> {
        let slot = self.slots[partition.index()];
        (slot != NONE).then(|| &self.entries[slot as usize].1)
    }

    /// The partitions that rows have named, in the order of their first row.
    pub(super) fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.entries.iter().map(|(partition, _)| *partition)
    }
}

/// The names of all partitions, each once: those that Slurm lists in its order, then those of `seen`.
pub(super) fn names<'a>(
    listed: Option<&'a Partitions>,
    seen: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let listed = listed.into_iter().flat_map(|listed| &listed.rows).map(|partition| partition.name.as_str());
    let mut known = HashSet::new();
    listed.chain(seen).filter(|name| known.insert(*name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_one_value() {
        let mut symbols = Symbols::default();
        let (batch, gpu, user) = (symbols.intern("batch"), symbols.intern("gpu"), symbols.intern("ann"));
        let mut sums = ByPartition::new(&symbols);
        *sums.of(gpu, || 10) += 1;
        *sums.of(batch, || 0) += 2;
        *sums.of(gpu, || 10) += 3;
        assert_eq!((sums.get(gpu), sums.get(batch), sums.get(user)), (Some(&14), Some(&2), None));
        assert_eq!(sums.symbols().collect::<Vec<_>>(), [gpu, batch]);
    }

    #[test]
    fn listed_partitions_come_first_and_none_comes_twice() {
        assert_eq!(names(None, ["b", "a", "b"]), ["b", "a"]);
    }
}
