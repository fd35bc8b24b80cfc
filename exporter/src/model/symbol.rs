//! Interned strings: a name that a thousand rows share is kept once, and rows hold four bytes.
//! Each table owns its symbols, so names that leave the cluster leave the memory with the next reading.

use std::collections::HashMap;
use std::sync::Arc;

/// A string of one table. Only the table that made it can resolve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

impl Symbol {
    /// The empty string, in every table.
    pub const EMPTY: Self = Self(0);

    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Position in the table, dense from 0: an index for per-symbol sums.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The strings of one table.
#[derive(Clone, Debug)]
pub struct Symbols {
    names: Vec<Arc<str>>,
    by_name: HashMap<Arc<str>, Symbol>,
    /// Of all names together.
    letters: usize,
}

/// What a name takes beside its letters: its allocation, its place in the list and its entry in the map, both of which
/// have twice the room when they have just grown, and stand there twice while they grow.
const BYTES_PER_NAME: usize = 32 + 3 * 16 + 3 * 28;

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols = Self { names: Vec::new(), by_name: HashMap::new(), letters: 0 };
        symbols.intern("");
        symbols
    }
}

impl Symbols {
    /// The symbol of `name`, made when it is new.
    pub fn intern(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.by_name.get(name) {
            return *symbol;
        }
        let symbol =
            Symbol(u32::try_from(self.names.len()).expect("fewer than 2^32 names fit in one answer"));
        let name: Arc<str> = name.into();
        self.letters += name.len();
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, symbol);
        symbol
    }

    /// The symbol of `name`, if a row has it.
    pub fn get(&self, name: &str) -> Option<Symbol> {
        self.by_name.get(name).copied()
    }

    /// The string of a symbol of this table.
    pub fn resolve(&self, symbol: Symbol) -> &str {
        &self.names[symbol.index()]
    }

    /// How many strings there are, the empty one included: the size of a per-symbol table.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: the empty string is always there.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Every symbol with its string.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, &str)> {
        self.names.iter().zip(0..).map(|(name, index)| (Symbol(index), name.as_ref()))
    }

    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        self.letters + self.names.len() * BYTES_PER_NAME
    }

    /// Gives back the capacity that growing left over.
    pub fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.by_name.shrink_to_fit();
    }
}

/// A run of symbols in a pool that the table keeps beside its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    start: u32,
    len: u16,
}

/// Lists of one table, end to end: a row holds where its own list lies.
#[derive(Clone, Debug)]
pub struct Pool<T>(Vec<T>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Pool<T> {
    /// Stores a list; one that equals the list stored last shares its place (neighbours are often alike).
    /// A list longer than 65,535 is cut there.
    pub fn store(&mut self, list: impl IntoIterator<Item = T>, last: Run) -> Run {
        let start = self.0.len();
        self.0.extend(list.into_iter().take(usize::from(u16::MAX)));
        if self.0[start..] == *self.get(last) {
            self.0.truncate(start);
            return last;
        }
        Run {
            start: u32::try_from(start).expect("fewer than 2^32 list items fit in one answer"),
            len: u16::try_from(self.0.len() - start).expect("the list was cut at u16::MAX"),
        }
    }

    pub fn get(&self, run: Run) -> &[T] {
        &self.0[run.start as usize..][..usize::from(run.len)]
    }

    /// How much memory they take.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.0[..])
    }

    pub fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_symbol() {
        let mut symbols = Symbols::default();
        let first = symbols.intern("batch");
        assert_eq!(first, symbols.intern("batch"));
        assert_ne!(first, symbols.intern("gpu"));
        assert_eq!(symbols.resolve(first), "batch");
        assert_eq!(symbols.get("none"), None);
        assert_eq!(symbols.intern(""), Symbol::EMPTY);
    }

    #[test]
    fn equal_neighbours_share_their_list() {
        let mut pool = Pool::default();
        let first = pool.store([1, 2], Run::default());
        let second = pool.store([1, 2], first);
        let third = pool.store([1], second);
        assert_eq!(first, second);
        assert_eq!(pool.get(second), [1, 2]);
        assert_eq!(pool.get(third), [1]);
        assert_eq!(pool.get(Run::default()), [] as [i32; 0]);
    }
}
