//! When jobs are submitted: a Poisson process with the shape of a day and a week, and arrays now and then.
//! Not here: what is submitted.

use super::{ArrayShape, lognormal};
use crate::cluster::array::TaskList;
use crate::cluster::clock::{HOUR, Millis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub(super) const MEAN_ARRAY_TASKS: f64 = 60.0;

/// The time to the next submission at `per_hour` on average.
pub(super) fn interval(per_hour: f64, now: Millis, rng: &mut ChaCha8Rng) -> Millis {
    let rate = (per_hour * time_of_week(now)).max(0.01);
    let exponential = -(1.0 - rng.random::<f64>()).ln();
    (exponential / rate * HOUR as f64).clamp(1.0, 24.0 * HOUR as f64) as Millis
}

/// About 1 on average: afternoons are busy, nights and weekends calm (UTC).
fn time_of_week(now: Millis) -> f64 {
    let hour = (now % (24 * HOUR)) as f64 / HOUR as f64;
    // 1970-01-01 was a Thursday.
    let weekday = (now / (24 * HOUR) + 3) % 7;
    let day = 1.0 + 0.4 * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
    if weekday >= 5 { day * 0.7 } else { day * 1.1 }
}

pub(super) fn array_shape(rng: &mut ChaCha8Rng) -> ArrayShape {
    let tasks = (lognormal(MEAN_ARRAY_TASKS, 0.8, rng) as u32).clamp(4, 1_000);
    let limit = if rng.random_bool(0.4) { [2, 4, 8, 16][rng.random_range(0..4)] } else { 0 };
    let tasks = match rng.random_range(0..100) {
        0..5 => TaskList::range(1, 2 * tasks - 1, 2),
        // Somebody repeats those that failed: `1-9:2,20,30-33`.
        5..10 => TaskList::range(1, tasks, 2).and_range(tasks + 4, tasks + 4, 1).and_range(
            tasks + 10,
            tasks + 9 + tasks / 2,
            1,
        ),
        10..40 => TaskList::range(0, tasks - 1, 1),
        _ => TaskList::range(1, tasks, 1),
    };
    ArrayShape { tasks, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_week_has_about_the_rate_that_was_asked_for() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut now, mut count) = (0, 0);
        while now < 7 * 24 * HOUR {
            now += interval(100.0, now, &mut rng);
            count += 1;
        }
        assert!((15_000..18_600).contains(&count), "{count}");
    }

    #[test]
    fn arrays_have_several_tasks_and_texts_that_are_not_cut() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..1_000 {
            let shape = array_shape(&mut rng);
            assert!(shape.tasks.len() >= 4);
            assert_eq!(shape.tasks.text(), shape.tasks.to_string());
        }
    }
}
