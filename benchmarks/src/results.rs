//! What criterion left in its folder: the raw samples of each benchmark, checked before they are believed.
//! Criterion's own estimates are not read: its files are private to it, and the raw samples say it all.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::subject::Subject;

/// Results that lie further apart are of different runs, perhaps of different builds.
const LONGEST_RUN: Duration = Duration::from_secs(3_600);
/// Criterion nests group, function and parameter; its newest samples are in a folder of this name.
const NEWEST: &str = "new";

/// One benchmark with its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// `decode_jobs/streaming/10k`
    pub name: String,
    /// Bytes that one iteration works through, where that is what the benchmark is about.
    pub bytes: Option<u64>,
    /// Seconds per iteration, one figure per sample.
    pub samples: Vec<f64>,
    /// Seconds that were measured in all, without warm-up.
    pub measured_seconds: f64,
    /// When its last sample was taken.
    pub finished_at: SystemTime,
}

/// Why there are no results to report.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    #[error("{}: no results of {group}: run `cargo bench -p benchmarks --bench {subject}` first", folder.display())]
    Missing { folder: PathBuf, group: &'static str, subject: &'static str },
    #[error("{}: more than an hour older than {newest}: remove its folder, or run `cargo bench -p benchmarks` again", path.display())]
    OldRun { path: PathBuf, newest: String },
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: not a result of criterion 0.8", path.display())]
    Invalid { path: PathBuf, source: serde_json::Error },
    #[error("{}: {what}", path.display())]
    Unusable { path: PathBuf, what: &'static str },
}

/// `benchmark.json`
#[derive(Deserialize)]
struct Identity {
    full_id: String,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Bytes")]
    bytes: Option<u64>,
}

/// `sample.json`: iterations of each sample, and the nanoseconds that they took together.
#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Reads the results of every group of these subjects, in the order of subjects, groups and names.
///
/// # Errors
/// When a group has none, a file is not what criterion writes, or the results are not of one run.
pub fn read(folder: &Path, subjects: &[Subject]) -> Result<Vec<Benchmark>, ResultsError> {
    let mut found = Vec::new();
    for subject in subjects {
        for group in subject.groups {
            let mut places = Vec::new();
            find(&folder.join(group), &mut places)?;
            if places.is_empty() {
                return Err(ResultsError::Missing { folder: folder.into(), group, subject: subject.name });
            }
            let mut benchmarks = places.iter().map(|place| one(place)).collect::<Result<Vec<_>, _>>()?;
            benchmarks.sort_by_cached_key(|(benchmark, _)| natural(&benchmark.name));
            found.extend(benchmarks);
        }
    }
    of_one_run(&found)?;
    Ok(found.into_iter().map(|(benchmark, _)| benchmark).collect())
}

/// Every folder with newest samples below this one, which need not exist.
fn find(folder: &Path, places: &mut Vec<PathBuf>) -> Result<(), ResultsError> {
    let unreadable = |source| ResultsError::Read { path: folder.into(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_type().map_err(unreadable)?.is_dir() {
            continue;
        }
        if entry.file_name() == NEWEST {
            places.push(entry.path());
        } else {
            find(&entry.path(), places)?;
        }
    }
    Ok(())
}

fn one(place: &Path) -> Result<(Benchmark, PathBuf), ResultsError> {
    let path = place.join("sample.json");
    let identity: Identity = json(&place.join("benchmark.json"))?;
    let sample: Sample = json(&path)?;
    let unusable = |what| ResultsError::Unusable { path: path.clone(), what };
    if sample.iters.is_empty() || sample.iters.len() != sample.times.len() {
        return Err(unusable("expected as many times as iterations, and at least one"));
    }
    if sample.iters.iter().chain(&sample.times).any(|figure| !(figure.is_finite() && *figure > 0.0)) {
        return Err(unusable("expected times and iterations above 0"));
    }
    let finished_at = fs::metadata(&path)
        .and_then(|metadata| metadata.modified())
        .map_err(|source| ResultsError::Read { path: path.clone(), source })?;
    let benchmark = Benchmark {
        name: identity.full_id,
        bytes: identity.throughput.and_then(|throughput| throughput.bytes),
        samples: sample.times.iter().zip(&sample.iters).map(|(time, iters)| time / iters * 1e-9).collect(),
        measured_seconds: sample.times.iter().sum::<f64>() * 1e-9,
        finished_at,
    };
    Ok((benchmark, path))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ResultsError> {
    let text = fs::read(path).map_err(|source| ResultsError::Read { path: path.into(), source })?;
    serde_json::from_slice(&text).map_err(|source| ResultsError::Invalid { path: path.into(), source })
}

fn of_one_run(found: &[(Benchmark, PathBuf)]) -> Result<(), ResultsError> {
    let oldest = found.iter().min_by_key(|(benchmark, _)| benchmark.finished_at);
    let newest = found.iter().min_by_key(|(benchmark, _)| Reverse(benchmark.finished_at));
    if let (Some((old, path)), Some((new, _))) = (oldest, newest)
        && new.finished_at.duration_since(old.finished_at).is_ok_and(|apart| apart > LONGEST_RUN)
    {
        return Err(ResultsError::OldRun { path: path.clone(), newest: new.name.clone() });
    }
    Ok(())
}

/// A key that sorts `1k` before `10k`: text, then the number behind it, alternately.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(digits);
        let end = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
        let (number, behind) = behind.split_at(end);
        key.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = behind;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_in_names_sort_by_size() {
        let mut names = ["x/v0.0.45", "x/10k", "x/1k", "b/2", "x/v0.0.5"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["b/2", "x/1k", "x/10k", "x/v0.0.5", "x/v0.0.45"]);
    }
}
