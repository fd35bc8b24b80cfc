//! One shard's result folder, read and held against the others: the same run, every shard once.
//! Nothing is added up here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reports::model::format::DocumentError;
use reports::model::run::RunKind;
use reports::model::{LatencyHistogram, RunRecord, Verdict};
use serde_json::Value;

use crate::interval_log::{self, Logged};

/// The parameters in which shards of one run differ.
const OWN_PARAMETERS: [&str; 2] = ["shard", "target_pid"];

/// Why folders cannot be merged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("{}: cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {problem}", path.display())]
    Unfit { path: PathBuf, problem: String },
    #[error("{0}")]
    Together(String),
}

/// What one shard left.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// `shard 1/4`
    pub(super) name: String,
    pub(super) shards: u64,
    pub(super) record: RunRecord,
    pub(super) verdict: Verdict,
    pub(super) intervals: Vec<Logged>,
}

/// Reads all folders; in the order of the shards.
pub(super) fn read_all(folders: &[PathBuf]) -> Result<Vec<Part>, PartError> {
    let mut parts = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>, _>>()?;
    parts.sort_by_key(|(index, _)| *index);
    check_together(folders, &parts)?;
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

fn read(folder: &Path) -> Result<(u64, Part), PartError> {
    let record: RunRecord = reports::model::read(&folder.join("run.json"))?;
    let verdict: Verdict = reports::model::read(&folder.join("verdict.json"))?;
    let path = folder.join("run.hlog");
    let log = std::fs::read(&path).map_err(|source| PartError::Unreadable { path: path.clone(), source })?;
    let mut measured: BTreeMap<String, LatencyHistogram> = BTreeMap::new();
    let add = |interval: &Logged, latency: LatencyHistogram| {
        if !interval.warmup {
            measured.entry(interval.name.clone()).or_default().merge(&latency);
        }
    };
    let intervals =
        interval_log::read(&log, add).map_err(|problem| PartError::Unfit { path: path.clone(), problem })?;
    let unfit = |problem: &str| PartError::Unfit { path: folder.to_owned(), problem: problem.into() };
    if record.kind != RunKind::LoadTest {
        return Err(unfit("this is no load test"));
    }
    let shard = record.parameters.get("shard").and_then(Value::as_str);
    let numbers = shard.and_then(|shard| {
        let (index, of) = shard.split_once('/')?;
        Some((index.parse().ok()?, of.parse().ok()?))
    });
    let Some((index, shards)) = numbers else {
        return Err(unfit("this run is no shard: it was not made with --shard"));
    };
    if !is_of_record(&measured, &record) {
        return Err(unfit("run.hlog and run.json are of different runs"));
    }
    let name = format!("shard {index}/{shards}");
    Ok((index, Part { name, shards, record, verdict, intervals }))
}

/// Whether the log's measured part, summed up by name, is what the record's histograms hold.
fn is_of_record(measured: &BTreeMap<String, LatencyHistogram>, record: &RunRecord) -> bool {
    let empty = LatencyHistogram::default();
    let known = |name: &String| record.requests.iter().any(|stats| stats.name == *name);
    measured.keys().all(known)
        && record.requests.iter().all(|stats| measured.get(&stats.name).unwrap_or(&empty) == &stats.latency)
}

fn check_together(folders: &[PathBuf], parts: &[(u64, Part)]) -> Result<(), PartError> {
    let refuse = |problem: String| Err(PartError::Together(problem));
    let Some((_, first)) = parts.first() else {
        return refuse("there is nothing to merge".into());
    };
    for (_, part) in parts {
        if let Some(difference) = difference(&first.record, &part.record) {
            return refuse(format!(
                "{} and {} are of different runs: {difference} differs",
                first.name, part.name
            ));
        }
    }
    for expected in 0..first.shards {
        match parts.iter().filter(|(index, _)| *index == expected).count() {
            1 => {}
            0 => return refuse(format!("shard {expected}/{} is missing", first.shards)),
            count => return refuse(format!("shard {expected}/{} is there {count} times", first.shards)),
        }
    }
    if parts.len() as u64 != first.shards {
        return refuse(format!("{} folders, but {} shards", folders.len(), first.shards));
    }
    Ok(())
}

/// The first thing in which two records differ that must be the same in one run.
fn difference(one: &RunRecord, other: &RunRecord) -> Option<String> {
    if one.scenario != other.scenario {
        return Some("the scenario".into());
    }
    if one.seed != other.seed {
        return Some("the seed".into());
    }
    if (&one.build.version, &one.build.commit) != (&other.build.version, &other.build.commit) {
        return Some("the build of loadtest".into());
    }
    let shards = |record: &RunRecord| {
        let shard = record.parameters.get("shard").and_then(Value::as_str);
        shard.and_then(|shard| shard.split_once('/')).map(|(_, of)| of.to_owned())
    };
    if shards(one) != shards(other) {
        return Some("the number of shards".into());
    }
    let names = one.parameters.keys().chain(other.parameters.keys());
    names
        .filter(|name| !OWN_PARAMETERS.contains(&name.as_str()))
        .find(|name| one.parameters.get(*name) != other.parameters.get(*name))
        .map(|name| format!("the parameter {name}"))
}

/// # Errors
/// When the shards were judged by a rule file, which is not there any more.
pub(super) fn judged_by_built_in(parts: &[Part]) -> Result<(), PartError> {
    let file = parts.iter().find_map(|part| {
        part.record.parameters.get("sla").and_then(Value::as_str).filter(|origin| *origin != "built-in")
    });
    match file {
        Some(file) => Err(PartError::Together(format!("the shards were judged by {file}: name it by --sla"))),
        None => Ok(()),
    }
}
