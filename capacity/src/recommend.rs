//! From evidence to a plan: for each size class requests, limits, replicas and strategy, with the reasons.
//! Pure: the same evidence and policy give the same plan.

use std::collections::BTreeMap;

use reports::model::Document as _;
use reports::model::plan::{Basis, Plan, Recommendation};
use reports::quantity::{bytes, count, number};
use reports::sla::SizeClass;

use crate::evidence::{Evidence, LoadedRun, evidence};
use crate::line::Line;
use crate::policy::{ClassPolicy, MIB, Policy};

/// A plan and the names of the classes that need more than the policy allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    pub plan: Plan,
    pub short: Vec<String>,
}

/// What one replica needs at one size, before headroom.
struct Need {
    cpu_cores_p95: f64,
    peak_rss_bytes: f64,
    /// What one replica has answered; a lower bound of what it could. `None` where it was not measured.
    requests_per_second: Option<f64>,
    evidence: BTreeMap<String, f64>,
    basis: Basis,
    reasons: Vec<String>,
}

/// A figure with headroom, rounded up to the step and cut at the maximum.
struct Sized {
    request: u32,
    limit: u32,
    short: bool,
}

/// Plans for every size class that the runs say something about.
pub fn recommend(runs: &[LoadedRun], policy: &Policy) -> Recommended {
    let mut notes = Vec::new();
    let mut accepted = Vec::new();
    for loaded in runs {
        let run = &loaded.record;
        match evidence(loaded, &policy.evidence) {
            Ok(found) => {
                if run.build.profile == "debug" {
                    notes.push(format!(
                        "run {} is of a debug build, which needs more CPU than a release",
                        run.id
                    ));
                }
                accepted.push(found);
            }
            Err(reason) => notes.push(format!("run {} is no evidence: it {reason}", run.id)),
        }
    }
    let used = |run: &&LoadedRun| accepted.iter().any(|found| found.run == run.record.id);
    let mut machines: Vec<&str> =
        runs.iter().filter(used).map(|run| run.record.machine.fingerprint.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    if machines.len() > 1 {
        notes.push(format!(
            "the runs are of {} different machines; their CPU figures differ for it",
            machines.len()
        ));
    }
    let mut recommendations = Vec::new();
    let mut short = Vec::new();
    for (name, class) in SizeClass::ALL {
        let class_policy = policy.class(class);
        let need = measured(&accepted, class).map_or_else(|| extrapolated(&accepted, class_policy), Ok);
        match need {
            Ok(need) => {
                let (recommendation, class_short) = size(name, need, class_policy, policy);
                recommendations.push(recommendation);
                short.extend(class_short.then(|| name.to_owned()));
            }
            Err(missing) => notes.push(format!("no recommendation for {name}: {missing}")),
        }
    }
    let runs = accepted.into_iter().map(|found| found.run).collect();
    let plan = Plan { format: Plan::FORMAT.into(), runs, recommendations, notes };
    Recommended { plan, short }
}

/// The largest figures among the runs of this class.
fn measured(all: &[Evidence], class: SizeClass) -> Option<Need> {
    let of_class: Vec<&Evidence> =
        all.iter().filter(|found| SizeClass::of_nodes(found.nodes) == class).collect();
    let largest = of_class.iter().max_by_key(|found| (found.nodes, found.jobs))?;
    let highest =
        |figure: fn(&Evidence) -> f64| of_class.iter().map(|found| figure(found)).fold(0.0, f64::max);
    let need = Need {
        cpu_cores_p95: highest(|found| found.cpu_cores_p95),
        peak_rss_bytes: highest(|found| found.peak_rss_bytes as f64),
        requests_per_second: Some(highest(|found| found.requests_per_second)),
        evidence: BTreeMap::new(),
        basis: Basis::Measured,
        reasons: vec![format!(
            "measured by {} up to {}; nothing larger of this class was measured",
            runs_text(of_class.len()),
            size_text(&count(largest.nodes), largest.jobs.map(count))
        )],
    };
    Some(with_evidence(need, largest.nodes, largest.jobs, Some(largest)))
}

/// Least-squares lines at the size that the policy plans for, over nodes + jobs, or over nodes alone where a run does
/// not say its jobs; the error says what is missing.
fn extrapolated(all: &[Evidence], class: &ClassPolicy) -> Result<Need, String> {
    let with_jobs = all.iter().all(|found| found.jobs.is_some());
    let entities = |nodes: u64, jobs: Option<u64>| (nodes + jobs.filter(|_| with_jobs).unwrap_or(0)) as f64;
    let line = |figure: fn(&Evidence) -> f64| {
        let points = all.iter().map(|found| (entities(found.nodes, found.jobs), figure(found)));
        Line::through(&points.collect::<Vec<_>>())
    };
    let lines = (line(|found| found.cpu_cores_p95), line(|found| found.peak_rss_bytes as f64));
    let (Some(cpu), Some(rss)) = lines else {
        return Err("no run of this size, and fewer than two other sizes to extrapolate from".into());
    };
    let planned_jobs = with_jobs.then_some(class.plan_jobs);
    let size = entities(class.plan_nodes, planned_jobs);
    let mut reasons = Vec::new();
    let highest = |figure: fn(&Evidence) -> f64| all.iter().map(figure).fold(0.0, f64::max);
    let mut reached = |what: &str, line: Line, highest: f64| {
        if line.slope > 0.0 {
            return line.at(size).max(0.0);
        }
        reasons.push(format!(
            "{what} does not grow with the size in these runs: the largest measured figure is used"
        ));
        highest
    };
    let cpu_cores_p95 = reached("CPU", cpu, highest(|found| found.cpu_cores_p95));
    let peak_rss_bytes = reached("RSS", rss, highest(|found| found.peak_rss_bytes as f64));
    let range = |figure: fn(&Evidence) -> u64| {
        let figures = all.iter().map(figure);
        let (low, high) = (figures.clone().min().unwrap_or(0), figures.max().unwrap_or(0));
        format!("{} to {}", count(low), count(high))
    };
    let jobs_range = with_jobs.then(|| range(|found| found.jobs.unwrap_or(0)));
    let basis = format!(
        "extrapolated to {} by a least-squares line over {}; measured were {} in {}",
        size_text(&count(class.plan_nodes), planned_jobs.map(count)),
        if with_jobs { "nodes + jobs" } else { "nodes (a run does not say its jobs)" },
        size_text(&range(|found| found.nodes), jobs_range),
        runs_text(all.len())
    );
    reasons.insert(0, basis);
    let need = Need {
        cpu_cores_p95,
        peak_rss_bytes,
        requests_per_second: None,
        evidence: BTreeMap::new(),
        basis: Basis::Extrapolated,
        reasons,
    };
    Ok(with_evidence(need, class.plan_nodes, planned_jobs, None))
}

fn with_evidence(mut need: Need, nodes: u64, jobs: Option<u64>, largest: Option<&Evidence>) -> Need {
    let figures = [
        ("nodes", Some(nodes as f64)),
        ("jobs", jobs.map(|jobs| jobs as f64)),
        ("cpu_cores_p95", Some(rounded(need.cpu_cores_p95))),
        ("peak_rss_bytes", Some(need.peak_rss_bytes.round())),
        ("requests_per_second", need.requests_per_second.map(rounded)),
        ("exposition_bytes", largest.and_then(|found| found.exposition_bytes).map(|bytes| bytes as f64)),
        ("series", largest.and_then(|found| found.series).map(|series| series as f64)),
    ];
    need.evidence.extend(figures.into_iter().filter_map(|(name, figure)| Some((name.to_owned(), figure?))));
    need
}

/// Six decimals: more would only show the order of additions.
fn rounded(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}

fn size(name: &str, need: Need, class: &ClassPolicy, policy: &Policy) -> (Recommendation, bool) {
    let (cpu_policy, memory_policy) = (&policy.cpu, &policy.memory);
    let headroom = [cpu_policy.request_headroom_percent, cpu_policy.limit_headroom_percent];
    let millicores = need.cpu_cores_p95 * 1000.0;
    let cpu = stepped(millicores, headroom, cpu_policy.step_millicores, cpu_policy.max_millicores);
    let memory_headroom = [memory_policy.request_headroom_percent, memory_policy.limit_headroom_percent];
    let mib = need.peak_rss_bytes / MIB as f64;
    let memory = stepped(mib, memory_headroom, memory_policy.step_mib, memory_policy.max_mib);

    let mut reasons = need.reasons;
    reasons.push(format!(
        "CPU p95 of {}m: request +{} % and limit +{} %, rounded up to steps of {}m; the request is {}m now",
        number(millicores.ceil()),
        headroom[0],
        headroom[1],
        cpu_policy.step_millicores,
        cpu_policy.now_millicores
    ));
    reasons.push(format!(
        "peak RSS of {}: request +{} % and limit +{} %, rounded up to steps of {} MiB; the request is {} MiB now",
        bytes(need.peak_rss_bytes),
        memory_headroom[0],
        memory_headroom[1],
        memory_policy.step_mib,
        memory_policy.now_mib
    ));
    let (replicas, replicas_short) = replicas(need.requests_per_second, class, policy, &mut reasons);
    let mut strategy = class.strategy.as_str();
    for (what, short, max) in [
        ("CPU", cpu.short, format!("{}m", cpu_policy.max_millicores)),
        ("memory", memory.short, format!("{} MiB", memory_policy.max_mib)),
    ] {
        if short {
            reasons.push(format!("short of {what}: one container may have {max} at most"));
        }
    }
    let short = cpu.short || memory.short || replicas_short;
    if short {
        strategy = policy.next_strategy(strategy);
        reasons.push(format!(
            "the figures are the most that the policy allows; they do not suffice without {strategy}"
        ));
    }
    let recommendation = Recommendation {
        size_class: name.into(),
        strategy: strategy.into(),
        replicas,
        cpu_request_millicores: cpu.request,
        cpu_limit_millicores: cpu.limit,
        memory_request_bytes: u64::from(memory.request) * MIB,
        memory_limit_bytes: u64::from(memory.limit) * MIB,
        basis: need.basis,
        evidence: need.evidence,
        reasons,
    };
    (recommendation, short)
}

fn stepped(figure: f64, headroom_percent: [f64; 2], step: u32, max: u32) -> Sized {
    let steps = |percent: f64| {
        let wanted = figure * (1.0 + percent / 100.0) / f64::from(step);
        // A figure that meets a step exactly stays on it, whatever the last bit of the product.
        ((wanted - 1e-9).ceil().max(1.0), wanted)
    };
    let most = f64::from(max / step);
    let [(request, _), (limit, wanted)] = headroom_percent.map(steps);
    let cut = |steps: f64| (steps.min(most) * f64::from(step)) as u32;
    Sized { request: cut(request), limit: cut(limit), short: wanted - 1e-9 > most }
}

fn replicas(
    requests_per_second: Option<f64>,
    class: &ClassPolicy,
    policy: &Policy,
    reasons: &mut Vec<String>,
) -> (u32, bool) {
    let limits = &policy.replicas;
    let wanted = class.requests_per_second;
    let Some(answered) = requests_per_second.filter(|answered| *answered > 0.0) else {
        reasons.push(format!("{} replicas: the rate of one was not measured at this size", limits.now));
        return (limits.now, false);
    };
    let needed = (wanted / answered).ceil();
    let replicas = needed.clamp(f64::from(limits.now), f64::from(limits.max)) as u32;
    reasons.push(format!(
        "{replicas} replicas: {} rps are asked for, one has answered {} rps (a paced test shows no more than its pace), at least {} are kept",
        number(wanted),
        number(answered),
        limits.now
    ));
    if replicas > limits.usual {
        reasons.push(format!("more than the usual {} replicas", limits.usual));
    }
    (replicas, needed > f64::from(limits.max))
}

/// `1,000 nodes and 10,000 jobs`, or the nodes alone.
fn size_text(nodes: &str, jobs: Option<String>) -> String {
    match jobs {
        Some(jobs) => format!("{nodes} nodes and {jobs} jobs"),
        None => format!("{nodes} nodes"),
    }
}

fn runs_text(runs: usize) -> String {
    if runs == 1 { "1 run".into() } else { format!("{runs} runs") }
}
