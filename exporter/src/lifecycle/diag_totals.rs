//! The scheduler's counters since this process began: Slurm's own restart at midnight and with slurmctld.
//! Gauges pass through as they are.

use std::collections::HashMap;

use crate::model::diag::{RpcByType, RpcByUser};
use crate::model::{Diag, Timestamp};

/// Sums of the counters over all resets. The first reading counts from its own values.
#[derive(Clone, Debug, Default)]
pub struct DiagTotals {
    reset_at: Timestamp,
    counters: HashMap<Key, Counter>,
    /// Answered last: rows that vanish keep their totals.
    latest: Diag,
}

/// What sets a counter back to zero. `reset_stats(0)`, at midnight UTC, leaves the count of backfilled jobs alone,
/// and the RPC tables are cleared only by `sdiag --reset` (slurmctld's statistics.c and proc_req.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    /// Every reset, which shows as a new `reset_at`.
    Reset,
    /// A restart of slurmctld or `sdiag --reset`, which shows only as counters that go down.
    Restart,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    field: &'static str,
    /// Exit reason, message type or user; else empty.
    label: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// As Slurm said it last; 0 after a reset.
    last: u64,
    total: u64,
}

impl DiagTotals {
    /// The reading with every counter replaced by its total since this process began.
    /// Message types, users and exit reasons that Slurm no longer lists keep theirs; rows of one name are one row.
    pub fn advance(&mut self, raw: &Diag) -> Diag {
        let mut diag = raw.clone();
        merge_rows(&mut diag);

        let (mut fell, mut restarted) = (false, false);
        for_each_counter(&mut diag, |lifetime, key, value| {
            if self.counters.get(&key).is_some_and(|counter| *value < counter.last) {
                match lifetime {
                    Lifetime::Reset => fell = true,
                    Lifetime::Restart => restarted = true,
                }
            }
        });
        let moved = raw.reset_at != Timestamp::NONE && raw.reset_at != self.reset_at;
        if fell || moved || restarted {
            for (key, counter) in &mut self.counters {
                if restarted || lifetime_of(key.field) == Lifetime::Reset {
                    counter.last = 0;
                }
            }
        }
        if moved {
            self.reset_at = raw.reset_at;
        }

        for_each_counter(&mut diag, |_, key, value| {
            let counter = self.counters.entry(key).or_default();
            counter.total = counter.total.saturating_add(value.saturating_sub(counter.last));
            counter.last = *value;
            *value = counter.total;
        });
        keep_vanished(&mut diag, &self.latest);
        self.latest = diag.clone();
        diag
    }
}

/// Fields that outlive a reset at midnight.
fn lifetime_of(field: &str) -> Lifetime {
    if field == "backfill_jobs" || field.starts_with("rpc_") { Lifetime::Restart } else { Lifetime::Reset }
}

/// Every counter of a reading, once.
fn for_each_counter(diag: &mut Diag, mut visit: impl FnMut(Lifetime, Key, &mut u64)) {
    let mut visit = |field: &'static str, label: &str, value: &mut u64| {
        visit(lifetime_of(field), Key { field, label: label.to_owned() }, value);
    };
    for (field, value) in [
        ("jobs_submitted", &mut diag.jobs_submitted),
        ("jobs_started", &mut diag.jobs_started),
        ("jobs_completed", &mut diag.jobs_completed),
        ("jobs_canceled", &mut diag.jobs_canceled),
        ("jobs_failed", &mut diag.jobs_failed),
        ("main_cycles", &mut diag.main.cycles),
        ("backfill_cycles", &mut diag.backfill.cycle.cycles),
        ("backfill_jobs", &mut diag.backfill.jobs),
        ("backfill_het_jobs", &mut diag.backfill.het_jobs),
    ] {
        if let Some(value) = value {
            visit(field, "", value);
        }
    }
    for (reason, count) in &mut diag.main.exits {
        visit("main_exits", reason, count);
    }
    for (reason, count) in &mut diag.backfill.cycle.exits {
        visit("backfill_exits", reason, count);
    }
    for rpc in &mut diag.rpcs_by_type {
        visit("rpc_type_count", &rpc.message_type, &mut rpc.count);
        visit("rpc_type_micros", &rpc.message_type, &mut rpc.total_micros);
        if let Some(dropped) = &mut rpc.dropped {
            visit("rpc_type_dropped", &rpc.message_type, dropped);
        }
    }
    for rpc in &mut diag.rpcs_by_user {
        visit("rpc_user_count", &rpc.user, &mut rpc.count);
        visit("rpc_user_micros", &rpc.user, &mut rpc.total_micros);
    }
}

