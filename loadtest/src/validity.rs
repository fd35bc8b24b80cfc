//! Whether the run can be judged at all: a generator at its limit or another process behind the address spoils it.
//! It comes before the SLA and can only take a pass away.

use std::collections::BTreeMap;

use reports::model::RunRecord;
use reports::model::run::{ArrivalStats, Resources};
use reports::model::verdict::{Outcome, RuleVerdict, Verdict};

use crate::clock::Evenness;
use crate::open::LATE;
use crate::oracle::Comparison;
use crate::prometheus::Scrapes;
use crate::steady::{Steadiness, steadiness};
use crate::stop::Reason;

/// A generator that uses more of its CPUs than this measures its own waiting.
const GENERATOR_CPU_LIMIT: f64 = 0.8;

/// Users that made less than this share of what the plan asks of them are late...
const ON_TIME: f64 = 0.8;
/// ... and then have no reason to be between two requests for longer than this share of their time...
const IDLE_LIMIT: f64 = 0.2;
/// ... nor may the generator's threads be running, or waiting for a CPU, for more than this share of its CPUs' time: what
/// they wait for is in the latencies.
const DEMAND_LIMIT: f64 = 0.8;

/// What is known beside the record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circumstances {
    pub(crate) stopped: Option<Reason>,
    pub(crate) target_restarted: bool,
    /// What was missing of the target when the load was over.
    pub(crate) target_absent: Option<String>,
    /// What a real Prometheus found; `None` when none scraped.
    pub(crate) scrapes: Option<Result<Scrapes, String>>,
    /// `None` when the scenario plans no fault.
    pub(crate) faults: Option<Faults>,
    /// How time passed for the generator.
    pub(crate) clocks: Evenness,
    /// Requests per second of one user; `None` in an open loop.
    pub(crate) user_rate: Option<f64>,
    /// Whether the plan asks for the same load in every measured second.
    pub(crate) level_load: bool,
    /// `None` when there is no oracle.
    pub(crate) oracle: Option<Result<Comparison, String>>,
}

/// What was to go wrong, and how often each kind of it did.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) planned: Vec<String>,
    pub(crate) struck: Result<BTreeMap<String, u64>, String>,
}

/// Adds the rules of validity to the SLA's verdict.
///
/// A run spoiled by the generator or by its surroundings is inconclusive, whatever the SLA says:
/// neither its failures nor its passes are the target's. A target that died by itself has failed.
pub(crate) fn judge(mut sla: Verdict, run: &RunRecord, circumstances: &Circumstances) -> Verdict {
    let generator = generator_cpu(run.generator.as_ref(), run.duration_seconds);
    let target = target_alive(circumstances);
    let clocks = clocks(&circumstances.clocks);
    let pace = circumstances.user_rate.and_then(|rate| pace(run, rate));
    let arrivals: Vec<RuleVerdict> =
        run.arrivals.iter().flat_map(|arrivals| [dropped(arrivals), schedule_lag(arrivals)]).collect();
    let faults = circumstances.faults.as_ref().map(faults_strike);
    let mut spoiled: Vec<String> = [&generator, &target, &clocks]
        .into_iter()
        .chain(&faults)
        .chain(&pace)
        .chain(&arrivals)
        .filter(|rule| rule.outcome == Outcome::Inconclusive)
        .map(|rule| format!("invalid run: {}", rule.reason))
        .collect();
    if let Some(Reason::Interrupt | Reason::Terminate | Reason::StackBroken(_)) = &circumstances.stopped {
        spoiled.push("invalid run: it ended before its plan".into());
    }
    let mut rules = std::mem::take(&mut sla.rules);
    rules.push(generator);
    rules.push(target);
    rules.push(clocks);
    rules.extend(pace);
    rules.extend(arrivals);
    rules.extend(faults);
    rules.extend(steady(run, circumstances));
    rules.extend(circumstances.oracle.as_ref().map(oracle));
    rules.extend(circumstances.scrapes.as_ref().map(scrapes));
    rules.extend(circumstances.stopped.as_ref().and_then(abort));
    let mut verdict = Verdict::new(sla.subject, rules, sla.notes);
    // A run without a single rule of the SLA stays inconclusive, even though the rules of validity hold.
    verdict.outcome = verdict.outcome.max(sla.outcome);
    if !spoiled.is_empty() {
        verdict.outcome = Outcome::Inconclusive;
        verdict.notes.extend(spoiled);
    }
    verdict
}

