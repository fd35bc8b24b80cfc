//! The search for the capacity: the largest rate of arrivals that meets the SLA, and how throughput grows with users.
//! Each step is a short run of `run`, judged as any other; what to try next is `bracket`, the law is `scalability`.

mod bracket;
mod scalability;

use std::io::Write as _;
use std::time::Duration;

use reports::model::run::{Direction, Metric, Resources};
use reports::model::verdict::{Outcome, RuleVerdict, Verdict};
use reports::quantity::{display, number, seconds};
use reports::sla::Sla;
use serde_json::json;

use self::bracket::{Bracket, Finding};
use self::scalability::Law;
use crate::judgeable;
use crate::run::{Measured, Plan, Prepared, Session, Start};
use crate::scenario::{Arrivals, Executor, Load, LoadPlan, Search, Step, UserPlan};
use crate::validity;

/// Rules of validity that speak of the generator.
const OF_THE_GENERATOR: [&str; 5] = ["generator_cpu", "generator_pace", "clocks", "dropped", "schedule_lag"];
/// A target that uses this share of its CPUs, or is throttled in half of the periods, has no more to give.
const CPU_USED_UP: f64 = 0.9;
const THROTTLED_HALF: f64 = 0.5;
/// A user that never thinks: a pace that nothing keeps up with.
const RATE_WITHOUT_PAUSE: f64 = 1e6;
/// How long each number of users is looked at, after its warm-up.
const USERS_STEP: Duration = Duration::from_secs(5);
const USERS_WARMUP: Duration = Duration::from_secs(1);

/// One step and what it told.
struct Tried {
    /// Arrivals per second.
    rate: f64,
    measured: Measured,
    finding: Finding,
}

/// Runs the search of the plan and returns the exit code.
///
/// # Errors
/// When a step could not be made, or the result could not be written.
pub(crate) async fn run(plan: Plan, search: Search) -> anyhow::Result<u8> {
    let session = Session::start(&plan)?;
    let Prepared { mut subject, nodes, start } = match session.prepare(&plan).await? {
        Ok(prepared) => prepared,
        Err(code) => return Ok(code),
    };
    let sla = plan.sla.clone().unwrap_or_else(|| Sla::built_in(&plan.scenario.name, nodes));
    let (arrivals, cap) = match plan.scenario.executor {
        Executor::Open { arrivals, max_in_flight } => (arrivals, max_in_flight),
        Executor::Closed => (Arrivals::default(), None),
    };
    let mut bracket = Bracket::new(plan.scenario.rate, search.highest_rate, search.precision);
    let mut tried: Vec<Tried> = Vec::new();
    let mut doubted = None;
    let mut first = Some(start);
    while let Some(rate) = bracket.next().filter(|_| session.stop.reason().is_none()) {
        let rules = sla.rules.iter().filter(|rule| rule.concerns(&plan.scenario.name));
        let needed = Duration::from_secs(judgeable::seconds_needed(rules, rate));
        let times = [plan.scenario.warmup, plan.scenario.duration.max(needed)];
        let load = LoadPlan::constant_rate(rate, arrivals, times, cap, plan.seed);
        let start = first.take().unwrap_or_else(Start::now);
        let measured = session.measure(&plan, &load, &mut subject, start, None).await?;
        let verdict =
            validity::judge(sla.verdict(&measured.record), &measured.record, &measured.circumstances);
        let finding = finding(&verdict);
        tell(&format!("{} rps", number(rate)), &measured, &finding);
        let is_good = finding == Finding::Meets;
        tried.push(Tried { rate, measured, finding: finding.clone() });
        // A disturbance of the machine can spoil one step; hardly two.
        if !is_good && doubted != Some(rate) {
            doubted = Some(rate);
            continue;
        }
        bracket.learn(rate, finding);
    }
    let mut points = Vec::new();
    for users in doubled_up_to(search.vus) {
        if session.stop.reason().is_some() {
            break;
        }
        let steps = vec![
            Step { vus: users, seconds: 0 },
            Step { vus: users, seconds: (USERS_WARMUP + USERS_STEP).as_secs() },
        ];
        let load = Load::Users(UserPlan { steps, rate: RATE_WITHOUT_PAUSE });
        let load = LoadPlan { load, warmup: USERS_WARMUP, duration: USERS_STEP };
        let measured = session.measure(&plan, &load, &mut subject, Start::now(), None).await?;
        let nothing = Sla { origin: sla.origin.clone(), rules: Vec::new() };
        let verdict =
            validity::judge(nothing.verdict(&measured.record), &measured.record, &measured.circumstances);
        let finding = generator_problem(&verdict).map_or(Finding::Meets, Finding::Generator);
        tell(&format!("{users} users"), &measured, &finding);
        if finding == Finding::Meets {
            points.extend(measured.record.successful_throughput().map(|rate| (f64::from(users), rate)));
        }
    }
    let law = Law::fit(&points);
    if let Some(stack) = subject.stack.take() {
        stack.stop().await;
    }
    conclude(&session, &plan, &bracket, tried, law).await
}

