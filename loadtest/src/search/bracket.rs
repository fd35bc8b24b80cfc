//! The search itself: which rate to try next, between the largest that was good and the smallest that was not.
//! Pure: it is told what became of a rate, and measures nothing.

/// Below this there is nothing left to search for.
const LOWEST_RATE: f64 = 0.5;

/// What a rate turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// It meets the SLA.
    Meets,
    /// It does not, or not surely; by what.
    Misses(String),
    /// The generator could not make it; what it lacked.
    Generator(String),
}

/// What is known so far.
#[derive(Clone, Debug)]
pub(crate) struct Bracket {
    start: f64,
    highest: f64,
    /// Share of the rate within which the knee is to be found.
    precision: f64,
    pub(crate) good: Option<f64>,
    /// The smallest rate that was not good, and why.
    pub(crate) bad: Option<(f64, Finding)>,
}

impl Bracket {
    pub(crate) fn new(start: f64, highest: f64, precision: f64) -> Self {
        Self { start: start.min(highest), highest, precision, good: None, bad: None }
    }

    /// The next rate to try: doubled while it is good, then halfway by ratio; `None` when the knee is known.
    pub(crate) fn next(&self) -> Option<f64> {
        match (self.good, &self.bad) {
            (None, None) => Some(self.start),
            (Some(good), None) => (good < self.highest).then(|| (good * 2.0).min(self.highest)),
            (None, Some((bad, _))) => Some(bad / 4.0).filter(|rate| *rate >= LOWEST_RATE),
            (Some(good), Some((bad, _))) => (bad / good > 1.0 + self.precision).then(|| (good * bad).sqrt()),
        }
    }

    pub(crate) fn learn(&mut self, rate: f64, finding: Finding) {
        if finding == Finding::Meets {
            self.good = Some(self.good.map_or(rate, |good| good.max(rate)));
        } else if self.bad.as_ref().is_none_or(|(bad, _)| rate < *bad) {
            self.bad = Some((rate, finding));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates that a search for this knee tries, and its end.
    fn search(knee: f64) -> (Vec<f64>, Bracket) {
        let mut bracket = Bracket::new(50.0, 10_000.0, 0.05);
        let mut tried = Vec::new();
        while let Some(rate) = bracket.next() {
            tried.push(rate);
            let finding = if rate <= knee { Finding::Meets } else { Finding::Misses("late".into()) };
            bracket.learn(rate, finding);
        }
        (tried, bracket)
    }

    #[test]
    fn the_knee_is_found_within_the_precision() {
        for knee in [3.0, 49.0, 50.0, 51.0, 777.0, 9_999.0] {
            let (tried, bracket) = search(knee);
            let (good, bad) = (bracket.good.unwrap(), bracket.bad.unwrap().0);
            assert!(good <= knee && knee < bad && bad / good <= 1.05, "{knee}: {good} to {bad}");
            assert!(tried.len() <= 16, "{knee}: {tried:?}");
        }
    }

    #[test]
    fn a_search_ends_at_the_highest_rate_and_where_nothing_is_good() {
        let (tried, bracket) = search(f64::INFINITY);
        assert_eq!((bracket.good, bracket.bad.is_none()), (Some(10_000.0), true));
        assert_eq!(tried.last(), Some(&10_000.0));
        let (tried, bracket) = search(0.0);
        assert_eq!((bracket.good, tried.as_slice()), (None, &[50.0, 12.5, 3.125, 0.78125][..]));
    }
}
