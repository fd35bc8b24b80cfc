//! How well finished jobs used what they held, from slurmdbd: CPUs over time, and memory at its peak.
//! Each job counts once; how that is kept is the business of `lifecycle::ledger`. GPUs' use is not known to Slurm.

use super::{Collector, Settings, counter, gauge};
use crate::exposition::{Batch, Desc, Kind, Level, Unit};
use crate::model::histogram::Histograms;
use crate::model::{Accounting, Endpoint, Snapshot};

pub(super) const COLLECTOR: Collector = Collector {
    name: "accounting",
    needs: &[Endpoint::Accounting],
    families: &[
        &CPU_RATIO,
        &CPU_EFFICIENCY,
        &CPU_WASTE,
        &MEMORY_RATIO,
        &MEMORY_EFFICIENCY,
        &MEMORY_USAGE,
        &MEMORY_WASTE,
        &LAG,
    ],
    collect,
};

const BY_ACCOUNT: &[&str] = &["partition", "account"];

static CPU_RATIO: Desc = gauge(
    "slurm_job_cpu_efficiency_ratio",
    "CPU time used over CPU time held, of the jobs that ended in the last window.",
    Unit::Ratio,
    BY_ACCOUNT,
    Level::Detailed,
);
static CPU_EFFICIENCY: Desc = histogram(
    "slurm_job_cpu_efficiency",
    "Finished jobs by the share of their CPU time that they used.",
    Unit::None,
);
static CPU_WASTE: Desc = counter(
    "slurm_job_waste_cpu_seconds_total",
    "CPU-seconds that finished jobs held and did not use.",
    Unit::Seconds,
    BY_ACCOUNT,
    Level::Detailed,
);
static MEMORY_RATIO: Desc = gauge(
    "slurm_job_memory_efficiency_ratio",
    "Peak memory over memory held, of the jobs that ended in the last window, weighted by bytes and seconds.",
    Unit::Ratio,
    BY_ACCOUNT,
    Level::Detailed,
);
static MEMORY_EFFICIENCY: Desc = histogram(
    "slurm_job_memory_efficiency",
    "Finished jobs by the share of their memory that they used at the peak.",
    Unit::None,
);
static MEMORY_USAGE: Desc = histogram(
    "slurm_job_memory_usage_bytes",
    "Finished jobs by the memory in bytes that they used at the peak.",
    Unit::Bytes,
);
static MEMORY_WASTE: Desc = counter(
    "slurm_job_waste_memory_byte_seconds_total",
    "Byte-seconds that finished jobs held beyond their peak.",
    Unit::Seconds,
    BY_ACCOUNT,
    Level::Detailed,
);
static LAG: Desc = gauge(
    "slurm_accounting_lag_seconds",
    "How far the finished jobs that were read are behind the clock, or how late the latest of them came to slurmdbd.",
    Unit::Seconds,
    &[],
    Level::Detailed,
);

const fn histogram(name: &'static str, help: &'static str, unit: Unit) -> Desc {
    Desc { name, help, kind: Kind::Histogram, unit, labels: &["partition"], level: Level::Detailed }
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(accounting) = snapshot.accounting.as_deref() else { return };
    let text = |symbol| accounting.symbols.resolve(symbol);
    let [cpu, memory] = batch.families([&CPU_RATIO, &MEMORY_RATIO]);
    for (labels, usage) in &accounting.window {
        let labels = labels.map(text);
        if usage.cpu_seconds > 0.0 {
            cpu.sample(&labels, usage.cpu_seconds_used / usage.cpu_seconds);
        }
        if usage.memory_byte_seconds > 0.0 {
            memory.sample(&labels, usage.memory_byte_seconds_used / usage.memory_byte_seconds);
        }
    }
    let [cpu, memory] = batch.families([&CPU_WASTE, &MEMORY_WASTE]);
    for (labels, waste) in &accounting.waste {
        let labels = labels.map(text);
        if let Some(seconds) = waste.cpu_seconds {
            cpu.sample(&labels, seconds);
        }
        if let Some(byte_seconds) = waste.memory_byte_seconds {
            memory.sample(&labels, byte_seconds);
        }
    }
    write(accounting, &accounting.cpu_efficiency, &CPU_EFFICIENCY, batch);
    write(accounting, &accounting.memory_efficiency, &MEMORY_EFFICIENCY, batch);
    write(accounting, &accounting.memory_usage, &MEMORY_USAGE, batch);
    batch.family(&LAG).sample(&[], accounting.lag_seconds);
}

fn write(accounting: &Accounting, histograms: &Histograms<1>, desc: &'static Desc, batch: &mut Batch) {
    let family = batch.family(desc);
    for ([partition], histogram) in histograms.iter() {
        let labels = [accounting.symbols.resolve(*partition)];
        family.histogram(&labels, histograms.bounds(), &histogram.cumulative(), histogram.sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{samples, snapshot};
    use crate::model::accounting::{Usage, Waste};

    #[test]
    fn what_is_unknown_has_no_series() {
        let mut accounting = Accounting { lag_seconds: 7, ..Accounting::default() };
        let labels = ["batch", "physics"].map(|name| accounting.symbols.intern(name));
        let usage = Usage { cpu_seconds: 400.0, cpu_seconds_used: 100.0, ..Usage::default() };
        accounting.window.insert(labels, usage);
        accounting.waste.insert(labels, Waste { cpu_seconds: Some(300.0), memory_byte_seconds: None });
        accounting.cpu_efficiency.set_bounds(&[0.5, 1.0]);
        accounting.cpu_efficiency.observe([labels[0]], 0.25);
        let found = samples(&COLLECTOR, &snapshot().accounting(accounting).build());
        let of_physics = r#"{partition="batch",account="physics"}"#;
        assert_eq!(found[&format!("slurm_job_cpu_efficiency_ratio{of_physics}")], "0.25");
        assert_eq!(found[&format!("slurm_job_waste_cpu_seconds_total{of_physics}")], "300");
        assert_eq!(found[r#"slurm_job_cpu_efficiency_bucket{partition="batch",le="0.5"}"#], "1");
        assert_eq!(found["slurm_accounting_lag_seconds"], "7");
        assert!(!found.keys().any(|series| series.contains("memory")), "{found:?}");
    }
}