fn rule(id: &str, text: &str) -> RuleVerdict {
    RuleVerdict {
        id: id.into(),
        rule: text.into(),
        outcome: Outcome::Pass,
        value: None,
        limit: None,
        unit: "count".into(),
        samples: 0,
        interval: None,
        p_value: None,
        reason: String::new(),
    }
}

fn generator_cpu(generator: Option<&Resources>, seconds: f64) -> RuleVerdict {
    let mut verdict = rule("generator_cpu", "generator CPU < 80 % of its cores");
    verdict.unit = "ratio".into();
    verdict.limit = Some(GENERATOR_CPU_LIMIT);
    let Some(generator) = generator.filter(|_| seconds > 0.0) else {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = "the generator's own CPU use is not known".into();
        return verdict;
    };
    let used = generator.cpu_seconds / seconds / generator.cpus_available;
    verdict.value = Some(used);
    verdict.samples = generator.samples.len() as u64;
    if used >= GENERATOR_CPU_LIMIT {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = format!(
            "the generator used {:.0} % of its {} cores: latencies are its own",
            used * 100.0,
            generator.cpus_available
        );
    }
    verdict
}

/// Users of a closed loop that are late ask again at once. By Little's law the time that they spend in requests is the
/// sum of the latencies; what is missing from their whole time then was spent waiting for the generator, whether it
/// used up its CPUs or did not get them. What it waited for within requests the kernel tells. `None` without a user.
fn pace(run: &RunRecord, rate: f64) -> Option<RuleVerdict> {
    let measured = run.seconds.iter().filter(|second| !second.warmup);
    let asked: f64 = measured.filter_map(|second| second.offered).sum();
    let made = run.request_count() as f64;
    if asked <= 0.0 || run.aborted.is_some() {
        return None;
    }
    let mut verdict = rule("generator_pace", "users that are late do not wait for the generator");
    verdict.unit = "ratio".into();
    verdict.limit = Some(IDLE_LIMIT);
    verdict.samples = run.request_count();
    let in_requests = run.latency().mean().map_or(0.0, |mean| mean.as_secs_f64()) * made;
    let idle = (1.0 - in_requests / (asked / rate)).max(0.0);
    if made < ON_TIME * asked {
        verdict.value = Some(idle);
        let demand = run.generator.as_ref().and_then(|generator| demand(generator, run.duration_seconds));
        let spoiled_by = if idle > IDLE_LIMIT {
            Some(format!("waited {:.0} % of their time for the generator", idle * 100.0))
        } else {
            demand.filter(|demand| *demand >= DEMAND_LIMIT).map(|demand| {
                format!("the generator ran or waited for a CPU for {:.0} % of its CPUs' time", demand * 100.0)
            })
        };
        if let Some(why) = spoiled_by {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason = format!(
                "the users made {} of {} requests, and {why}",
                reports::quantity::count(run.request_count()),
                reports::quantity::number(asked.round())
            );
        }
    }
    Some(verdict)
}

/// For which share of its CPUs' time the generator's threads ran or could have run; more than 1 when they waited for
/// each other. `None` where the kernel does not tell.
fn demand(generator: &Resources, seconds: f64) -> Option<f64> {
    let wanted = generator.cpu_seconds + generator.cpu_wait_seconds?;
    (seconds > 0.0).then(|| wanted / seconds / generator.cpus_available)
}

fn target_alive(circumstances: &Circumstances) -> RuleVerdict {
    let mut verdict = rule("target_alive", "target runs from start to end");
    if let Some(reason @ Reason::TargetGone(_)) = &circumstances.stopped {
        verdict.outcome = Outcome::Fail;
        verdict.reason = reason.to_string();
    } else if let Some(reason @ Reason::StackBroken(_)) = &circumstances.stopped {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = reason.to_string();
    } else if let Some(problem) = &circumstances.target_absent {
        verdict.outcome = Outcome::Fail;
        verdict.reason = format!("the target was gone when the load was over: {problem}");
    } else if circumstances.target_restarted {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = "the target was restarted during the run".into();
    }
    verdict
}

