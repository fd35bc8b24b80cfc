//! Which levels are worth their memory: fewer above 80 % and 95 % of the limit, more again well below.
//! Pure: what is in use and the time are passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::endpoint::Cost;

/// Above this share only critical and important endpoints are read, and above that one only critical ones.
const DROP_DETAILED: f64 = 0.80;
const DROP_IMPORTANT: f64 = 0.95;

/// Below this share a level comes back.
const RESTORE_DETAILED: f64 = 0.70;
const RESTORE_IMPORTANT: f64 = 0.85;

/// How long a level is given up at least: its memory is free at once, and would be gone at once again.
const FIRST_HOLD: Duration = Duration::from_secs(300);
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct MemoryGuard {
    limit: u64,
    level: Cost,
    /// When the level was last changed.
    since: Instant,
    /// How long to stay below; doubled when a level that came back had to go again soon.
    hold: Duration,
    was_restored: bool,
}

impl MemoryGuard {
    pub(super) fn new(limit: u64, now: Instant) -> Self {
        Self { limit, level: Cost::Detailed, since: now, hold: FIRST_HOLD, was_restored: false }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The dearest level that may be read while this much is resident.
    pub(super) fn observe(&mut self, resident: u64, now: Instant) -> Cost {
        let share = resident as f64 / self.limit as f64;
        let most = match share {
            share if share > DROP_IMPORTANT => Cost::Critical,
            share if share > DROP_DETAILED => Cost::Important,
            _ => Cost::Detailed,
        };
        let quiet_for = now.saturating_duration_since(self.since);
        if most < self.level {
            if self.level == Cost::Detailed {
                let in_vain = self.was_restored && quiet_for < self.hold;
                self.hold = if in_vain { (self.hold * 2).min(LONGEST_HOLD) } else { FIRST_HOLD };
            }
            self.level = most;
            self.since = now;
        } else if quiet_for >= self.hold {
            let restored = match self.level {
                Cost::Critical if share < RESTORE_IMPORTANT => Cost::Important,
                Cost::Important if share < RESTORE_DETAILED => Cost::Detailed,
                level => level,
            };
            if restored != self.level {
                self.level = restored;
                self.since = now;
                self.was_restored = true;
            }
        }
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1000;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn levels_go_at_once_and_come_back_one_by_one() {
        let start = Instant::now();
        let mut guard = MemoryGuard::new(LIMIT, start);
        let mut at = |minute, resident| guard.observe(resident, start + minutes(minute));
        assert_eq!(at(10, 800), Cost::Detailed);
        assert_eq!(at(11, 801), Cost::Important);
        assert_eq!(at(12, 951), Cost::Critical);
        assert_eq!(at(13, 100), Cost::Critical, "not at once");
        assert_eq!(at(17, 860), Cost::Critical, "not near the limit");
        assert_eq!(at(17, 840), Cost::Important);
        assert_eq!(at(18, 100), Cost::Important);
        assert_eq!(at(22, 710), Cost::Important);
        assert_eq!(at(22, 690), Cost::Detailed);
    }

    #[test]
    fn what_comes_back_in_vain_stays_away_longer_each_time() {
        let start = Instant::now();
        let mut guard = MemoryGuard::new(LIMIT, start);
        let mut now = start + minutes(60);
        let mut holds = Vec::new();
        for _ in 0..6 {
            assert_eq!(guard.observe(900, now), Cost::Important);
            let dropped = now;
            while guard.observe(100, now) == Cost::Important {
                now += minutes(1);
            }
            holds.push((now - dropped).as_secs() / 60);
            // The next poll of the jobs fills the memory again.
            now += minutes(1);
        }
        assert_eq!(holds, [5, 10, 20, 40, 60, 60]);
        assert_eq!(guard.observe(900, now + minutes(120)), Cost::Important);
        assert_eq!(guard.observe(100, now + minutes(125)), Cost::Detailed, "after a calm time it is 5 again");
    }
}
