//! What the jobs of a user or of an account are and hold: the counting behind the collectors `users` and `accounts`.
//! Which names are left out or put together is in the settings.

use std::collections::{BTreeMap, HashMap};

use super::gpu;
use super::settings::Names;
use crate::model::state::Word;
use crate::model::{Job, Jobs, Symbol};

/// The label of the names beyond the limit, put together.
const OTHER: &str = "other";

/// One name's jobs.
#[derive(Debug, Default)]
pub(super) struct Held<'a> {
    /// In tasks, by what the caller tells beside the name, and by base state.
    pub(super) jobs: BTreeMap<(&'a str, &'a str), u64>,
    /// What its running jobs hold.
    pub(super) cpus: u64,
    pub(super) memory_bytes: u64,
    /// By the label of the type.
    pub(super) gpus: BTreeMap<&'a str, u64>,
}

/// Counts by the name that `name` gives, with `beside` as a second label of the jobs.
pub(super) fn count<'a>(
    jobs: &'a Jobs,
    names: &Names,
    name: fn(&Job) -> Symbol,
    beside: fn(&Job) -> Symbol,
) -> BTreeMap<&'a str, Held<'a>> {
    let mut by_state: HashMap<(Symbol, Symbol, Word), u64> = HashMap::new();
    let mut held: HashMap<Symbol, Held<'a>> = HashMap::new();
    for job in &jobs.rows {
        let key = (name(job), beside(job), job.state.base);
        let sum = by_state.entry(key).or_default();
        *sum = sum.saturating_add(job.tasks.into());
        if job.is_running() {
            held.entry(key.0).or_default().add(jobs, job);
        }
    }
    for ((name, beside, word), tasks) in by_state {
        let held = held.entry(name).or_default();
        *held.jobs.entry((jobs.symbols.resolve(beside), jobs.word(word))).or_default() += tasks;
    }
    let held = held.into_iter().map(|(name, held)| (jobs.symbols.resolve(name), held));
    fold(held.filter(|(name, _)| !names.exclude.contains(*name)).collect(), names.max)
}

/// Puts together what is beyond the limit: those that hold the least, then those with the fewest jobs.
fn fold<'a>(mut held: Vec<(&'a str, Held<'a>)>, max: Option<usize>) -> BTreeMap<&'a str, Held<'a>> {
    if let Some(max) = max.filter(|max| held.len() > *max) {
        held.sort_by_key(|(name, held)| {
            (std::cmp::Reverse((held.cpus, held.jobs.values().sum::<u64>())), *name)
        });
        for (name, _) in &mut held[max..] {
            *name = OTHER;
        }
    }
    let mut folded: BTreeMap<&str, Held<'_>> = BTreeMap::new();
    for (name, held) in held {
        folded.entry(name).or_default().merge(held);
    }
    folded
}

impl<'a> Held<'a> {
    fn add(&mut self, jobs: &'a Jobs, job: &Job) {
        self.cpus = self.cpus.saturating_add(job.cpus.into());
        self.memory_bytes = self.memory_bytes.saturating_add(job.memory_bytes);
        for gpus in gpu::of_job(jobs, job) {
            let sum = self.gpus.entry(gpu::type_label(jobs.symbols.resolve(gpus.kind))).or_default();
            *sum = sum.saturating_add(gpus.count);
        }
    }

    fn merge(&mut self, other: Self) {
        for (labels, tasks) in other.jobs {
            *self.jobs.entry(labels).or_default() += tasks;
        }
        self.cpus = self.cpus.saturating_add(other.cpus);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        for (kind, count) in other.gpus {
            let sum = self.gpus.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}
