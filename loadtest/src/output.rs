//! The result in the end: files in the output folder, then the table of rules, and the line with the verdict.
//! It decides nothing; every figure comes from the record or the verdict.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use reports::model::format::write_whole;
use reports::model::verdict::{Outcome, RuleVerdict};
use reports::model::{RunRecord, Verdict};
use reports::quantity;

/// Writes `run.json`, `run.hlog`, `verdict.json` and the reports.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write_files(
    out: &Path,
    run: &RunRecord,
    verdict: &Verdict,
    interval_log: &[u8],
) -> anyhow::Result<()> {
    reports::model::write(&out.join("run.json"), run)?;
    let log = out.join("run.hlog");
    write_whole(&log, interval_log).with_context(|| format!("{}: cannot be written", log.display()))?;
    reports::model::write(&out.join("verdict.json"), verdict)?;
    reports::render::write_all(out, run, Some(verdict)).context("failed to write the reports")?;
    Ok(())
}

/// Prints what was measured, each rule and the notes.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print(
    out: &mut impl Write,
    run: &RunRecord,
    verdict: &Verdict,
    folder: &Path,
) -> std::io::Result<()> {
    writeln!(out, "{}", summary(run))?;
    writeln!(out)?;
    table(out, &verdict.rules)?;
    for note in &verdict.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out, "results: {}", folder.display())
}

/// The one line that says it all.
pub(crate) fn verdict_line(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅ LOAD TEST PASSED",
        Outcome::Fail => "❌ LOAD TEST FAILED",
        Outcome::Inconclusive => "⚠ LOAD TEST INCONCLUSIVE",
    }
}

fn summary(run: &RunRecord) -> String {
    let latency = run.latency();
    let time = |quantile| {
        latency.quantile(quantile).map_or("-".into(), |time| quantity::seconds(time.as_secs_f64()))
    };
    let arrivals = run.arrivals.as_ref().map_or(String::new(), |arrivals| {
        let lag = |quantile| {
            let lag = arrivals.lag.quantile(quantile);
            lag.map_or("-".into(), |lag| quantity::seconds(lag.as_secs_f64()))
        };
        format!(
            ", dropped {} of {} arrivals, schedule lag p50 {}, p99 {}, max {}",
            quantity::count(arrivals.dropped()),
            quantity::count(arrivals.scheduled),
            lag(0.50),
            lag(0.99),
            lag(1.0)
        )
    });
    format!(
        "{}: {} requests in {}, {} rps, p50 {}, p95 {}, p99 {}, errors {}{arrivals}",
        run.scenario,
        quantity::count(run.request_count()),
        quantity::seconds(run.duration_seconds),
        run.throughput().map_or("-".into(), quantity::number),
        time(0.50),
        time(0.95),
        time(0.99),
        quantity::count(run.error_count())
    )
}

fn table(out: &mut impl Write, rules: &[RuleVerdict]) -> std::io::Result<()> {
    let figure =
        |value: Option<f64>, unit: &str| value.map_or("-".into(), |value| quantity::display(value, unit));
    let rows: Vec<[String; 3]> = rules
        .iter()
        .map(|rule| [rule.rule.clone(), figure(rule.value, &rule.unit), figure(rule.limit, &rule.unit)])
        .collect();
    let heads = ["rule", "value", "limit"];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let [first, second, third] = [width(0), width(1), width(2)];
    writeln!(out, "{:<first$}  {:>second$}  {:>third$}  verdict", heads[0], heads[1], heads[2])?;
    for (row, rule) in rows.iter().zip(rules) {
        let (color, word) = match rule.outcome {
            Outcome::Pass => ("\u{1b}[32m", "pass"),
            Outcome::Fail => ("\u{1b}[31m", "FAIL"),
            Outcome::Inconclusive => ("\u{1b}[33m", "inconclusive"),
        };
        let reason = if rule.reason.is_empty() { String::new() } else { format!(": {}", rule.reason) };
        let [name, value, limit] = row;
        writeln!(out, "{name:<first$}  {value:>second$}  {limit:>third$}  {color}{word}\u{1b}[0m{reason}")?;
    }
    Ok(())
}