/// Slurm keys its tables by number, so that two rows may bear one name.
fn merge_rows(diag: &mut Diag) {
    fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
        one.into_iter().chain(other).reduce(u64::saturating_add)
    }
    let exits = |before: &mut (String, u64), row: &(String, u64)| before.1 = before.1.saturating_add(row.1);
    for list in [&mut diag.main.exits, &mut diag.backfill.cycle.exits] {
        merge(list, |(reason, _)| reason, exits);
    }
    merge(
        &mut diag.rpcs_by_type,
        |row| &row.message_type,
        |before: &mut RpcByType, row| {
            before.count = before.count.saturating_add(row.count);
            before.total_micros = before.total_micros.saturating_add(row.total_micros);
            before.queued = sum(before.queued, row.queued);
            before.dropped = sum(before.dropped, row.dropped);
        },
    );
    merge(
        &mut diag.rpcs_by_user,
        |row| &row.user,
        |before: &mut RpcByUser, row| {
            before.count = before.count.saturating_add(row.count);
            before.total_micros = before.total_micros.saturating_add(row.total_micros);
        },
    );
}

fn merge<T>(rows: &mut Vec<T>, name: impl Fn(&T) -> &String, add: impl Fn(&mut T, &T)) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<T> = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        match places.get(name(&row)) {
            Some(place) => add(&mut merged[*place], &row),
            None => {
                places.insert(name(&row).clone(), merged.len());
                merged.push(row);
            }
        }
    }
    *rows = merged;
}

fn keep_vanished(diag: &mut Diag, before: &Diag) {
    keep(&mut diag.main.exits, &before.main.exits, |(reason, _)| reason);
    keep(&mut diag.backfill.cycle.exits, &before.backfill.cycle.exits, |(reason, _)| reason);
    let listed = diag.rpcs_by_type.len();
    keep(&mut diag.rpcs_by_type, &before.rpcs_by_type, |row| &row.message_type);
    for vanished in &mut diag.rpcs_by_type[listed..] {
        vanished.queued = None;
    }
    keep(&mut diag.rpcs_by_user, &before.rpcs_by_user, |row| &row.user);
}

