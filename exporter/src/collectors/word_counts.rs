//! Counts per state word: every word of a table, also those at zero, and words that are new to us by their own name.
//! It does not decide what counts; see `model::state` for the words.

use std::collections::BTreeMap;

use crate::model::state::Word;
use crate::model::{Symbol, Symbols};

#[derive(Clone, Debug)]
pub(super) struct WordCounts {
    words: &'static [&'static str],
    known: Vec<u64>,
    other: BTreeMap<Symbol, u64>,
}

impl WordCounts {
    pub(super) fn new(words: &'static [&'static str]) -> Self {
        Self { words, known: vec![0; words.len()], other: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, word: Word, count: u64) {
        match word {
            Word::Known(index) => self.known[usize::from(index)] += count,
            Word::Other(word) => *self.other.entry(word).or_default() += count,
        }
    }

    /// Adds to every flag whose bit is set.
    pub(super) fn add_flags(&mut self, mut bits: u32, count: u64) {
        while bits != 0 {
            self.known[bits.trailing_zeros() as usize] += count;
            bits &= bits - 1;
        }
    }

    /// The count of a known word.
    pub(super) fn get(&self, index: u8) -> u64 {
        self.known[usize::from(index)]
    }

    /// Every word once with its count: the known ones in the table's order, then the others.
    pub(super) fn each<'a>(&'a self, symbols: &'a Symbols, mut visit: impl FnMut(&'a str, u64)) {
        let others = || self.other.iter().map(|(word, count)| (symbols.resolve(*word), *count));
        for (word, known) in self.words.iter().zip(&self.known) {
            // A row without any word is kept under the name "unknown", which Slurm has as a word too.
            let same: u64 = others().filter(|(other, _)| other == word).map(|(_, count)| count).sum();
            visit(word, known + same);
        }
        for (word, count) in others().filter(|(word, _)| !self.words.contains(word)) {
            visit(word, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::node_base;

    fn listed(counts: &WordCounts, symbols: &Symbols) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        counts.each(symbols, |word, count| all.push((word.to_owned(), count)));
        all
    }

    #[test]
    fn every_known_word_is_there_and_new_words_follow() {
        let mut symbols = Symbols::default();
        let dozing = symbols.intern("dozing");
        let mut counts = WordCounts::new(node_base::WORDS);
        counts.add(Word::Known(node_base::IDLE), 3);
        counts.add(Word::Other(dozing), 1);
        counts.add(Word::Other(dozing), 1);
        let all = listed(&counts, &symbols);
        assert_eq!(all.len(), node_base::WORDS.len() + 1);
        assert!(all.contains(&("idle".to_owned(), 3)));
        assert!(all.contains(&("down".to_owned(), 0)));
        assert_eq!(all.last(), Some(&("dozing".to_owned(), 2)));
        assert_eq!(counts.get(node_base::IDLE), 3);
    }

    #[test]
    fn a_known_word_that_comes_as_a_symbol_is_the_same_word() {
        let mut symbols = Symbols::default();
        let mut counts = WordCounts::new(node_base::WORDS);
        counts.add(Word::Known(node_base::UNKNOWN), 1);
        counts.add(Word::Other(symbols.intern("unknown")), 4);
        let all = listed(&counts, &symbols);
        assert_eq!(all.len(), node_base::WORDS.len());
        assert!(all.contains(&("unknown".to_owned(), 5)));
    }

    #[test]
    fn each_bit_is_one_flag() {
        let mut counts = WordCounts::new(&["a", "b", "c"]);
        counts.add_flags(0b101, 2);
        counts.add_flags(0b100, 1);
        assert_eq!((counts.get(0), counts.get(1), counts.get(2)), (2, 0, 3));
    }
}