fn scrapes(found: &Result<Scrapes, String>) -> RuleVerdict {
    let mut verdict = rule("prometheus", "Prometheus finds the target up and takes every sample");
    match found {
        Ok(scrapes) => {
            verdict.samples = scrapes.count;
            if !scrapes.problems.is_empty() {
                verdict.outcome = Outcome::Fail;
                verdict.reason = scrapes.problems.join("; ");
            }
        }
        Err(problem) => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason = format!("Prometheus could not be asked: {problem}");
        }
    }
    verdict
}

/// A fault that met nobody says nothing about who would have met it.
fn faults_strike(faults: &Faults) -> RuleVerdict {
    let mut verdict = rule("faults", "every planned fault strikes");
    match &faults.struck {
        Ok(struck) => {
            let count = |kind: &String| struck.get(kind).copied().unwrap_or(0);
            verdict.samples = faults.planned.iter().map(count).sum();
            let missing: Vec<&str> =
                faults.planned.iter().filter(|kind| count(kind) == 0).map(String::as_str).collect();
            verdict.value = Some((faults.planned.len() - missing.len()) as f64);
            verdict.limit = Some(faults.planned.len() as f64);
            if !missing.is_empty() {
                verdict.outcome = Outcome::Inconclusive;
                verdict.reason = format!("never struck: {}", missing.join(", "));
            }
        }
        Err(problem) => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason.clone_from(problem);
        }
    }
    verdict
}

/// A dropped arrival is missing from every histogram: with one of the generator's making nothing is known, and one of
/// the target's making has failed it.
fn dropped(arrivals: &ArrivalStats) -> RuleVerdict {
    let mut verdict = rule("dropped", "dropped arrivals <= 0");
    verdict.value = Some(arrivals.dropped() as f64);
    verdict.limit = Some(0.0);
    verdict.samples = arrivals.scheduled;
    let ArrivalStats { dropped_by_generator, dropped_by_target, .. } = arrivals;
    if *dropped_by_generator > 0 {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = format!(
            "the generator dropped {dropped_by_generator} arrivals: it was late, or its cap on requests in flight is too small for the rate"
        );
    } else if *dropped_by_target > 0 {
        verdict.outcome = Outcome::Fail;
        verdict.reason = format!(
            "{dropped_by_target} arrivals were not sent: the target held all the requests that may be in flight"
        );
    }
    verdict
}

fn schedule_lag(arrivals: &ArrivalStats) -> RuleVerdict {
    let mut verdict = rule("schedule_lag", "p99 of the schedule's lag < 10 ms");
    verdict.unit = "seconds".into();
    verdict.limit = Some(LATE.as_secs_f64());
    verdict.samples = arrivals.lag.count();
    let lag = arrivals.lag.quantile(0.99);
    verdict.value = lag.map(|lag| lag.as_secs_f64());
    match lag {
        None => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason = "no arrival was sent".into();
        }
        Some(lag) if lag >= LATE => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason = "the generator sent too late: the latencies hold its own delay".into();
        }
        Some(_) => {}
    }
    verdict
}

fn clocks(evenness: &Evenness) -> RuleVerdict {
    let mut verdict = rule("clocks", "time passes evenly for the generator");
    verdict.samples = evenness.looks();
    if let Some(problem) = evenness.problem() {
        verdict.outcome = Outcome::Inconclusive;
        verdict.reason = problem;
    }
    verdict
}

/// `None` where nothing steady is to be expected: the load changes, or the run was cut or is too short to tell.
fn steady(run: &RunRecord, circumstances: &Circumstances) -> Option<RuleVerdict> {
    if !circumstances.level_load || circumstances.stopped.is_some() {
        return None;
    }
    let mut verdict = rule("steady", "the latency settles");
    match steadiness(&run.seconds) {
        Steadiness::TooShort => return None,
        Steadiness::Steady(seconds) => verdict.samples = seconds,
        Steadiness::Unsteady(reason) => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason = reason;
        }
    }
    Some(verdict)
}

/// A rule that ended the run has decided: more of it could not take back the window that broke it.
fn abort(stopped: &Reason) -> Option<RuleVerdict> {
    let Reason::RuleBroken { how, .. } = stopped else { return None };
    let mut verdict = rule("abort", "no rule ends the run");
    verdict.outcome = Outcome::Fail;
    verdict.reason = how.clone();
    Some(verdict)
}

