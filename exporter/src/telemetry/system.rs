//! What the operating system says about this process, under the names that every Prometheus client uses.

use std::sync::LazyLock;

use procfs::process::{LimitValue, Process};

use super::families as f;
use crate::exposition::Batch;

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
