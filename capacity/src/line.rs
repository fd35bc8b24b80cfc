//! A straight line through measured points, to reach the sizes that were not measured.
//! It says nothing about its own error: two points fit any line.
//!
//! Method: ordinary least squares (A.-M. Legendre, 1805). Assumes: the figure grows in proportion to the size, with the
//! same error at every size. RSS and CPU of the exporter do so nearly, as it keeps one row a node and a job.

/// y = intercept + slope * x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
}

impl Line {
    /// The line with the least squared error in y; `None` with fewer than two different x.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        if points.is_empty() || spread == 0.0 {
            return None;
        }
        let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
        Some(Self { intercept: mean_y - slope * mean_x, slope })
    }

    /// The value at `x`.
    pub(crate) fn at(self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_give_the_line() {
        let line = Line::through(&[(0.0, 1.0), (10.0, 6.0), (20.0, 11.0)]).unwrap();
        assert!((line.intercept - 1.0).abs() < 1e-12 && (line.slope - 0.5).abs() < 1e-12);
        assert!((line.at(100.0) - 51.0).abs() < 1e-12);
    }

    #[test]
    fn anscombes_first_set_gives_its_published_line() {
        // F. J. Anscombe, "Graphs in statistical analysis" (1973): y = 3.00 + 0.500 x.
        let xs = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let ys = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let points: Vec<(f64, f64)> = xs.into_iter().zip(ys).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.intercept - 3.000).abs() < 5e-3 && (line.slope - 0.500).abs() < 5e-4, "{line:?}");
    }

    #[test]
    fn one_size_is_no_line() {
        assert_eq!(Line::through(&[(5.0, 1.0), (5.0, 2.0)]), None);
        assert_eq!(Line::through(&[]), None);
    }
}
