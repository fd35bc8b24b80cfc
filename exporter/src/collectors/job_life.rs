//! What became of jobs since the exporter began: true counters and histograms, each job once.
//! The counting is done in `lifecycle`; how many jobs there are now is the business of `jobs`.

use super::{Collector, Settings, counter, histogram};
use crate::exposition::{Batch, Desc, Family, Level, Unit};
use crate::model::histogram::Histograms;
use crate::model::{Endpoint, JobTotals, Snapshot, Symbol};

pub(super) const COLLECTOR: Collector = Collector {
    name: "job_life",
    needs: &[Endpoint::Jobs],
    families: &[
        &SUBMITTED,
        &STARTED,
        &REQUEUED,
        &VANISHED,
        &FINISHED,
        &COMPLETED,
        &FAILED,
        &WAIT_TIME,
        &RUN_TIME,
        &LIMIT_USED,
    ],
    collect,
};

static SUBMITTED: Desc = count(
    "slurm_jobs_submitted_total",
    "Jobs that were submitted since the exporter began, arrays counted in tasks.",
    &[],
);
static STARTED: Desc =
    count("slurm_jobs_started_total", "Runs of jobs that began, a requeued job's each time.", &[]);
static REQUEUED: Desc =
    count("slurm_jobs_requeued_total", "Times that a job was put back into the queue.", &[]);
static VANISHED: Desc = count(
    "slurm_jobs_vanished_total",
    "Jobs that left Slurm's list before the exporter saw their end, which no other counter of ends has.",
    &[],
);
static FINISHED: Desc = count(
    "slurm_jobs_finished_total",
    "Jobs that ended, by their final state.",
    &["partition", "account", "state"],
);
static COMPLETED: Desc =
    count("slurm_jobs_completed_total", "Jobs that ended as COMPLETED.", &["partition", "account"]);
static FAILED: Desc = count(
    "slurm_jobs_failed_total",
    "Jobs that ended as FAILED, TIMEOUT, OUT_OF_MEMORY, NODE_FAIL, BOOT_FAIL or DEADLINE.",
    &["partition", "account", "user"],
);
static WAIT_TIME: Desc = histogram(
    "slurm_job_wait_time_seconds",
    "Seconds that jobs which began had waited since they were eligible.",
    Unit::Seconds,
    &["partition", "qos"],
    Level::Detailed,
);
static RUN_TIME: Desc = histogram(
    "slurm_job_run_time_seconds",
    "Seconds that jobs which ended had run, by their final state.",
    Unit::Seconds,
    &["partition", "state"],
    Level::Detailed,
);
static LIMIT_USED: Desc = histogram(
    "slurm_job_time_limit_used_ratio",
    "Share of their time limit that jobs which ended had run, where they had one.",
    Unit::Ratio,
    &["partition"],
    Level::Detailed,
);

const fn count(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    counter(name, help, Unit::None, labels, Level::Detailed)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    // Withdrawn with the jobs: a counter that stands still would say that nothing happens.
    if snapshot.jobs.is_none() {
        return;
    }
    let totals = &*snapshot.job_totals;
    for (family, value) in [
        (&SUBMITTED, totals.submitted),
        (&STARTED, totals.started),
        (&REQUEUED, totals.requeued),
        (&VANISHED, totals.vanished),
    ] {
        batch.family(family).sample(&[], value);
    }
    for (labels, value) in &totals.finished {
        batch.family(&FINISHED).sample(&names(totals, labels), *value);
    }
    for (labels, value) in totals.completed() {
        batch.family(&COMPLETED).sample(&names(totals, &labels), value);
    }
    for (labels, value) in &totals.failed {
        batch.family(&FAILED).sample(&names(totals, labels), *value);
    }
    write(totals, &totals.wait, batch.family(&WAIT_TIME));
    write(totals, &totals.run, batch.family(&RUN_TIME));
    write(totals, &totals.limit_used, batch.family(&LIMIT_USED));
}

fn write<const N: usize>(totals: &JobTotals, histograms: &Histograms<N>, family: &mut Family) {
    for (labels, histogram) in histograms.iter() {
        let bounds = histograms.bounds();
        family.histogram(&names(totals, labels), bounds, &histogram.cumulative(), histogram.sum());
    }
}

fn names<'a, const N: usize>(totals: &'a JobTotals, labels: &[Symbol; N]) -> [&'a str; N] {
    labels.map(|label| totals.symbols.resolve(label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, samples, snapshot};
    use crate::lifecycle::{Buckets, JobLife};
    use crate::model::{Jobs, Timestamp};

    #[test]
    fn a_finished_job_is_in_every_family_that_tells_of_it() {
        let at = |seconds| Timestamp::from_unix(Some(seconds));
        let buckets =
            Buckets { job_wait: vec![10.0, 100.0], job_duration: vec![500.0], ..Buckets::default() };
        let mut life = JobLife::default();
        life.advance(&Jobs::default(), at(900), &buckets);
        let jobs = JobsBuilder::default().job("timeout", "gpu", |job| {
            (job.submit_at, job.eligible_at) = (at(1000), at(1000));
            (job.start_at, job.end_at) = (at(1030), at(1630));
            job.time_limit_minutes = std::num::NonZeroU32::new(10);
        });
        let jobs = jobs.build();
        let totals = life.advance(&jobs, at(2000), &buckets);
        let mut snapshot = snapshot().jobs(jobs).build();
        snapshot.job_totals = totals;
        let found = samples(&COLLECTOR, &snapshot);
        for (series, value) in [
            ("slurm_jobs_submitted_total", "1"),
            ("slurm_jobs_started_total", "1"),
            ("slurm_jobs_requeued_total", "0"),
            ("slurm_jobs_vanished_total", "0"),
            (r#"slurm_jobs_finished_total{partition="gpu",account="physics",state="timeout"}"#, "1"),
            (r#"slurm_jobs_completed_total{partition="gpu",account="physics"}"#, "0"),
            (r#"slurm_jobs_failed_total{partition="gpu",account="physics",user="ann"}"#, "1"),
            (r#"slurm_job_wait_time_seconds_bucket{partition="gpu",qos="",le="10.0"}"#, "0"),
            (r#"slurm_job_wait_time_seconds_bucket{partition="gpu",qos="",le="100.0"}"#, "1"),
            (r#"slurm_job_run_time_seconds_bucket{partition="gpu",state="timeout",le="500.0"}"#, "0"),
            (r#"slurm_job_run_time_seconds_sum{partition="gpu",state="timeout"}"#, "600"),
            (r#"slurm_job_time_limit_used_ratio_bucket{partition="gpu",le="1.0"}"#, "1"),
            (r#"slurm_job_time_limit_used_ratio_bucket{partition="gpu",le="0.9"}"#, "0"),
        ] {
            assert_eq!(found.get(series).map(String::as_str), Some(value), "{series}");
        }
        snapshot.jobs = None;
        assert!(samples(&COLLECTOR, &snapshot).is_empty(), "withdrawn with the jobs");
    }
}