/// 1, 2, 4 and so on, and the last number itself.
fn doubled_up_to(last: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(1_u32), move |users| {
        (*users < last).then(|| users.saturating_mul(2).min(last))
    })
}

fn finding(verdict: &Verdict) -> Finding {
    if let Some(problem) = generator_problem(verdict) {
        return Finding::Generator(problem);
    }
    let worst =
        verdict.rules.iter().max_by_key(|rule| rule.outcome).filter(|rule| rule.outcome != Outcome::Pass);
    match worst {
        Some(rule) => Finding::Misses(format!("{}: {}", rule.rule, rule.reason)),
        None if verdict.outcome == Outcome::Pass => Finding::Meets,
        None => Finding::Misses(verdict.notes.join("; ")),
    }
}

fn generator_problem(verdict: &Verdict) -> Option<String> {
    let of_generator = |rule: &&RuleVerdict| {
        rule.outcome == Outcome::Inconclusive && OF_THE_GENERATOR.contains(&rule.id.as_str())
    };
    verdict.rules.iter().find(of_generator).map(|rule| rule.reason.clone())
}

/// One line per step on stderr.
fn tell(load: &str, measured: &Measured, finding: &Finding) {
    let run = &measured.record;
    let p95 = run.latency().quantile(0.95).map_or("-".into(), |time| seconds(time.as_secs_f64()));
    let said = match finding {
        Finding::Meets => "meets the SLA".to_owned(),
        Finding::Misses(how) => how.clone(),
        Finding::Generator(how) => format!("generator-limited: {how}"),
    };
    let rate = run.successful_throughput().map_or("-".into(), number);
    let cpu = |used: Option<&Resources>| {
        used.map_or("-".into(), |used| number(used.cpu_seconds / run.duration_seconds))
    };
    // Progress that nobody can see is no reason to end the search.
    _ = writeln!(
        anstream::stderr(),
        "{load:>12}: {rate} rps  p95 {p95}  target {} cores  generator {} cores  {said}",
        cpu(run.subject.as_ref()),
        cpu(run.generator.as_ref())
    );
}

/// What the target ran out of in the step that was not good.
fn saturated(run: &reports::model::RunRecord, finding: &Finding) -> String {
    if let Finding::Generator(how) = finding {
        return format!("generator-limited: {how}");
    }
    let Some(used) = run.subject.as_ref().filter(|_| run.duration_seconds > 0.0) else {
        return "not known: the target's resources are not".into();
    };
    let cores = used.cpu_seconds / run.duration_seconds;
    let throttled = used.cgroup.as_ref().and_then(reports::model::run::CgroupUse::throttled_share);
    let use_text = format!("{} of {}", display(cores, "cores"), display(used.cpus_available, "cores"));
    match throttled {
        Some(share) if share >= THROTTLED_HALF => {
            format!("the target's CPU: {use_text}, throttled in {} of the periods", display(share, "ratio"))
        }
        _ if cores >= CPU_USED_UP * used.cpus_available => format!("the target's CPU: {use_text}"),
        _ => format!("not the target's CPU ({use_text})"),
    }
}

