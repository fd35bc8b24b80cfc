//! Traces in the Standard Workload Format: one job a line in 18 columns, comments and header fields after `;`.
//! Not here: reading files, and what the cluster makes of a trace (cluster/replay.rs).
//!
//! The format is that of the Parallel Workloads Archive; -1 stands for unknown in every column.

use std::collections::HashMap;

const COLUMNS: usize = 18;
/// Longer than any job of the archive; larger numbers are mistakes.
const MOST_SECONDS: i64 = 10 * 366 * 86_400;
const MOST_PROCESSORS: i64 = 10_000_000;
const MOST_USERS: usize = 60_000;

/// What became of a recorded job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceJob {
    /// Column 1.
    pub number: u64,
    /// Seconds after the start of the trace.
    pub submit: u64,
    /// Seconds in the queue, where it is known.
    pub wait: Option<u64>,
    /// Seconds; 0 for a job that never ran.
    pub run: u64,
    /// Requested, or allocated where that is all that is known.
    pub processors: u32,
    /// Seconds, where it is known.
    pub time_limit: Option<u64>,
    pub memory_kb_per_processor: Option<u64>,
    pub ending: Ending,
    /// Numbered by first appearance.
    pub user: u16,
}

/// A whole trace, in order of submission.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub jobs: Vec<TraceJob>,
    pub users: u16,
    /// `; MaxNodes:`
    pub max_nodes: Option<u32>,
    /// `; MaxProcs:`
    pub max_processors: Option<u32>,
    /// `; Computer:`
    pub computer: Option<String>,
}

/// A line that is not as the format wants it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {trouble}")]
pub struct BadTrace {
    file: String,
    line: usize,
    trouble: String,
}

impl Trace {
    /// Reads a trace; `file` is its name in errors.
    ///
    /// # Errors
    /// The first line that is wrong, and what was expected.
    pub fn parse(text: &str, file: &str) -> Result<Self, BadTrace> {
        let mut trace = Self::default();
        let mut users: HashMap<i64, u16> = HashMap::new();
        let mut lines = 0;
        for (index, line) in text.lines().enumerate() {
            lines = index + 1;
            let bad = |trouble: String| BadTrace { file: file.to_owned(), line: index + 1, trouble };
            let line = line.trim();
            if let Some(comment) = line.strip_prefix(';') {
                trace.header(comment).map_err(bad)?;
            } else if !line.is_empty() {
                let job = job(line, &mut users).map_err(bad)?;
                if trace.jobs.last().is_some_and(|before| before.submit > job.submit) {
                    return Err(bad(format!(
                        "submit time {} is before that of the line above, expected ascending times",
                        job.submit
                    )));
                }
                trace.jobs.push(job);
            }
        }
        if trace.jobs.is_empty() {
            let trouble = format!("no job, expected lines of {COLUMNS} numbers");
            return Err(BadTrace { file: file.to_owned(), line: lines.max(1), trouble });
        }
        trace.users = users.len() as u16;
        Ok(trace)
    }

