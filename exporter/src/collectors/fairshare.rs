//! Fair share: what accounts and users were promised, what they have used, and how that weighs in their jobs' priority.
//! Limits have a collector of their own.

use super::{Collector, Settings, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "fairshare",
    needs: &[Endpoint::Shares],
    families: &[&FACTOR, &LEVEL, &RAW, &NORMALIZED, &USAGE],
    collect,
};

static FACTOR: Desc = plain(
    "slurm_fairshare_factor",
    "Rank of a user by fair share, from 0 to 1, which weighs in the priority of jobs; only with Fair Tree.",
);
static LEVEL: Desc = plain(
    "slurm_fairshare_level",
    "Normalized shares over effective usage, infinite without usage, where siblings rank by it; only with Fair Tree.",
);
static RAW: Desc = plain(
    "slurm_shares_raw",
    "Shares as they are configured, without a series where they are the parent's or there are none.",
);
static NORMALIZED: Desc = plain(
    "slurm_shares_normalized",
    "Shares of an account or user as a part of what its siblings have together, from 0 to 1.",
);
static USAGE: Desc = plain(
    "slurm_usage_effective",
    "Recent usage of an account or user as a part of that of its siblings, from 0 to 1.",
);

const fn plain(name: &'static str, help: &'static str) -> Desc {
    gauge(name, help, Unit::None, &["account", "user", "partition"], Level::Detailed)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(shares) = &snapshot.shares else { return };
    let [factor, level, raw, normalized, usage] =
        batch.families([&FACTOR, &LEVEL, &RAW, &NORMALIZED, &USAGE]);
    for row in &shares.rows {
        let labels = [row.account, row.user, row.partition].map(|name| shares.symbols.resolve(name));
        if let Some(shares) = row.raw {
            raw.sample(&labels, shares);
        }
        for (family, value) in [
            (&mut *factor, row.factor.filter(|_| !shares.is_classic)),
            (&mut *level, row.level.filter(|_| !shares.is_classic)),
            (&mut *normalized, row.normalized),
            (&mut *usage, row.usage_effective),
        ] {
            if let Some(value) = value {
                family.sample(&labels, value);
            }
        }
    }
}
