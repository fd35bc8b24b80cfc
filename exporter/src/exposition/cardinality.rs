//! Limits on series, applied to a batch's finished lines before it is frozen: values of a label beyond a limit fold
//! into `other`, so that sums stay right. It knows no particular label; without a limit it reads nothing.
//!
//! What folds: gauges, counters and histograms, whose values add up. A [`Kind::Property`] does not: the lines of folded
//! values are left out and counted. Which values keep their series is decided once per batch, for each label, so that
//! a batch's families can be joined: those with the largest share of the batch's sums.
//!
//! - For gauges it is decided anew with each refresh, with a bonus for a value that has its series already.
//! - For counters and histograms it is decided when the limit is first passed, and stays: were a value moved out of
//!   `other`, that counter would go down, and moved into it, jump.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::family::{Desc, Family, Kind, Level};
use super::value::Value;

/// The value that stands for all that have no series of their own.
const OTHER: &[u8] = b"other";

/// A value with a series keeps it until another one's share is this much larger.
const BONUS: f64 = 2.0;

/// The most series that there may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In the whole page.
    pub max_series: Option<usize>,
    /// Values of a label in one family of one cluster, `other` included.
    pub labels: BTreeMap<&'static str, usize>,
    /// Labels that tell what a series is about, from few values to many: when the page is full, families of the last
    /// ones give way first.
    pub subjects: &'static [&'static str],
    /// Published names of families that give way before all others, and after them.
    pub first: BTreeSet<String>,
    pub last: BTreeSet<String>,
}

impl Limits {
    /// The rank of a published family in giving way: the higher, the sooner.
    pub(super) fn rank(&self, name: &str) -> u8 {
        match self.last.contains(name) {
            true => 0,
            false => 1 + u8::from(self.first.contains(name)),
        }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.max_series.is_none() && self.labels.is_empty()
    }

    /// The position of the family's finest subject, counted from 1; 0 for a family about none of them.
    pub(super) fn fineness(&self, desc: &Desc) -> usize {
        self.subjects.iter().rposition(|subject| desc.labels.contains(subject)).map_or(0, |at| at + 1)
    }

    pub(super) fn subject(&self, desc: &Desc) -> Option<&'static str> {
        self.fineness(desc).checked_sub(1).map(|at| self.subjects[at])
    }
}

/// The limits and what was decided under them.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    decided: HashMap<Scope, Names>,
}

/// Escaped label values.
type Names = HashSet<Box<[u8]>>;

/// What a decision is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    /// A collector, or one family that must fit into the rest of a full page.
    owner: &'static str,
    cluster: Option<Arc<str>>,
    label: &'static str,
    cumulative: bool,
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Limiter {
        Limiter { limits, decided: HashMap::new() }
    }

    /// Folds each family down to the limits of its labels.
    pub(super) fn fold(&mut self, owner: &'static str, cluster: Option<&Arc<str>>, families: &mut [Family]) {
        for (label, limit) in self.limits.labels.clone() {
            for cumulative in [false, true] {
                let mut concerned: Vec<&mut Family> = families
                    .iter_mut()
                    .filter(|family| {
                        let desc = family.desc();
                        desc.level != Level::Own
                            && desc.labels.contains(&label)
                            && desc.kind.is_cumulative() == cumulative
                    })
                    .collect();
                let scope = Scope { owner, cluster: cluster.cloned(), label, cumulative };
                self.fold_label(&scope, limit, &mut concerned);
            }
        }
    }

    /// Folds a gauge about a subject down to so many series; false when that cannot be, and it is as it was.
    pub(super) fn fold_to(&mut self, family: &mut Family, cluster: Option<&Arc<str>>, series: usize) -> bool {
        let desc = family.desc();
        let Some(label) = self.limits.subject(desc).filter(|_| desc.kind == Kind::Gauge) else {
            return false;
        };
        let values = shares(&[&*family], label).len();
        let scope = Scope { owner: desc.name, cluster: cluster.cloned(), label, cumulative: false };
        let before = family.clone();
        // One value may have more lines than another, so the first guess may be too many.
        let mut limit = values * series / before.samples().max(1);
        while limit > 0 {
            self.fold_label(&scope, limit, &mut [&mut *family]);
            if family.samples() <= series {
                return true;
            }
            *family = before.clone();
            limit /= 2;
        }
        false
    }

    fn fold_label(&mut self, scope: &Scope, limit: usize, families: &mut [&mut Family]) {
        let is_final = scope.cumulative && self.decided.contains_key(scope);
        // A value has at least one line.
        if !is_final && families.iter().all(|family| family.samples() <= limit) {
            self.decided.remove(scope);
            return;
        }
        if !is_final {
            let shares = shares(families, scope.label);
            if shares.len() <= limit {
                self.decided.remove(scope);
                return;
            }
            let names = largest(shares, limit.saturating_sub(1), self.decided.get(scope));
            self.decided.insert(scope.clone(), names);
        }
        let names = &self.decided[scope];
        for family in families {
            let (body, samples) = folded(family, scope.label, names);
            family.set_lines(body, samples);
        }
    }
}

