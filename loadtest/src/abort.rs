//! Rules that end a run early: each looks at one window of the measured part after the other.
//! It only asks to stop; the judgement of a window is the rule's own.

use reports::model::run::RequestStats;
use reports::sla::Rule;

use crate::stop::{Reason, Stop};

/// Watches the seconds of a run as they close.
#[derive(Debug)]
pub(crate) struct Abort {
    watched: Vec<Watched>,
    stop: Stop,
}

/// A rule and the window that is being filled for it.
#[derive(Debug)]
struct Watched {
    rule: Rule,
    seconds: u32,
    requests: Vec<RequestStats>,
}

impl Abort {
    /// `None` when no rule ends a run.
    pub(crate) fn new(rules: &[Rule], stop: &Stop) -> Option<Self> {
        let watched: Vec<_> = rules
            .iter()
            .filter(|rule| rule.abort)
            .map(|rule| Watched { rule: rule.clone(), seconds: 0, requests: Vec::new() })
            .collect();
        (!watched.is_empty()).then(|| Self { watched, stop: stop.clone() })
    }

    /// Adds a measured second; asks to stop when it completes a window that breaks its rule.
    pub(crate) fn add(&mut self, second: &[RequestStats]) {
        for watched in &mut self.watched {
            add(&mut watched.requests, second);
            watched.seconds += 1;
            if watched.seconds < watched.rule.window_seconds {
                continue;
            }
            let requests = std::mem::take(&mut watched.requests);
            let seconds = std::mem::take(&mut watched.seconds);
            if let Some(how) = watched.rule.broken_by(&requests, seconds.into()) {
                self.stop.request(Reason::RuleBroken {
                    rule: watched.rule.text(),
                    how: format!("{how}, over {seconds} s"),
                });
            }
        }
    }
}

fn add(all: &mut Vec<RequestStats>, second: &[RequestStats]) {
    for stats in second {
        let Some(sum) = all.iter_mut().find(|sum| sum.name == stats.name) else {
            all.push(stats.clone());
            continue;
        };
        sum.count += stats.count;
        sum.bytes += stats.bytes;
        sum.latency.merge(&stats.latency);
        for (kind, count) in &stats.errors {
            *sum.errors.entry(kind.clone()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use reports::sla::Sla;

    use super::*;

    const RULES: &str = "[[rule]]\nid = \"errors\"\nmetric = \"error_rate\"\noperator = \"<\"\nvalue = \"5%\"\n\
                         window = \"3s\"\nabort = true\n\
                         [[rule]]\nid = \"content\"\nmetric = \"content_errors\"\noperator = \"<=\"\nvalue = 0\n";

    fn second(errors: u64) -> [RequestStats; 1] {
        [RequestStats {
            name: "metrics".into(),
            count: 50,
            errors: BTreeMap::from([("timeout".into(), errors)]),
            bytes: 0,
            latency: Default::default(),
        }]
    }

    #[test]
    fn a_window_that_breaks_a_rule_for_certain_ends_the_run() {
        let stop = Stop::new();
        let mut abort = Abort::new(&Sla::parse(RULES, "x").unwrap().rules, &stop).unwrap();
        // Bad seconds that two windows share, and one window that could still be chance.
        for errors in [0, 0, 5, 5, 0, 0, 4, 4, 4] {
            abort.add(&second(errors));
            assert_eq!(stop.reason(), None);
        }
        for errors in [10, 10] {
            abort.add(&second(errors));
            assert_eq!(stop.reason(), None, "the window is not complete");
        }
        abort.add(&second(10));
        let reason = stop.reason().unwrap();
        let expected = "a rule ended the run: error rate < 5 %: measured 20 %, required < 5 %, over 3 s";
        assert_eq!((reason.to_string().as_str(), reason.exit_code()), (expected, None));
    }

    #[test]
    fn without_a_rule_that_aborts_there_is_nothing_to_watch() {
        let rules = Sla::parse(&RULES.replace("abort = true\n", "").replace("window = \"3s\"\n", ""), "x");
        assert!(Abort::new(&rules.unwrap().rules, &Stop::new()).is_none());
    }
}