fn keep<T: Clone>(rows: &mut Vec<T>, before: &[T], name: impl Fn(&T) -> &String) {
    let vanished: Vec<T> =
        before.iter().filter(|old| rows.iter().all(|row| name(row) != name(old))).cloned().collect();
    rows.extend(vanished);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    fn submitted(reset_at: u64, jobs: u64) -> Diag {
        Diag { reset_at: at(reset_at), jobs_submitted: Some(jobs), ..Diag::default() }
    }

    fn rpc(message_type: &str, count: u64) -> RpcByType {
        RpcByType {
            message_type: message_type.to_owned(),
            count,
            total_micros: count * 10,
            queued: Some(1),
            dropped: Some(count / 2),
        }
    }

    fn user(user: &str, count: u64) -> RpcByUser {
        RpcByUser { user: user.to_owned(), count, total_micros: count * 10 }
    }

    fn rpcs(reset_at: u64, rows: &[(&str, u64)]) -> Diag {
        Diag {
            reset_at: at(reset_at),
            rpcs_by_type: rows.iter().map(|(name, count)| rpc(name, *count)).collect(),
            rpcs_by_user: rows.iter().map(|(name, count)| user(name, *count)).collect(),
            ..Diag::default()
        }
    }

    #[test]
    fn the_first_reading_counts_from_its_own_values() {
        let raw = Diag { server_threads: Some(3), ..submitted(10, 717) };
        assert_eq!(DiagTotals::default().advance(&raw), raw);
    }

    #[test]
    fn a_counter_goes_on_past_a_reset() {
        let mut totals = DiagTotals::default();
        let mut seen = Vec::new();
        // Midnight in between: once the counter falls, once it has already outgrown its old value.
        for (reset_at, jobs) in [(10, 100), (10, 130), (20, 5), (20, 9), (30, 50)] {
            seen.push(totals.advance(&submitted(reset_at, jobs)).jobs_submitted.unwrap());
        }
        assert_eq!(seen, [100, 130, 135, 139, 189]);
    }

    #[test]
    fn a_counter_that_falls_tells_a_reset_by_itself() {
        let mut totals = DiagTotals::default();
        totals.advance(&Diag { jobs_started: Some(7), ..submitted(10, 100) });
        let diag = totals.advance(&Diag { jobs_started: Some(8), ..submitted(10, 3) });
        assert_eq!((diag.jobs_submitted, diag.jobs_started), (Some(103), Some(15)));
    }

    #[test]
    fn rpcs_and_backfilled_jobs_outlive_midnight() {
        let mut totals = DiagTotals::default();
        let with_backfill = |diag: Diag, jobs, het_jobs| {
            let mut diag = diag;
            (diag.backfill.jobs, diag.backfill.het_jobs) = (Some(jobs), Some(het_jobs));
            diag
        };
        totals.advance(&with_backfill(rpcs(10, &[("PING", 1000)]), 400, 4));
        let diag = totals.advance(&with_backfill(rpcs(20, &[("PING", 1001)]), 401, 5));
        assert_eq!(diag.rpcs_by_type[0].count, 1001);
        assert_eq!(diag.rpcs_by_user[0].total_micros, 10_010);
        assert_eq!(diag.backfill.jobs, Some(401));
        assert_eq!(diag.backfill.het_jobs, Some(9));
    }

    #[test]
    fn a_restart_begins_all_rpcs_anew() {
        let mut totals = DiagTotals::default();
        totals.advance(&rpcs(10, &[("PING", 1000), ("NODES", 3)]));
        let diag = totals.advance(&rpcs(20, &[("PING", 8), ("NODES", 4)]));
        let counts: Vec<_> = diag.rpcs_by_type.iter().map(|row| row.count).collect();
        assert_eq!(counts, [1008, 7]);
        assert_eq!(diag.rpcs_by_type[1].dropped, Some(3));
    }

    #[test]
    fn rows_that_vanish_keep_their_totals_and_go_on_when_they_return() {
        let mut totals = DiagTotals::default();
        totals.advance(&rpcs(10, &[("PING", 10), ("NODES", 30)]));
        let diag = totals.advance(&rpcs(20, &[("PING", 2)]));
        assert_eq!(diag.rpcs_by_type[1].count, 30);
        assert_eq!(diag.rpcs_by_type[1].queued, None);
        assert_eq!(diag.rpcs_by_user[1].count, 30);
        let diag = totals.advance(&rpcs(20, &[("NODES", 31), ("PING", 3)]));
        let counts: Vec<_> =
            diag.rpcs_by_type.iter().map(|row| (row.message_type.as_str(), row.count)).collect();
        assert_eq!(counts, [("NODES", 61), ("PING", 13)]);
    }

    #[test]
    fn exits_are_counters_per_reason() {
        let mut totals = DiagTotals::default();
        let exits = |reset_at, counts: &[(&str, u64)]| {
            let mut diag = submitted(reset_at, 0);
            diag.main.exits = counts.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
            diag
        };
        totals.advance(&exits(10, &[("end_job_queue", 9), ("licenses", 1)]));
        let diag = totals.advance(&exits(20, &[("end_job_queue", 2), ("licenses", 0)]));
        assert_eq!(diag.main.exits, [("end_job_queue".to_owned(), 11), ("licenses".to_owned(), 1)]);
    }

    #[test]
    fn rows_of_one_name_are_one_row() {
        let diag = DiagTotals::default().advance(&rpcs(10, &[("nobody", 2), ("ann", 1), ("nobody", 3)]));
        let counts: Vec<_> = diag.rpcs_by_user.iter().map(|row| (row.user.as_str(), row.count)).collect();
        assert_eq!(counts, [("nobody", 5), ("ann", 1)]);
    }

    #[test]
    fn gauges_pass_through() {
        let mut totals = DiagTotals::default();
        totals.advance(&Diag { jobs_pending: Some(50), ..submitted(10, 1) });
        let diag = totals.advance(&Diag { jobs_pending: Some(3), agent_count: Some(2), ..submitted(20, 1) });
        assert_eq!((diag.jobs_pending, diag.agent_count, diag.reset_at), (Some(3), Some(2), at(20)));
    }
}
