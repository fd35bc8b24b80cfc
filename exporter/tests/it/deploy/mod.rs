//! What is shipped for Prometheus in `deploy/`: every name in it is one of ours, every alert is explained, and Prometheus'
//! own tool finds the rules good and lets them fire.

mod dashboards;
mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exporter::reference::reference;
use serde::Deserialize;

use crate::process::{has_program, missing};

const RULES: [&str; 2] = ["recording-rules.yaml", "alerts.yaml"];

/// What Prometheus adds to every series.
const OF_THE_SCRAPE: [&str; 2] = ["instance", "job"];

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The tests of rules, as far as they are read here.
#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    promql_expr_test: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    expr: String,
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed<T: serde::de::DeserializeOwned>(file: &str) -> T {
    let path = deploy().join("prometheus").join(file);
    serde_saphyr::from_str(&read(&path)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn rules() -> Vec<Rule> {
    let files = RULES.map(parsed::<RuleFile>).into_iter();
    files.flat_map(|file| file.groups).flat_map(|group| group.rules).collect()
}

/// Every family with its kind and its labels, from the reference.
fn catalogue() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = reference();
    let (families, _) = text.split_once("\n## Old names\n").expect("it has that part");
    let rows = families.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split(" | ").collect();
        let name = cells[0].trim_end_matches('`').to_owned();
        let labels = cells[3].split(", ").map(|label| label.trim_matches('`').to_owned());
        Some((name, (cells[1].to_owned(), labels.collect())))
    });
    rows.collect()
}

/// The series that a family is made of in Prometheus.
fn series() -> BTreeSet<String> {
    let series = catalogue().into_iter().flat_map(|(name, (kind, _))| match kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
        _ => vec![name],
    });
    series.collect()
}

/// Words of a text that are, or claim to be, names of ours.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
    words
        .filter(|word| ["slurm_", "slurm:", "process_"].iter().any(|start| word.starts_with(start)))
        .map(str::to_owned)
        .collect()
}

/// Names of labels in an expression: in front of a matcher, and in the lists of `by` and `on`.
fn labels(expr: &str) -> BTreeSet<String> {
    let matchers = regex_lite::Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*""#).unwrap();
    let lists = regex_lite::Regex::new(r"\b(?:by|on)\s*\(([^)]*)\)").unwrap();
    let in_matchers = matchers.captures_iter(expr).map(|found| found[1].to_owned());
    let in_lists = lists
        .captures_iter(expr)
        .flat_map(|found| found[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    in_matchers.chain(in_lists).collect()
}

/// Names of families and labels in an expression that are none of ours.
fn unknown(expr: &str) -> Vec<String> {
    let catalogue = catalogue();
    assert!(catalogue.len() > 100, "{}", catalogue.len());
    let mut known = series();
    known.extend(rules().into_iter().filter_map(|rule| rule.record));
    let mut known_labels: BTreeSet<_> = catalogue.into_values().flat_map(|(_, labels)| labels).collect();
    known_labels.extend(["cluster", "le"].into_iter().chain(OF_THE_SCRAPE).map(str::to_owned));
    let (names, labels) = (names(expr), labels(expr));
    names.difference(&known).chain(labels.difference(&known_labels)).cloned().collect()
}

#[test]
fn every_name_in_a_rule_is_one_of_ours() {
    for rule in rules() {
        assert_eq!(unknown(&rule.expr), [""; 0], "{}", rule.expr);
    }
    let wrong = "sum by (noode) (rate(slurm_job_count{stat=\"x\",partitoin=\"a\"}[5m]))";
    assert_eq!(unknown(wrong), ["slurm_job_count", "noode", "partitoin"]);
}

#[test]
fn every_alert_says_what_it_means_and_has_a_page() {
    let rules = rules();
    let alerts: BTreeSet<_> = rules.iter().filter_map(|rule| rule.alert.as_deref()).collect();
    assert!(alerts.len() >= 20, "{alerts:?}");
    for rule in rules.iter().filter(|rule| rule.alert.is_some()) {
        let name = rule.alert.as_deref().unwrap();
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{name}: {severity:?}");
        for annotation in ["summary", "description"] {
            assert!(
                rule.annotations.get(annotation).is_some_and(|text| !text.is_empty()),
                "{name}: {annotation}"
            );
        }
        let page = format!("/{name}.md");
        assert!(
            rule.annotations["runbook_url"].ends_with(&page),
            "{name}: {}",
            rule.annotations["runbook_url"]
        );
        let said = rule.annotations.values().flat_map(|text| names(text));
        assert_eq!(said.collect::<Vec<_>>(), Vec::<String>::new(), "{name}: people read no series");
    }
    let pages = fs::read_dir(deploy().join("runbooks")).unwrap();
    let pages: BTreeSet<_> = pages.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(pages, alerts.iter().map(|name| format!("{name}.md")).collect());
}

#[test]
fn every_page_names_what_there_is() {
    let folder = deploy().join("runbooks");
    let mut known = series();
    // Prose calls a histogram by its family.
    known.extend(catalogue().into_keys());
    let link = regex_lite::Regex::new(r"\]\(([^)]+)\)").unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = read(&path);
        let unknown: Vec<_> = names(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
        for found in link.captures_iter(&text) {
            assert!(folder.join(&found[1]).is_file(), "{}: {}", path.display(), &found[1]);
        }
        assert!(text.contains("\n## Find out\n") && text.contains("\n## Do\n"), "{}", path.display());
    }
}

#[test]
fn every_rule_has_a_test() {
    let rules = rules();
    let tested: TestFile = parsed("tests/recording-rules.test.yaml");
    let expressions: String = tested
        .tests
        .iter()
        .flat_map(|case| &case.promql_expr_test)
        .map(|test| format!("{} ", test.expr))
        .collect();
    let records: BTreeSet<_> = rules.iter().filter_map(|rule| rule.record.clone()).collect();
    assert_eq!(names(&expressions), records);

    let tested: TestFile = parsed("tests/alerts.test.yaml");
    let cases: BTreeSet<_> = tested.tests.iter().map(|case| case.name.clone()).collect();
    assert_eq!(cases, rules.iter().filter_map(|rule| rule.alert.clone()).collect());
    for case in &tested.tests {
        let is_about_it = |test: &Expected| test.expr.contains(&format!("alertname=\"{}\"", case.name));
        assert!(case.promql_expr_test.iter().all(is_about_it), "{}", case.name);
    }
}

#[test]
fn prometheus_finds_the_rules_good_and_they_fire_as_they_should() {
    if missing("promtool", has_program("promtool"), "apt-get install prometheus") {
        return;
    }
    let tests = ["tests/recording-rules.test.yaml", "tests/alerts.test.yaml"];
    for arguments in [&["check", "rules", RULES[0], RULES[1]][..], &["test", "rules", tests[0], tests[1]]] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(deploy().join("prometheus"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {}: {said}", arguments.join(" "));
    }
}
