//! Histograms of one family, one per combination of label values.
//! Where the bounds come from and how they are written is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::symbol::Symbol;

/// Observations by `N` label values.
#[derive(Clone, Debug, Default)]
pub struct Histograms<const N: usize> {
    /// Upper bounds, ascending, without infinity.
    bounds: Arc<[f64]>,
    series: BTreeMap<[Symbol; N], Histogram>,
}

/// The observations of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Per bound, and one for all that is larger; not cumulative.
    counts: Vec<u64>,
    sum: f64,
}

impl<const N: usize> Histograms<N> {
    /// Has these bounds from now on; what was counted within others begins anew.
    pub fn set_bounds(&mut self, bounds: &[f64]) {
        if *self.bounds != *bounds {
            *self = Self { bounds: bounds.into(), series: BTreeMap::new() };
        }
    }

    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    pub fn observe(&mut self, labels: [Symbol; N], value: f64) {
        let bounds = &self.bounds;
        let histogram = self
            .series
            .entry(labels)
            .or_insert_with(|| Histogram { counts: vec![0; bounds.len() + 1], sum: 0.0 });
        histogram.counts[bounds.partition_point(|bound| *bound < value)] += 1;
        histogram.sum += value;
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[Symbol; N], &Histogram)> {
        self.series.iter()
    }
}

impl Histogram {
    /// How many observations lie within each bound; the last entry is all of them.
    pub fn cumulative(&self) -> Vec<u64> {
        let within = self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        });
        within.collect()
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_holds_what_equals_it() {
        let mut histograms = Histograms::<1>::default();
        histograms.set_bounds(&[1.0, 10.0]);
        for value in [0.0, 1.0, 1.5, 10.0, 11.0] {
            histograms.observe([Symbol::EMPTY], value);
        }
        let (_, histogram) = histograms.iter().next().unwrap();
        assert_eq!((histogram.cumulative(), histogram.sum()), (vec![2, 4, 5], 23.5));
    }

    #[test]
    fn other_bounds_begin_anew() {
        let mut histograms = Histograms::<1>::default();
        histograms.set_bounds(&[1.0]);
        histograms.observe([Symbol::EMPTY], 0.5);
        histograms.set_bounds(&[1.0]);
        assert_eq!(histograms.iter().count(), 1);
        histograms.set_bounds(&[2.0]);
        assert_eq!(histograms.iter().count(), 0);
    }
}
