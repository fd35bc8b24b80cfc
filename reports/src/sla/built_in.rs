//! The rules that apply when no rule file is given.
//! The rules themselves are in `default.toml`.

use super::Sla;

/// The text of the built-in rule file, to print or to start an own one from.
pub const DEFAULT: &str = include_str!("default.toml");

impl Sla {
    /// The built-in rules for `scenario`, with those of the size class when the number of nodes is known.
    /// A scenario that they do not name gets the rules of `spike`, which ask for no throughput.
    pub fn built_in(scenario: &str, nodes: Option<u64>) -> Self {
        let all = Self::parse(DEFAULT, "built-in").expect("a test holds default.toml to be valid");
        let selected = all.select(scenario, nodes);
        if selected.rules.is_empty() { all.select("spike", nodes) } else { selected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(scenario: &str, nodes: Option<u64>) -> Vec<String> {
        Sla::built_in(scenario, nodes).rules.iter().map(super::super::Rule::text).collect()
    }

    #[test]
    fn quick_has_rules_that_twenty_seconds_can_judge() {
        let expected = ["p95 < 5 s", "error rate < 1 %", "content errors <= 0"];
        assert_eq!(rules("quick", None), expected);
        assert_eq!(rules("quick", Some(100)), expected);
    }

    #[test]
    fn baseline_has_latency_errors_content_availability_and_throughput() {
        let expected = [
            "p95 < 5 s",
            "p99 < 10 s",
            "error rate < 1 %",
            "content errors <= 0",
            "availability in 10 s slices > 99.9 %",
            "throughput > 45 rps",
        ];
        assert_eq!(rules("baseline", None), expected);
        for scenario in ["stress", "spike", "endurance", "an-own-one"] {
            assert_eq!(rules(scenario, None), expected[..5], "{scenario}");
        }
    }

    #[test]
    fn no_scenario_forgives_a_wrong_page() {
        for scenario in ["quick", "baseline", "stress", "spike", "endurance", "an-own-one"] {
            for nodes in [None, Some(100), Some(3000), Some(9000)] {
                let content =
                    rules(scenario, nodes).iter().filter(|rule| *rule == "content errors <= 0").count();
                assert_eq!(content, 1, "{scenario} {nodes:?}");
            }
        }
    }

    #[test]
    fn a_known_size_adds_the_rules_of_its_class() {
        let added = |scenario, nodes| rules(scenario, Some(nodes)).split_off(rules(scenario, None).len());
        let small = ["p95 < 2 s", "error rate < 0.5 %", "peak RSS < 512 MiB"];
        assert_eq!(added("baseline", 100), small);
        assert_eq!(added("stress", 999)[..3], small);
        assert_eq!(added("stress", 999)[3], "throughput > 100 rps");
        assert_eq!(added("baseline", 1000), ["peak RSS < 1 GiB"]);
        assert_eq!(added("endurance", 5000), ["peak RSS < 1 GiB", "throughput > 50 rps"]);
        let large = ["p95 < 10 s", "error rate < 2 %", "peak RSS < 2 GiB", "throughput > 25 rps"];
        assert_eq!(added("baseline", 5001), large);
    }
}