fn oracle(comparison: &Result<Comparison, String>) -> RuleVerdict {
    let mut verdict = rule("oracle", "page agrees with the simulator");
    match comparison {
        Ok(comparison) => {
            verdict.samples = comparison.compared;
            verdict.value = Some(comparison.mismatches.len() as f64);
            verdict.limit = Some(0.0);
            if !comparison.mismatches.is_empty() {
                verdict.outcome = Outcome::Fail;
                verdict.reason = comparison.mismatches.join("; ");
            }
        }
        Err(problem) => {
            verdict.outcome = Outcome::Inconclusive;
            verdict.reason.clone_from(problem);
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use reports::model::run::Second;

    use super::*;

    /// A run of ten seconds whose generator used `cores` of two.
    fn run(cores: f64) -> RunRecord {
        let generator = Resources {
            source: "/proc".into(),
            cpu_seconds: cores * 10.0,
            cpus_available: 2.0,
            cpu_wait_seconds: None,
            peak_rss_bytes: 1,
            cgroup: None,
            samples: Vec::new(),
        };
        RunRecord {
            format: String::new(),
            id: "run".into(),
            kind: reports::model::run::RunKind::LoadTest,
            scenario: "quick".into(),
            started_at: String::new(),
            duration_seconds: 10.0,
            aborted: None,
            build: Default::default(),
            machine: Default::default(),
            parameters: Default::default(),
            seed: None,
            requests: Vec::new(),
            seconds: Vec::new(),
            arrivals: None,
            subject: None,
            generator: Some(generator),
            exposition: None,
            metrics: Vec::new(),
        }
    }

    /// The outcome for an SLA verdict of `sla`.
    fn outcome(sla: Outcome, cores: f64, circumstances: &Circumstances) -> Outcome {
        let mut only = rule("p95", "p95 < 5 s");
        only.outcome = sla;
        judge(Verdict::new("run", vec![only], Vec::new()), &run(cores), circumstances).outcome
    }

    #[test]
    fn a_calm_run_keeps_the_verdict_of_the_sla() {
        for sla in [Outcome::Pass, Outcome::Inconclusive, Outcome::Fail] {
            assert_eq!(outcome(sla, 1.5, &Circumstances::default()), sla);
        }
    }

    #[test]
    fn a_generator_at_its_limit_can_neither_pass_nor_fail_anyone() {
        for sla in [Outcome::Pass, Outcome::Fail] {
            assert_eq!(outcome(sla, 1.6, &Circumstances::default()), Outcome::Inconclusive);
        }
    }

    #[test]
    fn late_users_must_be_in_requests() {
        // Ten users with five requests a second for ten seconds.
        let judged = |made: u64, millis: u64, waited: f64| {
            let mut run = run(0.1);
            run.generator.as_mut().unwrap().cpu_wait_seconds = Some(waited);
            let mut latency = reports::model::LatencyHistogram::default();
            (0..made).for_each(|_| latency.record(std::time::Duration::from_millis(millis)));
            let stats = reports::model::run::RequestStats {
                name: "metrics".into(),
                count: made,
                errors: Default::default(),
                bytes: 0,
                latency,
            };
            run.requests = vec![stats];
            let second = |offset| Second {
                offset,
                warmup: false,
                requests: made / 10,
                errors: 0,
                offered: Some(50.0),
                in_flight: None,
                p50_us: None,
                p95_us: None,
                p99_us: None,
                max_us: None,
            };
            run.seconds = (0..10).map(second).collect();
            let passed = Verdict::new("run", vec![rule("p95", "p95 < 5 s")], Vec::new());
            judge(passed, &run, &Circumstances { user_rate: Some(5.0), ..Circumstances::default() }).outcome
        };
        assert_eq!(judged(500, 1, 0.0), Outcome::Pass, "on time");
        assert_eq!(judged(500, 1, 20.0), Outcome::Pass, "on time all the same");
        assert_eq!(judged(100, 1000, 14.0), Outcome::Pass, "late by the target, which the rules judge");
        assert_eq!(judged(100, 1000, 15.0), Outcome::Inconclusive, "16 s of two CPUs in 10 s");
        assert_eq!(judged(100, 700, 0.0), Outcome::Inconclusive);
        assert_eq!(judged(300, 1, 0.0), Outcome::Inconclusive);
    }

    #[test]
    fn how_a_run_ended_decides() {
        let stopped = |reason| Circumstances { stopped: Some(reason), ..Circumstances::default() };
        for (reason, expected) in [
            (Reason::Interrupt, Outcome::Inconclusive),
            (Reason::Terminate, Outcome::Inconclusive),
            (Reason::StackBroken("exit status: 1".into()), Outcome::Inconclusive),
            (Reason::TargetGone("signal: 9".into()), Outcome::Fail),
            (Reason::RuleBroken { rule: "p95 < 5 s".into(), how: "measured 6 s".into() }, Outcome::Fail),
        ] {
            assert_eq!(outcome(Outcome::Pass, 0.1, &stopped(reason.clone())), expected, "{reason}");
        }
        let gone = Some("Connection refused".to_owned());
        let absent = Circumstances { target_absent: gone.clone(), ..Circumstances::default() };
        assert_eq!(outcome(Outcome::Pass, 0.1, &absent), Outcome::Fail);
        // Who interrupts a run may also have ended the target.
        let both = Circumstances { target_absent: gone, ..stopped(Reason::Interrupt) };
        assert_eq!(outcome(Outcome::Pass, 0.1, &both), Outcome::Inconclusive);
        let restarted = Circumstances { target_restarted: true, ..Circumstances::default() };
        assert_eq!(outcome(Outcome::Pass, 0.1, &restarted), Outcome::Inconclusive);
    }

    #[test]
    fn the_oracle_fails_a_wrong_page_and_an_unknown_truth_is_inconclusive() {
        let oracle = |answer| Circumstances { oracle: Some(answer), ..Circumstances::default() };
        let comparison = |mismatches: &[&str]| Comparison {
            compared: 1,
            mismatches: mismatches.iter().map(|text| (*text).to_owned()).collect(),
        };
        for (answer, expected) in [
            (Ok(comparison(&[])), Outcome::Pass),
            (Ok(comparison(&["nodes differ"])), Outcome::Fail),
            (Err("no answer".to_owned()), Outcome::Inconclusive),
        ] {
            assert_eq!(outcome(Outcome::Pass, 0.1, &oracle(answer)), expected);
        }
    }

    #[test]
    fn without_a_rule_of_the_sla_nothing_passes() {
        let verdict =
            judge(Verdict::new("run", Vec::new(), Vec::new()), &run(0.1), &Circumstances::default());
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_drop_fails_the_target_or_spoils_the_run() {
        let judged = |generator, target, lag_millis| {
            let mut arrivals = ArrivalStats {
                scheduled: 100,
                dropped_by_generator: generator,
                dropped_by_target: target,
                ..ArrivalStats::default()
            };
            arrivals.lag.record(std::time::Duration::from_millis(lag_millis));
            let run = RunRecord { arrivals: Some(arrivals), ..run(0.1) };
            let passed = Verdict::new("run", vec![rule("p95", "p95 < 5 s")], Vec::new());
            judge(passed, &run, &Circumstances::default()).outcome
        };
        assert_eq!(judged(0, 0, 1), Outcome::Pass);
        assert_eq!(judged(0, 1, 1), Outcome::Fail);
        assert_eq!(judged(1, 0, 1), Outcome::Inconclusive);
        assert_eq!(judged(1, 1, 1), Outcome::Inconclusive);
        assert_eq!(judged(0, 0, 11), Outcome::Inconclusive);
    }

    #[test]
    fn a_fault_that_never_struck_spoils_the_run() {
        let judged = |struck: &[(&str, u64)]| {
            let struck = struck.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
            let faults = Faults { planned: vec!["503".into(), "reset".into()], struck: Ok(struck) };
            outcome(Outcome::Pass, 0.1, &Circumstances { faults: Some(faults), ..Circumstances::default() })
        };
        assert_eq!(judged(&[("503", 2), ("reset", 1), ("429", 0)]), Outcome::Pass);
        assert_eq!(judged(&[("503", 2), ("reset", 0)]), Outcome::Inconclusive);
        assert_eq!(judged(&[("503", 2)]), Outcome::Inconclusive);
    }
}
