//! `index.html`: several runs in one table, each with a link to its report.
//! It is a list, not a comparison.

use super::html::{class, escape, page};
use super::summary::{headline, outcome_text, title};
use crate::model::{RunRecord, Verdict};
use crate::quantity::{count, display};

/// A run of the list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Folder beside the index that holds the run's `report.html`.
    pub folder: &'a str,
    pub run: &'a RunRecord,
    pub verdict: Option<&'a Verdict>,
}

/// The page over `runs`, in the given order.
pub fn index(runs: &[Listed<'_>]) -> String {
    let mut body = format!(
        "<header>\n<h1>{} runs</h1>\n</header>\n<section>\n<div class=\"scroll\">\n<table>\n<thead><tr>\
         <th scope=\"col\">run</th><th scope=\"col\">verdict</th><th scope=\"col\">started</th>\
         <th scope=\"col\" class=\"figure\">requests</th><th scope=\"col\" class=\"figure\">error rate</th>\
         <th scope=\"col\" class=\"figure\">throughput</th><th scope=\"col\" class=\"figure\">p95</th>\
         <th scope=\"col\" class=\"figure\">p99</th></tr></thead>\n<tbody>\n",
        runs.len()
    );
    for listed in runs {
        body.push_str(&row(*listed));
    }
    body.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    page("Runs", &body)
}

fn row(Listed { folder, run, verdict }: Listed<'_>) -> String {
    let latency = run.latency();
    let quantile = |quantile| latency.quantile(quantile).map(|value| display(value.as_secs_f64(), "seconds"));
    let figures = [
        Some(count(run.request_count())),
        run.error_rate().map(|rate| display(rate, "ratio")),
        run.successful_throughput().map(|rate| display(rate, "requests_per_second")),
        quantile(0.95),
        quantile(0.99),
    ];
    let figures = figures.map(|text| format!("<td class=\"figure\">{}</td>", text.unwrap_or("–".into())));
    let outcome = verdict.map(|verdict| verdict.outcome);
    format!(
        "<tr class=\"{}\"><th scope=\"row\"><a href=\"{}/report.html\">{}</a></th>\
         <td class=\"outcome\" title=\"{}\">{}</td><td>{}</td>{}</tr>\n",
        class(outcome),
        escape(&percent_encoded(folder)),
        escape(&title(run)),
        escape(&headline(verdict)),
        outcome.map_or("? no verdict", outcome_text),
        escape(&run.started_at),
        figures.concat()
    )
}

/// A folder name as one segment of a relative address.
fn percent_encoded(folder: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    folder
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
