//! How much longer the intervals are while the kernel throttles this process, by the counters of its cgroup.
//! Pure: counters and time are passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::CpuPeriods;

/// Each decision looks back this far.
const WINDOW: Duration = Duration::from_secs(60);

/// Intervals grow to this many times what is configured, and no more.
const LONGEST: u32 = 8;

#[derive(Debug)]
pub(super) struct CpuThrottle {
    /// Share of throttled periods from which on intervals grow.
    threshold: f64,
    last: Option<(Instant, CpuPeriods)>,
    stretch: u32,
    share: Option<f64>,
}

impl CpuThrottle {
    pub(super) fn new(threshold: f64) -> Self {
        Self { threshold, last: None, stretch: 1, share: None }
    }

    /// The factor for all intervals.
    pub(super) fn observe(&mut self, periods: CpuPeriods, now: Instant) -> u32 {
        let Some((at, before)) = self.last else {
            self.last = Some((now, periods));
            return self.stretch;
        };
        if now.saturating_duration_since(at) < WINDOW {
            return self.stretch;
        }
        let all = periods.all.saturating_sub(before.all);
        let throttled = periods.throttled.saturating_sub(before.throttled);
        let share = if all == 0 { 0.0 } else { throttled as f64 / all as f64 };
        self.last = Some((now, periods));
        self.share = Some(share);
        if share >= self.threshold {
            self.stretch = (self.stretch * 2).min(LONGEST);
        } else if share < self.threshold / 2.0 {
            self.stretch = (self.stretch / 2).max(1);
        }
        self.stretch
    }

    /// The share of throttled periods in the last window; none before the first has passed.
    pub(super) fn share(&self) -> Option<f64> {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_while_throttled_and_halve_when_it_is_over() {
        let start = Instant::now();
        let mut throttle = CpuThrottle::new(0.8);
        let mut periods = CpuPeriods { all: 1000, throttled: 900 };
        let mut minute = 0;
        let mut after = |throttled| {
            periods = CpuPeriods { all: periods.all + 100, throttled: periods.throttled + throttled };
            minute += 1;
            throttle.observe(periods, start + WINDOW * minute)
        };
        assert_eq!(after(100), 1, "the first look has nothing to compare with");
        assert_eq!([after(80), after(100), after(100), after(100)], [2, 4, 8, 8]);
        assert_eq!([after(79), after(40)], [8, 8], "between the thresholds it stays");
        assert_eq!([after(39), after(0), after(0), after(0)], [4, 2, 1, 1]);
        assert_eq!(throttle.share(), Some(0.0));
    }

    #[test]
    fn an_idle_window_is_not_throttled_and_a_short_one_is_not_judged() {
        let start = Instant::now();
        let mut throttle = CpuThrottle::new(0.8);
        let periods = CpuPeriods { all: 100, throttled: 100 };
        assert_eq!(throttle.observe(periods, start), 1);
        assert_eq!(throttle.observe(CpuPeriods { all: 110, throttled: 110 }, start + WINDOW / 2), 1);
        assert_eq!(throttle.share(), None);
        assert_eq!(throttle.observe(CpuPeriods { all: 110, throttled: 110 }, start + WINDOW), 2);
        assert_eq!(throttle.observe(CpuPeriods { all: 110, throttled: 110 }, start + WINDOW * 2), 1);
    }
}
