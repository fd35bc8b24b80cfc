//! `report.html`: one page with everything inside it; no network, no script, light and dark, fit for print.
//! Every text of a document is escaped; the page also forbids all loading by its own policy.

use std::fmt::Write as _;

use super::plot::plots;
use super::summary::{Row, Summary, Table, outcome_text};
use crate::model::verdict::Outcome;
use crate::model::{RunRecord, Verdict};

const STYLE: &str = include_str!("style.css");

/// The page of one run.
pub(super) fn render(run: &RunRecord, verdict: Option<&Verdict>) -> String {
    let summary = Summary::new(run, verdict);
    let mut body = String::new();
    push(&mut body, format_args!("<header class=\"{}\">\n", class(summary.outcome)));
    push(&mut body, format_args!("<p class=\"title\">{}</p>\n", escape(&summary.title)));
    push(&mut body, format_args!("<h1>{}</h1>\n", headline(&summary)));
    push(&mut body, format_args!("<p class=\"context\">{}</p>\n", escape(&summary.context)));
    for note in &summary.notes {
        push(&mut body, format_args!("<p class=\"note\">{}</p>\n", escape(note)));
    }
    body.push_str("</header>\n");
    push_figures(&mut body, &summary);
    if let Some(rules) = &summary.rules {
        push_table(&mut body, rules);
    }
    push_plots(&mut body, run);
    for table in &summary.tables {
        push_table(&mut body, table);
    }
    page(&format!("{} – {}", summary.title, run.id), &body)
}

/// A whole page around `body`, which is HTML already.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// A text as HTML text or attribute value.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The class that colours an outcome.
pub(super) fn class(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Pass) => "pass",
        Some(Outcome::Fail) => "fail",
        Some(Outcome::Inconclusive) => "inconclusive",
        None => "unjudged",
    }
}

fn headline(summary: &Summary) -> String {
    let mark = match summary.outcome {
        Some(outcome) => outcome_text(outcome).chars().next().unwrap_or('?'),
        None => '?',
    };
    format!("<span class=\"mark\" aria-hidden=\"true\">{mark}</span> {}", escape(&summary.headline))
}

fn push_figures(body: &mut String, summary: &Summary) {
    if summary.figures.is_empty() {
        return;
    }
    body.push_str("<dl class=\"figures\">\n");
    for (name, value) in &summary.figures {
        push(body, format_args!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(value)));
    }
    body.push_str("</dl>\n");
}

/// A section with one table; wide tables scroll by themselves, not the page.
pub(super) fn push_table(body: &mut String, table: &Table) {
    let id = table.title.to_lowercase().replace(' ', "-");
    push(body, format_args!("<section id=\"{id}\">\n<h2>{}</h2>\n", table.title));
    body.push_str("<div class=\"scroll\">\n<table>\n<thead><tr>");
    for column in &table.columns {
        let class = if column.is_figure { " class=\"figure\"" } else { "" };
        push(body, format_args!("<th scope=\"col\"{class}>{}</th>", escape(column.name)));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        push_row(body, table, row);
    }
    body.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

fn push_row(body: &mut String, table: &Table, row: &Row) {
    let class = row.outcome.map(|outcome| format!(" class=\"{}\"", class(Some(outcome)))).unwrap_or_default();
    push(body, format_args!("<tr{class}>"));
    for (index, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
        let cell = escape(cell);
        if index == 0 {
            push(body, format_args!("<th scope=\"row\">{cell}</th>"));
        } else {
            let class = match column.name {
                _ if column.is_figure => " class=\"figure\"",
                "verdict" => " class=\"outcome\"",
                _ => "",
            };
            // The name of the column, for narrow screens where a row becomes a card.
            push(body, format_args!("<td{class} data-name=\"{}\">{cell}</td>", escape(column.name)));
        }
    }
    body.push_str("</tr>\n");
}

fn push_plots(body: &mut String, run: &RunRecord) {
    let plots = plots(run);
    if plots.is_empty() {
        return;
    }
    body.push_str("<section>\n<h2>Latency, load and resources</h2>\n<div class=\"plots\">\n");
    for plot in &plots {
        push(body, format_args!("<figure>\n<figcaption>{}</figcaption>\n", escape(plot.title)));
        match &plot.svg {
            Ok(svg) => {
                // A name for those who do not see the drawing.
                let named = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(plot.title));
                body.push_str(&svg.replacen("<svg ", &named, 1));
            }
            Err(error) => push(body, format_args!("<p>Could not be drawn: {}</p>\n", escape(error))),
        }
        if !plot.note.is_empty() {
            push(body, format_args!("<p>{}</p>\n", escape(&plot.note)));
        }
        body.push_str("</figure>\n");
    }
    body.push_str("</div>\n");
    if run.request_count() > 0 && run.error_count() == 0 {
        body.push_str("<p>No request failed in the measured part.</p>\n");
    }
    body.push_str("</section>\n");
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String has no way to fail.
    let _ = body.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(escape("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
    }
}
