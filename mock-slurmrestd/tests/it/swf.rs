//! A trace comes out as it went in: its jobs, when they were submitted and started, and how long they ran.
//! Not here: the format's mistakes (src/workload/swf.rs).

use mock_slurmrestd::cluster::Cluster;
use mock_slurmrestd::cluster::clock::DEFAULT_START_UNIX;
use mock_slurmrestd::cluster::job::JobState;
use mock_slurmrestd::workload::swf::{Ending, Trace};
use std::collections::BTreeMap;
use std::time::Duration;

fn trace() -> Trace {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/small.swf");
    Trace::parse(&std::fs::read_to_string(path).unwrap(), path).unwrap()
}

fn replayed() -> Cluster {
    let trace = trace();
    let size = trace.size(None);
    let mut cluster = Cluster::replaying(trace, &size, 1, DEFAULT_START_UNIX, "sim");
    cluster.advance(Duration::from_secs(4 * 3_600));
    cluster
}

#[test]
fn every_job_of_a_trace_runs_as_long_as_it_did_and_starts_when_it_did() {
    let (trace, cluster) = (trace(), replayed());
    assert_eq!(cluster.nodes().len(), 4, "256 processors on nodes of 64");
    let jobs: BTreeMap<u32, _> = cluster.history().jobs().map(|job| (job.id, job)).collect();
    assert_eq!(jobs.len(), trace.jobs.len());
    let mut scheduled = 0;
    // Ids are given in the order of submission.
    for (recorded, job) in trace.jobs.iter().zip(jobs.values()) {
        let submit = (DEFAULT_START_UNIX + recorded.submit) * 1_000;
        assert_eq!((job.submit, job.request.cpus()), (submit, recorded.processors), "{recorded:?}");
        if recorded.run == 0 {
            assert_eq!((job.state, job.allocation.len()), (JobState::Cancelled, 0), "{recorded:?}");
            continue;
        }
        let state = match recorded.ending {
            Ending::Completed => JobState::Completed,
            Ending::Failed => JobState::Failed,
            Ending::Cancelled => JobState::Cancelled,
        };
        assert_eq!((job.state, job.end - job.start), (state, recorded.run * 1_000), "{recorded:?}");
        match recorded.wait {
            Some(wait) => assert_eq!(job.start - job.submit, wait * 1_000, "{recorded:?}"),
            None => {
                scheduled += 1;
                assert!(job.start >= job.submit, "{recorded:?}");
            }
        }
    }
    assert!(scheduled >= 3, "some waits are unknown, and the scheduler decides");
}

#[test]
fn a_machine_that_is_too_small_lets_jobs_wait_longer_but_loses_none() {
    let trace = trace();
    let (size, count) = (trace.size(Some(1)), trace.jobs.len());
    let mut cluster = Cluster::replaying(trace, &size, 1, DEFAULT_START_UNIX, "sim");
    let mut most = 0;
    for _ in 0..24 * 60 {
        cluster.advance(Duration::from_secs(60));
        most = most.max(cluster.oracle().cpus.allocated);
    }
    assert_eq!(cluster.history().jobs().len(), count);
    assert!(most <= 64 && most > 32, "{most}");
    assert!(cluster.history().jobs().all(|job| job.start >= job.submit));
}
