//! Four shards against one run of the same schedule, with the same answers to the same arrivals.
//! No network: what a target would have said is a function of the arrival.

use std::time::{Duration, Instant, SystemTime};

use reports::model::run::{Build, Machine, RunKind};
use reports::model::{Document as _, RunRecord};
use serde_json::json;

use super::*;
use crate::interval_log;
use crate::open::Schedule;
use crate::recorder::{Culprit, Failure, Observation, Recorder};
use crate::scenario::{Arrivals, Load, LoadPlan, Scenario, Shard};

/// What a shard leaves when the target answers each arrival as it always does.
fn part(shard: Shard) -> Part {
    let mut scenario = Scenario::built_in("quick").unwrap().open(Arrivals::Poisson, None);
    scenario.rate = 300.0;
    let plan = LoadPlan::new(&scenario, 9, shard);
    let mix = &scenario.requests;
    let start = Instant::now();
    let names = mix.iter().map(|request| request.name.clone()).collect();
    let recorder = Recorder::new(names, plan.clone(), start, SystemTime::UNIX_EPOCH);
    let Load::Arrivals(arrivals) = &plan.load else { unreachable!() };
    let mut observations = Vec::new();
    for arrival in Schedule::new(arrivals, mix) {
        let due = start + arrival.due;
        let micros = arrival.due.as_micros() as u64;
        if micros.is_multiple_of(97) {
            recorder.drop_arrival(due, Culprit::Target);
            continue;
        }
        let failure =
            micros.is_multiple_of(31).then(|| Failure { kind: "status_503".into(), detail: String::new() });
        let latency = Duration::from_micros(200 + micros * 7919 % 900_000);
        let finished = due + Duration::from_micros(micros % 50) + latency;
        let observation = Observation {
            request: arrival.request,
            finished,
            latency,
            arrival: None,
            bytes: micros % 1000,
            failure,
        };
        observations.push(observation.intended_at(due));
    }
    observations.sort_by_key(|observation| observation.finished);
    for observation in observations {
        recorder.record(observation);
    }
    let recording = recorder.finish(start + plan.total()).unwrap();
    let name = format!("shard {}/{}", shard.index, shard.of);
    let record = RunRecord {
        format: RunRecord::FORMAT.into(),
        id: name.clone(),
        kind: RunKind::LoadTest,
        scenario: scenario.name,
        started_at: "2026-01-01T00:00:00Z".into(),
        duration_seconds: recording.measured.as_secs_f64(),
        aborted: None,
        build: Build::default(),
        machine: Machine::default(),
        parameters: [("shard".to_owned(), json!(format!("{}/{}", shard.index, shard.of)))].into(),
        seed: Some(9),
        requests: recording.requests,
        seconds: recording.seconds,
        arrivals: recording.arrivals,
        subject: None,
        generator: None,
        exposition: None,
        metrics: Vec::new(),
    };
    let verdict = Verdict::new(name.clone(), Vec::new(), Vec::new());
    let intervals = interval_log::read(&recording.interval_log, |_, _| {}).unwrap();
    Part { name, shards: shard.of.into(), record, verdict, intervals }
}

#[test]
fn four_shards_are_one_run() {
    let parts: Vec<Part> = (0..4).map(|index| part(Shard { index, of: 4 })).collect();
    let merged = whole::sum(&parts).unwrap();
    let one = part(Shard::WHOLE);
    assert!(merged.record.arrivals.as_ref().unwrap().dropped_by_target > 10);
    assert!(merged.record.error_count() > 100);
    // Histograms, counts, bytes and errors by kind are equal, so every quantile is, too.
    assert_eq!(merged.record.arrivals, one.record.arrivals);
    assert_eq!(merged.record.requests, one.record.requests);
    assert_eq!(interval_log::read(&merged.interval_log, |_, _| {}).unwrap().len(), {
        let mut keys: Vec<_> = one.intervals.iter().map(|one| (one.offset, &one.name)).collect();
        keys.sort();
        keys.len()
    });
    let figures = |record: &RunRecord| -> Vec<_> {
        let row = |second: &reports::model::run::Second| {
            (second.requests, second.errors, second.p50_us, second.p99_us, second.max_us)
        };
        record.seconds.iter().map(row).collect()
    };
    assert_eq!(figures(&merged.record), figures(&one.record));
}

fn rule(id: &str, outcome: Outcome) -> RuleVerdict {
    RuleVerdict {
        id: id.into(),
        rule: id.into(),
        outcome,
        value: None,
        limit: None,
        unit: "count".into(),
        samples: 0,
        interval: None,
        p_value: None,
        reason: if outcome == Outcome::Pass { String::new() } else { "it was busy".into() },
    }
}

#[test]
fn what_spoils_one_shard_spoils_the_whole_and_its_own_judgement_of_the_rules_does_not_count() {
    let judged = |second: &[RuleVerdict]| {
        let mut parts = [part(Shard { index: 0, of: 2 }), part(Shard { index: 1, of: 2 })];
        parts[0].verdict.rules = vec![rule("p95", Outcome::Fail), rule("generator_cpu", Outcome::Pass)];
        parts[1].verdict.rules = second.to_vec();
        judge(Verdict::new("run", vec![rule("p95", Outcome::Pass)], Vec::new()), &parts)
    };
    assert_eq!(judged(&[rule("generator_cpu", Outcome::Pass)]).outcome, Outcome::Pass);
    assert_eq!(judged(&[rule("target_alive", Outcome::Fail)]).outcome, Outcome::Fail);
    let spoiled = judged(&[rule("generator_cpu", Outcome::Inconclusive)]);
    assert_eq!(spoiled.outcome, Outcome::Inconclusive);
    assert_eq!(spoiled.notes, ["invalid run: shard 1/2: it was busy"]);
    assert_eq!(spoiled.rules.len(), 2);
}
