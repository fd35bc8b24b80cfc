//! Users over time: the steps that goose walks through, and how many users each second asks for.
//! Pure arithmetic over a scenario; nothing is started here.

use std::time::Duration;

use super::Scenario;

/// How long a jump between stages takes; goose plans by whole seconds.
const JUMP_SECONDS: u64 = 1;

/// One step of the plan: reach `vus` users within `seconds`, or hold them when there are as many already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) vus: u32,
    pub(crate) seconds: u64,
}

/// What the users do over the run, from its start to the end of the measured part.
#[derive(Clone, Debug)]
pub(crate) struct LoadPlan {
    /// The first step starts the first users; the end of the run is not a step.
    pub(crate) steps: Vec<Step>,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// Requests per second of one user.
    pub(crate) rate: f64,
}

impl LoadPlan {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let users = |share: f64| ((f64::from(scenario.vus) * share).round() as u32).max(1);
        let first = users(scenario.stages.first().map_or(1.0, |stage| stage.vus));
        let ramp = scenario.ramp.min(scenario.warmup).as_secs();
        let mut steps = vec![
            Step { vus: first, seconds: ramp },
            Step { vus: first, seconds: scenario.warmup.as_secs() - ramp },
        ];
        let duration = scenario.duration.as_secs();
        let mut share = 0.0;
        let mut from = 0;
        for stage in &scenario.stages {
            share += stage.time;
            // Rounding the ends, not the lengths, keeps the sum exact.
            let to = ((duration as f64 * share).round() as u64).min(duration);
            let vus = users(stage.vus);
            let jump = if steps.last().is_some_and(|last| last.vus == vus) {
                0
            } else {
                JUMP_SECONDS.min(to - from)
            };
            steps.push(Step { vus, seconds: jump });
            steps.push(Step { vus, seconds: to - from - jump });
            from = to;
        }
        if scenario.stages.is_empty() {
            steps.push(Step { vus: first, seconds: duration });
        }
        // The first step starts the users even when it takes no time; later ones of no length do nothing.
        let mut index = 0;
        steps.retain(|step| {
            index += 1;
            index == 1 || step.seconds > 0
        });
        Self { steps, warmup: scenario.warmup, duration: scenario.duration, rate: scenario.rate }
    }

    /// From the start of the run to the end of the measured part.
    pub(crate) fn total(&self) -> Duration {
        self.warmup + self.duration
    }

    /// Requests per second that the plan asks for on average over the second that begins at `offset`.
    pub(crate) fn offered(&self, offset: u32) -> f64 {
        let second = f64::from(offset);
        (self.vus_at(second) + self.vus_at(second + 1.0)) / 2.0 * self.rate
    }

    /// Users at `seconds` after the start; between whole users while they start or stop.
    fn vus_at(&self, seconds: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str) -> LoadPlan {
        LoadPlan::new(&Scenario::built_in(name).unwrap())
    }

    #[test]
    fn a_steady_plan_ramps_and_holds() {
        let plan = plan("quick");
        assert!(plan.is_steady());
        let steps: Vec<_> = plan.steps.iter().map(|step| (step.vus, step.seconds)).collect();
        assert_eq!(steps, [(10, 1), (10, 2), (10, 20)]);
        assert_eq!(plan.total().as_secs(), 23);
        assert_eq!(plan.offered(0), 25.0);
        assert_eq!(plan.offered(1), 50.0);
        assert_eq!(plan.offered(22), 50.0);
    }

    #[test]
    fn a_spike_jumps_within_a_second_and_keeps_the_duration() {
        let plan = plan("spike");
        assert!(!plan.is_steady());
        let steps: Vec<_> = plan.steps.iter().map(|step| (step.vus, step.seconds)).collect();
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
        assert_eq!(plan.steps.iter().map(|step| step.seconds).sum::<u64>(), plan.total().as_secs());
        assert_eq!(plan.offered(75), 110.0 * 2.0);
        assert_eq!(plan.offered(76), 400.0);
    }

    #[test]
    fn a_short_spike_still_has_all_its_seconds() {
        let mut scenario = Scenario::built_in("spike").unwrap();
        scenario.duration = Duration::from_secs(7);
        scenario.warmup = Duration::ZERO;
        let plan = LoadPlan::new(&scenario);
        assert_eq!(plan.steps.iter().map(|step| step.seconds).sum::<u64>(), 7);
        assert_eq!(plan.steps[0], Step { vus: 20, seconds: 0 });
    }
}
