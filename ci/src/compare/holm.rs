//! Holm's adjustment of p-values for many tests at once.
//! It does not choose the level: the caller compares the adjusted values with it.
//!
//! Method: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
//! (1979). Assumes nothing about the dependence between the tests; holds the probability of any false alarm.

/// Adjusted p-values in the order of `p_values`: the k-th smallest of n is multiplied by n - k + 1, made no smaller
/// than those before it, and capped at 1.
pub(super) fn adjust(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut floor: f64 = 0.0;
    for (position, &index) in order.iter().enumerate() {
        let factor = (p_values.len() - position) as f64;
        floor = floor.max((p_values[index] * factor).min(1.0));
        adjusted[index] = floor;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(p_values: &[f64], expected: &[f64]) {
        let adjusted = adjust(p_values);
        assert_eq!(adjusted.len(), expected.len());
        for (found, expected) in adjusted.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn a_worked_example_is_reproduced() {
        // Four tests: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before it.
        check(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
    }

    #[test]
    fn adjusted_values_stay_probabilities() {
        check(&[0.9, 0.6], &[1.0, 1.0]);
        check(&[0.2], &[0.2]);
        check(&[], &[]);
    }
}
