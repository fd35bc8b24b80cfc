//! Whether time passed evenly for the generator: the two clocks side by side, looked at once a second.
//! A clock that was set, a machine that slept and a process that stood still leave their trace here.

use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;

const INTERVAL: Duration = Duration::from_secs(1);
/// Slewing moves the wall clock by at most half a millisecond a second (adjtimex(2)); more than this was a step.
const LARGEST_STEP: Duration = Duration::from_millis(250);
/// A look this much later than planned: nothing was sent in between, and what came back then was timed too late.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(1);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    monotonic: Instant,
    wall: SystemTime,
}

/// The worst that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Evenness {
    looks: u64,
    step: Duration,
    standstill: Duration,
}

/// Looks at the clocks until it is asked for the result, or dropped.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    task: JoinHandle<()>,
    seen: tokio::sync::watch::Receiver<Evenness>,
}

impl ClockWatch {
    pub(crate) fn start() -> Self {
        let (publish, seen) = tokio::sync::watch::channel(Evenness::default());
        let task = tokio::spawn(async move {
            let mut evenness = Evenness::default();
            let mut before = Look::now();
            loop {
                tokio::time::sleep(INTERVAL).await;
                let now = Look::now();
                evenness.add(before, now);
                publish.send_replace(evenness);
                before = now;
            }
        });
        Self { task, seen }
    }

    pub(crate) fn finish(self) -> Evenness {
        *self.seen.borrow()
    }
}

impl Drop for ClockWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Look {
    fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

impl Evenness {
    fn add(&mut self, before: Look, now: Look) {
        let passed = now.monotonic - before.monotonic;
        let by_the_wall = match now.wall.duration_since(before.wall) {
            Ok(forward) => forward.abs_diff(passed),
            Err(backward) => backward.duration() + passed,
        };
        self.looks += 1;
        self.step = self.step.max(by_the_wall);
        self.standstill = self.standstill.max(passed.saturating_sub(INTERVAL));
    }

    /// How often the clocks were looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks
    }

    /// What went wrong, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.standstill > LONGEST_STANDSTILL {
            let seconds = reports::quantity::seconds(self.standstill.as_secs_f64());
            return Some(format!("the generator stood still for {seconds}"));
        }
        (self.step > LARGEST_STEP).then(|| {
            let seconds = reports::quantity::seconds(self.step.as_secs_f64());
            format!("the wall clock jumped by {seconds} against the monotonic one")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at these milliseconds of the two clocks.
    fn problem(looks: &[(u64, u64)]) -> Option<String> {
        let (instant, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let look = |(monotonic, by_the_wall): &(u64, u64)| Look {
            monotonic: instant + Duration::from_millis(*monotonic),
            wall: wall + Duration::from_millis(*by_the_wall),
        };
        let mut evenness = Evenness::default();
        for pair in looks.windows(2) {
            evenness.add(look(&pair[0]), look(&pair[1]));
        }
        evenness.problem()
    }

    #[test]
    fn slewing_is_no_jump_and_a_step_in_either_direction_is() {
        assert_eq!(problem(&[(0, 5000), (1001, 6001), (2002, 7003)]), None);
        let forward = problem(&[(0, 5000), (1000, 6000), (2000, 8000)]).unwrap();
        assert_eq!(forward, "the wall clock jumped by 1 s against the monotonic one");
        let backward = problem(&[(0, 5000), (1000, 4000)]).unwrap();
        assert_eq!(backward, "the wall clock jumped by 2 s against the monotonic one");
    }

    #[test]
    fn a_process_that_stood_still_is_noticed() {
        let still = problem(&[(0, 0), (1000, 1000), (4500, 4500)]).unwrap();
        assert_eq!(still, "the generator stood still for 2.5 s");
    }
}
