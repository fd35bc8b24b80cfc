//! Accounts: their jobs, what those hold that run, and what each account's users have used since the exporter began.
//! Limits and fair shares of accounts are not told here.

use super::{Collector, Settings, counter, gauge, gpu, held};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, JobTotals, Snapshot, Symbol};

pub(super) const COLLECTOR: Collector = Collector {
    name: "accounts",
    needs: &[Endpoint::Jobs],
    families: &[&JOBS, &CPUS, &MEMORY, &GPUS, &CPU_SECONDS, &MEMORY_BYTE_SECONDS, &GPU_SECONDS],
    collect,
};

static JOBS: Desc = gauge(
    "slurm_account_jobs",
    "Jobs of the account by base state, arrays counted in tasks.",
    Unit::None,
    &["account", "state"],
    Level::Detailed,
);
static CPUS: Desc = gauge(
    "slurm_account_cpus_allocated",
    "CPUs that the account's running jobs hold.",
    Unit::None,
    &["account"],
    Level::Detailed,
);
static MEMORY: Desc = gauge(
    "slurm_account_memory_allocated_bytes",
    "Memory in bytes that the account's running jobs hold.",
    Unit::Bytes,
    &["account"],
    Level::Detailed,
);
static GPUS: Desc = gauge(
    "slurm_account_gpus_allocated",
    "GPUs that the account's running jobs hold, by type.",
    Unit::None,
    &["account", "gpu_type"],
    Level::Detailed,
);
static CPU_SECONDS: Desc = counter(
    "slurm_account_cpu_seconds_total",
    "CPU seconds that jobs held since the exporter began, used or not.",
    Unit::Seconds,
    &["account", "user"],
    Level::Detailed,
);
static MEMORY_BYTE_SECONDS: Desc = counter(
    "slurm_account_memory_byte_seconds_total",
    "Bytes of memory times the seconds that jobs held them since the exporter began, used or not.",
    Unit::Seconds,
    &["account", "user"],
    Level::Detailed,
);
static GPU_SECONDS: Desc = counter(
    "slurm_account_gpu_seconds_total",
    "GPU seconds that jobs held since the exporter began, used or not, by type.",
    Unit::Seconds,
    &["account", "user", "gpu_type"],
    Level::Detailed,
);

fn collect(snapshot: &Snapshot, settings: &Settings, batch: &mut Batch) {
    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    for (account, held) in held::count(jobs, &settings.accounts, |job| job.account, |_| Symbol::EMPTY) {
        for ((_, state), tasks) in &held.jobs {
            batch.family(&JOBS).sample(&[account, state], *tasks);
        }
        if held.cpus > 0 {
            batch.family(&CPUS).sample(&[account], held.cpus);
            batch.family(&MEMORY).sample(&[account], held.memory_bytes);
        }
        for (kind, count) in &held.gpus {
            batch.family(&GPUS).sample(&[account, kind], *count);
        }
    }
    write_usage(&snapshot.job_totals, settings, batch);
}

/// Only exclusions narrow these: who is beyond a limit changes from time to time, and a counter must not go down.
fn write_usage(totals: &JobTotals, settings: &Settings, batch: &mut Batch) {
    for (labels, usage) in &totals.usage {
        let [account, user] = labels.map(|label| totals.symbols.resolve(label));
        if settings.accounts.exclude.contains(account) || settings.users.exclude.contains(user) {
            continue;
        }
        batch.family(&CPU_SECONDS).sample(&[account, user], usage.cpu_seconds);
        let byte_seconds = usage.memory_byte_seconds as f64;
        batch.family(&MEMORY_BYTE_SECONDS).sample(&[account, user], byte_seconds);
        for (kind, seconds) in &usage.gpu_seconds {
            let kind = gpu::type_label(totals.symbols.resolve(*kind));
            batch.family(&GPU_SECONDS).sample(&[account, user, kind], *seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::settings::Names;
    use crate::collectors::test_cluster::{JobsBuilder, samples_with, snapshot};
    use crate::lifecycle::{Buckets, JobLife};
    use crate::model::Timestamp;

    #[test]
    fn use_is_told_by_account_and_user_unless_one_of_them_is_excluded() {
        let at = |seconds| Timestamp::from_unix(Some(seconds));
        let jobs = JobsBuilder::default()
            .job("running", "batch", |job| (job.cpus, job.start_at) = (4, at(50)))
            .gpus("", 2)
            .job("running", "batch", |job| (job.cpus, job.start_at) = (1, at(50)))
            .user("bob")
            .build();
        let mut life = JobLife::default();
        life.advance(&jobs, at(100), &Buckets::default());
        let totals = life.advance(&jobs, at(110), &Buckets::default());
        let mut snapshot = snapshot().jobs(jobs).build();
        snapshot.job_totals = totals;
        let found = samples_with(&COLLECTOR, &snapshot, &Settings::default());
        assert_eq!(found[r#"slurm_account_cpus_allocated{account="physics"}"#], "5");
        assert_eq!(found[r#"slurm_account_jobs{account="physics",state="running"}"#], "2");
        let of_ann = r#"{account="physics",user="ann"}"#;
        assert_eq!(found[&format!("slurm_account_cpu_seconds_total{of_ann}")], "40");
        assert_eq!(found[&format!("slurm_account_memory_byte_seconds_total{of_ann}")], "100");
        let gpus = r#"slurm_account_gpu_seconds_total{account="physics",user="ann",gpu_type="any"}"#;
        assert_eq!(found[gpus], "20");

        let users = Names { exclude: ["ann".to_owned()].into(), ..Names::default() };
        let settings = Settings { users, ..Settings::default() };
        let found = samples_with(&COLLECTOR, &snapshot, &settings);
        assert!(found.keys().all(|series| !series.contains("ann")), "{found:?}");
        assert_eq!(found[r#"slurm_account_cpus_allocated{account="physics"}"#], "5");
    }
}
