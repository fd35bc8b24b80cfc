//! The dashboards: whole, without panels that cover each other, and with queries that name what there is.
//! Grafana itself is not asked; whether queries find data is seen in `live`.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use super::{deploy, read, unknown};

#[derive(Deserialize)]
pub(super) struct Dashboard {
    pub(super) uid: String,
    title: String,
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    templating: Templating,
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Panel {
    id: u32,
    title: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    description: String,
    grid_pos: Place,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Place {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

#[derive(Deserialize)]
struct Target {
    expr: String,
}

pub(super) fn dashboards() -> Vec<Dashboard> {
    let files = fs::read_dir(deploy().join("dashboards")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let parsed = files.iter().map(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        let dashboard: Dashboard =
            serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(format!("{}.json", dashboard.uid.trim_start_matches("slurm-")), name);
        dashboard
    });
    parsed.collect()
}

impl Dashboard {
    /// The queries as Grafana sends them with every variable on "all".
    pub(super) fn queries(&self) -> impl Iterator<Item = (&str, String)> {
        let targets =
            self.panels.iter().flat_map(|panel| panel.targets.iter().map(|target| (&panel.title, target)));
        targets.map(|(title, target)| {
            let mut query = target.expr.replace("$__rate_interval", "1m");
            for variable in &self.templating.list {
                query = query.replace(&format!("${}", variable.name), ".*");
            }
            (title.as_str(), query)
        })
    }
}

#[test]
fn dashboards_have_identities_and_variables_of_their_own() {
    let dashboards = dashboards();
    let uids: BTreeSet<_> = dashboards.iter().map(|dashboard| &dashboard.uid).collect();
    let titles: BTreeSet<_> = dashboards.iter().map(|dashboard| &dashboard.title).collect();
    assert_eq!((uids.len(), titles.len()), (7, 7));
    for dashboard in &dashboards {
        assert!(dashboard.schema_version >= 39, "{}", dashboard.title);
        assert_eq!(dashboard.templating.list[0].name, "datasource", "{}", dashboard.title);
        assert_eq!(dashboard.templating.list[1].name, "cluster", "{}", dashboard.title);
        for (title, query) in dashboard.queries() {
            assert!(!query.contains('$'), "{} / {title}: no such variable: {query}", dashboard.title);
        }
    }
}

#[test]
fn panels_are_explained_and_do_not_cover_each_other() {
    for Dashboard { title: dashboard, panels, .. } in &dashboards() {
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel.id).collect();
        assert_eq!(ids.len(), panels.len(), "{dashboard}");
        let mut taken = BTreeSet::new();
        for panel in panels {
            let Place { x, y, w, h } = panel.grid_pos;
            assert!(x + w <= 24, "{dashboard} / {}", panel.title);
            for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
                assert!(taken.insert(cell), "{dashboard} / {} covers another panel", panel.title);
            }
            let explained =
                panel.kind == "row" || (!panel.description.is_empty() && !panel.targets.is_empty());
            assert!(explained, "{dashboard} / {}", panel.title);
        }
    }
}

#[test]
fn queries_name_what_the_exporter_writes() {
    for dashboard in &dashboards() {
        for (title, query) in dashboard.queries() {
            assert_eq!(unknown(&query), [""; 0], "{} / {title}: {query}", dashboard.title);
        }
    }
}
