//! Load over time: the steps of users that goose walks through, or the rate of arrivals, and what each second asks for.
//! Pure arithmetic over a scenario; nothing is started here.

use std::time::Duration;

use super::profile::{RateProfile, Segment};
use super::{Arrivals, Change, Executor, Scenario};

/// How long a jump between stages takes; goose plans by whole seconds.
const JUMP_SECONDS: u64 = 1;
/// The smallest cap on requests in flight that is chosen when none is given.
const MIN_IN_FLIGHT: u32 = 1000;

/// One step of the plan: reach `vus` users within `seconds`, or hold them when there are as many already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) vus: u32,
    pub(crate) seconds: u64,
}

/// What is asked for over the run, from its start to the end of the measured part.
#[derive(Clone, Debug)]
pub(crate) struct LoadPlan {
    pub(crate) load: Load,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
}

/// Who makes the load.
#[derive(Clone, Debug)]
pub(crate) enum Load {
    /// Closed loop: users that wait for their answers.
    Users(UserPlan),
    /// Open loop: arrivals that wait for nobody.
    Arrivals(ArrivalPlan),
}

#[derive(Clone, Debug)]
pub(crate) struct UserPlan {
    /// The first step starts the first users; the end of the run is not a step.
    pub(crate) steps: Vec<Step>,
    /// Requests per second of one user.
    pub(crate) rate: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct ArrivalPlan {
    pub(crate) profile: RateProfile,
    pub(crate) arrivals: Arrivals,
    /// An arrival that finds so many requests under way is dropped.
    pub(crate) max_in_flight: u32,
    pub(crate) seed: u64,
    pub(crate) shard: Shard,
}

/// Which arrivals of the schedule are ours: those whose number leaves `index` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Shard {
    /// Everything is ours.
    pub(crate) const WHOLE: Self = Self { index: 0, of: 1 };
}

impl LoadPlan {
    /// `seed` and `shard` are of the arrivals of an open loop.
    pub(crate) fn new(scenario: &Scenario, seed: u64, shard: Shard) -> Self {
        let load = match scenario.executor {
            Executor::Closed => Load::Users(UserPlan::new(scenario)),
            Executor::Open { arrivals, max_in_flight } => Load::Arrivals(ArrivalPlan {
                profile: profile(scenario),
                arrivals,
                max_in_flight: max_in_flight.unwrap_or_else(|| default_cap(scenario.rate)),
                seed,
                shard,
            }),
        };
        Self { load, warmup: scenario.warmup, duration: scenario.duration }
    }

    /// Arrivals at one rate, all of them ours; without a cap on the requests in flight, one that fits the rate.
    pub(crate) fn constant_rate(
        rate: f64,
        arrivals: Arrivals,
        [warmup, duration]: [Duration; 2],
        max_in_flight: Option<u32>,
        seed: u64,
    ) -> Self {
        let seconds = (warmup + duration).as_secs_f64();
        let load = Load::Arrivals(ArrivalPlan {
            profile: RateProfile::new([Segment { from: rate, to: rate, seconds }]),
            arrivals,
            max_in_flight: max_in_flight.unwrap_or_else(|| default_cap(rate)),
            seed,
            shard: Shard::WHOLE,
        });
        Self { load, warmup, duration }
    }

    /// From the start of the run to the end of the measured part.
    pub(crate) fn total(&self) -> Duration {
        self.warmup + self.duration
    }

    /// Requests per second that the plan asks for on average over the second that begins at `offset`.
    pub(crate) fn offered(&self, offset: u32) -> f64 {
        let second = f64::from(offset);
        match &self.load {
            Load::Users(users) => (users.at(second) + users.at(second + 1.0)) / 2.0 * users.rate,
            Load::Arrivals(plan) => plan.profile.mean(second, second + 1.0) / f64::from(plan.shard.of),
        }
    }
}

impl UserPlan {
    fn new(scenario: &Scenario) -> Self {
        let users = |share: f64| ((f64::from(scenario.vus) * share).round() as u32).max(1);
        let first = users(scenario.stages.first().map_or(1.0, |stage| stage.level));
        let ramp = scenario.ramp.min(scenario.warmup).as_secs();
        let mut steps = vec![
            Step { vus: first, seconds: ramp },
            Step { vus: first, seconds: scenario.warmup.as_secs() - ramp },
        ];
        for (stage, length) in stages(scenario) {
            let vus = users(stage.level);
            let change = match stage.change {
                _ if steps.last().is_some_and(|last| last.vus == vus) => 0,
                Change::Jump => JUMP_SECONDS.min(length),
                Change::Ramp => length,
            };
            steps.push(Step { vus, seconds: change });
            steps.push(Step { vus, seconds: length - change });
        }
        if scenario.stages.is_empty() {
            steps.push(Step { vus: first, seconds: scenario.duration.as_secs() });
        }
        // The first step starts the users even when it takes no time; later ones of no length do nothing.
        let mut index = 0;
        steps.retain(|step| {
            index += 1;
            index == 1 || step.seconds > 0
        });
        Self { steps, rate: scenario.rate }
    }

    /// Users at `seconds` after the start; between whole users while they start or stop.
    fn at(&self, seconds: f64) -> f64 {
        let mut before = 0.0;
        let mut start = 0.0;
        for step in &self.steps {
            let (vus, length) = (f64::from(step.vus), step.seconds as f64);
            if seconds < start + length {
                return before + (vus - before) * (seconds - start) / length;
            }
            before = vus;
            start += length;
        }
        before
    }

