//! Whether Slurm shows us all there is, or what our user may see: a list that is filtered (`PrivateData`) comes like any
//! other, with 200 and without a warning. Nodes and partitions are refused instead (24.11.5), as a failed poll.

use crate::model::{Diag, Endpoint, Snapshot, Visible};

/// Whether the newest reading of an endpoint is only a part; none where nothing tells. `diag` is what was known when it
/// was asked for.
pub(super) fn is_partial(endpoint: Endpoint, snapshot: &Snapshot, diag: Option<&Diag>) -> Option<bool> {
    match endpoint {
        Endpoint::Jobs => Visible::of(snapshot.jobs.as_deref()?, diag?).map(Visible::is_partial),
        Endpoint::Shares => Some(!snapshot.shares.as_deref()?.has_root),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collectors::test_cluster::JobsBuilder;
    use crate::model::{Jobs, Shares, Timestamp};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    fn diag(pending: u64, running: u64) -> Diag {
        Diag {
            jobs_pending: Some(pending),
            jobs_running: Some(running),
            job_states_at: at(100),
            ..Diag::default()
        }
    }

    fn verdict(jobs: Jobs, diag: Option<&Diag>) -> Option<bool> {
        let snapshot = Snapshot { jobs: Some(Arc::new(jobs)), ..Snapshot::default() };
        is_partial(Endpoint::Jobs, &snapshot, diag)
    }

    #[test]
    fn a_list_without_the_jobs_of_others_is_partial() {
        let own = || JobsBuilder::default().job("running", "batch", |job| job.submit_at = at(50)).build();
        assert_eq!(verdict(own(), Some(&diag(267, 3))), Some(true));
        assert_eq!(verdict(own(), Some(&diag(0, 1))), Some(false));
        assert_eq!(verdict(Jobs::default(), Some(&diag(0, 1))), Some(true));
        assert_eq!(verdict(Jobs::default(), Some(&diag(0, 0))), Some(false));
    }

    #[test]
    fn what_came_or_ended_meanwhile_is_no_evidence() {
        let jobs = || {
            JobsBuilder::default()
                .job("pending", "batch", |job| (job.submit_at, job.tasks) = (at(100), 40))
                .job("completed", "batch", |job| (job.submit_at, job.end_at) = (at(1), at(110)))
        };
        assert_eq!(verdict(jobs().build(), Some(&diag(40, 1))), Some(false));
        let after = jobs().job("pending", "batch", |job| (job.submit_at, job.tasks) = (at(101), 1000));
        let before = after.job("completed", "batch", |job| {
            (job.submit_at, job.end_at, job.tasks) = (at(1), at(99), 1000);
        });
        assert_eq!(verdict(before.build(), Some(&diag(83, 1))), Some(true));
    }

    #[test]
    fn where_something_is_unknown_there_is_no_verdict() {
        let cut = JobsBuilder::default().job("pending", "batch", |job| job.tasks_truncated = true).build();
        assert_eq!(verdict(cut, Some(&diag(300, 0))), None);
        assert_eq!(
            verdict(Jobs::default(), Some(&Diag { job_states_at: Timestamp::NONE, ..diag(9, 0) })),
            None
        );
        assert_eq!(verdict(Jobs::default(), None), None);
        assert_eq!(is_partial(Endpoint::Nodes, &Snapshot::default(), None), None);
    }

    #[test]
    fn shares_without_their_root_are_partial() {
        for has_root in [true, false] {
            let shares = Some(Arc::new(Shares { has_root, ..Shares::default() }));
            let snapshot = Snapshot { shares, ..Snapshot::default() };
            assert_eq!(is_partial(Endpoint::Shares, &snapshot, None), Some(!has_root));
        }
    }
}
