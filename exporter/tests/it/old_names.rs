//! What METRICS.md says of the names of other exporters, judged by promtool.
//! Whether our side exists is tested beside the table.

use std::fs;
use std::process::Command;

use crate::process::{has_program, missing};

#[test]
fn every_query_for_an_old_name_is_promql() {
    let reference = include_str!("../../METRICS.md");
    let (_, tables) = reference.split_once("## Old names").expect("it has a part on old names");
    let rows = tables.lines().filter(|line| line.starts_with("| `"));
    let queries: Vec<_> =
        rows.filter_map(|row| row.split(" | ").nth(1)?.strip_prefix('`')?.strip_suffix("` |")).collect();
    assert!(queries.len() > 200, "only {} queries found", queries.len());
    if missing("promtool", has_program("promtool"), "apt-get install prometheus") {
        return;
    }
    let mut rules = "groups:\n  - name: old\n    rules:\n".to_owned();
    for (index, query) in queries.iter().enumerate() {
        let query = query.replace("\\|", "|").replace("<state>", "down").replace("<flag>", "drain");
        rules.push_str(&format!("      - record: old:{index}\n        expr: '{query}'\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, rules).unwrap();
    let output =
        Command::new("promtool").args(["check", "rules"]).arg(&file).output().expect("promtool starts");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{} rules found", queries.len())), "{said}");
}
