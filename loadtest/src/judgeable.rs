//! Whether the rules of a file can be judged by a plan at all: a rule that never can is an error before the run. A search
//! makes its steps as long as the rules need.
//! It says nothing of the outcome; too few measurements in spite of a good plan are found afterwards.

use reports::quantity::count;
use reports::sla::{Metric, Rule};

use crate::scenario::{LoadPlan, Scenario, Shard};

/// What is wrong with `rules`, those that concern the scenario; one line each.
pub(crate) fn problems(rules: &[&Rule], scenario: &Scenario) -> Vec<String> {
    // Another seed may have a few arrivals more; it is no less able to judge.
    let plan = LoadPlan::new(scenario, 1, Shard::WHOLE);
    let known: Vec<&str> = scenario.requests.iter().map(|request| request.name.as_str()).collect();
    let problem = |rule: &&Rule| {
        let complain = |key: &str, message: String| Some(format!("rule \"{}\": {key}: {message}", rule.id));
        if let Some(request) = rule.request.as_deref().filter(|request| !known.contains(request)) {
            let expected = reports::near::expected_one_of(&known, request);
            let message =
                format!("the scenario {} makes no request \"{request}\", {expected}", scenario.name);
            return complain("request", message);
        }
        let seconds = plan.duration.as_secs();
        let most = most_measurements(rule, &plan);
        if most < rule.min_samples && scenario.search.is_none() {
            let (needed, counts) = (count(rule.min_samples), rule.metric.counts());
            let message =
                format!("needs {needed} {counts}, and the plan makes at most {} in {seconds} s", count(most));
            return complain("min_samples", message);
        }
        let window = u64::from(rule.window_seconds);
        if rule.abort && window > seconds {
            return complain("window", format!("is {window} s, and the plan measures {seconds} s"));
        }
        None
    };
    rules.iter().filter_map(problem).collect()
}

/// Random arrivals may bring fewer than their rate in a short time.
const MARGIN: f64 = 1.2;

/// For how many seconds a constant rate of arrivals must be measured, so that all of the rules can be judged.
pub(crate) fn seconds_needed<'a>(rules: impl IntoIterator<Item = &'a Rule>, rate: f64) -> u64 {
    let needed = |rule: &Rule| match rule.metric {
        Metric::Latency | Metric::ErrorRate | Metric::ContentErrors => {
            (rule.min_samples as f64 * MARGIN / rate).ceil() as u64
        }
        Metric::Availability => rule.min_samples * u64::from(rule.window_seconds),
        Metric::Throughput | Metric::PeakRss | Metric::CpuCores => rule.min_samples,
    };
    rules.into_iter().map(needed).max().unwrap_or(0)
}

/// How often the plan can measure what the rule counts, when the target answers everything at once.
fn most_measurements(rule: &Rule, plan: &LoadPlan) -> u64 {
    let seconds = plan.duration.as_secs();
    match rule.metric {
        Metric::Latency | Metric::ErrorRate | Metric::ContentErrors => {
            let measured = plan.warmup.as_secs()..plan.total().as_secs();
            let offered = |second| plan.offered(u32::try_from(second).unwrap_or(u32::MAX));
            let asked: f64 = measured.map(offered).sum();
            // A second may hold the start that belongs to the one before.
            (asked + offered(plan.total().as_secs())).ceil() as u64
        }
        Metric::Availability => seconds / u64::from(rule.window_seconds),
        Metric::Throughput | Metric::PeakRss | Metric::CpuCores => seconds,
    }
}

#[cfg(test)]
mod tests {
    use reports::sla::Sla;

    use super::*;

    fn check(rule: &str, expected: &[&str]) {
        let text = format!("[[rule]]\nid = \"it\"\n{rule}\n");
        let sla = Sla::parse(&text, "x").unwrap();
        let rules: Vec<&Rule> = sla.rules.iter().collect();
        // 10 users with 5 requests a second for 20 s.
        assert_eq!(problems(&rules, &Scenario::built_in("quick").unwrap()), expected, "{rule}");
    }

    #[test]
    fn a_step_of_a_search_lasts_as_long_as_its_rules_need() {
        let text = "[[rule]]\nid = \"p99\"\nmetric = \"latency\"\noperator = \"<\"\nvalue = \"1s\"\nquantile = 0.99\n\
                    min_samples = 1000\n[[rule]]\nid = \"up\"\nmetric = \"availability\"\noperator = \">\"\nvalue = \"99%\"\n\
                    window = \"5s\"\nmin_samples = 3\n";
        let sla = Sla::parse(text, "x").unwrap();
        assert_eq!([10.0, 100.0, 1_000.0].map(|rate| seconds_needed(&sla.rules, rate)), [120, 15, 15]);
        assert_eq!(seconds_needed([], 10.0), 0);
        // The search makes its steps that long, so that nothing is wrong with the file.
        let rules: Vec<&Rule> = sla.rules.iter().collect();
        assert_eq!(problems(&rules, &Scenario::built_in("capacity").unwrap()), [""; 0]);
    }

    #[test]
    fn what_the_plan_can_measure_is_accepted_and_what_it_never_can_is_named() {
        let latency = "metric = \"latency\"\noperator = \"<\"\nvalue = \"1s\"\nquantile";
        check(&format!("{latency} = 0.99"), &[]);
        let too_many =
            "rule \"it\": min_samples: needs 3,688 requests, and the plan makes at most 1,050 in 20 s";
        check(&format!("{latency} = 0.999"), &[too_many]);
        let unknown = "rule \"it\": request: the scenario quick makes no request \"metrics_gzp\", \
                       did you mean metrics_gzip? expected one of metrics_gzip, metrics_identity";
        check(&format!("{latency} = 0.5\nrequest = \"metrics_gzp\""), &[unknown]);
        let slices = "rule \"it\": min_samples: needs 3 slices, and the plan makes at most 2 in 20 s";
        check("metric = \"availability\"\noperator = \">\"\nvalue = \"99%\"", &[slices]);
        let window = "rule \"it\": window: is 30 s, and the plan measures 20 s";
        check(&format!("{latency} = 0.5\nabort = true\nwindow = \"30s\""), &[window]);
    }
}
