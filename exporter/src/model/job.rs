//! Jobs: one compact row each. A pending array is one row that stands for many tasks.

use std::num::NonZeroU32;

use super::job_states::JobStates;
use super::state::{State, Word, job_base};
use super::symbol::{Pool, Run, Symbol, Symbols};
use super::time::Timestamp;

/// All jobs of one reading.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    pub symbols: Symbols,
    pub rows: Vec<Job>,
    pub partition_lists: Pool<Symbol>,
    pub gpu_lists: Pool<Gpus>,
    /// Flags that are not in `state::job_flag`: index of the row, lower-case word.
    pub other_flags: Vec<(u32, Symbol)>,
    /// One for each row if they were asked for, else none.
    pub details: Vec<Details>,
    /// When the controller last changed a job; what `update_time` asks against.
    pub last_update: Timestamp,
}

/// One row of `/jobs`. Sums over jobs multiply every amount by `tasks`.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: u32,
    /// The array that it is, or was, a task of; 0 when it is of none.
    pub array_id: u32,
    /// 1, or the number of waiting tasks of an array.
    pub tasks: u32,
    pub state: State,
    /// Where its partitions lie in `partition_lists`; several while it may run in any of them.
    pub partitions: Run,
    /// Where its GPUs lie in `gpu_lists`: allocated if it holds resources, else requested; per task.
    pub gpus: Run,
    pub user: Symbol,
    pub user_id: u32,
    pub account: Symbol,
    pub qos: Symbol,
    /// The short word (`Resources`); empty when Slurm says `None`.
    pub reason: Symbol,
    /// The constraint (`--constraint`); empty without one.
    pub features: Symbol,
    /// Whether its priority is 0.
    pub is_held: bool,
    /// Allocated if it holds resources, else requested; per task.
    pub cpus: u32,
    pub nodes: u32,
    /// The most nodes that it may take; 0 when it was not said.
    pub max_nodes: u32,
    pub memory_bytes: u64,
    pub submit_at: Timestamp,
    pub eligible_at: Timestamp,
    /// For a job that never held resources this is an estimate or its end: not a start.
    pub start_at: Timestamp,
    pub end_at: Timestamp,
    /// Unknown for a job that may run for ever.
    pub time_limit_minutes: Option<NonZeroU32>,
    pub restarts: u16,
    /// Whether it was given resources, now or before it ended.
    pub has_allocation: bool,
    /// Whether its array string was cut by Slurm and nothing else told the tasks, so that `tasks` is a lower bound.
    pub tasks_truncated: bool,
}

/// GPUs of one type that a job holds or asks for, per task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gpus {
    /// `h100`; empty when untyped.
    pub kind: Symbol,
    pub count: u64,
}

/// What is only kept of jobs that may have series of their own.
#[derive(Clone, Copy, Debug)]
pub struct Details {
    pub name: Symbol,
    pub priority: Option<u32>,
}

impl Job {
    /// Whether it runs or ran: it was given resources and does not wait.
    pub fn has_begun(&self) -> bool {
        self.has_allocation && !self.is_pending()
    }

    pub fn is_pending(&self) -> bool {
        self.state.has_base(job_base::PENDING)
    }

    /// Base RUNNING, also while its nodes are being configured.
    pub fn is_running(&self) -> bool {
        self.state.has_base(job_base::RUNNING)
    }
}

impl Jobs {
    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        let lists =
            self.partition_lists.bytes() + self.gpu_lists.bytes() + size_of_val(&self.other_flags[..]);
        self.symbols.bytes() + size_of_val(&self.rows[..]) + lists
    }

    /// The partitions of a job.
    pub fn partitions(&self, job: &Job) -> &[Symbol] {
        self.partition_lists.get(job.partitions)
    }

    /// A word of a state, in lower case.
    pub fn word(&self, word: Word) -> &str {
        match word {
            Word::Known(base) => job_base::WORDS[usize::from(base)],
            Word::Other(word) => self.symbols.resolve(word),
        }
    }

    /// Whether the states tell the tasks of an array whose string Slurm cut.
    pub(super) fn can_be_completed(&self, states: &JobStates) -> bool {
        let is_told = |job: &Job| states.of_array(job.id, job.state.base).is_some();
        self.rows.iter().any(|job| job.tasks_truncated && is_told(job))
    }

    /// Takes the tasks of arrays whose string Slurm cut from the states, where they are known.
    pub(super) fn complete_arrays(&mut self, states: &JobStates) {
        for job in self.rows.iter_mut().filter(|job| job.tasks_truncated) {
            if let Some(tasks) = states.of_array(job.id, job.state.base) {
                (job.tasks, job.tasks_truncated) = (tasks, false);
            }
        }
    }

    /// The GPUs of a job, per task.
    pub fn gpus(&self, job: &Job) -> &[Gpus] {
        self.gpu_lists.get(job.gpus)
    }
}

