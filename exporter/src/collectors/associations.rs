//! Limits of accounts and of their users, and what their jobs use of them.
//!
//! Only limits that are set have series, and what a user merely inherits stands with the account alone: a cluster has tens
//! of thousands of users, and few of them have a limit of their own.

use std::collections::HashMap;

use super::in_use::InUse;
use super::{Collector, Settings, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::association::Association;
use crate::model::limit::{GRP_JOBS, GRP_SUBMIT_JOBS, GRP_TRES, Limit, MAX_JOBS, MAX_SUBMIT_JOBS};
use crate::model::{Associations, Endpoint, Jobs, Snapshot, Symbol};

pub(super) const COLLECTOR: Collector = Collector {
    name: "associations",
    needs: &[Endpoint::Associations, Endpoint::Jobs],
    families: &[&LIMIT, &USED],
    collect,
};

const LABELS: &[&str] = &["account", "user", "partition", "limit", "tres"];

static LIMIT: Desc = gauge(
    "slurm_association_limit",
    "A limit of an account, without a user, or of its user, in bytes, seconds or pieces.",
    Unit::None,
    LABELS,
    Level::Detailed,
);
static USED: Desc = gauge(
    "slurm_association_used",
    "What jobs now use of a limit, of an account together with the accounts below it.",
    Unit::None,
    LABELS,
    Level::Detailed,
);

/// Account, user, partition; the latter two may be empty.
type Who = [Symbol; 3];

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(table) = snapshot.associations.as_deref() else { return };
    let of_accounts: HashMap<Symbol, &Association> =
        table.rows.iter().filter(|row| row.user.is_empty()).map(|row| (row.account, row)).collect();
    let jobs = snapshot.jobs.as_deref();
    let in_use = jobs.map(|jobs| count(table, &of_accounts, jobs));
    let none = InUse::default();
    let text = |symbol| table.symbols.resolve(symbol);
    let [limits, used] = batch.families([&LIMIT, &USED]);
    for row in &table.rows {
        let account = of_accounts.get(&row.account).copied();
        let inherits = |limit: &Limit| {
            let of_account = if row.user.is_empty() { None } else { account };
            of_account.is_some_and(|account| account.limits.contains(limit))
        };
        for limit in row.limits.iter().filter(|limit| !inherits(limit)) {
            let tres = text(limit.tres);
            let labels = [text(row.account), text(row.user), text(row.partition), limit.name, tres];
            limits.sample(&labels, limit.value);
            let Some(in_use) = &in_use else { continue };
            let of_row = in_use.get(&[row.account, row.user, row.partition]).unwrap_or(&none);
            let amount = match limit.name {
                GRP_JOBS => Some(of_row.jobs),
                GRP_SUBMIT_JOBS => Some(of_row.submitted),
                GRP_TRES => of_row.of(jobs, tres),
                // On an account these limit each of its users.
                MAX_JOBS if !row.user.is_empty() => Some(of_row.jobs),
                MAX_SUBMIT_JOBS if !row.user.is_empty() => Some(of_row.submitted),
                _ => None,
            };
            if let Some(amount) = amount {
                used.sample(&labels, amount);
            }
        }
    }
}

/// What is used under each association. A job counts in its user's association (that of its partition where there is one),
/// in its account, and in every account above.
fn count(
    table: &Associations,
    of_accounts: &HashMap<Symbol, &Association>,
    jobs: &Jobs,
) -> HashMap<Who, InUse> {
    let known: HashMap<Who, ()> =
        table.rows.iter().map(|row| ([row.account, row.user, row.partition], ())).collect();
    let theirs = |symbol| table.symbols.get(jobs.symbols.resolve(symbol));
    let mut in_use: HashMap<Who, InUse> = HashMap::new();
    for job in &jobs.rows {
        let Some(mut account) = theirs(job.account) else { continue };
        if let Some(user) = theirs(job.user) {
            let partitions = jobs.partitions(job).iter().filter_map(|partition| theirs(*partition));
            let own =
                partitions.map(|partition| [account, user, partition]).find(|who| known.contains_key(who));
            let own = own.unwrap_or([account, user, Symbol::EMPTY]);
            in_use.entry(own).or_default().add(jobs, job);
        }
        // A tree is never this deep; a loop in bad data would be.
        for _ in 0..MOST_ACCOUNTS_ABOVE {
            in_use.entry([account, Symbol::EMPTY, Symbol::EMPTY]).or_default().add(jobs, job);
            match of_accounts.get(&account) {
                Some(row) if !row.parent.is_empty() => account = row.parent,
                _ => break,
            }
        }
    }
    in_use
}

