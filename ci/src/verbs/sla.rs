//! `perf-gate sla`: one run and the rules of an SLA in, table and verdict line out.
//! The rules and their judgement are `reports::sla`.

use reports::model::Verdict;
use reports::model::verdict::{Outcome, RuleVerdict};
use reports::quantity::{count, display};
use reports::sla::Sla;

use super::{GateError, notes_text};
use crate::cli::SlaArgs;
use crate::runs::load_one;
use crate::table;

pub(super) fn run(args: &SlaArgs) -> Result<(Verdict, String), GateError> {
    let run = load_one(&args.run)?.record;
    let sla = match &args.sla {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| GateError::SlaFile { path: path.clone(), source })?;
            Sla::parse(&text, &path.display().to_string())?
        }
        None => Sla::built_in(&run.scenario, run.parameters.get("nodes").and_then(serde_json::Value::as_u64)),
    };
    let verdict = sla.verdict(&run);
    let text = text(&verdict);
    Ok((verdict, text))
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