/// What each value of the label has of the sums of all families, each of which counts as 1.
fn shares(families: &[impl std::borrow::Borrow<Family>], label: &str) -> HashMap<Box<[u8]>, f64> {
    let mut shares: HashMap<Box<[u8]>, f64> = HashMap::new();
    for family in families {
        let family = family.borrow();
        let mut sums: HashMap<&[u8], f64> = HashMap::new();
        for line in lines(family.body()) {
            let Some(value) = value_of(line, label) else { continue };
            let sum = sums.entry(&line[value]).or_default();
            let counts = match family.desc().kind {
                Kind::Gauge | Kind::Counter => true,
                Kind::Histogram => name_of(line).ends_with(b"_count"),
                Kind::Property => false,
            };
            let number = number_of(line).abs();
            if counts && number.is_finite() {
                *sum += number;
            }
        }
        let total: f64 = sums.values().sum();
        for (value, sum) in sums {
            let share = if total > 0.0 { sum / total } else { 0.0 };
            match shares.get_mut(value) {
                Some(known) => *known += share,
                None => drop(shares.insert(value.into(), share)),
            }
        }
    }
    shares
}

/// The values with the largest shares, by name where they are equal; never `other` itself.
fn largest(shares: HashMap<Box<[u8]>, f64>, count: usize, incumbents: Option<&Names>) -> Names {
    let mut ranked: Vec<(f64, Reverse<Box<[u8]>>)> = shares
        .into_iter()
        .filter(|(value, _)| **value != *OTHER)
        .map(|(value, share)| {
            let has_series = incumbents.is_some_and(|names| names.contains(&value));
            (if has_series { share * BONUS } else { share }, Reverse(value))
        })
        .collect();
    ranked.sort_by(|one, two| two.0.total_cmp(&one.0).then_with(|| two.1.cmp(&one.1)));
    ranked.into_iter().take(count).map(|(_, Reverse(value))| value).collect()
}

/// The lines with every value that is not among `names` replaced by `other`, and their number: lines that become
/// equal are added up, those of a property left out. What is added up stands at the end, in its first order.
fn folded(family: &Family, label: &str, names: &Names) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    let mut samples = 0;
    let mut sums: Vec<(Vec<u8>, f64)> = Vec::new();
    let mut positions: HashMap<Vec<u8>, usize> = HashMap::new();
    for line in lines(family.body()) {
        let value = value_of(line, label).filter(|value| !names.contains(&line[value.clone()]));
        let Some(value) = value else {
            body.extend_from_slice(line);
            samples += 1;
            continue;
        };
        if family.desc().kind == Kind::Property {
            continue;
        }
        let series = [&line[..value.start], OTHER, &line[value.end..number_start(line)]].concat();
        let at = *positions.entry(series).or_insert_with_key(|series| {
            sums.push((series.clone(), 0.0));
            sums.len() - 1
        });
        sums[at].1 += number_of(line);
    }
    for (series, sum) in &sums {
        body.extend_from_slice(series);
        Value::Float(*sum).write_to(&mut body);
        body.push(b'\n');
    }
    (body, samples + sums.len())
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|byte| *byte == b'\n')
}