    /// `; MaxProcs: 128`; other comments are free text.
    fn header(&mut self, comment: &str) -> Result<(), String> {
        let Some((field, value)) = comment.split_once(':') else { return Ok(()) };
        let (field, value) = (field.trim(), value.trim());
        let number = || {
            // Some headers add words: `128 (64 x 2)`.
            let first = value.split_whitespace().next().unwrap_or("");
            let number = first.parse::<u32>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{field}: {value}: expected a whole number above 0"))
        };
        match field {
            "MaxNodes" => self.max_nodes = Some(number()?),
            "MaxProcs" => self.max_processors = Some(number()?),
            "Computer" => self.computer = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Processors of the machine: as the header says, and never fewer than a job asks for.
    pub fn processors(&self) -> u32 {
        let largest = self.jobs.iter().map(|job| job.processors).max().unwrap_or(1);
        self.max_processors.or(self.max_nodes).unwrap_or(largest).max(largest)
    }
}

fn job(line: &str, users: &mut HashMap<i64, u16>) -> Result<TraceJob, String> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    if columns.len() != COLUMNS {
        return Err(format!("{} columns, expected {COLUMNS}", columns.len()));
    }
    // Columns are counted from 1, as in the format's description. Averages may have a fraction.
    let number = |column: usize, name: &str, most: i64| -> Result<i64, String> {
        let text = columns[column - 1];
        let value = text.parse::<f64>().ok().filter(|value| *value >= -1.0 && *value <= most as f64);
        value.map(|value| value as i64).ok_or_else(|| {
            format!("column {column} ({name}) is {text:?}, expected a number from -1 to {most}")
        })
    };
    let known = |value: i64| u64::try_from(value).ok();
    for (column, name) in [(6, "CPU time"), (7, "used memory"), (13, "group"), (14, "executable")] {
        number(column, name, i64::MAX)?;
    }
    for (column, name) in [(15, "queue"), (16, "partition"), (17, "preceding job"), (18, "think time")] {
        number(column, name, i64::MAX)?;
    }
    let id = number(1, "job number", i64::MAX)?;
    let submit = number(2, "submit time", 100 * MOST_SECONDS)?;
    let allocated = number(5, "allocated processors", MOST_PROCESSORS)?;
    let requested = number(8, "requested processors", MOST_PROCESSORS)?;
    let processors = if requested > 0 { requested } else { allocated };
    let run = number(4, "run time", MOST_SECONDS)?;
    let status = number(11, "status", 5)?;
    if run > 0 && processors < 1 {
        return Err(
            "columns 5 and 8 (processors) are both unknown for a job that ran, expected one".to_owned()
        );
    }
    let next = users.len();
    let user = *users.entry(number(12, "user", i64::MAX)?).or_insert(next as u16);
    if users.len() > MOST_USERS {
        return Err(format!("column 12 (user): more than {MOST_USERS} users"));
    }
    Ok(TraceJob {
        number: known(id).unwrap_or(0),
        submit: known(submit).ok_or("column 2 (submit time) is -1, expected seconds from 0")?,
        wait: known(number(3, "wait time", MOST_SECONDS)?),
        run: known(run).unwrap_or(0),
        processors: processors.max(1) as u32,
        time_limit: known(number(9, "requested time", MOST_SECONDS)?).filter(|limit| *limit > 0),
        memory_kb_per_processor: known(number(10, "requested memory", i64::MAX)?)
            .filter(|memory| *memory > 0),
        ending: match status {
            0 => Ending::Failed,
            5 => Ending::Cancelled,
            _ => Ending::Completed,
        },
        user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "1 10 5 60 4 -1 -1 4 120 -1 1 7 1 -1 1 1 -1 -1";

    #[test]
    fn a_line_has_its_columns_where_the_format_says() {
        let text = format!("; MaxProcs: 128 (two racks)\n;\n\n{LINE}\n");
        let trace = Trace::parse(&text, "t.swf").unwrap();
        let job = &trace.jobs[0];
        assert_eq!((job.submit, job.wait, job.run, job.processors), (10, Some(5), 60, 4));
        assert_eq!((job.time_limit, job.ending, job.user), (Some(120), Ending::Completed, 0));
        assert_eq!((trace.processors(), trace.users), (128, 1));
    }

    #[test]
    fn a_mistake_names_file_line_column_and_what_was_expected() {
        let later = LINE.replacen("1 10", "2 3", 1);
        for (text, words) in [
            ("1 2 3".to_owned(), "t.swf:1: 3 columns, expected 18"),
            (LINE.replace("60", "sixty"), "t.swf:1: column 4 (run time) is \"sixty\", expected a number"),
            (format!(";\n{}", LINE.replacen("10", "-1", 1)), "t.swf:2: column 2 (submit time)"),
            (format!("{LINE}\n{later}"), "t.swf:2: submit time 3 is before"),
            (LINE.replace(" 4 ", " -1 "), "t.swf:1: columns 5 and 8"),
            ("; MaxProcs: many\n".to_owned(), "t.swf:1: MaxProcs: many: expected"),
            ("; nothing\n".to_owned(), "t.swf:1: no job"),
        ] {
            let error = Trace::parse(&text, "t.swf").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
