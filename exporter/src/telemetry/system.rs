//! What the operating system says about this process, under the names that every Prometheus client uses.

use std::sync::LazyLock;

use procfs::process::{LimitValue, Process};

use super::families as f;
use super::process::CpuPeriods;
use crate::exposition::Batch;

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> Option<u64> {
    let resident = Process::myself().and_then(|process| process.statm()).ok()?.resident;
    Some(resident * procfs::page_size())
}

/// The CPU periods of this process's cgroup; none without a quota, and none outside of cgroup v2.
pub(crate) fn cpu_periods() -> Option<CpuPeriods> {
    let groups = Process::myself().and_then(|process| process.cgroups()).ok()?;
    let group = groups.into_iter().find(|group| group.hierarchy == 0)?;
    // In a container the path may be the host's, while what is mounted begins at the container's own group.
    let places = [group.pathname.as_str(), "/"];
    places.iter().find_map(|place| {
        let stat = std::fs::read_to_string(format!("/sys/fs/cgroup{place}/cpu.stat")).ok()?;
        read_cpu_stat(&stat)
    })
}

fn read_cpu_stat(stat: &str) -> Option<CpuPeriods> {
    let figure = |name| {
        let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(known, _)| *known == name)?.1.parse().ok()
    };
    // Without a quota there are no periods to count.
    let all = figure("nr_periods").filter(|all| *all > 0)?;
    Some(CpuPeriods { all, throttled: figure("nr_throttled")? })
}

/// Writes `process_*` and the memory figure; what `/proc` does not tell is left out.
pub(super) fn write(batch: &mut Batch) {
    let Ok(process) = Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let ticks = stat.utime + stat.stime;
        batch.family(&f::PROCESS_CPU).sample(&[], ticks as f64 / procfs::ticks_per_second() as f64);
        let resident = stat.rss * procfs::page_size();
        batch.family(&f::PROCESS_RESIDENT).sample(&[], resident);
        batch.family(&f::MEMORY_USAGE).sample(&[], resident);
        batch.family(&f::PROCESS_VIRTUAL).sample(&[], stat.vsize);
        batch.family(&f::PROCESS_THREADS).sample(&[], u64::try_from(stat.num_threads).unwrap_or(0));
    }
    if let Some(start) = started_at() {
        batch.family(&f::PROCESS_START).sample(&[], start);
    }
    if let Ok(count) = process.fd_count() {
        batch.family(&f::PROCESS_FDS).sample(&[], count as u64);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(limit) = limits.max_open_files.soft_limit
    {
        batch.family(&f::PROCESS_MAX_FDS).sample(&[], limit);
    }
}

/// Says that the batch counts since this process started.
pub(super) fn mark_start(batch: &mut Batch) {
    if let Some(start) = started_at() {
        batch.began_at(start);
    }
}

/// In Unix seconds.
fn started_at() -> Option<f64> {
    static STARTED_AT: LazyLock<Option<f64>> = LazyLock::new(|| {
        let stat = Process::myself().ok()?.stat().ok()?;
        let boot = procfs::boot_time_secs().ok()?;
        Some(boot as f64 + stat.starttime as f64 / procfs::ticks_per_second() as f64)
    });
    *STARTED_AT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_seen_in_its_periods() {
        let stat = "usage_usec 48\nuser_usec 40\nnr_periods 12\nnr_throttled 3\nthrottled_usec 700\n";
        assert_eq!(read_cpu_stat(stat), Some(CpuPeriods { all: 12, throttled: 3 }));
        assert_eq!(read_cpu_stat("nr_periods 0\nnr_throttled 0\n"), None, "no quota");
        assert_eq!(read_cpu_stat("usage_usec 48\n"), None, "the root group");
    }

    #[test]
    fn this_process_takes_memory() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
