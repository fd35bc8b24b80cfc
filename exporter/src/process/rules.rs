//! What the configuration's section `metrics` means for the exposition, which knows no label by name, and for readings.

use std::fs;

use anyhow::{Context as _, ensure};

use crate::collectors::SUBJECTS;
use crate::config::{CLUSTER_LEVEL, Metrics, PREFIX};
use crate::exposition::{Limits, Rules, anchored};
use crate::lifecycle::Pseudonyms;

/// The labels of [`SUBJECTS`].
const LABELS: [&str; SUBJECTS.len()] = {
    let mut labels = [""; SUBJECTS.len()];
    let mut at = 0;
    while at < labels.len() {
        labels[at] = SUBJECTS[at].1;
        at += 1;
    }
    labels
};

/// # Errors
/// When a pattern is no regular expression, which the configuration has checked.
pub(super) fn rules(metrics: &Metrics) -> anyhow::Result<Rules> {
    let compiled = |patterns: &[String]| {
        let compile =
            |pattern: &String| anchored(pattern).with_context(|| format!("failed to read {pattern:?}"));
        patterns.iter().map(compile).collect::<anyhow::Result<Vec<_>>>()
    };
    let subjects = SUBJECTS.iter().map(|(level, label)| (*level, Some(*label)));
    let left_out = [(CLUSTER_LEVEL, None)].into_iter().chain(subjects);
    let left_out = left_out.filter(|(level, _)| metrics.aggregated && !metrics.levels.contains(level));
    let mut exclude = compiled(&metrics.exclude)?;
    for name in &metrics.own.off {
        exclude.push(anchored(name)?);
    }
    Ok(Rules {
        prefix: (metrics.prefix != PREFIX).then(|| (PREFIX, metrics.prefix.clone())),
        include: compiled(&metrics.include)?,
        exclude,
        without_subjects: left_out.map(|(_, label)| label).collect(),
        limits: Limits {
            max_series: metrics.max_series,
            labels: metrics.label_limits.clone(),
            subjects: &LABELS,
            first: metrics.detailed.clone(),
            last: metrics.critical.clone(),
        },
        created: metrics.created,
    })
}

/// The hashes that stand for users' names, if they are wanted.
///
/// # Errors
/// When the key cannot be read, or there is no chance to make one.
pub(super) fn pseudonyms(metrics: &Metrics) -> anyhow::Result<Option<Pseudonyms>> {
    if !metrics.hash_users {
        return Ok(None);
    }
    let key = match &metrics.hash_key_file {
        Some(path) => {
            let key = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
            // Editors end a file with a line feed, which is no part of the key.
            let key = key.trim_ascii_end().to_vec();
            ensure!(!key.is_empty(), "failed to read {}: it holds no key", path.display());
            key
        }
        None => {
            let mut key = vec![0; 32];
            aws_lc_rs::rand::fill(&mut key).ok().context("failed to make a random key")?;
            key
        }
    };
    Ok(Some(Pseudonyms::new(&key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Own;

    #[test]
    fn by_default_nothing_is_left_out_or_renamed() {
        let rules = rules(&Metrics::default()).unwrap();
        assert!(rules.prefix.is_none() && rules.without_subjects.is_empty() && !rules.created);
        assert_eq!(rules.limits, Limits { subjects: &LABELS, ..Limits::default() });
    }

    #[test]
    fn own_families_that_are_off_are_excluded_by_their_whole_names() {
        let own = Own { off: ["slurm_exporter_cache_hit_ratio"].into(), ..Own::default() };
        let rules = rules(&Metrics { own, ..Metrics::default() }).unwrap();
        let is_out = |name| rules.exclude.iter().any(|regex| regex.is_match(name));
        assert!(is_out("slurm_exporter_cache_hit_ratio") && !is_out("slurm_exporter_cache_hits_total"));
    }

    #[test]
    fn a_level_that_is_not_listed_is_left_out() {
        let mut metrics = Metrics { levels: ["partition", "user"].into(), ..Metrics::default() };
        let left_out = [None, Some("account"), Some("job_id"), Some("node")];
        assert_eq!(rules(&metrics).unwrap().without_subjects, left_out.into());
        metrics.aggregated = false;
        assert!(rules(&metrics).unwrap().without_subjects.is_empty());
    }
}
