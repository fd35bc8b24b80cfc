//! Comparison of two sets of runs: is the candidate worse than the base?
//! It measures nothing and assumes that the two sides ran interleaved on a machine that did nothing else.

mod comparable;
mod effect;
mod figures;
mod fisher;
mod holm;
mod judge;
mod mann_whitney;

use reports::model::Verdict;
use reports::model::verdict::{Outcome, RuleVerdict};

pub use effect::{Effect, RunFigure};
pub use figures::{FailureSeries, Figures, Series};
pub use fisher::Failures;
pub use judge::{Judged, judge};
pub use mann_whitney::LARGEST_SIDE;

use crate::runs::LoadedRun;
use crate::thresholds::Thresholds;

/// What came out: a row for each metric and the verdict over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub rows: Vec<Judged>,
    pub verdict: Verdict,
}

/// Compares the runs of two sides; `subject` says in the verdict what was compared.
///
/// Runs that may not be compared, and sides without a complete run, give an inconclusive verdict without rows.
pub fn compare(
    subject: &str,
    base: &[LoadedRun],
    candidate: &[LoadedRun],
    thresholds: &Thresholds,
) -> Comparison {
    let ignored = &thresholds.decision.ignored_parameters;
    let mut notes = comparable::reasons_against(base, candidate, ignored);
    if notes.is_empty() && base.len().max(candidate.len()) > LARGEST_SIDE {
        notes.push(format!("more than {LARGEST_SIDE} runs a side: the exact test does not go further"));
    }
    if !notes.is_empty() {
        return Comparison { rows: Vec::new(), verdict: Verdict::new(subject, Vec::new(), notes) };
    }
    let complete = |side: &[LoadedRun]| -> Vec<LoadedRun> {
        side.iter().filter(|run| run.record.aborted.is_none()).cloned().collect()
    };
    let (whole_base, whole_candidate) = (complete(base), complete(candidate));
    let lost = |name: &str, all: usize, whole: usize| {
        (whole < all).then(|| format!("{} of {all} {name} runs were aborted and do not count", all - whole))
    };
    notes.extend(lost("base", base.len(), whole_base.len()));
    let lost_candidates = lost("candidate", candidate.len(), whole_candidate.len());
    let crashed = lost_candidates.is_some();
    notes.extend(lost_candidates);
    notes.extend(comparable::remarks(&whole_base, &whole_candidate));

    let records = |side: &[LoadedRun]| side.iter().map(|run| run.record.clone()).collect::<Vec<_>>();
    let (base, candidate) = (records(&whole_base), records(&whole_candidate));
    let figures =
        figures::figures(&base.iter().collect::<Vec<_>>(), &candidate.iter().collect::<Vec<_>>(), thresholds);
    let rows = judge(&figures, thresholds);
    notes.extend(figures.notes);
    if rows.is_empty() {
        notes.push("no metric that both sides have".into());
    }
    let rules = rows.iter().map(RuleVerdict::from).collect();
    let mut verdict = Verdict::new(subject, rules, notes);
    if crashed {
        // Only the candidates that survived were measured; they cannot vouch for the others.
        verdict.outcome = verdict.outcome.max(Outcome::Inconclusive);
    }
    Comparison { rows, verdict }
}
