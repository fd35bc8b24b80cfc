//! The results of several shards as one run: interval logs are added exactly, counts are summed, and the sum is judged.
//! Quantiles are never averaged. What spoiled one shard spoils the whole.

mod part;
mod whole;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use reports::model::Verdict;
use reports::model::verdict::{Outcome, RuleVerdict};
use reports::sla::Sla;

use self::part::Part;
pub(crate) use self::part::PartError;
use crate::output;

/// Merges the results in `folders`, writes them to `out` and returns the exit code. Without `sla` the built-in rules apply.
///
/// # Errors
/// `PartError` when the folders do not hold the shards of one run; anything else when the result could not be written.
pub(crate) fn merge(folders: &[PathBuf], out: &Path, sla: Option<Sla>) -> anyhow::Result<u8> {
    let parts = part::read_all(folders)?;
    if sla.is_none() {
        part::judged_by_built_in(&parts)?;
    }
    let whole = whole::sum(&parts).context("failed to write the merged interval log")?;
    let sla = sla.unwrap_or_else(|| {
        let nodes = whole.record.parameters.get("nodes").and_then(serde_json::Value::as_u64);
        Sla::built_in(&whole.record.scenario, nodes)
    });
    let verdict = judge(sla.verdict(&whole.record), &parts);
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be created", out.display()))?;
    output::write_files(out, &whole.record, &verdict, &whole.interval_log)?;
    let mut stdout = anstream::stdout().lock();
    output::print(&mut stdout, &whole.record, &verdict, out).context("stdout")?;
    writeln!(stdout, "{}", output::verdict_line(verdict.outcome)).context("stdout")?;
    Ok(verdict.outcome.exit_code())
}

/// Adds what each shard found out beside the rules: whether its generator kept up, whether the target was there.
/// The worst of each kind stands for all.
fn judge(sla: Verdict, parts: &[Part]) -> Verdict {
    let mut rules = sla.rules;
    let own = rules.len();
    let mut notes = sla.notes;
    for part in parts {
        let beside =
            part.verdict.rules.iter().filter(|rule| rules[..own].iter().all(|own| own.id != rule.id));
        let beside: Vec<RuleVerdict> = beside.map(|rule| of_shard(rule, &part.name)).collect();
        for rule in beside {
            match rules[own..].iter_mut().find(|known| known.id == rule.id) {
                Some(known) if rule.outcome > known.outcome => *known = rule,
                Some(_) => {}
                None => rules.push(rule),
            }
        }
        notes.extend(part.record.aborted.iter().map(|reason| format!("{} was aborted: {reason}", part.name)));
    }
    let spoiled: Vec<String> = rules[own..]
        .iter()
        .filter(|rule| rule.outcome == Outcome::Inconclusive)
        .map(|rule| format!("invalid run: {}", rule.reason))
        .collect();
    let is_spoiled = !spoiled.is_empty() || parts.iter().any(|part| part.record.aborted.is_some());
    notes.extend(spoiled);
    let mut verdict = Verdict::new(sla.subject, rules, notes);
    verdict.outcome = if is_spoiled { Outcome::Inconclusive } else { verdict.outcome.max(sla.outcome) };
    verdict
}

fn of_shard(rule: &RuleVerdict, name: &str) -> RuleVerdict {
    let reason = if rule.reason.is_empty() { String::new() } else { format!("{name}: {}", rule.reason) };
    RuleVerdict { reason, ..rule.clone() }
}

#[cfg(test)]
mod tests;
