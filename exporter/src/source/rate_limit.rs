//! How many requests a second go to one slurmrestd: a token bucket that each request waits for.
//! Its time counts for no request; which requests are worth sending is the schedule's business.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::config::RateLimit;

/// The times at which the next requests may go, held as one number: when the bucket would be full again.
#[derive(Debug)]
pub(super) struct Limiter {
    /// Between two requests; none without a limit.
    spacing: Option<Duration>,
    burst: u32,
    /// Waiting in line: the mutex is fair.
    full_at: Mutex<Instant>,
}

impl Limiter {
    pub(super) fn new(limit: &RateLimit) -> Self {
        let spacing = limit.requests_per_second.map(|rate| Duration::from_secs_f64(1.0 / rate));
        Self { spacing, burst: limit.burst, full_at: Mutex::new(Instant::now()) }
    }

    /// Completes when one more request may be sent.
    pub(super) async fn ready(&self) {
        let Some(spacing) = self.spacing else { return };
        let mut full_at = self.full_at.lock().await;
        let now = Instant::now();
        let next = (*full_at).max(now) + spacing;
        let start = next.checked_sub(spacing * self.burst).unwrap_or(now);
        if start > now {
            sleep_until(start).await;
        }
        *full_at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(limiter: &Limiter, requests: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..requests {
            limiter.ready().await;
            waits.push(start.elapsed().as_millis());
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let limiter = Limiter::new(&RateLimit { requests_per_second: Some(2.0), burst: 3 });
        assert_eq!(waits(&limiter, 6).await, [0, 0, 0, 500, 1000, 1500]);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(waits(&limiter, 4).await, [0, 0, 0, 500], "a long rest saves up no more than a burst");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_waits() {
        let limiter = Limiter::new(&RateLimit::default());
        assert_eq!(waits(&limiter, 1000).await.last(), Some(&0));
    }
}