fn name_of(line: &[u8]) -> &[u8] {
    line.split(|byte| matches!(byte, b'{' | b' ')).next().unwrap_or(line)
}

/// Where the number begins: a label may hold spaces, a number does not.
fn number_start(line: &[u8]) -> usize {
    line.iter().rposition(|byte| *byte == b' ').map_or(line.len(), |at| at + 1)
}

fn number_of(line: &[u8]) -> f64 {
    let number = std::str::from_utf8(&line[number_start(line)..]).expect("a number is ASCII");
    number.trim_end().parse().expect("every line ends with a number")
}

/// Where the line has the escaped value of a label.
fn value_of(line: &[u8], label: &str) -> Option<Range<usize>> {
    let mut at = name_of(line).len() + 1;
    loop {
        let name = at..at + line.get(at..)?.iter().position(|byte| *byte == b'=')?;
        let start = name.end + 2;
        let mut end = start;
        while *line.get(end)? != b'"' {
            end += if line[end] == b'\\' { 2 } else { 1 };
        }
        if line[name] == *label.as_bytes() {
            return Some(start..end);
        }
        // The quote and the comma.
        at = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Batch, Unit};

    const fn desc(name: &'static str, kind: Kind, labels: &'static [&'static str]) -> Desc {
        Desc { name, help: "Help.", kind, unit: Unit::None, labels, level: Level::Detailed }
    }

    static CPUS: Desc = desc("cpus", Kind::Gauge, &["user"]);
    static INFO: Desc = desc("user_info", Kind::Property, &["user"]);
    static JOBS: Desc = desc("jobs_total", Kind::Counter, &["user", "state"]);
    static WAIT: Desc = desc("wait", Kind::Histogram, &["user"]);

    fn limiter(user: usize) -> Limiter {
        let limits = Limits { labels: [("user", user)].into(), ..Limits::default() };
        Limiter::new(limits)
    }

    fn fold(limiter: &mut Limiter, write: impl FnOnce(&mut Batch)) -> String {
        let mut batch = Batch::new("users", Some("a"));
        write(&mut batch);
        let mut families = batch.into_families();
        limiter.fold("users", None, &mut families);
        let text = |family: &Family| {
            assert_eq!(family.samples(), lines(family.body()).count());
            String::from_utf8(family.body().to_vec()).unwrap().replace("cluster=\"a\",", "")
        };
        families.iter().map(text).collect()
    }

    fn cpus(values: &[(&str, u64)]) -> impl Fn(&mut Batch) {
        move |batch| values.iter().for_each(|(user, cpus)| batch.family(&CPUS).sample(&[user], *cpus))
    }

    #[test]
    fn the_smallest_fold_and_the_sum_stays() {
        let text = fold(&mut limiter(3), |batch| {
            cpus(&[("ann", 10), ("b \"} x", 3), ("cy", 500), ("dan", 4), ("other", 1)])(batch);
            for user in ["ann", "cy", "dan"] {
                batch.family(&INFO).sample(&[user], 1_u64);
            }
        });
        let expected = "cpus{user=\"ann\"} 10\ncpus{user=\"cy\"} 500\ncpus{user=\"other\"} 8\n\
                        user_info{user=\"ann\"} 1\nuser_info{user=\"cy\"} 1\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn within_the_limit_nothing_changes() {
        let write = cpus(&[("ann", 10), ("bob", 3), ("cy", 500)]);
        let expected = "cpus{user=\"ann\"} 10\ncpus{user=\"bob\"} 3\ncpus{user=\"cy\"} 500\n";
        assert_eq!(fold(&mut limiter(3), &write), expected);
        assert_eq!(fold(&mut Limiter::default(), &write), expected);
    }

    #[test]
    fn a_gauge_s_series_outlives_a_small_change() {
        let mut limiter = limiter(2);
        let first = fold(&mut limiter, cpus(&[("ann", 10), ("bob", 9), ("cy", 1)]));
        assert_eq!(first, "cpus{user=\"ann\"} 10\ncpus{user=\"other\"} 10\n");
        let second = fold(&mut limiter, cpus(&[("ann", 10), ("bob", 15), ("cy", 1)]));
        assert_eq!(second, "cpus{user=\"ann\"} 10\ncpus{user=\"other\"} 16\n");
        let third = fold(&mut limiter, cpus(&[("ann", 10), ("bob", 21), ("cy", 1)]));
        assert_eq!(third, "cpus{user=\"bob\"} 21\ncpus{user=\"other\"} 11\n");
    }

    #[test]
    fn a_counter_never_moves_out_of_other_or_into_it() {
        let mut limiter = limiter(3);
        let jobs = |values: &'static [(&str, &str, u64)]| {
            move |batch: &mut Batch| {
                for (user, state, count) in values {
                    batch.family(&JOBS).sample(&[user, state], *count);
                }
            }
        };
        let all = |text: &str| text.matches("other").count();
        assert_eq!(all(&fold(&mut limiter, jobs(&[("ann", "ok", 5), ("bob", "ok", 2), ("cy", "ok", 1)]))), 0);
        let four = jobs(&[("ann", "ok", 5), ("bob", "ok", 2), ("cy", "ok", 1), ("dan", "ok", 3)]);
        let expected = "jobs_total{user=\"ann\",state=\"ok\"} 5\njobs_total{user=\"dan\",state=\"ok\"} 3\n\
                        jobs_total{user=\"other\",state=\"ok\"} 3\n";
        assert_eq!(fold(&mut limiter, four), expected);
        // The largest now, but its history is in `other`; and it stays so while few users are seen.
        let late = jobs(&[("ann", "ok", 5), ("cy", "ok", 900), ("cy", "bad", 1)]);
        let expected = "jobs_total{user=\"ann\",state=\"ok\"} 5\n\
                        jobs_total{user=\"other\",state=\"ok\"} 900\njobs_total{user=\"other\",state=\"bad\"} 1\n";
        assert_eq!(fold(&mut limiter, late), expected);
    }

    #[test]
    fn histograms_add_up_bucket_by_bucket() {
        let text = fold(&mut limiter(2), |batch| {
            for (user, counts, sum) in [("ann", [1, 2], 1.5), ("bob", [5, 9], 4.0), ("cy", [0, 1], 2.25)] {
                batch.family(&WAIT).histogram(&[user], &[0.5], &counts, sum);
            }
        });
        let folded = "wait_bucket{user=\"other\",le=\"0.5\"} 1\nwait_bucket{user=\"other\",le=\"+Inf\"} 3\n\
                      wait_sum{user=\"other\"} 3.75\nwait_count{user=\"other\"} 3\n";
        assert!(
            text.starts_with("wait_bucket{user=\"bob\",le=\"0.5\"} 5\n") && text.ends_with(folded),
            "{text}"
        );
    }

    #[test]
    fn a_gauge_fits_into_the_rest_of_a_full_page() {
        let limits = Limits { subjects: &["user"], ..Limits::default() };
        let mut limiter = Limiter::new(limits);
        let mut batch = Batch::new("users", None);
        for user in 0..100_u64 {
            batch.family(&CPUS).sample(&[&user.to_string()], user);
            batch.family(&JOBS).sample(&[&user.to_string(), "ok"], user);
        }
        let mut families = batch.into_families();
        assert!(limiter.fold_to(&mut families[0], None, 10));
        assert_eq!(families[0].samples(), 10);
        assert_eq!(lines(families[0].body()).map(number_of).sum::<f64>(), 4950.0);
        assert!(!limiter.fold_to(&mut families[0], None, 0), "not even other fits");
        assert!(!limiter.fold_to(&mut families[1], None, 10), "a counter must not jump");
        assert_eq!(families[1].samples(), 100);
    }
}