const MOST_ACCOUNTS_ABOVE: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, samples, snapshot};

    /// A limit's name, its TRES, its value.
    type Named<'a> = (&'static str, &'a str, u64);

    /// Rows from `account user partition parent`, `-` for none, with limits `name tres value`.
    fn table(rows: &[(&str, &[Named<'_>])]) -> Associations {
        let mut table = Associations::default();
        for (who, limits) in rows {
            let symbols = &mut table.symbols;
            let mut words = who.split(' ').map(|word| symbols.intern(word.trim_matches('-')));
            let mut next = || words.next().unwrap();
            let (account, user, partition, parent) = (next(), next(), next(), next());
            let limits = limits.iter().map(|(name, tres, value)| Limit {
                name,
                tres: symbols.intern(tres),
                value: *value,
            });
            let limits = limits.collect();
            table.rows.push(Association { cluster: Symbol::EMPTY, account, user, partition, parent, limits });
        }
        table
    }

    fn used(account: &str, user: &str, partition: &str, limit: &str, tres: &str) -> String {
        format!(
            "slurm_association_used{{account=\"{account}\",user=\"{user}\",partition=\"{partition}\",limit=\"{limit}\",tres=\"{tres}\"}}"
        )
    }

    #[test]
    fn jobs_count_in_every_account_above() {
        let table = table(&[
            ("root - - -", &[("grp_jobs", "", 100)]),
            ("science - - root", &[("grp_tres", "cpu", 64), ("max_jobs", "", 3), ("grp_tres", "node", 9)]),
            ("physics - - science", &[("grp_submit_jobs", "", 50)]),
            ("physics ann - -", &[("max_jobs", "", 5), ("grp_tres", "gres/gpu", 4)]),
        ]);
        let jobs = JobsBuilder::default()
            .job("running", "batch", |job| job.cpus = 16)
            .gpus("h100", 2)
            .job("pending", "batch", |job| job.tasks = 10)
            .job("completed", "batch", |_| {})
            .build();
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs).associations(table).build());
        for (series, amount) in [
            (used("root", "", "", "grp_jobs", ""), Some("1")),
            (used("science", "", "", "grp_tres", "cpu"), Some("16")),
            (used("physics", "", "", "grp_submit_jobs", ""), Some("11")),
            (used("physics", "ann", "", "max_jobs", ""), Some("1")),
            (used("physics", "ann", "", "grp_tres", "gres/gpu"), Some("2")),
            (used("science", "", "", "max_jobs", ""), None),
            (used("science", "", "", "grp_tres", "node"), None),
        ] {
            assert_eq!(found.get(&series).map(String::as_str), amount, "{series}");
        }
    }

    #[test]
    fn what_a_user_inherits_stands_with_the_account_alone() {
        let table = table(&[
            ("physics - - root", &[("max_jobs", "", 5), ("max_submit_jobs", "", 9)]),
            ("physics ann - -", &[("max_jobs", "", 5), ("max_submit_jobs", "", 20)]),
            ("physics bob - -", &[("max_jobs", "", 5), ("max_submit_jobs", "", 9)]),
        ]);
        let found = samples(&COLLECTOR, &snapshot().associations(table).build());
        let users: Vec<_> = found.keys().filter(|series| !series.contains("user=\"\"")).collect();
        assert_eq!(users.len(), 1);
        assert!(users[0].contains("user=\"ann\"") && users[0].contains("max_submit_jobs"), "{users:?}");
    }

    #[test]
    fn a_job_counts_in_the_association_of_its_partition() {
        let table = table(&[
            ("physics - - -", &[]),
            ("physics ann - -", &[("max_jobs", "", 5)]),
            ("physics ann gpu -", &[("max_jobs", "", 2)]),
        ]);
        let jobs = JobsBuilder::default().job("running", "gpu", |_| {}).build();
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs).associations(table).build());
        assert_eq!(found[&used("physics", "ann", "gpu", "max_jobs", "")], "1");
        assert_eq!(found[&used("physics", "ann", "", "max_jobs", "")], "0");
    }
}
