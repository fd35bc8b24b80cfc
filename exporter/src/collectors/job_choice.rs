//! Which single jobs have series of their own: filters, age, sampling and the limit, in this order.
//! A job's luck hangs on its id alone, so that it is chosen in every reading and by every exporter or in none.

use std::collections::HashMap;
use std::time::Duration;

use super::settings::JobSettings;
use crate::model::state::{Word, job_base, job_flag};
use crate::model::{Job, Jobs, Symbol, Timestamp};

/// What became of the rows of a reading.
#[derive(Debug)]
pub(super) struct Choice {
    /// Indices of those that have series, in the order of the reading.
    pub(super) rows: Vec<usize>,
    /// How many rows there are of each outcome.
    pub(super) outcomes: [(&'static str, usize); 5],
}

/// A row that has not been left out so far.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    row: usize,
    /// From 0 to 1.
    luck: f64,
}

/// Chooses among the rows. `as_of` is the controller's clock, against which ages are told.
pub(super) fn choose(jobs: &Jobs, as_of: Timestamp, settings: &JobSettings) -> Choice {
    let all = jobs.rows.len();
    let mut rows: Vec<_> = (0..all).filter(|row| is_wanted(jobs, &jobs.rows[*row], settings)).collect();
    let wanted = rows.len();
    if let Some(max_age) = settings.max_age {
        rows.retain(|row| age(&jobs.rows[*row], as_of).is_none_or(|age| age <= max_age));
    }
    let recent = rows.len();
    let rate = settings.sampling.rate;
    let drawn: Vec<_> =
        rows.iter().map(|row| Candidate { row: *row, luck: luck(&jobs.rows[*row]) }).collect();
    let mut drawn = match settings.sampling.stratified {
        true => stratified(jobs, &drawn, rate),
        false => drawn.into_iter().filter(|candidate| candidate.luck < rate).collect(),
    };
    let sampled = drawn.len();
    if let Some(max) = settings.max_jobs.filter(|max| sampled > *max) {
        drawn.sort_unstable_by(|a, b| {
            let rank = |candidate: &Candidate| rank(&jobs.rows[candidate.row]);
            rank(a).cmp(&rank(b)).then(a.luck.total_cmp(&b.luck)).then(a.row.cmp(&b.row))
        });
        drawn.truncate(max);
        drawn.sort_unstable_by_key(|candidate| candidate.row);
    }
    let rows: Vec<_> = drawn.into_iter().map(|candidate| candidate.row).collect();
    let outcomes = [
        ("shown", rows.len()),
        ("filtered", all - wanted),
        ("too_old", wanted - recent),
        ("not_sampled", recent - sampled),
        ("beyond_limit", sampled - rows.len()),
    ];
    Choice { rows, outcomes }
}

fn is_wanted(jobs: &Jobs, job: &Job, settings: &JobSettings) -> bool {
    let (partitions, states) = (&settings.partitions, &settings.states);
    let mut of_job = jobs.partitions(job).iter().map(|partition| jobs.symbols.resolve(*partition));
    let flags = (0..).zip(job_flag::WORDS).filter(|(flag, _)| job.state.has_flag(*flag));
    (partitions.is_all() || of_job.any(|partition| partitions.allows(partition)))
        && (states.allows(jobs.word(job.state.base))
            || flags.map(|(_, word)| word).any(|word| states.allows(word)))
}

/// Since when it is over; none for a job that is not.
fn age(job: &Job, as_of: Timestamp) -> Option<Duration> {
    let lives = [job_base::PENDING, job_base::RUNNING, job_base::SUSPENDED];
    if lives.iter().any(|base| job.state.has_base(*base)) {
        return None;
    }
    let (end, now) = (job.end_at.get()?, as_of.get()?);
    Some(Duration::from_secs(now.saturating_sub(end).into()))
}

/// The same for an id at any time.
fn luck(job: &Job) -> f64 {
    fastrand::Rng::with_seed(job.id.into()).f64()
}

/// The lucky ones, and the luckiest of each partition and state in which nobody is.
fn stratified(jobs: &Jobs, candidates: &[Candidate], rate: f64) -> Vec<Candidate> {
    let stratum = |candidate: &Candidate| -> (&[Symbol], Word) {
        let job = &jobs.rows[candidate.row];
        (jobs.partitions(job), job.state.base)
    };
    let mut luckiest: HashMap<_, f64> = HashMap::new();
    for candidate in candidates {
        let least = luckiest.entry(stratum(candidate)).or_insert(candidate.luck);
        *least = least.min(candidate.luck);
    }
    let is_chosen = |candidate: &&Candidate| {
        candidate.luck < rate || luckiest.get(&stratum(candidate)) == Some(&candidate.luck)
    };
    candidates.iter().filter(is_chosen).copied().collect()
}

/// Who keeps its series when there are too many: who runs, then who waits, then who is over.
fn rank(job: &Job) -> u8 {
    match job.state.base {
        Word::Known(job_base::RUNNING | job_base::SUSPENDED) => 0,
        Word::Known(job_base::PENDING) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collectors::settings::{Only, Sampling};
    use crate::collectors::test_cluster::JobsBuilder;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Some(seconds))
    }

