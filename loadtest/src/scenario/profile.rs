//! A rate over time in straight lines, and when its n-th arrival is due. Pure arithmetic.
//! Chance is not in here: random arrivals only ask for other values of n.

/// A part of the profile: the rate goes from one value to the other within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) seconds: f64,
}

/// Arrivals per second from the start of the run to the end of the measured part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RateProfile(Vec<Segment>);

impl RateProfile {
    /// Segments of no length are left out: they are jumps.
    pub(crate) fn new(segments: impl IntoIterator<Item = Segment>) -> Self {
        Self(segments.into_iter().filter(|segment| segment.seconds > 0.0).collect())
    }

    /// Mean rate between two moments, in seconds since the start.
    pub(crate) fn mean(&self, from: f64, to: f64) -> f64 {
        (self.expected_until(to) - self.expected_until(from)) / (to - from)
    }

    /// Arrivals that are expected before `seconds`.
    fn expected_until(&self, seconds: f64) -> f64 {
        let (mut start, mut expected) = (0.0, 0.0);
        for segment in &self.0 {
            let within = (seconds - start).clamp(0.0, segment.seconds);
            let slope = (segment.to - segment.from) / segment.seconds;
            expected += within * (segment.from + slope * within / 2.0);
            start += segment.seconds;
        }
        expected
    }

    /// Walks along the profile; see `Walk::due`.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { rest: &self.0, start: 0.0, passed: 0.0 }
    }
}

/// A walk along a profile, which only goes forward.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'profile> {
    rest: &'profile [Segment],
    /// Where the first of the rest begins, in seconds, and the arrivals expected until there.
    start: f64,
    passed: f64,
}

impl Walk<'_> {
    /// The moment, in seconds, before which `expected` arrivals are expected: the inverse of the rate's integral.
    /// `None` when the profile ends first. Each value must be at least as large as the one before.
    pub(crate) fn due(&mut self, expected: f64) -> Option<f64> {
        while let Some((Segment { from, to, seconds }, rest)) = self.rest.split_first() {
            let area = (from + to) / 2.0 * seconds;
            let within = expected - self.passed;
            if within < area {
                let slope = (to - from) / seconds;
                // The root of within = from t + slope t^2 / 2, in the form that loses no digits for a small slope.
                let root = (from * from + 2.0 * slope * within).max(0.0).sqrt();
                return Some(self.start + if within > 0.0 { 2.0 * within / (from + root) } else { 0.0 });
            }
            self.start += seconds;
            self.passed += area;
            self.rest = rest;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(segments: &[(f64, f64, f64)]) -> RateProfile {
        RateProfile::new(segments.iter().map(|&(from, to, seconds)| Segment { from, to, seconds }))
    }

    #[test]
    fn a_constant_rate_is_due_at_n_over_rate_and_ends_before_the_end() {
        let profile = profile(&[(500.0, 500.0, 600.0)]);
        let mut walk = profile.walk();
        let due: Vec<f64> = (0..300_001).map_while(|n| walk.due(f64::from(n))).collect();
        assert_eq!(due.len(), 300_000);
        assert!(due.iter().enumerate().all(|(n, due)| (due - n as f64 / 500.0).abs() < 1e-9));
        assert_eq!(profile.mean(3.0, 4.0), 500.0);
    }

    #[test]
    fn a_ramp_begins_slowly_and_a_jump_takes_no_time() {
        let profile = profile(&[(0.0, 100.0, 2.0), (100.0, 100.0, 0.0), (10.0, 10.0, 1.0)]);
        let mut walk = profile.walk();
        let due: Vec<f64> = (0..).map_while(|n| walk.due(f64::from(n))).collect();
        assert_eq!(due.len(), 110);
        // 25 t^2 arrivals until t.
        assert!((due[25] - 1.0).abs() < 1e-9 && (due[1] - 0.2).abs() < 1e-9);
        assert!((due[100] - 2.0).abs() < 1e-9 && (due[101] - 2.1).abs() < 1e-9);
        assert_eq!((profile.mean(0.0, 1.0), profile.mean(1.0, 2.0)), (25.0, 75.0));
    }

    #[test]
    fn a_rate_that_falls_to_nothing_still_has_its_arrivals() {
        let profile = profile(&[(10.0, 0.0, 2.0)]);
        let mut walk = profile.walk();
        let due: Vec<f64> = (0..).map_while(|n| walk.due(f64::from(n))).collect();
        assert_eq!(due.len(), 10);
        assert!(due.is_sorted() && due[9] < 2.0);
    }
}
