//! The query of the metrics path: `collect[]`, `exclude[]` and `cluster` choose whole units of a page.
//! Other keys are left alone; they may belong to a proxy.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    sync::Arc,
};

use crate::exposition::{Page, PageUnit};

/// A query that can never match anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// A value names nothing.
    #[error("unknown {what} {value:?} (known: {known})")]
    Unknown { what: &'static str, value: String, known: Known },
    /// A page without the label `cluster` would mix those of several.
    #[error("there are several clusters: ask for one with ?cluster= (known: {known})")]
    Ambiguous { known: Known },
    /// Every collector that `collect[]` names, or every one there is, is named by `exclude[]`.
    #[error("selects nothing: exclude[] leaves no collector (known: {known})")]
    Nothing { known: Known },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known(Vec<String>);

impl Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => f.write_str("none yet"),
            false => f.write_str(&self.0.join(", ")),
        }
    }
}

#[derive(Debug, Default)]
struct Query {
    collect: Vec<String>,
    exclude: Vec<String>,
    clusters: Vec<String>,
}

/// The same for a page whose series do not say which cluster they are of.
///
/// # Errors
/// Also when the query does not name one of several clusters.
pub(super) fn select_one_cluster(page: Arc<Page>, query: &str) -> Result<Arc<Page>, Refused> {
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "cluster");
    let known = &page.names().clusters;
    if known.len() > 1 && named.count() != 1 {
        return Err(Refused::Ambiguous { known: Known::from(known) });
    }
    select(page, query)
}

/// The page that the query asks for. With `cluster`, only what belongs to a named cluster. It may well be empty:
/// data that was withdrawn comes back.
///
/// # Errors
/// When a value is unknown, or no collector is left.
pub(super) fn select(page: Arc<Page>, query: &str) -> Result<Arc<Page>, Refused> {
    let mut wanted = Query::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let (what, list, known) = match key.as_ref() {
            "collect[]" => ("collector", &mut wanted.collect, &page.names().collectors),
            "exclude[]" => ("collector", &mut wanted.exclude, &page.names().collectors),
            "cluster" => ("cluster", &mut wanted.clusters, &page.names().clusters),
            _ => continue,
        };
        list.push(known_value(what, value.into_owned(), known)?);
    }
    if wanted.is_everything() {
        return Ok(page);
    }
    let collectors = &page.names().collectors;
    if !wanted.exclude.is_empty() && !collectors.iter().any(|name| wanted.includes_collector(name)) {
        return Err(Refused::Nothing { known: Known::from(collectors) });
    }
    Ok(Arc::new(page.select(|unit| wanted.includes(unit))))
}

fn known_value(what: &'static str, value: String, known: &BTreeSet<String>) -> Result<String, Refused> {
    if known.contains(&value) {
        return Ok(value);
    }
    Err(Refused::Unknown { what, value, known: Known::from(known) })
}

impl From<&BTreeSet<String>> for Known {
    fn from(names: &BTreeSet<String>) -> Self {
        Self(names.iter().cloned().collect())
    }
}

impl Query {
    fn is_everything(&self) -> bool {
        self.collect.is_empty() && self.exclude.is_empty() && self.clusters.is_empty()
    }

    fn includes(&self, unit: &PageUnit) -> bool {
        self.includes_collector(unit.collector())
            && (self.clusters.is_empty() || unit.cluster().is_some_and(|name| named(&self.clusters, name)))
    }

    fn includes_collector(&self, name: &str) -> bool {
        (self.collect.is_empty() || named(&self.collect, name)) && !named(&self.exclude, name)
    }
}

fn named(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| entry == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Batch, Desc, Kind, Level, Names, Publisher, Unit};

    const fn gauge(name: &'static str) -> Desc {
        Desc { name, help: "Help.", kind: Kind::Gauge, unit: Unit::None, labels: &[], level: Level::Critical }
    }
    static NODES: Desc = gauge("nodes");
    static JOBS: Desc = gauge("jobs");
    static UP: Desc = gauge("up");

    fn page() -> Arc<Page> {
        let collectors = ["nodes", "jobs", "own", "idle"].map(str::to_owned).into();
        let publisher = Publisher::new(Names { collectors, ..Names::default() });
        for cluster in ["a", "b c"] {
            for (collector, desc) in [("nodes", &NODES), ("jobs", &JOBS)] {
                let mut batch = Batch::new(collector, Some(cluster));
                batch.family(desc).sample(&[], 1_u64);
                publisher.replace([batch]);
            }
        }
        let mut own = Batch::new("own", None);
        own.family(&UP).sample(&[], 1_u64);
        publisher.replace([own]);
        publisher.page()
    }

    fn chosen(query: &str) -> Result<Vec<String>, String> {
        let page = select(page(), query).map_err(|refused| refused.to_string())?;
        Ok(page
            .units()
            .map(|unit| format!("{}@{}", unit.desc().name, unit.cluster().unwrap_or("-")))
            .collect())
    }

    #[test]
    fn queries_choose_whole_units() {
        let everything = vec!["jobs@a", "jobs@b c", "nodes@a", "nodes@b c", "up@-"];
        let cases: [(&str, Vec<&str>); 11] = [
            ("", everything.clone()),
            ("other=1", everything),
            ("collect[]=nodes", vec!["nodes@a", "nodes@b c"]),
            ("collect%5B%5D=nodes&collect[]=own", vec!["nodes@a", "nodes@b c", "up@-"]),
            ("exclude[]=nodes&exclude[]=jobs", vec!["up@-"]),
            ("collect[]=nodes&collect[]=jobs&exclude[]=nodes", vec!["jobs@a", "jobs@b c"]),
            ("cluster=b+c", vec!["jobs@b c", "nodes@b c"]),
            ("cluster=a&cluster=b%20c&collect[]=jobs", vec!["jobs@a", "jobs@b c"]),
            ("collect[]=idle", vec![]),
            ("collect[]=idle&exclude[]=jobs", vec![]),
            ("exclude[]=nodes&exclude[]=jobs&exclude[]=own", vec![]),
        ];
        for (query, expected) in cases {
            assert_eq!(chosen(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn a_query_that_can_never_match_is_refused() {
        for query in [
            "collect[]=nodes&exclude[]=nodes",
            "collect[]=nodes&collect[]=jobs&exclude[]=jobs&exclude[]=nodes&cluster=a",
            "exclude[]=idle&exclude[]=jobs&exclude[]=nodes&exclude[]=own",
        ] {
            let expected = "selects nothing: exclude[] leaves no collector (known: idle, jobs, nodes, own)";
            assert_eq!(chosen(query).unwrap_err(), expected, "{query}");
        }
    }

    #[test]
    fn an_unknown_value_is_named_with_the_known_ones() {
        for (query, expected) in [
            ("collect[]=node", "unknown collector \"node\" (known: idle, jobs, nodes, own)"),
            ("exclude[]=", "unknown collector \"\" (known: idle, jobs, nodes, own)"),
            ("cluster=z%0a", "unknown cluster \"z\\n\" (known: a, b c)"),
        ] {
            assert_eq!(chosen(query).unwrap_err(), expected);
        }
        let empty = Publisher::new(Names::default()).page();
        assert_eq!(
            select(empty, "cluster=a").unwrap_err().to_string(),
            "unknown cluster \"a\" (known: none yet)"
        );
    }
}
