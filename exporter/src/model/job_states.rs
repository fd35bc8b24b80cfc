//! The states of jobs and nothing else: how many tasks are in each. It is cheap, so it is read often; which job is in
//! which state is known from `job`.

use std::collections::HashMap;

use super::state::{Word, job_base};
use super::symbol::Symbols;

/// One reading of the states.
#[derive(Clone, Debug, Default)]
pub struct JobStates {
    pub symbols: Symbols,
    /// Tasks by base state, each word once.
    pub tasks: Vec<(Word, u64)>,
    /// Tasks by base state and the id of the row of `/jobs` that stands for them, of arrays.
    of_arrays: HashMap<(u32, u8), u32>,
}

impl JobStates {
    /// About how much memory they take: tasks of an array share an entry, all others are only counted.
    pub fn bytes(&self) -> usize {
        let entry = size_of::<((u32, u8), u32)>() + 1;
        self.symbols.bytes() + size_of_val(&self.tasks[..]) + self.of_arrays.capacity() * entry
    }

    /// Counts one task; `array` is the id of the row of `/jobs` that stands for it, where it is of an array.
    pub fn add(&mut self, base: Word, array: Option<u32>) {
        match self.tasks.iter_mut().find(|(word, _)| *word == base) {
            Some((_, tasks)) => *tasks += 1,
            None => self.tasks.push((base, 1)),
        }
        if let (Word::Known(base), Some(id)) = (base, array)
            // What runs or ran is a row of its own.
            && ![job_base::RUNNING, job_base::COMPLETED].contains(&base)
        {
            *self.of_arrays.entry((id, base)).or_default() += 1;
        }
    }

    /// The tasks that one row of `/jobs` in this base state stands for, if it is an array's.
    pub fn of_array(&self, id: u32, base: Word) -> Option<u32> {
        match base {
            Word::Known(base) => self.of_arrays.get(&(id, base)).copied(),
            Word::Other(_) => None,
        }
    }
}
