//! Fisher's exact test of two proportions, one-sided: are failures more frequent in the candidate?
//! It does not see that failures come in bursts: the interval over runs, in `effect`, does.
//!
//! Method: R. A. Fisher, "The Design of Experiments" (1935): the hypergeometric distribution given all margins.
//! Assumes: requests fail independently of each other.

/// Failed requests and all requests of one side or one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub failed: u64,
    pub requests: u64,
}

impl Failures {
    /// Failed / all; 0 without requests.
    pub fn rate(self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed as f64 / self.requests as f64 }
    }
}

impl std::iter::Sum for Failures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            failed: sum.failed + one.failed,
            requests: sum.requests + one.requests,
        })
    }
}

/// The p-value of "the candidate fails more often than the base".
///
/// Weights relative to the most likely table come from the ratio of neighbours, so that no factorial is formed; a
/// weight below 1e-308 of it counts as nothing. `None` when a side has no requests.
pub(super) fn p_more_failures(base: Failures, candidate: Failures) -> Option<f64> {
    if base.requests == 0 || candidate.requests == 0 {
        return None;
    }
    let failed = base.failed + candidate.failed;
    let lowest = failed.saturating_sub(base.requests);
    let highest = failed.min(candidate.requests);
    // The mode of the hypergeometric distribution of the candidate's failures.
    let mode = (u128::from(failed + 1) * u128::from(candidate.requests + 1)
        / u128::from(base.requests + candidate.requests + 2)) as u64;
    let mode = mode.clamp(lowest, highest);
    // weight(k + 1) / weight(k)
    let ratio = |k: u64| {
        let up = (failed - k) as f64 * (candidate.requests - k) as f64;
        let down = (k + 1) as f64 * (base.requests + k + 1 - failed) as f64;
        up / down
    };
    let (mut all, mut tail) = (0.0, 0.0);
    let mut add = |k: u64, weight: f64| {
        all += weight;
        if k >= candidate.failed {
            tail += weight;
        }
    };
    let mut weight = 1.0;
    for k in mode..=highest {
        if weight < f64::MIN_POSITIVE {
            break;
        }
        add(k, weight);
        weight *= if k < highest { ratio(k) } else { 0.0 };
    }
    let mut weight = 1.0;
    for k in (lowest..mode).rev() {
        weight /= ratio(k);
        if weight < f64::MIN_POSITIVE {
            break;
        }
        add(k, weight);
    }
    Some((tail / all).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(base: (u64, u64), candidate: (u64, u64)) -> f64 {
        let side = |(failed, requests)| Failures { failed, requests };
        p_more_failures(side(base), side(candidate)).unwrap()
    }

    fn binomial(n: u64, k: u64) -> f64 {
        (0..k).fold(1.0, |product, index| product * (n - index) as f64 / (index + 1) as f64)
    }

    #[test]
    fn the_lady_tasting_tea_gives_the_textbook_p_value() {
        // Fisher (1935): 3 of 4 right is 17/70, 4 of 4 right is 1/70.
        assert!((p((1, 4), (3, 4)) - 17.0 / 70.0).abs() < 1e-12);
        assert!((p((0, 4), (4, 4)) - 1.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn every_small_table_equals_the_sum_of_binomials() {
        for (n, m) in [(1, 1), (3, 5), (7, 4), (10, 12)] {
            for a in 0..=n {
                for b in 0..=m {
                    let failed = a + b;
                    let ways = |k: u64| {
                        if k > failed || failed - k > n {
                            0.0
                        } else {
                            binomial(m, k) * binomial(n, failed - k)
                        }
                    };
                    let tail: f64 = (b..=m).map(ways).sum();
                    let expected = tail / binomial(n + m, failed);
                    let found = p((a, n), (b, m));
                    assert!((found - expected).abs() < 1e-12, "{a}/{n} {b}/{m}: {found} is not {expected}");
                }
            }
        }
    }

    #[test]
    fn request_counts_of_a_load_test_agree_with_whole_number_arithmetic() {
        // Binomials as exact integers, divided last.
        assert!((p((25, 10_000), (40, 10_000)) - 0.040_593_477_380_944_7).abs() < 1e-12);
        assert!((p((1, 120_000), (12, 120_000)) - 0.001_708_587_672_106_418).abs() < 1e-14);
    }

    #[test]
    fn no_failure_at_all_is_no_evidence() {
        assert!((p((0, 1000), (0, 1000)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn large_counts_stay_finite() {
        assert!((p((5_000_000, 10_000_000), (5_000_000, 10_000_000)) - 0.5).abs() < 1e-3);
        assert!(p((0, 10_000_000), (10_000_000, 10_000_000)) < 1e-300);
    }

    #[test]
    fn a_side_without_requests_has_no_p_value() {
        assert_eq!(p_more_failures(Failures::default(), Failures { failed: 1, requests: 2 }), None);
    }
}
