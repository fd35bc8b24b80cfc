//! Several runs one after another, and one report over them: `index.html` in the folder above theirs.
//! Each is as it would be alone; one that fails, or cannot be run, does not keep the others from running.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use reports::model::format::write_whole;
use reports::model::verdict::Outcome;
use reports::model::{RunRecord, Verdict};
use reports::render::{Listed, index};

use crate::output::verdict_line;
use crate::run::Plan;

/// Runs all, and returns the exit code: of the signal that ended it, else 1 when one failed, else 4 when one could not
/// be run, else 3 when one is inconclusive.
///
/// # Errors
/// When the report cannot be written.
pub(crate) async fn run(plans: Vec<Plan>, out: &Path) -> anyhow::Result<u8> {
    let mut ended: Vec<(String, anyhow::Result<u8>)> = Vec::new();
    for plan in plans {
        let name = plan.scenario.name.clone();
        let code = crate::one(plan).await;
        let interrupted = matches!(code, Ok(130 | 143));
        ended.push((name, code));
        if interrupted {
            break;
        }
    }
    report(out, &ended)?;
    let mut stdout = anstream::stdout().lock();
    for (name, code) in &ended {
        let word = match code {
            Ok(0) => "passed".to_owned(),
            Ok(1) => "FAILED".to_owned(),
            Ok(3) => "inconclusive".to_owned(),
            Ok(_) => "interrupted".to_owned(),
            Err(error) => format!("could not be run: {error:#}"),
        };
        writeln!(stdout, "{name:<16} {word}").context("stdout")?;
    }
    let codes: Vec<_> = ended.iter().map(|(_, code)| code.as_ref().ok().copied()).collect();
    let code = whole(&codes);
    let outcome = match code {
        0 => Outcome::Pass,
        1 => Outcome::Fail,
        _ => Outcome::Inconclusive,
    };
    writeln!(stdout, "report: {}\n{}", out.join(INDEX).display(), verdict_line(outcome)).context("stdout")?;
    Ok(code)
}

const INDEX: &str = "index.html";

/// The exit code of all; `None` is a run that could not be made.
fn whole(codes: &[Option<u8>]) -> u8 {
    let has = |wanted: Option<u8>| codes.contains(&wanted);
    [130, 143, 1].into_iter().find(|code| has(Some(*code))).unwrap_or_else(|| {
        match (has(None), has(Some(3))) {
            (true, _) => 4,
            (false, true) => 3,
            (false, false) => 0,
        }
    })
}

/// Lists the runs that left a result.
fn report(out: &Path, ended: &[(String, anyhow::Result<u8>)]) -> anyhow::Result<()> {
    let mut results: Vec<(&str, RunRecord, Verdict)> = Vec::new();
    for (name, code) in ended {
        let folder = out.join(name);
        // One that was interrupted before its load has none.
        if code.is_ok() && folder.join("run.json").exists() {
            let read = reports::model::read(&folder.join("run.json"))?;
            results.push((name, read, reports::model::read(&folder.join("verdict.json"))?));
        }
    }
    let listed: Vec<Listed<'_>> =
        results.iter().map(|(folder, run, verdict)| Listed { folder, run, verdict: Some(verdict) }).collect();
    let path = out.join(INDEX);
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be created", out.display()))?;
    write_whole(&path, index(&listed).as_bytes())
        .with_context(|| format!("{}: cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_as_bad_as_its_worst_run() {
        for (codes, expected) in [
            (&[Some(0), Some(0)][..], 0),
            (&[Some(0), Some(3)], 3),
            (&[Some(3), None], 4),
            (&[None, Some(1), Some(3)], 1),
            (&[Some(1), Some(143)], 143),
        ] {
            assert_eq!(whole(codes), expected, "{codes:?}");
        }
    }
}
