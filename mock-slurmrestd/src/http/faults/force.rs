//! The faults in force: when each is, what strikes a request, and how often each kind did.
//! Not here: what a strike does to the answer (answer.rs, body.rs).

use super::{Fault, FaultKind};
use crate::wire::{ApiVersion, Endpoint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A fault and when it is in force, in simulated time since the start of the simulator.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub fault: Fault,
    pub from: Duration,
    /// For ever if `None`.
    pub until: Option<Duration>,
}

impl From<Fault> for Planned {
    /// In force at once and for ever.
    fn from(fault: Fault) -> Self {
        Self { fault, from: Duration::ZERO, until: None }
    }
}

impl Planned {
    fn in_force(&self, now: Duration) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

/// What strikes one request: the sum of all delays, and the first effect beyond that.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::http) struct Strike {
    pub(in crate::http) delay: Duration,
    pub(in crate::http) fault: Option<Fault>,
}

impl Strike {
    pub(in crate::http) fn kind(&self) -> Option<FaultKind> {
        self.fault.as_ref().map(|fault| fault.kind)
    }
}

/// The planned faults, each with its count, and the counts of all times.
#[derive(Debug)]
pub(in crate::http) struct Faults(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    planned: Vec<(Planned, u64)>,
    struck: BTreeMap<FaultKind, u64>,
    rng: ChaCha8Rng,
}

