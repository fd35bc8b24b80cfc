//! What METRICS.md says of the names of other exporters, judged by promtool.
//! Whether our side exists is tested beside the table.

use std::io::Write as _;
use std::process::{Command, Stdio};

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
    let mut promtool = Command::new("promtool")
        .args(["check", "rules"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("stdin is piped").write_all(rules.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{} rules found", queries.len())), "{said}");
}
