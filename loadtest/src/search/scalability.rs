//! The Universal Scalability Law, fitted to the throughput of ever more users.
//! Pure arithmetic; what saturated is not seen here.

/// Fewer points than this fit any three figures.
const FEWEST_POINTS: usize = 4;

/// Of a figure that is 0.
const ROUNDING: f64 = 1e-9;

/// X(N) = rate N / (1 + contention (N - 1) + coherency N (N - 1)): N. J. Gunther, "Guerrilla Capacity Planning",
/// Springer 2007, chapter 4. It assumes users that never think.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Law {
    /// Requests per second of one user alone.
    pub(crate) rate: f64,
    /// Share of the work that is done one after the other.
    pub(crate) contention: f64,
    /// Cost of each pair of users that get in each other's way.
    pub(crate) coherency: f64,
}

impl Law {
    /// The law that fits these throughputs of so many users best, by relative squares of N / X; `None` for too few.
    pub(crate) fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let points: Vec<_> =
            points.iter().copied().filter(|(users, rate)| *users >= 1.0 && *rate > 0.0).collect();
        if points.len() < FEWEST_POINTS {
            return None;
        }
        // N / X = a + b (N - 1) + c N (N - 1), in which a negative b or c would be no law: then it is left out.
        let terms: [fn(f64) -> f64; 3] = [|_| 1.0, |users| users - 1.0, |users| users * (users - 1.0)];
        let laws = [&[0, 1, 2][..], &[0, 1], &[0, 2], &[0]].into_iter().filter_map(|used| {
            let [a, b, c] = least_squares(&points, &terms, used)?;
            let law = Self { rate: 1.0 / a, contention: b / a, coherency: c / a };
            // Rounding may leave a hair's breadth below 0.
            let possible = a > 0.0 && law.contention >= -ROUNDING && law.coherency >= -ROUNDING;
            let law = Self { contention: law.contention.max(0.0), coherency: law.coherency.max(0.0), ..law };
            let miss = |(users, rate): &(f64, f64)| (rate / law.throughput(*users) - 1.0).powi(2);
            possible.then(|| (points.iter().map(miss).sum::<f64>(), law))
        });
        laws.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, law)| law)
    }

    pub(crate) fn throughput(&self, users: f64) -> f64 {
        self.rate * users / (1.0 + self.contention * (users - 1.0) + self.coherency * users * (users - 1.0))
    }

    /// The number of users with the highest throughput; `None` when more never harm.
    pub(crate) fn best_users(&self) -> Option<f64> {
        let best = ((1.0 - self.contention) / self.coherency).sqrt();
        best.is_finite().then_some(best.max(1.0))
    }
}

/// Solves the normal equations for the terms that are used; the others are 0.
fn least_squares(points: &[(f64, f64)], terms: &[fn(f64) -> f64; 3], used: &[usize]) -> Option<[f64; 3]> {
    let size = used.len();
    let mut rows = vec![vec![0.0; size + 1]; size];
    for (users, rate) in points {
        let time = users / rate;
        // Each point counts by its relative error: divided by the time, the right side is 1.
        let row: Vec<f64> = used.iter().map(|term| terms[*term](*users) / time).collect();
        for i in 0..size {
            for j in 0..size {
                rows[i][j] += row[i] * row[j];
            }
            rows[i][size] += row[i];
        }
    }
    for pivot in 0..size {
        let best = (pivot..size)
            .max_by(|one, other| rows[*one][pivot].abs().total_cmp(&rows[*other][pivot].abs()))?;
        rows.swap(pivot, best);
        if rows[pivot][pivot].abs() < f64::MIN_POSITIVE {
            return None;
        }
        let base = rows[pivot].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != pivot) {
            let factor = row[pivot] / base[pivot];
            row.iter_mut().zip(&base).for_each(|(cell, base)| *cell -= factor * base);
        }
    }
    let mut found = [0.0; 3];
    for (row, term) in used.iter().enumerate() {
        found[*term] = rows[row][size] / rows[row][row];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

    fn check(law: Law) {
        let points: Vec<(f64, f64)> = USERS.map(|users| (users, law.throughput(users))).into();
        let found = Law::fit(&points).unwrap();
        for (found, expected) in
            [(found.rate, law.rate), (found.contention, law.contention), (found.coherency, law.coherency)]
        {
            assert!((found - expected).abs() < 1e-6 * expected.max(1e-3), "{found} is not {expected}");
        }
    }

    #[test]
    fn a_law_is_found_again_from_its_own_throughputs() {
        check(Law { rate: 100.0, contention: 0.05, coherency: 0.0002 });
        check(Law { rate: 995.0, contention: 0.0, coherency: 0.001 });
        check(Law { rate: 40.0, contention: 1.0, coherency: 0.0 });
        check(Law { rate: 40.0, contention: 0.0, coherency: 0.0 });
    }

    #[test]
    fn superlinear_throughput_and_few_points_give_no_impossible_law() {
        let superlinear: Vec<(f64, f64)> = USERS.map(|users| (users, 10.0 * users.powf(1.2))).into();
        let law = Law::fit(&superlinear).unwrap();
        assert!(law.contention >= 0.0 && law.coherency >= 0.0 && law.rate > 0.0, "{law:?}");
        assert_eq!(Law::fit(&[(1.0, 10.0), (2.0, 20.0), (4.0, 30.0)]), None);
    }

    #[test]
    fn the_best_number_of_users_is_where_the_throughput_turns() {
        let law = Law { rate: 100.0, contention: 0.19, coherency: 0.01 };
        assert_eq!(law.best_users(), Some(9.0));
        assert!(law.throughput(9.0) > law.throughput(8.0) && law.throughput(9.0) > law.throughput(10.0));
        assert_eq!(Law { coherency: 0.0, ..law }.best_users(), None);
    }
}
