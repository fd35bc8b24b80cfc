//! The policy: steps, limits, headroom and size classes, from `policy.toml` and a file over it.
//! It holds no measurement.

use std::path::Path;

use reports::settings::{self, SettingsError};
use reports::sla::SizeClass;
use serde::Deserialize;

const BUILT_IN: &str = include_str!("../policy.toml");

/// Bytes in one MiB, the unit of memory in the policy and in Kubernetes.
pub(crate) const MIB: u64 = 1 << 20;

/// A validated policy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub strategies: Vec<String>,
    pub cpu: CpuPolicy,
    pub memory: MemoryPolicy,
    pub replicas: ReplicaPolicy,
    pub evidence: EvidencePolicy,
    class: Classes,
}

/// CPU of one container, in millicores.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuPolicy {
    pub now_millicores: u32,
    pub step_millicores: u32,
    pub max_millicores: u32,
    pub request_headroom_percent: f64,
    pub limit_headroom_percent: f64,
}

/// Memory of one container, in MiB.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryPolicy {
    pub now_mib: u32,
    pub step_mib: u32,
    pub max_mib: u32,
    pub request_headroom_percent: f64,
    pub limit_headroom_percent: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaPolicy {
    pub now: u32,
    pub usual: u32,
    pub max: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidencePolicy {
    /// CPU samples in the measured part of a run.
    pub min_samples: usize,
}

/// What is planned for one size class.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPolicy {
    pub strategy: String,
    /// The cluster that is meant when the class was not measured.
    pub plan_nodes: u64,
    pub plan_jobs: u64,
    /// What all replicas together have to answer.
    pub requests_per_second: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classes {
    small: ClassPolicy,
    medium: ClassPolicy,
    large: ClassPolicy,
}

impl Policy {
    /// The policy that this build ships.
    pub fn built_in() -> Self {
        Self::parse("", "built-in policy").expect("the embedded file is tested")
    }

    /// The built-in policy with that of `path` over it.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has an unknown key, or a value that makes no sense.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::parse(&settings::read(path)?, &path.display().to_string())
    }

    /// `text` over the built-in policy; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Policy::load`], but for reading.
    pub fn parse(text: &str, origin: &str) -> Result<Self, SettingsError> {
        let policy: Self = settings::over(BUILT_IN, text, origin)?;
        policy.check().map_err(|message| SettingsError::Value { origin: origin.to_owned(), message })?;
        Ok(policy)
    }

    /// What is planned for clusters of this class.
    pub fn class(&self, class: SizeClass) -> &ClassPolicy {
        match class {
            SizeClass::Small => &self.class.small,
            SizeClass::Medium => &self.class.medium,
            SizeClass::Large => &self.class.large,
        }
    }

    /// The strategy after `strategy`; itself when it is the last.
    pub fn next_strategy<'a>(&'a self, strategy: &'a str) -> &'a str {
        let after = self.strategies.iter().skip_while(|known| *known != strategy).nth(1);
        after.map_or(strategy, String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        steps(
            "cpu",
            "millicores",
            self.cpu.now_millicores,
            self.cpu.step_millicores,
            self.cpu.max_millicores,
        )?;
        steps("memory", "mib", self.memory.now_mib, self.memory.step_mib, self.memory.max_mib)?;
        for (key, request, limit) in [
            ("cpu", self.cpu.request_headroom_percent, self.cpu.limit_headroom_percent),
            ("memory", self.memory.request_headroom_percent, self.memory.limit_headroom_percent),
        ] {
            if !(0.0..=limit).contains(&request) || limit > 1000.0 {
                return Err(format!(
                    "{key}.request_headroom_percent is {request} and {key}.limit_headroom_percent is {limit}, expected 0 <= request <= limit <= 1000"
                ));
            }
        }
        let ReplicaPolicy { now, usual, max } = self.replicas;
        if now == 0 || now > usual || usual > max {
            return Err(format!("replicas are {now}, {usual} and {max}, expected 1 <= now <= usual <= max"));
        }
        for (name, class) in SizeClass::ALL {
            let ClassPolicy { strategy, plan_nodes, requests_per_second, .. } = self.class(class);
            if !self.strategies.contains(strategy) {
                let known = self.strategies.join(", ");
                return Err(format!("class.{name}.strategy is \"{strategy}\", expected one of {known}"));
            }
            if SizeClass::of_nodes(*plan_nodes) != class {
                return Err(format!("class.{name}.plan_nodes is {plan_nodes}, which is another class"));
            }
            if !(requests_per_second.is_finite() && *requests_per_second > 0.0) {
                return Err(format!(
                    "class.{name}.requests_per_second is {requests_per_second}, expected above 0"
                ));
            }
        }
        Ok(())
    }
}

fn steps(key: &str, unit: &str, now: u32, step: u32, max: u32) -> Result<(), String> {
    if step == 0 || max == 0 || !max.is_multiple_of(step) || now > max {
        return Err(format!(
            "{key}.now_{unit}, step and max are {now}, {step} and {max}, expected now <= max and max a multiple of step"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_policy_is_that_of_the_design() {
        let policy = Policy::built_in();
        let cpu = &policy.cpu;
        assert_eq!([cpu.now_millicores, cpu.step_millicores, cpu.max_millicores], [1000, 500, 4000]);
        let memory = &policy.memory;
        assert_eq!([memory.now_mib, memory.step_mib, memory.max_mib], [1024, 512, 8192]);
        assert_eq!(policy.replicas, ReplicaPolicy { now: 3, usual: 10, max: 20 });
        assert_eq!(policy.class(SizeClass::Large).strategy, "sharded");
    }

    #[test]
    fn the_strategy_after_the_last_is_the_last() {
        let policy = Policy::built_in();
        assert_eq!(policy.next_strategy("single"), "optimised");
        assert_eq!(policy.next_strategy("federated"), "federated");
    }

    #[test]
    fn wrong_policies_are_named_with_what_was_expected() {
        for (text, expected) in [
            ("[cpu\n", "mine.toml: line 1"),
            ("[cpu]\nstep = 5\n", "unknown field `step`"),
            ("[cpu]\nstep_millicores = 300\n", "max a multiple of step"),
            ("[memory]\nlimit_headroom_percent = 1\n", "expected 0 <= request <= limit"),
            ("[replicas]\nusual = 2\n", "expected 1 <= now <= usual <= max"),
            (
                "[class.small]\nstrategy = \"double\"\n",
                "class.small.strategy is \"double\", expected one of single",
            ),
            ("[class.small]\nplan_nodes = 2000\n", "class.small.plan_nodes is 2000"),
            ("[class.large]\nrequests_per_second = 0\n", "class.large.requests_per_second is 0"),
        ] {
            let message = Policy::parse(text, "mine.toml").unwrap_err().to_string();
            assert!(message.starts_with("mine.toml: ") && message.contains(expected), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