/// The number of tasks in an array string: `4-500%4`, `1,3,5-9:2`. The part after `%` limits, it does not count.
/// The second value tells whether Slurm cut the string (`...`), so that the count is a lower bound.
pub fn count_array_tasks(text: &str) -> Option<(u32, bool)> {
    let text = text.split_once('%').map_or(text, |(tasks, _)| tasks);
    // Slurm cuts at a length, also within a number (`45,49-5...`): of its last item only the existence is sure.
    let (text, truncated) = match text.strip_suffix("...") {
        Some(rest) => (rest.rsplit_once(',').map_or("", |(whole, _)| whole), true),
        None => (text, false),
    };
    let mut tasks = u64::from(truncated);
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let counted = match item.split_once('-') {
            None => item.parse::<u32>().map(|_| 1).ok()?,
            Some((first, last)) => {
                let (last, step) = last.split_once(':').unwrap_or((last, "1"));
                let (first, last, step): (u32, u32, u32) =
                    (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
                if last < first || step == 0 {
                    return None;
                }
                u64::from((last - first) / step) + 1
            }
        };
        tasks = tasks.checked_add(counted)?;
    }
    Some((u32::try_from(tasks).ok()?, truncated))
}

#[cfg(test)]
mod tests {
    use super::super::{Reading, Snapshot};
    use super::*;
    use crate::collectors::test_cluster::JobsBuilder;

    #[test]
    fn a_cut_array_takes_its_tasks_from_the_states() {
        let states = |array| {
            let mut states = JobStates::default();
            for _ in 0..300 {
                states.add(Word::Known(job_base::PENDING), Some(array));
            }
            states
        };
        let cut = |job: &mut Job| (job.tasks, job.tasks_truncated) = (21, true);
        let jobs = || {
            JobsBuilder::default()
                .job("pending", "batch", cut)
                .job("pending", "batch", |job| job.tasks = 5)
                .job("cancelled", "batch", cut)
                .build()
        };
        let tasks = |snapshot: &Snapshot| -> Vec<_> {
            snapshot.jobs.as_ref().unwrap().rows.iter().map(|job| (job.tasks, job.tasks_truncated)).collect()
        };
        let mut snapshot = Snapshot::default();
        for (array, first) in [(1, (300, false)), (2, (21, true)), (4, (21, true))] {
            snapshot.set(Reading::JobStates(Box::new(states(array))));
            snapshot.set(Reading::Jobs(Box::new(jobs())));
            assert_eq!(tasks(&snapshot), [first, (5, false), (21, true)]);
            let mut late = Snapshot::default();
            late.set(Reading::Jobs(Box::new(jobs())));
            late.set(Reading::JobStates(Box::new(states(array))));
            assert_eq!(tasks(&late), [first, (5, false), (21, true)], "the states came after the jobs");
        }
    }

    #[test]
    fn a_row_takes_about_100_bytes() {
        // 100,000 jobs are 11 MB; their names and priorities, where they are wanted, 1 MB and the names themselves.
        assert!(size_of::<Job>() <= 112, "{}", size_of::<Job>());
        assert!(size_of::<Details>() <= 12, "{}", size_of::<Details>());
    }

    #[test]
    fn array_strings_count_their_tasks() {
        for (text, tasks) in [
            ("7", 1),
            ("4-500%4", 497),
            ("0-9", 10),
            ("0-10:5", 3),
            ("0-9:5", 2),
            ("1,3,5-9:2,20-29%3", 15),
            ("1%1", 1),
        ] {
            assert_eq!(count_array_tasks(text), Some((tasks, false)), "{text}");
        }
    }

    #[test]
    fn a_cut_string_is_a_lower_bound() {
        assert_eq!(count_array_tasks("1,3,5,..."), Some((4, true)));
        assert_eq!(count_array_tasks("1-4,6-9..."), Some((5, true)));
        assert_eq!(count_array_tasks("1-4,6-9...%5"), Some((5, true)));
        assert_eq!(count_array_tasks("42-43,45,49-5..."), Some((4, true)));
        assert_eq!(count_array_tasks("1-..."), Some((1, true)));
    }

    #[test]
    fn nonsense_is_no_count() {
        for text in ["a", "5-1", "1-9:0", "1-", "-", "0-18446744073709551615", "0-4294967295"] {
            assert_eq!(count_array_tasks(text), None, "{text}");
        }
    }
}