async fn conclude(
    session: &Session,
    plan: &Plan,
    bracket: &Bracket,
    tried: Vec<Tried>,
    law: Option<Law>,
) -> anyhow::Result<u8> {
    let stopped = session.stop.reason();
    let figure = |tried: &Tried| {
        let run = &tried.measured.record;
        json!({
            "rate": tried.rate,
            "throughput": run.successful_throughput(),
            "p95_seconds": run.latency().quantile(0.95).map(|time| time.as_secs_f64()),
            "target_cpu_seconds": run.subject.as_ref().map(|used| used.cpu_seconds),
            "finding": match &tried.finding {
                Finding::Meets => "meets".to_owned(),
                Finding::Misses(how) => format!("misses: {how}"),
                Finding::Generator(how) => format!("generator-limited: {how}"),
            },
        })
    };
    let steps: Vec<serde_json::Value> = tried.iter().map(figure).collect();
    // Every rate of the bracket is that of a step, bit by bit.
    let step_at = |rate: f64| tried.iter().rposition(|tried| tried.rate == rate);
    let first_bad = bracket.bad.as_ref().and_then(|(rate, finding)| {
        let step = &tried[step_at(*rate)?];
        Some(saturated(&step.measured.record, finding))
    });
    let mut verdict = RuleVerdict {
        id: "capacity".into(),
        rule: "the largest rate that meets the SLA is found".into(),
        outcome: Outcome::Pass,
        value: bracket.good,
        limit: None,
        unit: "requests_per_second".into(),
        samples: tried.len() as u64,
        interval: bracket.good.zip(bracket.bad.as_ref().map(|(bad, _)| *bad)).map(<[f64; 2]>::from),
        p_value: None,
        reason: String::new(),
    };
    (verdict.outcome, verdict.reason) = match (&stopped, bracket.good, &bracket.bad) {
        (Some(reason), ..) => (Outcome::Inconclusive, reason.to_string()),
        (None, _, Some((_, Finding::Generator(how)))) => {
            (Outcome::Inconclusive, format!("generator-limited: {how}"))
        }
        (None, None, _) => (Outcome::Fail, "no rate that was tried meets the SLA".into()),
        (None, Some(_), None) => (Outcome::Inconclusive, "even the highest rate meets the SLA".into()),
        (None, Some(_), Some(_)) => (Outcome::Pass, String::new()),
    };
    let mut notes = Vec::new();
    notes.extend(bracket.bad.as_ref().map(|(rate, finding)| match finding {
        Finding::Misses(how) => format!("{} rps do not meet the SLA: {how}", number(*rate)),
        Finding::Generator(_) | Finding::Meets => format!("{} rps could not be made", number(*rate)),
    }));
    notes.extend(first_bad.map(|what| format!("saturated first: {what}")));
    notes.extend(law.map(|law| {
        let best = law.best_users().map_or(String::new(), |users| {
            format!(", most at {} users: {} rps", number(users.round()), number(law.throughput(users)))
        });
        format!(
            "Universal Scalability Law: {} rps of one user, contention {}, coherency {}{best}",
            number(law.rate),
            number(law.contention),
            number(law.coherency)
        )
    }));
    // The step at the knee stands for the search; without one the last that was tried.
    let index = bracket.good.and_then(step_at).unwrap_or(tried.len().saturating_sub(1));
    let Some(Tried { measured, .. }) = tried.into_iter().nth(index) else {
        anyhow::bail!("the search was stopped before its first step");
    };
    let mut record = measured.record;
    record.aborted = stopped.as_ref().map(ToString::to_string);
    record.parameters.insert("steps".into(), json!(steps));
    let metric = |name: &str, unit: &str, better, value| Metric {
        name: name.into(),
        unit: unit.into(),
        better,
        value,
        samples: Vec::new(),
    };
    record
        .metrics
        .extend(bracket.good.map(|rate| metric("capacity", "requests_per_second", Direction::Higher, rate)));
    if let Some(law) = law {
        record.metrics.push(metric("usl_rate", "requests_per_second", Direction::Higher, law.rate));
        record.metrics.push(metric("usl_contention", "ratio", Direction::Lower, law.contention));
        record.metrics.push(metric("usl_coherency", "", Direction::Lower, law.coherency));
    }
    let verdict = Verdict::new(record.id.clone(), vec![verdict], notes);
    session.conclude(plan, &record, &verdict, &measured.interval_log).await?;
    let code = stopped.and_then(|reason| reason.exit_code());
    Ok(code.unwrap_or_else(|| verdict.outcome.exit_code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_doubled_and_the_last_number_is_tried_too() {
        assert_eq!(doubled_up_to(500).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 500]);
        assert_eq!(doubled_up_to(1).collect::<Vec<_>>(), [1]);
        assert_eq!(doubled_up_to(8).collect::<Vec<_>>(), [1, 2, 4, 8]);
    }
}