    /// Whether the number of users stays the same once they have started.
    pub(crate) fn is_steady(&self) -> bool {
        self.steps.iter().all(|step| step.vus == self.steps[0].vus)
    }
}

/// The rate of an open loop: up to the first level within the ramp, then stage after stage.
fn profile(scenario: &Scenario) -> RateProfile {
    let ramp = scenario.ramp.min(scenario.warmup).as_secs_f64();
    let mut rate = scenario.rate * scenario.stages.first().map_or(1.0, |stage| stage.level);
    let mut segments = vec![
        Segment { from: 0.0, to: rate, seconds: ramp },
        Segment { from: rate, to: rate, seconds: scenario.warmup.as_secs_f64() - ramp },
    ];
    for (stage, length) in stages(scenario) {
        let to = scenario.rate * stage.level;
        let from = if stage.change == Change::Ramp { rate } else { to };
        segments.push(Segment { from, to, seconds: length as f64 });
        rate = to;
    }
    if scenario.stages.is_empty() {
        segments.push(Segment { from: rate, to: rate, seconds: scenario.duration.as_secs_f64() });
    }
    RateProfile::new(segments)
}

/// The stages with their lengths in whole seconds, which together are the duration.
fn stages(scenario: &Scenario) -> impl Iterator<Item = (super::Stage, u64)> {
    let duration = scenario.duration.as_secs();
    scenario.stages.iter().scan((0.0, 0), move |(share, from), stage| {
        *share += stage.time;
        // Rounding the ends, not the lengths, keeps the sum exact.
        let to = ((duration as f64 * *share).round() as u64).min(duration);
        let length = to - std::mem::replace(from, to);
        Some((*stage, length))
    })
}

/// Room for all that arrives in two seconds: when a target that hangs has filled it, they are a second old on average.
fn default_cap(rate: f64) -> u32 {
    ((rate * 2.0).ceil() as u32).max(MIN_IN_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(scenario: &Scenario) -> LoadPlan {
        LoadPlan::new(scenario, 1, Shard::WHOLE)
    }

    fn users(plan: &LoadPlan) -> &UserPlan {
        match &plan.load {
            Load::Users(users) => users,
            Load::Arrivals(_) => panic!("the loop is open"),
        }
    }

    #[test]
    fn a_steady_plan_ramps_and_holds() {
        let plan = plan(&Scenario::built_in("quick").unwrap());
        assert!(users(&plan).is_steady());
        let steps: Vec<_> = users(&plan).steps.iter().map(|step| (step.vus, step.seconds)).collect();
        assert_eq!(steps, [(10, 1), (10, 2), (10, 20)]);
        assert_eq!(plan.total().as_secs(), 23);
        assert_eq!(plan.offered(0), 25.0);
        assert_eq!(plan.offered(1), 50.0);
        assert_eq!(plan.offered(22), 50.0);
    }

    #[test]
    fn a_spike_jumps_within_a_second_and_keeps_the_duration() {
        let plan = plan(&Scenario::built_in("spike").unwrap());
        assert!(!users(&plan).is_steady());
        let steps: Vec<_> = users(&plan).steps.iter().map(|step| (step.vus, step.seconds)).collect();
        assert_eq!(
            steps,
            [
                (20, 5),
                (20, 10),
                (20, 60),
                (200, 1),
                (200, 59),
                (20, 1),
                (20, 59),
                (200, 1),
                (200, 59),
                (20, 1),
                (20, 59)
            ]
        );
        assert_eq!(users(&plan).steps.iter().map(|step| step.seconds).sum::<u64>(), plan.total().as_secs());
        assert_eq!(plan.offered(75), 110.0 * 2.0);
        assert_eq!(plan.offered(76), 400.0);
    }

    #[test]
    fn a_short_spike_still_has_all_its_seconds() {
        let mut scenario = Scenario::built_in("spike").unwrap();
        scenario.duration = Duration::from_secs(7);
        scenario.warmup = Duration::ZERO;
        let plan = plan(&scenario);
        assert_eq!(users(&plan).steps.iter().map(|step| step.seconds).sum::<u64>(), 7);
        assert_eq!(users(&plan).steps[0], Step { vus: 20, seconds: 0 });
    }
    #[test]
    fn an_open_loop_offers_what_its_users_did_and_a_shard_its_part() {
        let closed = Scenario::built_in("spike").unwrap();
        let open = closed.clone().open(Arrivals::Constant, None);
        let (closed, whole) = (plan(&closed), plan(&open));
        let shard = LoadPlan::new(&open, 1, Shard { index: 3, of: 4 });
        // The users take a second for a jump; arrivals take none.
        for offset in [0, 4, 20, 80, 200] {
            assert_eq!(whole.offered(offset).round(), closed.offered(offset).round(), "{offset}");
            assert_eq!(shard.offered(offset), whole.offered(offset) / 4.0);
        }
    }

    #[test]
    fn a_ramp_takes_its_whole_stage() {
        let mut scenario = Scenario::built_in("spike").unwrap();
        scenario.stages.iter_mut().for_each(|stage| stage.change = Change::Ramp);
        let open = scenario.clone().open(Arrivals::Constant, None);
        for plan in [plan(&scenario), plan(&open)] {
            // Half way from 40 to 400 in the second stage, from 75 s to 135 s.
            let (before, after) = (plan.offered(104), plan.offered(105));
            assert_eq!(((before + after) / 2.0).round(), 220.0);
        }
    }
}
