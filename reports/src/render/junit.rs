//! `junit.xml`: one test case per rule, for CI systems that show test results.
//! A rule that could not be judged is an error, not skipped: CI systems show skipped cases as green.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::model::verdict::{Outcome, RuleVerdict};
use crate::model::{RunRecord, Verdict};

/// The test report of one run. Without a verdict, or without any rule, it holds one case that is an error.
pub(super) fn render(run: &RunRecord, verdict: Option<&Verdict>) -> String {
    let class = format!("sla.{}", run.scenario);
    let time = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
    let mut suite = TestSuite::new(super::summary::title(run));
    suite.set_time(time);
    for (name, value) in [
        ("run", run.id.as_str()),
        ("started", run.started_at.as_str()),
        ("commit", run.build.commit.as_deref().unwrap_or("unknown")),
        ("machine", run.machine.fingerprint.as_str()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    let rules = verdict.map(|verdict| verdict.rules.as_slice()).unwrap_or_default();
    let mut cases: Vec<_> = rules.iter().map(case).collect();
    if cases.is_empty() {
        let status = non_success(NonSuccessKind::Error, &super::summary::headline(verdict), "not-judged");
        cases.push(TestCase::new("verdict", status));
    }
    for mut case in cases {
        case.set_classname(&class);
        suite.add_test_case(case);
    }
    let mut report = Report::new("performance");
    report.set_time(time).add_test_suite(suite);
    // Only a writer can fail, and a String does not.
    report.to_string().unwrap_or_default()
}

fn case(rule: &RuleVerdict) -> TestCase {
    let status = match rule.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => non_success(NonSuccessKind::Failure, &rule.reason, "sla"),
        Outcome::Inconclusive => non_success(NonSuccessKind::Error, &rule.reason, "inconclusive"),
    };
    TestCase::new(format!("{}: {}", rule.id, rule.rule), status)
}

fn non_success(kind: NonSuccessKind, message: &str, of_type: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type(of_type);
    status
}