impl Faults {
    pub(in crate::http) fn new(planned: Vec<Planned>, seed: u64) -> Self {
        let planned = planned.into_iter().map(|planned| (planned, 0)).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self(Mutex::new(Inner { planned, struck: BTreeMap::new(), rng }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all faults; their counts start again, those of the kinds go on.
    pub(in crate::http) fn replace(&self, planned: Vec<Planned>) {
        self.inner().planned = planned.into_iter().map(|planned| (planned, 0)).collect();
    }

    /// Throws the dice for one request and counts what strikes it.
    pub(in crate::http) fn strike(&self, endpoint: Endpoint, now: Duration) -> Strike {
        let Inner { planned, struck, rng } = &mut *self.inner();
        let mut strike = Strike::default();
        for (planned, count) in planned.iter_mut().filter(|(planned, _)| planned.in_force(now)) {
            let fault = &planned.fault;
            // Which versions are served is known before what is asked for: see `window`.
            let matches = fault.kind != FaultKind::Upgrade && fault.strikes(endpoint);
            let left = fault.times.is_none_or(|times| *count < times);
            let free = fault.kind.only_delays() || strike.fault.is_none();
            if matches && left && free && rng.random_bool(fault.probability) {
                *count += 1;
                hit(&mut strike, fault, endpoint, rng, struck);
            }
        }
        strike
    }

    /// What one request asked for itself.
    ///
    /// # Errors
    /// When that fault cannot be felt there, or cannot come with a request.
    pub(in crate::http) fn strike_with(&self, fault: &Fault, endpoint: Endpoint) -> Result<Strike, String> {
        let word = fault.kind.word();
        if fault.kind == FaultKind::Upgrade {
            return Err(format!("{word} is for all requests: give it by flag, schedule or control port"));
        }
        if !fault.strikes(endpoint) {
            return Err(format!("{word} cannot be felt at {endpoint}"));
        }
        let Inner { struck, rng, .. } = &mut *self.inner();
        let mut strike = Strike::default();
        hit(&mut strike, fault, endpoint, rng, struck);
        Ok(strike)
    }

    /// The API versions that are served to one request after an upgrade, if it is struck by one: the last in force
    /// whose dice fall so. `changes` says whether a window makes a difference to the request; only then it counts.
    pub(in crate::http) fn window(
        &self,
        now: Duration,
        changes: impl Fn(&RangeInclusive<ApiVersion>) -> bool,
    ) -> Option<RangeInclusive<ApiVersion>> {
        let Inner { planned, struck, rng } = &mut *self.inner();
        let in_force = planned.iter_mut().rev().filter(|(planned, _)| planned.in_force(now));
        for (planned, count) in in_force {
            let fault = &planned.fault;
            let Some(window) = fault.versions().cloned() else { continue };
            let left = fault.times.is_none_or(|times| *count < times);
            if !left || !rng.random_bool(fault.probability) {
                continue;
            }
            if changes(&window) {
                *count += 1;
                *struck.entry(FaultKind::Upgrade).or_default() += 1;
            }
            return Some(window);
        }
        None
    }

    /// Each planned fault with the number of requests that it struck.
    pub(in crate::http) fn counts(&self) -> Vec<(Planned, u64)> {
        self.inner().planned.clone()
    }

    /// How often each kind struck since the start, by whatever way it came.
    pub(in crate::http) fn struck(&self) -> BTreeMap<FaultKind, u64> {
        self.inner().struck.clone()
    }
}

fn hit(
    strike: &mut Strike,
    fault: &Fault,
    endpoint: Endpoint,
    rng: &mut ChaCha8Rng,
    struck: &mut BTreeMap<FaultKind, u64>,
) {
    *struck.entry(fault.kind).or_default() += 1;
    // slurmrestd answers a ping without waiting for slurmctld (recorded: 24.11 and 26.05).
    if fault.kind != FaultKind::ControllerDown || endpoint != Endpoint::Ping {
        strike.delay += delay(fault, rng);
    }
    if !fault.kind.only_delays() {
        strike.fault = Some(fault.clone());
    }
}

fn delay(fault: &Fault, rng: &mut ChaCha8Rng) -> Duration {
    match (fault.kind, fault.text("shape")) {
        (FaultKind::Jitter, _) => fault.delay.mul_f64(rng.random_range(0.0..1.0)),
        (FaultKind::Latency, Some("lognormal")) => {
            // Box and Muller; `ms` is the median. Nobody waits longer than a day.
            let (radius, angle) = (rng.random_range(f64::MIN_POSITIVE..1.0), rng.random_range(0.0..TAU));
            let normal = (-2.0 * radius.ln()).sqrt() * angle.cos();
            let seconds = fault.delay.as_secs_f64() * (fault.number("sigma") * normal).exp();
            Duration::from_secs_f64(seconds.min(86_400.0))
        }
        (FaultKind::Latency, Some("bimodal")) if rng.random_bool(fault.number("slow_share")) => {
            fault.millis("slow_ms")
        }
        (FaultKind::StallHead, _) => fault.delay + fault.millis("for_ms"),
        _ => fault.delay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn faults(texts: &[&str], seed: u64) -> Faults {
        Faults::new(texts.iter().map(|text| text.parse::<Fault>().unwrap().into()).collect(), seed)
    }

    #[test]
    fn times_bounds_the_count_and_endpoints_are_told_apart() {
        let faults = faults(&["500:endpoint=jobs,times=2"], 1);
        let kinds: Vec<_> = (0..3).map(|_| faults.strike(Endpoint::Jobs, START).kind()).collect();
        let struck = Some(FaultKind::InternalError);
        assert_eq!(kinds, [struck, struck, None]);
        assert_eq!(faults.strike(Endpoint::Nodes, START), Strike::default());
        assert_eq!(faults.counts()[0].1, 2);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let pattern = |seed| {
            let faults = faults(&["reset:probability=0.5"], seed);
            (0..64).map(|_| faults.strike(Endpoint::Ping, START).fault.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(pattern(1), pattern(1));
        assert!(pattern(1).contains(&true) && pattern(1).contains(&false));
    }

    #[test]
    fn delays_add_up_and_the_first_effect_wins() {
        let faults = faults(&["latency:ms=20", "502:ms=5", "reset", "latency:ms=3"], 1);
        let strike = faults.strike(Endpoint::Jobs, START);
        assert_eq!((strike.delay, strike.kind()), (Duration::from_millis(28), Some(FaultKind::BadGateway)));
        let struck = [(FaultKind::Latency, 2), (FaultKind::BadGateway, 1)];
        assert_eq!(faults.struck(), struck.into());
    }

    #[test]
    fn a_planned_fault_is_in_force_from_its_begin_to_its_end() {
        let second = Duration::from_secs;
        let fault = Fault::always(FaultKind::Reset);
        let faults = Faults::new(vec![Planned { fault, from: second(10), until: Some(second(20)) }], 1);
        let strikes = |now| faults.strike(Endpoint::Ping, second(now)).fault.is_some();
        assert_eq!([9, 10, 19, 20].map(strikes), [false, true, true, false]);
    }

    #[test]
    fn latency_has_the_shape_that_was_asked_for() {
        let delays = |text: &str| {
            let faults = faults(&[text], 3);
            let mut delays: Vec<_> =
                (0..2_000).map(|_| faults.strike(Endpoint::Ping, START).delay.as_secs_f64() * 1e3).collect();
            delays.sort_unstable_by(f64::total_cmp);
            delays
        };
        let lognormal = delays("latency:ms=100,shape=lognormal,sigma=1");
        // The median is ms, and 84.1 % are below e^sigma times it.
        assert!((lognormal[1_000] / 100.0).ln().abs() < 0.1, "{}", lognormal[1_000]);
        assert!((lognormal[1_682] / 271.8).ln().abs() < 0.15, "{}", lognormal[1_682]);
        let bimodal = delays("latency:ms=10,shape=bimodal,slow_ms=900,slow_share=0.25");
        let slow = bimodal.iter().filter(|delay| **delay == 900.0).count();
        assert!((400..600).contains(&slow) && bimodal[0] == 10.0, "{slow}");
        let jitter = delays("jitter:ms=50");
        assert!(jitter[0] < 1.0 && jitter[1_999] > 49.0 && jitter[1_999] <= 50.0);
    }

    #[test]
    fn an_upgrade_moves_the_window_while_it_lasts() {
        let fault: Fault = "upgrade:serve=v0.0.44..v0.0.45".parse().unwrap();
        let planned = Planned { from: Duration::from_secs(5), ..fault.into() };
        let faults = Faults::new(vec![planned], 1);
        assert_eq!(faults.window(START, |_| true), None);
        let after = faults.window(Duration::from_secs(5), |_| true);
        assert_eq!(after, Some(ApiVersion::V0_0_44..=ApiVersion::V0_0_45));
    }

    #[test]
    fn an_upgrade_strikes_as_often_and_as_probably_as_it_was_told() {
        let window = |faults: &Faults, changes| faults.window(START, |_| changes).is_some();
        let twice = faults(&["upgrade:serve=v0.0.45,times=2"], 1);
        // What it makes no difference to is not counted.
        assert!(window(&twice, false));
        assert_eq!([true; 3].map(|changes| window(&twice, changes)), [true, true, false]);
        assert_eq!((twice.counts()[0].1, twice.struck()[&FaultKind::Upgrade]), (2, 2));
        let never = faults(&["upgrade:serve=v0.0.45,probability=0"], 1);
        assert!(!window(&never, true));
        let half = faults(&["upgrade:serve=v0.0.45,probability=0.5"], 1);
        let struck = (0..1_000).filter(|_| window(&half, true)).count();
        assert!((400..600).contains(&struck), "{struck}");
    }
}
