//! When each arrival of an open loop is due and what it asks for, from a seed; and which of them are a shard's.
//! It knows no clock: moments are offsets from the start of the run.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::scenario::{ArrivalPlan, Arrivals, RequestSpec, Walk};

/// Between two visits of a herd.
const HERD_SECONDS: f64 = 5.0;

/// One arrival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// Since the start of the run.
    pub(crate) due: Duration,
    /// Index of the request in the mix.
    pub(crate) request: usize,
}

/// The arrivals of one shard in the order of time. All shards walk along the same schedule and keep every N-th.
///
/// Random arrivals are a Poisson process: the n-th is due when the integral of the rate reaches the sum of n
/// exponentially distributed numbers of mean 1 (time rescaling; Brown et al., Neural Computation 14, 2002).
#[derive(Debug)]
pub(crate) struct Schedule<'plan> {
    plan: &'plan ArrivalPlan,
    walk: Walk<'plan>,
    /// Number of the next arrival in the whole schedule.
    number: u64,
    /// Arrivals expected until the next one.
    expected: f64,
    gaps: ChaCha8Rng,
    choices: ChaCha8Rng,
    /// Sums of the weights up to each request of the mix.
    weights: Vec<u32>,
}

impl<'plan> Schedule<'plan> {
    pub(crate) fn new(plan: &'plan ArrivalPlan, mix: &[RequestSpec]) -> Self {
        // A stable generator: shards on other machines and other builds must see the same numbers.
        let random = |stream| {
            let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
            random.set_stream(stream);
            random
        };
        let weights = mix.iter().scan(0, |sum, request| {
            *sum += request.weight;
            Some(*sum)
        });
        let mut schedule = Self {
            plan,
            walk: plan.profile.walk(),
            number: 0,
            expected: 0.0,
            gaps: random(0),
            choices: random(1),
            weights: weights.collect(),
        };
        if plan.arrivals == Arrivals::Poisson {
            schedule.expected = schedule.gap();
        }
        schedule
    }

    /// Arrivals expected between this one and the next.
    fn gap(&mut self) -> f64 {
        match self.plan.arrivals {
            Arrivals::Constant | Arrivals::Herd => 1.0,
            Arrivals::Poisson => -(1.0 - self.gaps.random::<f64>()).ln(),
        }
    }

    fn choose(&mut self) -> usize {
        let all = self.weights.last().copied().unwrap_or(1);
        let ticket = self.choices.random_range(0..all);
        self.weights.partition_point(|sum| *sum <= ticket)
    }
}

impl Iterator for Schedule<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let due = self.walk.due(self.expected)?;
            let number = self.number;
            // What other shards take is drawn as well, so that the numbers stay the same.
            let request = self.choose();
            self.number += 1;
            self.expected += self.gap();
            if number % u64::from(self.plan.shard.of) == u64::from(self.plan.shard.index) {
                let due = match self.plan.arrivals {
                    Arrivals::Herd => due - due % HERD_SECONDS,
                    Arrivals::Constant | Arrivals::Poisson => due,
                };
                return Some(Arrival { due: Duration::from_secs_f64(due), request });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Encoding, RateProfile, Segment, Shard};

    fn plan(arrivals: Arrivals, shard: Shard) -> ArrivalPlan {
        let segments = [
            Segment { from: 0.0, to: 100.0, seconds: 5.0 },
            Segment { from: 100.0, to: 100.0, seconds: 50.0 },
        ];
        ArrivalPlan { profile: RateProfile::new(segments), arrivals, max_in_flight: 10, seed: 7, shard }
    }

    fn mix() -> Vec<RequestSpec> {
        [("a", 9), ("b", 1)]
            .map(|(name, weight)| RequestSpec {
                name: name.into(),
                path: None,
                encoding: Encoding::Gzip,
                weight,
            })
            .into()
    }

    #[test]
    fn four_shards_together_are_the_whole_schedule() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let whole: Vec<Arrival> = Schedule::new(&plan(arrivals, Shard::WHOLE), &mix()).collect();
            let mut merged: Vec<Arrival> = (0..4)
                .flat_map(|index| {
                    let plan = plan(arrivals, Shard { index, of: 4 });
                    Schedule::new(&plan, &mix()).collect::<Vec<_>>()
                })
                .collect();
            merged.sort_by_key(|arrival| arrival.due);
            assert_eq!(merged, whole, "{arrivals:?}");
        }
    }

    #[test]
    fn constant_arrivals_are_exact_and_random_ones_vary_as_poisson_says() {
        let constant = plan(Arrivals::Constant, Shard::WHOLE);
        assert_eq!(Schedule::new(&constant, &mix()).count(), 5250);
        let poisson = plan(Arrivals::Poisson, Shard::WHOLE);
        let due: Vec<f64> =
            Schedule::new(&poisson, &mix()).map(|arrival| arrival.due.as_secs_f64()).collect();
        // Five standard deviations.
        assert!((due.len() as f64 - 5250.0).abs() < 5.0 * 5250_f64.sqrt(), "{}", due.len());
        let gaps: Vec<f64> =
            due.windows(2).filter(|pair| pair[0] >= 5.0).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Exponential: the standard deviation is the mean. Constant gaps would give 0.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{mean} {variance}");
    }

    #[test]
    fn a_herd_comes_at_once() {
        let plan = plan(Arrivals::Herd, Shard::WHOLE);
        let due: Vec<u64> =
            Schedule::new(&plan, &mix()).map(|arrival| arrival.due.as_millis() as u64).collect();
        assert!(due.iter().all(|due| due.is_multiple_of(5000)));
        assert_eq!((due.len(), due.iter().filter(|due| **due == 10_000).count()), (5250, 500));
    }

    #[test]
    fn requests_are_chosen_by_weight() {
        let plan = plan(Arrivals::Constant, Shard::WHOLE);
        let seldom = Schedule::new(&plan, &mix()).filter(|arrival| arrival.request == 1).count();
        assert!((400..650).contains(&seldom), "{seldom} of 5250 at one in ten");
    }
}
