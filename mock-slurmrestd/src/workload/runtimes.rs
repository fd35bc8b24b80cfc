//! How long jobs run and which time limit their users ask for.
//! Not here: node failures and cancellations, which end jobs early.

use super::lognormal;
use crate::cluster::clock::{MINUTE, Millis, SECOND};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const SIGMA: f64 = 1.3;
/// Users who underestimate, out of 1: their jobs end in TIMEOUT.
const UNDERESTIMATED: f64 = 0.03;
/// Round numbers that people type after `-t`, in minutes.
const LIMITS: [u32; 12] = [5, 10, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 10_080];

#[derive(Clone, Debug)]
pub(super) struct RunTime {
    mean_ms: f64,
}

impl RunTime {
    pub(super) fn with_mean_hours(hours: f64) -> Self {
        Self { mean_ms: hours.clamp(0.01, 48.0) * 3_600_000.0 }
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Millis {
        (lognormal(self.mean_ms, SIGMA, rng) as Millis).clamp(2 * SECOND, 7 * 24 * 60 * MINUTE)
    }
}

pub(super) fn limit_minutes(run_time: Millis, partition_max: u32, rng: &mut ChaCha8Rng) -> u32 {
    let minutes = run_time as f64 / MINUTE as f64;
    let factor = if rng.random_bool(UNDERESTIMATED) { 0.5 } else { rng.random_range(1.2..6.0) };
    let wanted = minutes * factor;
    let limit = LIMITS.iter().copied().find(|limit| f64::from(*limit) >= wanted).unwrap_or(10_080);
    limit.min(partition_max)
}
