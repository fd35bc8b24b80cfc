//! How many of the jobs that Slurm's statistics count a list of jobs shows: under `PrivateData` a user is shown only his
//! own, with 200 and without a warning. What is to be done about it is not said here.

use super::{Diag, Jobs};

/// Tasks that wait or run, of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visible {
    /// By the statistics.
    pub counted: u64,
    /// Those of them that the list has.
    pub shown: u64,
}

impl Visible {
    /// Of a list that was read after the statistics. All that they counted must be in it, since jobs that ended stay
    /// there for a while. None where something is not known: a count, its moment, or how much of an array was cut.
    pub fn of(jobs: &Jobs, diag: &Diag) -> Option<Self> {
        let counted = diag.jobs_pending?.checked_add(diag.jobs_running?)?;
        let at = diag.job_states_at;
        at.get()?;
        if jobs.rows.iter().any(|job| job.tasks_truncated) {
            return None;
        }
        let then = jobs.rows.iter().filter(|job| {
            let has_ended = !(job.is_pending() || job.is_running());
            job.submit_at <= at && (!has_ended || job.end_at >= at)
        });
        Some(Self { counted, shown: then.map(|job| u64::from(job.tasks)).sum() })
    }

    /// Where the list has not even half, that is no job that was purged early (`MinJobAge`).
    pub fn is_partial(self) -> bool {
        self.shown.saturating_mul(2) < self.counted
    }
}
