//! Whether runs may be compared at all: same machine, same question, same kind of build.
//! A difference is a reason not to judge, never a silent correction.

use std::collections::{BTreeMap, BTreeSet};

use reports::model::RunRecord;
use reports::model::verdict::Outcome;

use crate::runs::LoadedRun;

/// The reasons against comparing these runs; none when they may be compared.
///
/// Parameters named in `ignored` may differ.
pub(super) fn reasons_against(
    base: &[LoadedRun],
    candidate: &[LoadedRun],
    ignored: &[String],
) -> Vec<String> {
    let mut reasons = Vec::new();
    let all: Vec<&LoadedRun> = base.iter().chain(candidate).collect();
    let mut differ = |what: &str, of: &dyn Fn(&RunRecord) -> String| {
        let mut values = BTreeMap::<String, &LoadedRun>::new();
        for run in &all {
            values.entry(of(&run.record)).or_insert(run);
        }
        if values.len() > 1 {
            let shown =
                values.iter().take(3).map(|(value, run)| format!("{value} in {}", run.path.display()));
            reasons.push(format!("different {what}: {}", shown.collect::<Vec<_>>().join(", ")));
        }
    };
    differ("machines", &|run| {
        let machine = &run.machine;
        format!("{} ({}, {} CPUs)", machine.fingerprint, machine.cpu_model, machine.cpus)
    });
    differ("kinds of run", &|run| format!("{:?}", run.kind));
    differ("scenarios", &|run| run.scenario.clone());
    differ("build profiles", &|run| run.build.profile.clone());
    let names: BTreeSet<&String> = all.iter().flat_map(|run| run.record.parameters.keys()).collect();
    for name in names.into_iter().filter(|name| !ignored.contains(name)) {
        differ(&format!("values of the parameter {name}"), &|run| {
            run.parameters.get(name).map_or_else(|| "none".into(), ToString::to_string)
        });
    }
    let ids: BTreeSet<&String> = base.iter().map(|run| &run.record.id).collect();
    if let Some(shared) = candidate.iter().find(|run| ids.contains(&run.record.id)) {
        reasons.push(format!("run {} is on both sides", shared.record.id));
    }
    reasons
}

/// What a reader should know of runs that may be compared: noise, uncommitted changes, mixed commits.
pub(super) fn remarks(base: &[LoadedRun], candidate: &[LoadedRun]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, side) in [("base", base), ("candidate", candidate)] {
        let commits: BTreeSet<&Option<String>> = side.iter().map(|run| &run.record.build.commit).collect();
        if commits.len() > 1 {
            remarks.push(format!("the {name} runs are of {} different commits", commits.len()));
        }
        if side.iter().any(|run| run.record.build.dirty == Some(true)) {
            remarks.push(format!("{name} runs were built with uncommitted changes"));
        }
        let failed = side.iter().filter_map(|run| run.verdict.as_ref());
        let failed = failed.filter(|verdict| verdict.outcome == Outcome::Fail).count();
        if failed > 0 {
            remarks.push(format!("{failed} of {} {name} runs failed their load test", side.len()));
        }
        let steal = side.iter().filter_map(|run| run.record.machine.steal_ratio).fold(0.0, f64::max);
        if steal > 0.05 {
            remarks
                .push(format!("in a {name} run the hypervisor took {:.0} % of the CPU time", steal * 100.0));
        }
    }
    if base.iter().chain(candidate).any(|run| run.record.build.profile == "debug") {
        remarks.push("these are debug builds: the figures say little about release builds".into());
    }
    let kernels: BTreeSet<&str> =
        base.iter().chain(candidate).map(|run| run.record.machine.kernel.as_str()).collect();
    if kernels.len() > 1 {
        let kernels: Vec<&str> = kernels.into_iter().collect();
        remarks.push(format!("different kernels: {}", kernels.join(", ")));
    }
    remarks
}
