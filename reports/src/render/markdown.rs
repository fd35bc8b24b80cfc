//! `summary.md`: the figures of the report as Markdown tables, for job summaries and comments.
//! No plots; the text of `summary`, escaped for Markdown.

use super::summary::{Summary, Table, outcome_text};
use crate::model::{RunRecord, Verdict};

/// The summary of one run.
pub(super) fn render(run: &RunRecord, verdict: Option<&Verdict>) -> String {
    let summary = Summary::new(run, verdict);
    let mark = summary.outcome.map_or("?", |outcome| outcome_text(outcome).split(' ').next().unwrap_or("?"));
    let mut text = format!("## {}\n\n**{mark} {}**\n", escape(&summary.title), escape(&summary.headline));
    text.push_str(&format!("\n{}\n", escape(&summary.context)));
    for note in &summary.notes {
        text.push_str(&format!("\n> {}\n", escape(note)));
    }
    if !summary.figures.is_empty() {
        let figures = summary.figures.iter().map(|(name, value)| format!("{name} **{}**", escape(value)));
        text.push_str(&format!("\n{}\n", figures.collect::<Vec<_>>().join(", ")));
    }
    for table in summary.rules.iter().chain(&summary.tables) {
        push_table(&mut text, table);
    }
    text
}

fn push_table(text: &mut String, table: &Table) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&format!("\n### {}\n\n", table.title));
    text.push_str(&line(table.columns.iter().map(|column| escape(column.name)).collect()));
    let rule = |is_figure| if is_figure { "---:" } else { "---" };
    text.push_str(&line(table.columns.iter().map(|column| rule(column.is_figure).into()).collect()));
    for row in &table.rows {
        text.push_str(&line(row.cells.iter().map(|cell| escape(cell)).collect()));
    }
}

/// A text that stays in its cell, is no HTML, and mentions nobody.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_cell() {
        assert_eq!(escape("a|b\nc<img>@all _x_"), "a\\|b c&lt;img&gt;&#64;all \\_x\\_");
    }
}
