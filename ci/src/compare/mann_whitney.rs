//! The Mann-Whitney U test, one-sided and exact at every size that is accepted, ties included.
//! It says nothing about the size of a difference: that is `effect`.
//!
//! Method: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically larger
//! than the other", Annals of Mathematical Statistics 18 (1947), with midranks for ties; the null distribution is
//! the permutation distribution given the observed ties, counted by dynamic programming over the midranks
//! (J. H. Klotz, "The Wilcoxon, ties, and the computer", JASA 61 (1966)).
//! Assumes: runs are independent, and under the null hypothesis exchangeable between the sides.

/// The largest number of runs a side. There is no normal approximation: below it the p-value is exact, above it
/// the comparison is refused, since the count takes a second and more.
pub const LARGEST_SIDE: usize = 100;

/// The p-value of "`candidate` tends to be larger than `base`": the share of all ways to deal the values to the two
/// sides that give the candidate a rank sum at least as large as the observed one.
///
/// `None` when a side is empty or larger than [`LARGEST_SIDE`], or a value is not a number.
pub(super) fn p_larger(base: &[f64], candidate: &[f64]) -> Option<f64> {
    let sizes = 1..=LARGEST_SIDE;
    let comparable = base.iter().chain(candidate).all(|value| !value.is_nan());
    if !comparable || !sizes.contains(&base.len()) || !sizes.contains(&candidate.len()) {
        return None;
    }
    let ranks = doubled_midranks(base, candidate);
    let observed: usize = ranks[base.len()..].iter().sum();
    Some(share_at_least(&ranks, candidate.len(), observed))
}

/// Twice the midrank of each value, base first: twice, so that the mean of two ranks is a whole number.
fn doubled_midranks(base: &[f64], candidate: &[f64]) -> Vec<usize> {
    let values: Vec<f64> = base.iter().chain(candidate).copied().collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|&&index| values[index] == values[order[start]]).count();
        // Ranks start + 1 to start + tied; twice their mean is the sum of the first and the last.
        let doubled = 2 * start + tied + 1;
        for &index in &order[start..start + tied] {
            ranks[index] = doubled;
        }
        start += tied;
    }
    ranks
}

