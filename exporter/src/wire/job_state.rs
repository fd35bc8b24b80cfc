//! One task of `/jobs/state`, the same in all versions that have it: an id in text, and its words.

use serde::Deserialize;

use super::error::ValueError;
use super::job::implied_base;
use super::no_val::Text;
use super::stream::read_value;
use super::words::{Words, sort};
use crate::model::JobStates;
use crate::model::state::{job_base, job_flag};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    job_id: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Words<'a>>,
}

/// Counts one task in the table. A task of an array is `10_4`, one of several parts `3+1` (recorded, 24.11 and 26.05).
///
/// The number in front is that of the task's row in `/jobs`. v0.0.40 alone writes the array's for tasks with a row of
/// their own too; a requeued one of an array that Slurm cuts in `/jobs` is counted twice there.
pub(super) fn read(bytes: &[u8], table: &mut JobStates) -> Result<usize, ValueError> {
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    let id = wire.job_id.ok_or(ValueError::Missing("job_id"))?;
    let words = wire.state.ok_or(ValueError::Missing("state"))?;
    let mut other_flags = Vec::new();
    let symbols = &mut table.symbols;
    let state = sort(&words, job_base::index_of, job_flag::index_of, implied_base, symbols, &mut other_flags);
    let array = id.0.split_once('_').and_then(|(array, _)| array.parse().ok());
    table.add(state.base, array);
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::Word;

    #[test]
    fn tasks_count_by_state_and_those_of_an_array_by_its_row_too() {
        let mut table = JobStates::default();
        for row in [
            r#"{"job_id":"1","state":["RUNNING","CONFIGURING"]}"#,
            r#"{"job_id":"10_4","state":["PENDING"]}"#,
            r#"{"job_id":"10_5","state":["PENDING","SPECIAL_EXIT"]}"#,
            r#"{"job_id":"219_1","state":["RUNNING"]}"#,
            r#"{"job_id":"3+1","state":["PENDING"]}"#,
            r#"{"job_id":"4","state":["DREAMING"]}"#,
        ] {
            assert_eq!(read(row.as_bytes(), &mut table).unwrap(), row.len());
        }
        let pending = Word::Known(job_base::PENDING);
        let dreaming = Word::Other(table.symbols.get("dreaming").unwrap());
        assert_eq!(table.tasks, [(Word::Known(job_base::RUNNING), 2), (pending, 3), (dreaming, 1)]);
        assert_eq!(table.of_array(10, pending), Some(2));
        assert_eq!(table.of_array(10, Word::Known(job_base::CANCELLED)), None);
        assert_eq!(
            (table.of_array(3, pending), table.of_array(219, Word::Known(job_base::RUNNING))),
            (None, None)
        );
    }
}
