//! `perf-gate sla`: one run and the rules of an SLA in, table and verdict line out.
//! The rules and their judgement are `reports::sla`.

use reports::model::verdict::{Outcome, RuleVerdict};
use reports::model::{RunRecord, Verdict};
use reports::quantity::{count, display};
use reports::sla::Sla;

use super::{GateError, notes_text};
use crate::cli::SlaArgs;
use crate::runs::{LoadedRun, load_one};
use crate::table;

/// What a run's parameter `sla` says when no rule file was given.
const BUILT_IN: &str = "built-in";

pub(super) fn run(args: &SlaArgs) -> Result<(Verdict, String), GateError> {
    let LoadedRun { record: run, verdict: said, .. } = load_one(&args.run)?;
    let sla = match &args.sla {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| GateError::SlaFile { path: path.clone(), source })?;
            Sla::parse(&text, &path.display().to_string())?
        }
        None => Sla::built_in(&run.scenario, run.parameters.get("nodes").and_then(serde_json::Value::as_u64)),
    };
    let mut verdict = sla.verdict(&run);
    if let Some(said) = said {
        add_checks(&mut verdict, &run, said);
    }
    let text = text(&verdict);
    Ok((verdict, text))
}

/// Adds what the load test checked beyond an SLA: a run that the generator could not drive, or whose pages were wrong,
/// does not become good by other rules.
///
/// Of a run with the built-in SLA these are the rules that are not in it; with another SLA all that are not judged now.
fn add_checks(verdict: &mut Verdict, run: &RunRecord, said: Verdict) {
    let built_in = run.parameters.get("sla").is_some_and(|origin| origin == BUILT_IN);
    let nodes = run.parameters.get("nodes").and_then(serde_json::Value::as_u64);
    let known = if built_in { Sla::built_in(&run.scenario, nodes).rules } else { Vec::new() };
    let judged = |id: &str, rules: &[RuleVerdict]| rules.iter().any(|rule| rule.id == id);
    for check in said.rules {
        if !judged(&check.id, &verdict.rules) && known.iter().all(|rule| rule.id != check.id) {
            verdict.outcome = verdict.outcome.max(check.outcome);
            verdict.rules.push(check);
        }
    }
}

fn text(verdict: &Verdict) -> String {
    let header = ["rule", "value", "limit", "samples", "verdict"];
    let rows: Vec<Vec<String>> = verdict.rules.iter().map(row).collect();
    let mut text = table::render(&header, &rows, &[1, 2, 3]);
    for rule in verdict.rules.iter().filter(|rule| !rule.reason.is_empty()) {
        text += &format!("{}: {}\n", rule.id, rule.reason);
    }
    text += &notes_text(&verdict.notes);
    text + verdict_line(verdict.outcome) + "\n"
}

fn row(rule: &RuleVerdict) -> Vec<String> {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| display(value, &rule.unit));
    vec![
        rule.rule.clone(),
        shown(rule.value),
        shown(rule.limit),
        count(rule.samples),
        match rule.outcome {
            Outcome::Pass => "ok".into(),
            Outcome::Inconclusive => "not judged".into(),
            Outcome::Fail => "MISSED".into(),
        },
    ]
}

fn verdict_line(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅ SLA MET",
        Outcome::Fail => "❌ SLA MISSED",
        Outcome::Inconclusive => "⚠ INCONCLUSIVE",
    }
}
