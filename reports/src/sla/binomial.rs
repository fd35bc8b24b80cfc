//! What a count of hits among independent trials says of the probability behind it, and what a quantile's rank may be.
//! Exact: sums of the binomial distribution, without a normal approximation. It knows no rule and no run.

/// What may lie beyond one end of an interval: 2.5 %, so that both ends together make 95 %.
pub(super) const TAIL: f64 = 0.025;
/// A probability this much smaller than the likeliest one changes no sum of them.
const NEGLIGIBLE: f64 = 1e-20;
/// Halvings of 0 to 1, as many as a double has digits.
const HALVINGS: u32 = 53;

/// The 95 % interval of the probability when `hits` of `trials` were hit: C. J. Clopper, E. S. Pearson, "The use of
/// confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934). `None` without trials.
///
/// It assumes independent trials. Failures come in bursts, so that the true interval is wider.
pub(super) fn interval(hits: u64, trials: u64) -> Option<[f64; 2]> {
    (trials > 0).then(|| [lowest(hits, trials), 1.0 - lowest(trials - hits, trials)])
}

/// The smallest probability with which `hits` or more are no surprise.
fn lowest(hits: u64, trials: u64) -> f64 {
    if hits == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if at_least(hits, trials, middle) < TAIL {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The ranks, from 1, of the order statistics of `count` values that enclose the quantile with 95 % confidence: the
/// highest and the lowest with at most 2.5 % beyond them (David and Nagaraja, Order Statistics, section 7.1).
/// An end is `None` when there are too few values for it.
pub(super) fn quantile_ranks(count: u64, quantile: f64) -> (Option<u64>, Option<u64>) {
    // The values below the quantile are a binomial count. That it is `rank` or more grows less likely with the rank.
    let last_with = |holds: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, count + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if holds(middle) { low = middle } else { high = middle }
        }
        low
    };
    let low = last_with(&|rank| 1.0 - at_least(rank, count, quantile) <= TAIL);
    let high = last_with(&|rank| at_least(rank, count, quantile) > TAIL) + 1;
    ((low > 0).then_some(low), (high <= count).then_some(high))
}

/// The probability of `hits` or more in `trials` when each hits with `probability`, above 0 and below 1.
///
/// Weights relative to the likeliest count come from the ratio of neighbours, so that no factorial is formed.
fn at_least(hits: u64, trials: u64, probability: f64) -> f64 {
    let odds = probability / (1.0 - probability);
    // weight(k + 1) / weight(k)
    let ratio = |k: u64| (trials - k) as f64 / (k + 1) as f64 * odds;
    let mode = (((trials + 1) as f64 * probability) as u64).min(trials);
    let (mut all, mut tail) = (0.0, 0.0);
    let mut add = |k: u64, weight: f64| {
        all += weight;
        if k >= hits {
            tail += weight;
        }
    };
    let mut weight = 1.0;
    for k in mode..=trials {
        add(k, weight);
        weight *= ratio(k);
        if weight < NEGLIGIBLE {
            break;
        }
    }
    let mut weight = 1.0;
    for k in (0..mode).rev() {
        weight /= ratio(k);
        if weight < NEGLIGIBLE {
            break;
        }
        add(k, weight);
    }
    tail / all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn the_interval_has_its_closed_form_at_the_ends() {
        for trials in [1, 3, 54, 1000, 1_000_000] {
            let root = (TAIL.ln() / trials as f64).exp();
            let [low, high] = interval(trials, trials).unwrap();
            near(low, root);
            near(high, 1.0);
            let [low, high] = interval(0, trials).unwrap();
            near(low, 0.0);
            near(high, 1.0 - root);
        }
        assert_eq!(interval(0, 0), None);
    }

    #[test]
    fn at_its_ends_what_was_seen_is_just_no_surprise() {
        // The sum that defines the interval, term by term; small enough for plain products.
        let term = |n: u64, k: u64, p: f64| {
            let ways = (0..k).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64);
            ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
        };
        for (hits, trials) in [(1, 10), (7, 100), (40, 54), (53, 54), (9, 12)] {
            let [low, high] = interval(hits, trials).unwrap();
            near((hits..=trials).map(|k| term(trials, k, low)).sum(), TAIL);
            near((0..=hits).map(|k| term(trials, k, high)).sum(), TAIL);
        }
    }

    #[test]
    fn the_ranks_enclose_the_quantile_with_the_fewest_samples_and_not_with_one_less() {
        for (quantile, fewest) in [(0.5, 6), (0.95, 72), (0.99, 368), (0.999, 3688)] {
            assert_eq!(super::super::fewest_samples(quantile), fewest);
            assert_eq!(quantile_ranks(fewest, quantile).1, Some(fewest), "{quantile}");
            assert_eq!(quantile_ranks(fewest - 1, quantile).1, None, "{quantile}");
        }
        assert_eq!(quantile_ranks(0, 0.5), (None, None));
    }

    #[test]
    fn the_ranks_of_a_median_are_those_of_the_tables() {
        // Distribution-free 95 % intervals of the median: n = 10 has ranks 2 and 9, n = 20 has 6 and 15.
        for (count, low, high) in
            [(5, None, None), (6, Some(1), Some(6)), (10, Some(2), Some(9)), (20, Some(6), Some(15))]
        {
            assert_eq!(quantile_ranks(count, 0.5), (low, high), "{count}");
        }
    }
}
