//! Which families are published, and under which names. What they hold is for `cardinality` to limit.

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex_lite::Regex;

use super::cardinality::Limits;
use super::family::{Desc, Level};

/// What is done to each batch before it is frozen; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What families' names begin with, and what they shall begin with instead.
    pub prefix: Option<(&'static str, String)>,
    /// Anchored, on published names; empty lets every family in.
    pub include: Vec<Regex>,
    pub exclude: Vec<Regex>,
    /// Subjects whose families are left out; none stands for families about no subject.
    pub without_subjects: BTreeSet<Option<&'static str>>,
    pub limits: Limits,
    /// Whether OpenMetrics pages tell since when each counter counts, where that is known.
    pub created: bool,
}

impl Rules {
    /// The name under which the family is published. What the exporter says of itself keeps its name.
    pub(super) fn name(&self, desc: &Desc) -> Cow<'static, str> {
        match &self.prefix {
            Some((from, to)) if desc.level != Level::Own => match desc.name.strip_prefix(from) {
                Some(stem) => Cow::Owned(format!("{to}{stem}")),
                None => Cow::Borrowed(desc.name),
            },
            _ => Cow::Borrowed(desc.name),
        }
    }

    /// Whether the family is published at all. `exclude` is for every family; the rest leaves alone what the exporter
    /// says of itself, without which nobody could tell why something is missing.
    pub(super) fn admits(&self, desc: &Desc, name: &str) -> bool {
        let matches = |regexes: &[Regex]| regexes.iter().any(|regex| regex.is_match(name));
        let is_own = desc.level == Level::Own;
        let subject = || self.limits.subject(desc);
        !matches(&self.exclude)
            && (is_own || self.include.is_empty() || matches(&self.include))
            && (is_own || self.without_subjects.is_empty() || !self.without_subjects.contains(&subject()))
    }
}

/// A regular expression that has to match a whole name.
///
/// # Errors
/// When it is none.
pub fn anchored(pattern: &str) -> Result<Regex, regex_lite::Error> {
    // First by itself: "a)(b" would become valid within the group.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Kind, Unit};

    const fn desc(name: &'static str, labels: &'static [&'static str], level: Level) -> Desc {
        Desc { name, help: "Help.", kind: Kind::Gauge, unit: Unit::None, labels, level }
    }

    static PLAIN: Desc = desc("demo_up", &[], Level::Critical);
    static NODES: Desc = desc("demo_node_cpus", &["node"], Level::Important);
    static USERS: Desc = desc("demo_user_cpus", &["user", "partition"], Level::Detailed);
    static OWN: Desc = desc("demo_exporter_up", &[], Level::Own);

    fn admitted(rules: &Rules) -> Vec<String> {
        let named = [&PLAIN, &NODES, &USERS, &OWN].map(|desc| (desc, rules.name(desc)));
        named
            .into_iter()
            .filter(|(desc, name)| rules.admits(desc, name))
            .map(|(_, name)| name.into())
            .collect()
    }

    #[test]
    fn a_prefix_is_for_what_is_not_the_exporter_s_own() {
        let rules = Rules { prefix: Some(("demo_", "hpc_".to_owned())), ..Rules::default() };
        assert_eq!(admitted(&rules), ["hpc_up", "hpc_node_cpus", "hpc_user_cpus", "demo_exporter_up"]);
        assert_eq!(admitted(&Rules::default())[0], "demo_up");
    }

    #[test]
    fn filters_match_whole_names() {
        let rule = |include: &[&str], exclude: &[&str]| Rules {
            include: include.iter().map(|pattern| anchored(pattern).unwrap()).collect(),
            exclude: exclude.iter().map(|pattern| anchored(pattern).unwrap()).collect(),
            ..Rules::default()
        };
        assert_eq!(admitted(&rule(&["demo_node"], &[])), ["demo_exporter_up"]);
        assert_eq!(admitted(&rule(&["demo_node_.*|x"], &[])), ["demo_node_cpus", "demo_exporter_up"]);
        assert_eq!(admitted(&rule(&[], &["demo_u.*", "demo_exporter_.*"])), ["demo_node_cpus"]);
        assert_eq!(
            admitted(&rule(&["demo_.*"], &["demo_node_cpus"])),
            ["demo_up", "demo_user_cpus", "demo_exporter_up"]
        );
        assert!(anchored("a)(b").is_err() && anchored("(").is_err());
    }

    #[test]
    fn a_family_is_about_its_finest_subject() {
        let limits = Limits { subjects: &["partition", "user", "node"], ..Limits::default() };
        let without = |subjects: &[Option<&'static str>]| {
            let without_subjects = subjects.iter().copied().collect();
            admitted(&Rules { without_subjects, limits: limits.clone(), ..Rules::default() })
        };
        assert_eq!(without(&[Some("partition")]).len(), 4);
        assert_eq!(without(&[Some("user")]), ["demo_up", "demo_node_cpus", "demo_exporter_up"]);
        assert_eq!(without(&[None, Some("node")]), ["demo_user_cpus", "demo_exporter_up"]);
    }
}
