//! What a run record proves about the exporter's needs at one size of cluster, and which records prove nothing.
//! It plans nothing: that is `recommend`.

use std::path::{Path, PathBuf};

use reports::model::run::RunKind;
use reports::model::verdict::Outcome;
use reports::model::{DocumentError, RunRecord, Verdict, read};
use reports::sla::Sla;

use crate::policy::EvidencePolicy;

/// A record, and what its load test said of it where that lies beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedRun {
    pub record: RunRecord,
    pub verdict: Option<Verdict>,
}

/// Figures of one accepted run.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub run: String,
    pub nodes: u64,
    /// `None` where the run does not say it.
    pub jobs: Option<u64>,
    /// CPUs in use: the 95th percentile over the samples of the measured part.
    pub cpu_cores_p95: f64,
    pub peak_rss_bytes: u64,
    pub requests_per_second: f64,
    /// Size of the page, where the run fetched one.
    pub exposition_bytes: Option<u64>,
    pub series: Option<u64>,
}

/// Why there are no records.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    #[error("{}: no such file or folder, expected a run record or the folder of one", .0.display())]
    Missing(PathBuf),
    #[error("{}: no run.json in this folder", .0.display())]
    Empty(PathBuf),
    #[error("run {id} is given twice: {} and {}", first.display(), second.display())]
    Twice { id: String, first: PathBuf, second: PathBuf },
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl RunsError {
    /// Whether the machine failed rather than the input: a file is there but cannot be read.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Document(DocumentError::Read { .. }))
    }
}

/// Reads run records, sorted by id, so that the order of the arguments does not matter.
///
/// # Errors
/// When one is missing, cannot be read, is of another format, or is given twice.
pub fn load(paths: &[PathBuf]) -> Result<Vec<LoadedRun>, RunsError> {
    let mut runs: Vec<(LoadedRun, &Path)> = Vec::with_capacity(paths.len());
    for path in paths {
        if !path.exists() {
            return Err(RunsError::Missing(path.clone()));
        }
        let file = if path.is_dir() { path.join("run.json") } else { path.clone() };
        if !file.is_file() {
            return Err(RunsError::Empty(path.clone()));
        }
        let record: RunRecord = read(&file)?;
        if let Some((_, first)) = runs.iter().find(|(known, _)| known.record.id == record.id) {
            let (first, second) = (first.to_path_buf(), path.clone());
            return Err(RunsError::Twice { id: record.id, first, second });
        }
        let verdict = verdict_beside(&file, &record.id)?;
        runs.push((LoadedRun { record, verdict }, path));
    }
    runs.sort_by(|(a, _), (b, _)| a.record.id.cmp(&b.record.id));
    Ok(runs.into_iter().map(|(run, _)| run).collect())
}

/// The verdict over run `id` in the folder of its record; one over something else is none.
fn verdict_beside(run: &Path, id: &str) -> Result<Option<Verdict>, RunsError> {
    let path = run.with_file_name("verdict.json");
    if !path.is_file() {
        return Ok(None);
    }
    let verdict: Verdict = read(&path)?;
    Ok((verdict.subject == id).then_some(verdict))
}

/// The figures of a run, or why it is no evidence.
///
/// # Errors
/// In words, to be put behind the run's id: aborted, failed, or without the figures that a plan needs.
pub fn evidence(loaded: &LoadedRun, policy: &EvidencePolicy) -> Result<Evidence, String> {
    let run = &loaded.record;
    if run.kind != RunKind::LoadTest {
        return Err("is no load test".into());
    }
    if let Some(reason) = &run.aborted {
        return Err(format!("was aborted ({reason})"));
    }
    let number = |name: &str| run.parameters.get(name).and_then(serde_json::Value::as_u64);
    let nodes = number("nodes").ok_or("does not say the number of nodes (parameter nodes)")?;
    let jobs = number("jobs").or_else(|| number("simulated_jobs"));
    // The load test knows more than the record holds, such as whether the page agreed with the cluster.
    let built_in = || Sla::built_in(&run.scenario, Some(nodes)).verdict(run);
    let verdict = loaded.verdict.clone().unwrap_or_else(built_in);
    if verdict.outcome == Outcome::Fail {
        let failed = verdict.rules.iter().filter(|rule| rule.outcome == Outcome::Fail);
        let rules: Vec<&str> = failed.map(|rule| rule.rule.as_str()).collect();
        return Err(format!("failed ({})", rules.join("; ")));
    }
    let subject = run.subject.as_ref().ok_or("has no figures of the exporter's process")?;
    let measured_from = run.seconds.iter().filter(|second| second.warmup).count() as f64;
    let mut cpu: Vec<f64> = subject
        .samples
        .iter()
        .filter(|sample| sample.offset >= measured_from && sample.cpu_cores.is_finite())
        .map(|sample| sample.cpu_cores)
        .collect();
    if cpu.len() < policy.min_samples {
        let (found, needed) = (cpu.len(), policy.min_samples);
        return Err(format!("has {found} CPU samples after its warm-up, {needed} are needed"));
    }
    cpu.sort_by(f64::total_cmp);
    let requests_per_second = run.throughput().ok_or("has no measured part")?;
    Ok(Evidence {
        run: run.id.clone(),
        nodes,
        jobs,
        cpu_cores_p95: nearest_rank(&cpu, 0.95),
        peak_rss_bytes: subject.peak_rss_bytes,
        requests_per_second,
        exposition_bytes: run.exposition.as_ref().map(|page| page.bytes),
        series: run.exposition.as_ref().map(|page| page.series),
    })
}

/// The smallest of the sorted values that the fraction `quantile` of them does not exceed.
fn nearest_rank(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_one_of_the_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(nearest_rank(&values, 0.95), 19.0);
        assert_eq!(nearest_rank(&values, 0.951), 20.0);
        assert_eq!(nearest_rank(&[3.0], 0.95), 3.0);
    }
}
