//! Finding and reading run records: one file, a folder of one run, or a folder of many.
//! It compares nothing and accepts every scenario.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reports::model::{DocumentError, RunRecord, Verdict, read};
use serde::Deserialize;

/// The file name of a record in the folder of its run.
pub const RUN_FILE: &str = "run.json";
/// The file name of a verdict in the folder of its run.
pub const VERDICT_FILE: &str = "verdict.json";
const RUN_FORMAT: &str = "perf-run/";

/// A record and the file that it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedRun {
    pub path: PathBuf,
    pub record: RunRecord,
    /// What the load test said of this run, where its `verdict.json` lies beside it. It knows what a record does not
    /// hold: whether the generator kept up, and whether the page agreed with the cluster.
    pub verdict: Option<Verdict>,
}

/// Why there are no records to work on.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    #[error("{}: no such file or folder, expected a run record or a folder of them", .0.display())]
    Missing(PathBuf),
    #[error("{}: no run record in it, expected run.json, */run.json or *.json of format perf-run/v1", .0.display())]
    Empty(PathBuf),
    #[error("{}: holds {count} run records, expected one: name the file or use compare", path.display())]
    Many { path: PathBuf, count: usize },
    #[error("{}: holds run {id}, which {} holds as well: a run counts once", second.display(), first.display())]
    Twice { id: String, first: PathBuf, second: PathBuf },
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl RunsError {
    /// Whether the machine failed rather than the input: a file is there but cannot be read.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Document(DocumentError::Read { .. }))
    }
}

/// The one record that `path` names: a file, or a folder that holds exactly one.
///
/// # Errors
/// When there is none, more than one, or one that cannot be read.
pub fn load_one(path: &Path) -> Result<LoadedRun, RunsError> {
    let mut runs = load(path)?;
    match (runs.pop(), runs.len()) {
        (Some(run), 0) => Ok(run),
        (_, others) => Err(RunsError::Many { path: path.into(), count: others + 1 }),
    }
}

/// All records of `path`, sorted by file name: a file; or in a folder `run.json`, `*/run.json` and every `*.json` whose
/// format is `perf-run/...`. JSON files of other formats are passed over.
///
/// # Errors
/// When there is none, one of them cannot be read or is of another format version, or two hold the same run.
pub fn load(path: &Path) -> Result<Vec<LoadedRun>, RunsError> {
    if !path.exists() {
        return Err(RunsError::Missing(path.into()));
    }
    let files = if path.is_dir() { record_files(path)? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(RunsError::Empty(path.into()));
    }
    let mut runs = Vec::with_capacity(files.len());
    let mut seen = BTreeMap::<String, PathBuf>::new();
    for path in files {
        let record: RunRecord = read(&path)?;
        if let Some(first) = seen.insert(record.id.clone(), path.clone()) {
            return Err(RunsError::Twice { id: record.id, first, second: path });
        }
        let verdict = verdict_beside(&path, &record.id)?;
        runs.push(LoadedRun { path, record, verdict });
    }
    Ok(runs)
}

/// The verdict over run `id` in the folder of its record; one over something else is none.
fn verdict_beside(run: &Path, id: &str) -> Result<Option<Verdict>, RunsError> {
    let path = run.with_file_name(VERDICT_FILE);
    // A folder of many records under other names has no verdict over one of them.
    if run.file_name().is_none_or(|name| name != RUN_FILE) || !path.is_file() {
        return Ok(None);
    }
    let verdict: Verdict = read(&path)?;
    Ok((verdict.subject == id).then_some(verdict))
}

fn record_files(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let mut files = Vec::new();
    for entry in sorted_entries(folder)? {
        let named_run = entry.file_name().is_some_and(|name| name == RUN_FILE);
        if entry.is_dir() {
            let inner = entry.join(RUN_FILE);
            if inner.is_file() {
                files.push(inner);
            }
        } else if named_run || (entry.extension().is_some_and(|ext| ext == "json") && is_run(&entry)?) {
            files.push(entry);
        }
    }
    Ok(files)
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let failed = |source| RunsError::Read { path: folder.into(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    Ok(entries)
}

/// Whether a JSON file calls itself a run record of any version; other tools' files lie beside ours.
fn is_run(path: &Path) -> Result<bool, RunsError> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let text = std::fs::read(path).map_err(|source| RunsError::Read { path: path.into(), source })?;
    Ok(serde_json::from_slice::<Head>(&text).is_ok_and(|head| head.format.starts_with(RUN_FORMAT)))
}