/// The share of the subsets of `chosen` ranks whose sum is at least `observed`.
///
/// Counts are `f64`: they grow to C(200, 100), about 9e58, and only ever add up, so each keeps a relative error
/// below 200 roundings.
fn share_at_least(ranks: &[usize], chosen: usize, observed: usize) -> f64 {
    let lowest = ranks.iter().copied().min().unwrap_or(0);
    let step = ranks.iter().fold(0, |divisor, rank| greatest_common_divisor(divisor, rank - lowest));
    if step == 0 {
        return 1.0; // Every value is tied: every deal gives the same sum.
    }
    // Sums on the coarsest grid that holds them all: without ties this halves the table.
    let mut weights: Vec<usize> = ranks.iter().map(|rank| (rank - lowest) / step).collect();
    let observed = (observed - chosen * lowest) / step;
    weights.sort_unstable();
    let largest: usize = weights[weights.len() - chosen..].iter().sum();
    let width = largest + 1;
    let mut counts = vec![0.0_f64; (chosen + 1) * width];
    counts[0] = 1.0;
    let mut reach = vec![0_usize; chosen + 1];
    for (taken, &weight) in weights.iter().enumerate() {
        for size in (1..=chosen.min(taken + 1)).rev() {
            let (below, here) = counts.split_at_mut(size * width);
            let below = &below[(size - 1) * width..][..=reach[size - 1]];
            // Weights come in ascending order, so no sum passes `largest`.
            for (count, more) in here[weight..].iter_mut().zip(below) {
                *count += more;
            }
            reach[size] = reach[size].max(reach[size - 1] + weight).min(largest);
        }
    }
    let all = &counts[chosen * width..];
    let tail: f64 = all[observed..].iter().sum();
    tail / all.iter().sum::<f64>()
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every deal of the values, counted one by one: U is the number of pairs in which the candidate is larger, a tie
    /// counting one half. Shares no code with the product.
    fn p_by_enumeration(base: &[f64], candidate: &[f64]) -> f64 {
        let twice_u = |base: &[f64], candidate: &[f64]| -> u32 {
            candidate
                .iter()
                .flat_map(|c| base.iter().map(move |b| if c > b { 2 } else { u32::from(c == b) }))
                .sum()
        };
        let observed = twice_u(base, candidate);
        let all: Vec<f64> = base.iter().chain(candidate).copied().collect();
        let (mut at_least, mut deals) = (0_u32, 0_u32);
        for mask in 0_u32..1 << all.len() {
            if mask.count_ones() as usize != candidate.len() {
                continue;
            }
            let side = |bit: u32| -> Vec<f64> {
                let of = |&(index, _): &(usize, &f64)| (mask >> index) & 1 == bit;
                all.iter().enumerate().filter(of).map(|(_, value)| *value).collect()
            };
            deals += 1;
            at_least += u32::from(twice_u(&side(0), &side(1)) >= observed);
        }
        f64::from(at_least) / f64::from(deals)
    }

    fn check(base: &[f64], candidate: &[f64], expected: f64) {
        let p = p_larger(base, candidate).unwrap();
        assert!((p - expected).abs() <= 1e-12 * expected.max(1e-3), "{p} is not {expected}");
    }

    #[test]
    fn p_values_agree_with_the_published_null_distribution() {
        // Mann and Whitney (1947), table I, n = 3: P(U <= 0), P(U <= 1) and P(U <= 2) for m = 3 are .050, .100, .200.
        check(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.05);
        check(&[1.0, 2.0, 4.0], &[3.0, 5.0, 6.0], 0.10);
        check(&[1.0, 2.0, 5.0], &[3.0, 4.0, 6.0], 0.20);
        // n = 4, m = 4: U <= 0 is 1/70 (.014), U <= 1 is 2/70 (.029).
        check(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0], 1.0 / 70.0);
        check(&[1.0, 2.0, 3.0, 5.0], &[4.0, 6.0, 7.0, 8.0], 2.0 / 70.0);
    }

    #[test]
    fn the_permeability_data_of_hollander_and_wolfe_give_their_p_value() {
        // Hollander and Wolfe, "Nonparametric Statistical Methods", table 4.1 (the example of R's wilcox.test):
        // term against 12 to 26 weeks, one-sided p = .1272.
        let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let early = [1.15, 0.88, 0.90, 0.74, 1.21];
        check(&early, &term, 382.0 / 3003.0);
    }

    #[test]
    fn heavy_ties_are_counted_over_midranks() {
        // Counted apart from this code, in whole numbers; the normal approximation with tie correction says 0.0407.
        let base = [1, 2, 2, 3, 5, 5, 7, 8, 8, 9, 9, 10].map(f64::from);
        let candidate = [2, 3, 5, 6, 8, 8, 9, 11, 11, 12, 12, 12].map(f64::from);
        check(&base, &candidate, 0.039_100_554_849_646_245);
    }

    #[test]
    fn complete_separation_of_twelve_a_side_is_one_deal_of_all() {
        let base: Vec<f64> = (0..12).map(f64::from).collect();
        let candidate: Vec<f64> = (12..24).map(f64::from).collect();
        check(&base, &candidate, 1.0 / 2_704_156.0);
        check(&candidate, &base, 1.0);
    }

    #[test]
    fn a_hundred_a_side_is_counted_exactly() {
        // U = 5050 of 10,000. SciPy's mannwhitneyu(method="exact") gives the same digits.
        let base: Vec<f64> = (0..LARGEST_SIDE).map(|index| 2.0 * index as f64).collect();
        let candidate: Vec<f64> = base.iter().map(|value| value + 1.0).collect();
        check(&base, &candidate, 0.451_973_754_809_319);
    }

    #[test]
    fn equal_values_are_no_evidence() {
        check(&[7.0; 12], &[7.0; 12], 1.0);
    }

    #[test]
    fn what_cannot_be_ranked_has_no_p_value() {
        assert_eq!(p_larger(&[], &[1.0]), None);
        assert_eq!(p_larger(&[1.0], &[f64::NAN]), None);
        assert_eq!(p_larger(&[1.0; LARGEST_SIDE + 1], &[1.0]), None);
    }

    proptest! {
        #[test]
        fn exact_counts_equal_enumeration(
            base in prop::collection::vec(0_u8..8, 1..=6),
            candidate in prop::collection::vec(0_u8..8, 1..=6),
        ) {
            let base: Vec<f64> = base.into_iter().map(f64::from).collect();
            let candidate: Vec<f64> = candidate.into_iter().map(f64::from).collect();
            let (p, expected) = (p_larger(&base, &candidate).unwrap(), p_by_enumeration(&base, &candidate));
            prop_assert!((p - expected).abs() < 1e-12, "{p} is not {expected}");
        }
    }
}
