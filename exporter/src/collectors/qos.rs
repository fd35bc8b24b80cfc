//! Qualities of service: their priority, their limits, and what running jobs use under each.
//! Usage over time (`Grp*Mins`) is slurmctld's alone; slurmdbd does not have it.

use std::collections::HashMap;

use super::in_use::InUse;
use super::{Collector, Settings, gauge};
use crate::exposition::{Batch, Desc, Level, Unit};
use crate::model::{Endpoint, Snapshot, Symbol};

pub(super) const COLLECTOR: Collector = Collector {
    name: "qos",
    needs: &[Endpoint::Qos, Endpoint::Jobs],
    families: &[&INFO, &PRIORITY, &LIMIT, &USED],
    collect,
};

static INFO: Desc = with(
    "slurm_qos_info",
    "A QOS and how it is configured, always 1.",
    &["qos", "description", "flags", "preempt_mode"],
);
static PRIORITY: Desc =
    with("slurm_qos_priority", "What the QOS adds to the priority of a job, before weighting.", &["qos"]);
static LIMIT: Desc = with(
    "slurm_qos_limit",
    "A limit of a QOS that is set, in bytes, seconds or pieces, without a TRES where jobs or time are limited.",
    &["qos", "limit", "tres"],
);
static USED: Desc = with(
    "slurm_qos_used",
    "What running jobs of a QOS hold of a TRES, in bytes or pieces, and without a TRES their number.",
    &["qos", "tres"],
);

const fn with(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Desc {
    gauge(name, help, Unit::None, labels, Level::Detailed)
}

fn collect(snapshot: &Snapshot, _: &Settings, batch: &mut Batch) {
    let Some(table) = snapshot.qos.as_deref() else { return };
    let text = |symbol| table.symbols.resolve(symbol);
    let [info, priority, limits] = batch.families([&INFO, &PRIORITY, &LIMIT]);
    for qos in &table.rows {
        let name = text(qos.name);
        info.sample(&[name, text(qos.description), text(qos.flags), text(qos.preempt_mode)], 1_u64);
        if let Some(value) = qos.priority {
            priority.sample(&[name], value);
        }
        for limit in &qos.limits {
            limits.sample(&[name, limit.name, text(limit.tres)], limit.value);
        }
    }

    let Some(jobs) = snapshot.jobs.as_deref() else { return };
    let mut in_use: HashMap<Symbol, InUse> = HashMap::new();
    for job in &jobs.rows {
        in_use.entry(job.qos).or_default().add(jobs, job);
    }
    // What a job without a QOS holds might be any's; with a slurmdbd each has one.
    if in_use.get(&Symbol::EMPTY).is_some_and(|unknown| unknown.jobs > 0) {
        return;
    }
    let none = InUse::default();
    let used = batch.family(&USED);
    for qos in &table.rows {
        let name = text(qos.name);
        let of_qos = jobs.symbols.get(name).and_then(|symbol| in_use.get(&symbol)).unwrap_or(&none);
        used.sample(&[name, ""], of_qos.jobs);
        for tres in ["cpu", "mem", "gres/gpu"] {
            if let Some(amount) = of_qos.of(Some(jobs), tres) {
                used.sample(&[name, tres], amount);
            }
        }
        for kind in of_qos.gpu_types() {
            let tres = format!("gres/gpu:{}", jobs.symbols.resolve(kind));
            if let Some(amount) = of_qos.of(Some(jobs), &tres) {
                used.sample(&[name, &tres], amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::test_cluster::{JobsBuilder, samples, snapshot};
    use crate::model::QosTable;
    use crate::model::limit::Limit;
    use crate::model::qos::Qos;

    fn table() -> QosTable {
        let mut table = QosTable::default();
        for (name, priority) in [("normal", Some(0)), ("high", None)] {
            let symbols = &mut table.symbols;
            let limits = vec![
                Limit { name: "grp_tres", tres: symbols.intern("gres/gpu:h100"), value: 8 },
                Limit { name: "grp_jobs", tres: Symbol::EMPTY, value: 5 },
            ];
            table.rows.push(Qos {
                name: symbols.intern(name),
                description: symbols.intern("of the house"),
                flags: symbols.intern("DENY_LIMIT,NO_DECAY"),
                preempt_mode: Symbol::EMPTY,
                priority,
                limits,
            });
        }
        table
    }

    #[test]
    fn running_jobs_use_what_they_hold() {
        let jobs = JobsBuilder::default()
            .job("running", "gpu", |job| (job.cpus, job.memory_bytes) = (8, 100))
            .qos("normal")
            .gpus("h100", 2)
            .gpus("", 1)
            .job("pending", "gpu", |job| job.cpus = 64)
            .qos("normal")
            .gpus("h100", 8)
            .build();
        let found = samples(&COLLECTOR, &snapshot().jobs(jobs).qos(table()).build());
        for (qos, tres, amount) in [
            ("normal", "", "1"),
            ("normal", "cpu", "8"),
            ("normal", "mem", "100"),
            ("normal", "gres/gpu", "3"),
            ("normal", "gres/gpu:h100", "2"),
            ("high", "", "0"),
            ("high", "gres/gpu", "0"),
        ] {
            let series = format!("slurm_qos_used{{qos=\"{qos}\",tres=\"{tres}\"}}");
            assert_eq!(found.get(&series).map(String::as_str), Some(amount), "{series}");
        }
        assert!(!found.contains_key(r#"slurm_qos_used{qos="high",tres="gres/gpu:h100"}"#));
    }

    #[test]
    fn limits_stand_without_jobs_and_use_does_not() {
        let found = samples(&COLLECTOR, &snapshot().qos(table()).build());
        assert_eq!(found[r#"slurm_qos_limit{qos="high",limit="grp_tres",tres="gres/gpu:h100"}"#], "8");
        assert_eq!(found[r#"slurm_qos_limit{qos="normal",limit="grp_jobs",tres=""}"#], "5");
        assert_eq!(found[r#"slurm_qos_priority{qos="normal"}"#], "0");
        assert!(!found.contains_key(r#"slurm_qos_priority{qos="high"}"#));
        assert!(!found.keys().any(|series| series.starts_with("slurm_qos_used")));
    }
}