    /// 1,000 jobs of each state in each of two partitions, and one that failed.
    fn many() -> Jobs {
        let mut jobs = JobsBuilder::default();
        for _ in 0..1000 {
            for (state, partition) in [("running", "a"), ("running", "b"), ("pending", "a"), ("pending", "b")]
            {
                jobs = jobs.job(state, partition, |_| {});
            }
        }
        jobs.job("failed", "a", |job| job.end_at = at(1000)).build()
    }

    fn sampling(rate: f64, stratified: bool) -> JobSettings {
        JobSettings { sampling: Sampling { rate, stratified }, ..JobSettings::default() }
    }

    fn ids(jobs: &Jobs, settings: &JobSettings) -> BTreeSet<u32> {
        choose(jobs, at(2000), settings).rows.iter().map(|row| jobs.rows[*row].id).collect()
    }

    #[test]
    fn a_rate_chooses_about_its_share_and_larger_rates_choose_the_same_and_more() {
        let jobs = many();
        let (tenth, fifth) = (ids(&jobs, &sampling(0.1, false)), ids(&jobs, &sampling(0.2, false)));
        assert!((320..480).contains(&tenth.len()), "{}", tenth.len());
        assert!((700..900).contains(&fifth.len()), "{}", fifth.len());
        assert!(tenth.is_subset(&fifth));
        assert_eq!(ids(&jobs, &sampling(1.0, false)).len(), 4001);
    }

    #[test]
    fn a_job_keeps_its_luck_whatever_becomes_of_it_and_the_others() {
        let mut jobs = many();
        let before = ids(&jobs, &sampling(0.1, true));
        jobs.rows.retain(|job| job.id % 3 > 0);
        for job in &mut jobs.rows {
            job.state.base = Word::Known(job_base::RUNNING);
        }
        let mut kept = before;
        kept.retain(|id| id % 3 > 0 && *id != 4001);
        let mut after = ids(&jobs, &sampling(0.1, true));
        after.remove(&4001);
        assert_eq!(after, kept);
    }

    #[test]
    fn strata_have_somebody_even_where_nobody_is_lucky() {
        let jobs = many();
        assert!(ids(&jobs, &sampling(1e-9, false)).is_empty());
        let chosen = ids(&jobs, &sampling(1e-9, true));
        assert_eq!(chosen.len(), 5, "one of each partition and state");
        assert!(chosen.contains(&4001));
    }

    #[test]
    fn beyond_the_limit_who_runs_comes_first() {
        let jobs = many();
        let limited = |max| JobSettings { max_jobs: Some(max), ..JobSettings::default() };
        let choice = choose(&jobs, at(2000), &limited(2500));
        let running = choice.rows.iter().filter(|row| jobs.rows[**row].is_running()).count();
        assert_eq!((running, choice.rows.len()), (2000, 2500));
        assert_eq!(choice.outcomes[0], ("shown", 2500));
        assert_eq!(choice.outcomes[4], ("beyond_limit", 1501));
        assert!(choice.rows.is_sorted());
        assert!(ids(&jobs, &limited(100)).is_subset(&ids(&jobs, &limited(200))));
    }

    #[test]
    fn filters_and_age_leave_out_and_say_so() {
        let jobs = JobsBuilder::default()
            .job("running completing", "a", |job| job.end_at = at(1))
            .job("completed completing", "b", |job| job.end_at = at(1900))
            .job("completed", "a b", |job| job.end_at = at(1400))
            .job("pending", "c", |_| {})
            .build();
        let only = |words: &[&str]| Only(words.iter().map(|word| (*word).to_owned()).collect());
        let completing = JobSettings { states: only(&["completing"]), ..JobSettings::default() };
        assert_eq!(choose(&jobs, at(2000), &completing).rows, [0, 1]);
        let in_b = JobSettings { partitions: only(&["b"]), ..JobSettings::default() };
        assert_eq!(choose(&jobs, at(2000), &in_b).rows, [1, 2]);
        let young = JobSettings { max_age: Some(Duration::from_secs(100)), ..JobSettings::default() };
        let choice = choose(&jobs, at(2000), &young);
        assert_eq!(choice.rows, [0, 1, 3], "what is not over has no age");
        assert_eq!(choice.outcomes[2], ("too_old", 1));
        let total: usize = choice.outcomes.iter().map(|(_, rows)| rows).sum();
        assert_eq!(total, jobs.rows.len());
    }
}
