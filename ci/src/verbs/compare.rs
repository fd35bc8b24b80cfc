//! `perf-gate compare`: two folders of runs in, table and verdict line out.
//! Only reading and wording are here.

use reports::model::Verdict;
use reports::model::verdict::Outcome;
use reports::quantity::{display, number};

use super::{GateError, notes_text};
use crate::cli::CompareArgs;
use crate::compare::{Comparison, Judged, compare};
use crate::runs::load;
use crate::table;
use crate::thresholds::{ERROR_RATE, Thresholds};

pub(super) fn run(args: &CompareArgs) -> Result<(Verdict, String), GateError> {
    let thresholds = match &args.thresholds {
        Some(path) => Thresholds::load(path)?,
        None => Thresholds::built_in(),
    };
    let (base, candidate) = (load(&args.base)?, load(&args.candidate)?);
    let subject = format!("{} against {}", args.candidate.display(), args.base.display());
    let mut comparison = compare(&subject, &base, &candidate, &thresholds);
    if args.thresholds.is_some() {
        let unused =
            thresholds.named().filter(|name| Thresholds::built_in().named().all(|known| known != *name));
        for name in unused.filter(|name| comparison.rows.iter().all(|row| row.name != *name)) {
            comparison.verdict.notes.push(format!("the thresholds name {name}, which was not judged"));
        }
    }
    let text = text(&comparison);
    Ok((comparison.verdict, text))
}

fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    if !comparison.rows.is_empty() {
        let header =
            ["metric", "base", "candidate", "worse by", "interval", "floor", "adjusted p", "runs", "verdict"];
        let rows: Vec<Vec<String>> = comparison.rows.iter().map(row).collect();
        text += &table::render(&header, &rows, &[1, 2, 3, 4, 5, 6, 7]);
    }
    for row in comparison.rows.iter().filter(|row| !row.reason.is_empty()) {
        text += &format!("{}: {}\n", row.name, row.reason);
    }
    text += &notes_text(&comparison.verdict.notes);
    text + verdict_line(comparison.verdict.outcome) + "\n"
}

fn row(judged: &Judged) -> Vec<String> {
    let unit = if judged.name == ERROR_RATE { "points" } else { "%" };
    let signed = |value: f64| format!("{value:+.1}");
    let (worse_by, interval) = match judged.worse_by {
        Some(effect) => (
            format!("{} {unit}", signed(effect.estimate)),
            format!("{} to {}", signed(effect.low), signed(effect.high)),
        ),
        None => ("-".into(), "-".into()),
    };
    vec![
        judged.name.clone(),
        display(judged.base, &judged.unit),
        display(judged.candidate, &judged.unit),
        worse_by,
        interval,
        format!("{} {unit}", number(judged.floor)),
        judged.p_value.map_or_else(|| "-".into(), p_text),
        format!("{}+{}", judged.runs[0], judged.runs[1]),
        match judged.outcome {
            Outcome::Pass => "ok".into(),
            Outcome::Inconclusive => "inconclusive".into(),
            Outcome::Fail if judged.reason.starts_with("critical") => "CRITICAL".into(),
            Outcome::Fail => "REGRESSION".into(),
        },
    ]
}

/// Three decimals; small ones in powers of ten, as they say how sure it is.
fn p_text(p: f64) -> String {
    if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") }
}

fn verdict_line(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅ NO REGRESSION",
        Outcome::Fail => "❌ REGRESSION",
        Outcome::Inconclusive => "⚠ INCONCLUSIVE",
    }
}
