//! Tasks of a job array that have not started: `1-9:2,20,30-33`.
//! Not here: the record that holds them (job.rs).

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

/// slurmctld cuts the text of a list at this length (`SLURM_BITSTR_LEN`) and ends it with three dots.
const MOST_TEXT: usize = 64;
/// The default of slurm.conf's `MaxArraySize`: task numbers stay below it.
const MAX_ARRAY_SIZE: u32 = 1_000_001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
    step: u32,
}

impl Range {
    fn len(self) -> u32 {
        (self.last - self.first) / self.step + 1
    }
}

/// Task numbers, ascending; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskList {
    ranges: VecDeque<Range>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("array {0:?}: expected ascending task numbers such as 0-9, 1-9:2 or 1-9:2,20,30-33")]
pub struct BadTaskList(String);

impl TaskList {
    /// `first`, `first + step` and so on up to `last`.
    pub fn range(first: u32, last: u32, step: u32) -> Self {
        let step = step.max(1);
        let last = last.max(first);
        Self { ranges: [Range { first, last: last - (last - first) % step, step }].into() }
    }

    /// These tasks as well; they have to come after all others.
    pub fn and_range(mut self, first: u32, last: u32, step: u32) -> Self {
        self.ranges.extend(Self::range(first, last, step).ranges);
        self
    }

    pub fn first(&self) -> u32 {
        self.ranges[0].first
    }

    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|range| range.len()).sum()
    }

    /// It has at least one task.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|range| (range.first..=range.last).step_by(range.step as usize))
    }

    /// Takes the first task out; none when it is the only one.
    pub(super) fn take_first(&mut self) -> Option<u32> {
        if self.len() == 1 {
            return None;
        }
        let range = &mut self.ranges[0];
        let first = range.first;
        if range.first == range.last {
            self.ranges.pop_front();
        } else {
            range.first += range.step;
        }
        Some(first)
    }

    /// As slurmctld tells it: whole up to a length, then cut.
    pub fn text(&self) -> String {
        let mut text = self.to_string();
        if text.len() >= MOST_TEXT {
            text.truncate(MOST_TEXT - 4);
            text.push_str("...");
        }
        text
    }
}

impl fmt::Display for TaskList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Range { first, last, step }) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if last > first {
                write!(f, "-{last}")?;
                if *step > 1 {
                    write!(f, ":{step}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for TaskList {
    type Err = BadTaskList;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| BadTaskList(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<TaskList> {
    let mut ranges: VecDeque<Range> = VecDeque::new();
    for item in text.split(',') {
        let (bounds, step) = item.split_once(':').unwrap_or((item, "1"));
        let (first, last) = bounds.split_once('-').unwrap_or((bounds, bounds));
        let (first, last, step): (u32, u32, u32) =
            (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
        let ascends = ranges.back().is_none_or(|before| before.last < first);
        if last < first || step == 0 || last >= MAX_ARRAY_SIZE || !ascends {
            return None;
        }
        ranges.extend(TaskList::range(first, last, step).ranges);
    }
    Some(TaskList { ranges })
}

#[cfg(test)]
mod tests {
    use super::TaskList;

    #[test]
    fn a_list_reads_as_it_was_written_and_counts_its_tasks() {
        for (text, tasks) in [("0-9", 10), ("7", 1), ("1-9:2,20,30-33", 10), ("4-500", 497), ("2-10:2", 5)] {
            let list: TaskList = text.parse().unwrap();
            assert_eq!((list.to_string().as_str(), list.len()), (text, tasks));
            assert_eq!(list.iter().count() as u32, tasks);
        }
        assert_eq!("1-10:4".parse::<TaskList>().unwrap().to_string(), "1-9:4");
    }

    #[test]
    fn tasks_leave_in_order_and_the_last_stays() {
        let mut list: TaskList = "1-3:2,20,30-31".parse().unwrap();
        let taken: Vec<u32> = std::iter::from_fn(|| list.take_first()).collect();
        assert_eq!((taken, list.to_string().as_str()), (vec![1, 3, 20, 30], "31"));
    }

    #[test]
    fn long_texts_are_cut_and_end_with_dots() {
        let text = (1..40).map(|task| (task * 2).to_string()).collect::<Vec<_>>().join(",");
        let list: TaskList = text.parse().unwrap();
        assert_eq!((list.len(), list.text().len()), (39, 63));
        assert!(list.text().ends_with("..."));
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for text in ["", "a", "5-1", "1-9:0", "1,1", "3,2", "1-", "2000000"] {
            let error = text.parse::<TaskList>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")) && error.contains("expected"), "{error}");
        }
    }
}
