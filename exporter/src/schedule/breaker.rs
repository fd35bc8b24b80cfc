//! Whether a daemon is worth asking: a circuit that opens after failures in a row and closes after successes.
//! Here are its rules, with the time passed in; who waits for it is in `poll`.
//!
//! A ping is always let through. slurmrestd answers it at once also while slurmctld is down (24.11 and 26.05,
//! recorded), where every other request takes 9 to 10 seconds to fail: it is the probe that costs nothing.

use tokio::time::Instant;

use crate::config::CircuitBreaker;

/// What the metric shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Everything is asked for.
    Closed = 0,
    /// One request at a time finds out whether the daemon is back.
    HalfOpen = 1,
    /// Only pings go out.
    Open = 2,
}

/// What a poll says about the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    Lives,
    Fails,
    /// Nothing: a refused token, a version that is not served, an answer that does not decode.
    None,
}

#[derive(Debug)]
pub(super) struct Breaker {
    settings: CircuitBreaker,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        /// Whether a ping since then found nobody: then the first one that does ends the wait.
        missed: bool,
    },
    HalfOpen {
        successes: u32,
        /// Whether somebody is finding out.
        asking: bool,
    },
}

impl Breaker {
    pub(super) fn new(settings: CircuitBreaker) -> Self {
        Self { settings, state: State::Closed { failures: 0 } }
    }

    pub(super) fn circuit(&self) -> Circuit {
        match self.state {
            State::Closed { .. } => Circuit::Closed,
            State::Open { .. } => Circuit::Open,
            State::HalfOpen { .. } => Circuit::HalfOpen,
        }
    }

    /// Lets one poll through, whose evidence has to follow; or says when to ask again at the latest.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Instant> {
        match &mut self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < *until => Err(*until),
            State::Open { .. } => {
                self.state = State::HalfOpen { successes: 0, asking: true };
                Ok(())
            }
            State::HalfOpen { asking: true, .. } => Err(now + self.settings.reset_timeout),
            State::HalfOpen { asking, .. } => {
                *asking = true;
                Ok(())
            }
        }
    }

    /// What a poll that was let through has found.
    pub(super) fn record(&mut self, evidence: Evidence, now: Instant) {
        match (&mut self.state, evidence) {
            (State::Closed { failures }, Evidence::Lives) => *failures = 0,
            (State::Closed { .. }, Evidence::Fails) => self.fail(now),
            (State::HalfOpen { asking, .. }, Evidence::None) => *asking = false,
            (State::HalfOpen { asking, .. }, Evidence::Lives) => {
                *asking = false;
                self.succeed();
            }
            // It was under way when another one opened the circuit.
            (State::Closed { .. } | State::Open { .. }, _) => {}
            (State::HalfOpen { .. }, Evidence::Fails) => self.open(now),
        }
    }

    /// What a ping has found, which nobody had to admit. While the circuit is closed it proves nothing that a success
    /// of the others does not prove: slurmctld may live and still not answer.
    pub(super) fn heard(&mut self, evidence: Evidence, now: Instant) {
        match (&mut self.state, evidence) {
            (State::Closed { .. }, Evidence::Fails) => self.fail(now),
            (State::Open { missed, .. }, Evidence::Fails | Evidence::None) => *missed = true,
            (State::Open { missed: true, .. }, Evidence::Lives) => {
                self.state = State::HalfOpen { successes: 0, asking: false };
            }
            (State::HalfOpen { .. }, Evidence::Lives) => self.succeed(),
            (State::Closed { .. } | State::Open { .. } | State::HalfOpen { .. }, _) => {}
        }
    }

    fn fail(&mut self, now: Instant) {
        if let State::Closed { failures } = &mut self.state
            && self.settings.enabled
        {
            *failures += 1;
            if *failures >= self.settings.failure_threshold {
                self.open(now);
            }
        }
    }

    fn succeed(&mut self) {
        if let State::HalfOpen { successes, .. } = &mut self.state {
            *successes += 1;
            if *successes >= self.settings.success_threshold {
                self.state = State::Closed { failures: 0 };
            }
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.settings.reset_timeout, missed: false };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RESET: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        Breaker::new(CircuitBreaker::default())
    }

    /// A breaker that five failures have opened.
    fn open(now: Instant) -> Breaker {
        let mut breaker = breaker();
        for _ in 0..5 {
            assert_eq!(breaker.circuit(), Circuit::Closed);
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.record(Evidence::Fails, now);
        }
        assert_eq!(breaker.circuit(), Circuit::Open);
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let now = Instant::now();
        let mut breaker = breaker();
        for _ in 0..10 {
            for evidence in
                [Evidence::Fails, Evidence::Fails, Evidence::None, Evidence::Fails, Evidence::Lives]
            {
                breaker.record(evidence, now);
            }
        }
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }

    #[test]
    fn after_the_reset_timeout_one_at_a_time_finds_out() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert_eq!(breaker.admit(now), Err(now + RESET));
        let later = now + RESET;
        assert_eq!(breaker.admit(later), Ok(()));
        assert!(breaker.admit(later).is_err(), "one at a time");
        breaker.record(Evidence::Lives, later);
        for _ in 0..2 {
            assert_eq!(breaker.circuit(), Circuit::HalfOpen);
            assert_eq!(breaker.admit(later), Ok(()));
            breaker.record(Evidence::Lives, later);
        }
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }

    #[test]
    fn one_failure_while_finding_out_opens_it_again() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + RESET;
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.record(Evidence::Fails, later);
        assert_eq!(breaker.admit(later), Err(later + RESET));
    }

    #[test]
    fn a_ping_that_finds_the_daemon_again_ends_the_wait() {
        let now = Instant::now();
        let mut breaker = open(now);
        breaker.heard(Evidence::Lives, now);
        assert_eq!(breaker.circuit(), Circuit::Open, "pings never failed: they know no better");
        // `responding: false` says nothing certain: 24.11 answers so for a refused token too.
        breaker.heard(Evidence::None, now);
        breaker.heard(Evidence::Lives, now);
        assert_eq!(breaker.circuit(), Circuit::HalfOpen);
        assert_eq!(breaker.admit(now), Ok(()));
    }

    #[test]
    fn pings_alone_can_open_it_and_close_it() {
        let now = Instant::now();
        let mut breaker = breaker();
        for _ in 0..6 {
            breaker.heard(Evidence::Fails, now);
        }
        assert_eq!(breaker.circuit(), Circuit::Open);
        for _ in 0..4 {
            breaker.heard(Evidence::Fails, now);
            breaker.heard(Evidence::Lives, now);
        }
        breaker.heard(Evidence::Lives, now);
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }

    #[test]
    fn a_refused_token_does_not_block_those_who_wait() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + RESET;
        for _ in 0..3 {
            assert_eq!(breaker.admit(later), Ok(()));
            breaker.record(Evidence::None, later);
        }
        assert_eq!(breaker.circuit(), Circuit::HalfOpen);
    }

    #[test]
    fn switched_off_it_never_opens() {
        let now = Instant::now();
        let mut breaker = Breaker::new(CircuitBreaker { enabled: false, ..CircuitBreaker::default() });
        for _ in 0..100 {
            breaker.record(Evidence::Fails, now);
            breaker.heard(Evidence::Fails, now);
        }
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }
}
