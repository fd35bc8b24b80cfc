//! Users: their jobs, and what those hold that run. A user without a job has no series.
//! What they have used over time is told with their accounts.

use super::{Collector, Settings, gauge, held};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector =
    Collector { name: "users", needs: &[Endpoint::Jobs], families: &[&JOBS, &CPUS, &MEMORY, &GPUS], collect };

static JOBS: Desc = gauge(
    "slurm_user_jobs",
    "Jobs of the user by account and base state, arrays counted in tasks.",
    Unit::None,
    &["user", "account", "state"],
    Level::Detailed,
);
static CPUS: Desc = gauge(
    "slurm_user_cpus_allocated",
    "CPUs that the user's running jobs hold.",
    Unit::None,
    &["user"],
    Level::Detailed,
);
static MEMORY: Desc = gauge(
    "slurm_user_memory_allocated_bytes",
    "Memory in bytes that the user's running jobs hold.",
    Unit::Bytes,
    &["user"],
    Level::Detailed,
);
static GPUS: Desc = gauge(
    "slurm_user_gpus_allocated",
    "GPUs that the user's running jobs hold, by type.",
    Unit::None,
    &["user", "gpu_type"],
    Level::Detailed,
);

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    for (user, held) in held::count(jobs, &settings.users, |job| job.user, |job| job.account) {
        for ((account, state), tasks) in &held.jobs {
            batch.family(&JOBS).sample(&[user, account, state], *tasks);
        }
        if held.cpus > 0 {
            batch.family(&CPUS).sample(&[user], held.cpus);
            batch.family(&MEMORY).sample(&[user], held.memory_bytes);
        }
        for (kind, count) in &held.gpus {
            batch.family(&GPUS).sample(&[user, kind], *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::settings::Names;
    use crate::collectors::test_cluster::{JobsBuilder, samples_with, snapshot};
    use crate::model::{Job, Symbol};

    /// Ann runs 4 CPUs with two GPUs and has 3 tasks that wait; bob runs 2, and `other`, who is a user, 1.
    fn jobs() -> JobsBuilder {
        let cpus = |cpus| move |job: &mut Job| job.cpus = cpus;
        JobsBuilder::default()
            .job("running", "batch", cpus(4))
            .gpus("h100", 2)
            .job("pending", "batch", |job| job.tasks = 3)
            .job("running", "batch", cpus(2))
            .user("bob")
            .job("running", "batch", cpus(1))
            .user("other")
    }

    #[test]
    fn jobs_and_what_they_hold_are_told_per_user() {
        let found = samples_with(&COLLECTOR, &snapshot().jobs(jobs().build()).build(), &Settings::default());
        assert_eq!(found[r#"slurm_user_jobs{user="ann",account="physics",state="pending"}"#], "3");
        assert_eq!(found[r#"slurm_user_cpus_allocated{user="ann"}"#], "4");
        assert_eq!(found[r#"slurm_user_memory_allocated_bytes{user="ann"}"#], "10");
        assert_eq!(found[r#"slurm_user_gpus_allocated{user="ann",gpu_type="h100"}"#], "2");
        assert_eq!(found[r#"slurm_user_cpus_allocated{user="bob"}"#], "2");
        let waiting_only = jobs().job("pending", "batch", |_| {}).user("eve").build();
        assert_ne!(waiting_only.rows[4].user, Symbol::EMPTY);
        let found = samples_with(&COLLECTOR, &snapshot().jobs(waiting_only).build(), &Settings::default());
        assert!(!found.contains_key(r#"slurm_user_cpus_allocated{user="eve"}"#));
    }

    #[test]
    fn who_is_beyond_the_limit_is_put_together_and_nothing_is_lost() {
        let users = Names { max: Some(1), ..Names::default() };
        let settings = Settings { users, ..Settings::default() };
        let found = samples_with(&COLLECTOR, &snapshot().jobs(jobs().build()).build(), &settings);
        assert_eq!(found[r#"slurm_user_cpus_allocated{user="ann"}"#], "4");
        // Bob and the user whose name that is.
        assert_eq!(found[r#"slurm_user_cpus_allocated{user="other"}"#], "3");
        assert_eq!(found[r#"slurm_user_jobs{user="other",account="physics",state="running"}"#], "2");
    }

    #[test]
    fn who_is_excluded_has_no_series() {
        let users = Names { exclude: ["ann".to_owned()].into(), ..Names::default() };
        let settings = Settings { users, ..Settings::default() };
        let found = samples_with(&COLLECTOR, &snapshot().jobs(jobs().build()).build(), &settings);
        assert!(found.keys().all(|series| !series.contains("ann")), "{found:?}");
        assert_eq!(found[r#"slurm_user_cpus_allocated{user="bob"}"#], "2");
    }
}
