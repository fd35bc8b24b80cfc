//! What a report says, before it is drawn: headline, key figures and tables, as text with units.
//! HTML and Markdown both draw this, so their figures cannot differ.

use crate::model::run::{RequestStats, Resources, RunKind};
use crate::model::verdict::{Outcome, RuleVerdict};
use crate::model::{LatencyHistogram, RunRecord, Verdict};
use crate::quantity::{self, bytes, count, display, number};
use crate::sla::fewest_samples;

/// Stands where a figure is not known.
const UNKNOWN: &str = "–";

/// The content of a report.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// `Load test baseline`.
    pub(super) title: String,
    pub(super) outcome: Option<Outcome>,
    /// One sentence: the answer.
    pub(super) headline: String,
    /// When, of what, where, how long.
    pub(super) context: String,
    /// Why it is not the whole answer: aborted, remarks of the judge.
    pub(super) notes: Vec<String>,
    /// The figures to see first: name and value.
    pub(super) figures: Vec<(&'static str, String)>,
    pub(super) rules: Option<Table>,
    /// In reading order, after the rules and the plots.
    pub(super) tables: Vec<Table>,
}

/// A table of texts.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Aligned to the right.
    pub(super) is_figure: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Of a rule.
    pub(super) outcome: Option<Outcome>,
}

const fn text(name: &'static str) -> Column {
    Column { name, is_figure: false }
}

const fn figure(name: &'static str) -> Column {
    Column { name, is_figure: true }
}

impl Row {
    fn new(cells: Vec<String>) -> Self {
        Self { cells, outcome: None }
    }
}

/// `✓ pass`, `✗ fail`, `? not judged`: never by colour alone.
pub(super) fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✓ pass",
        Outcome::Fail => "✗ fail",
        Outcome::Inconclusive => "? not judged",
    }
}

impl Summary {
    pub(super) fn new(run: &RunRecord, verdict: Option<&Verdict>) -> Self {
        let mut notes = Vec::new();
        if let Some(reason) = &run.aborted {
            notes.push(format!(
                "The run was aborted: {reason}. The figures cover what was measured until then."
            ));
        }
        if run.build.profile == "debug" {
            notes.push("Measured with a debug build: its times are not those of a release build.".into());
        }
        if let Some(verdict) = verdict {
            notes.extend(verdict.notes.iter().cloned());
        }
        let tables = [requests(run), errors(run), metrics(run), facts(run), parameters(run)];
        Self {
            title: title(run),
            outcome: verdict.map(|verdict| verdict.outcome),
            headline: headline(verdict),
            context: context(run),
            notes,
            figures: figures(run),
            rules: verdict.and_then(rules),
            tables: tables.into_iter().flatten().collect(),
        }
    }
}

pub(super) fn title(run: &RunRecord) -> String {
    let kind = match run.kind {
        RunKind::LoadTest => "Load test",
        RunKind::Benchmark => "Benchmark",
    };
    format!("{kind} {}", run.scenario)
}

pub(super) fn headline(verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict else { return "Not judged: there is no verdict for this run.".into() };
    let all = verdict.rules.len();
    let of = |outcome| verdict.rules.iter().filter(|rule| rule.outcome == outcome).count();
    let (failed, open) = (of(Outcome::Fail), of(Outcome::Inconclusive));
    let rules = if all == 1 { "rule" } else { "rules" };
    match verdict.outcome {
        Outcome::Pass if all == 1 => "Passed: the one rule holds.".into(),
        Outcome::Pass => format!("Passed: all {all} rules hold."),
        Outcome::Fail if open > 0 => {
            format!("Failed: {failed} of {all} {rules} broken, {open} could not be judged.")
        }
        Outcome::Fail => format!("Failed: {failed} of {all} {rules} broken."),
        Outcome::Inconclusive if all == 0 => "Inconclusive: no rule was held against this run.".into(),
        Outcome::Inconclusive => format!("Inconclusive: {open} of {all} {rules} could not be judged."),
    }
}

fn context(run: &RunRecord) -> String {
    let mut parts =
        vec![run.started_at.clone(), format!("measured for {}", measured_for(run.duration_seconds))];
    parts.push(format!("version {}", run.build.version));
    if let Some(commit) = &run.build.commit {
        let dirty = if run.build.dirty == Some(true) { " with uncommitted changes" } else { "" };
        parts.push(format!("commit {}{dirty}", commit.chars().take(12).collect::<String>()));
    }
    parts.push(format!("{} CPUs of {}", run.machine.cpus, run.machine.cpu_model));
    parts.join(" · ")
}

fn figures(run: &RunRecord) -> Vec<(&'static str, String)> {
    let mut figures = Vec::new();
    if let Some(rate) = run.error_rate() {
        let latency = run.latency();
        figures.push(("requests", count(run.request_count())));
        figures.push(("error rate", display(rate, "ratio")));
        let rate = run.successful_throughput().map(|rate| display(rate, "requests_per_second"));
        figures.extend(rate.map(|rate| ("throughput", rate)));
        for (name, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            figures.push((name, quantile_text(&latency, quantile)));
        }
    }
    if let Some(used) = &run.subject {
        figures.push(("target memory, peak", bytes(used.peak_rss_bytes as f64)));
        figures.push(("target CPU, mean", mean_cores(used, run)));
    }
    figures
}

fn rules(verdict: &Verdict) -> Option<Table> {
    let row = |rule: &RuleVerdict| Row {
        cells: vec![
            rule.rule.clone(),
            outcome_text(rule.outcome).into(),
            rule.value.map_or(UNKNOWN.into(), |value| display(value, &rule.unit)),
            rule.limit.map_or(UNKNOWN.into(), |limit| display(limit, &rule.unit)),
            count(rule.samples),
            rule.interval.map_or(UNKNOWN.into(), |[low, high]| {
                format!("{} to {}", display(low, &rule.unit), display(high, &rule.unit))
            }),
            rule.reason.clone(),
        ],
        outcome: Some(rule.outcome),
    };
    let columns = vec![
        text("rule"),
        text("verdict"),
        figure("value"),
        figure("limit"),
        figure("samples"),
        figure("95 % interval"),
        text("reason"),
    ];
    let rows: Vec<_> = verdict.rules.iter().map(row).collect();
    (!rows.is_empty()).then_some(Table { title: "Rules", columns, rows })
}

fn requests(run: &RunRecord) -> Option<Table> {
    (!run.requests.is_empty()).then_some(())?;
    let row = |name: &str, all: u64, failed: u64, latency: &LatencyHistogram| {
        let mut cells = vec![name.to_owned(), count(all), count(failed)];
        cells.push(if all > 0 { display(failed as f64 / all as f64, "ratio") } else { UNKNOWN.into() });
        cells.extend([0.5, 0.9, 0.95, 0.99, 0.999].map(|quantile| quantile_text(latency, quantile)));
        cells.push(latency.max().map_or(UNKNOWN.into(), |max| quantity::seconds(max.as_secs_f64())));
        Row::new(cells)
    };
    let of = |stats: &RequestStats| row(&stats.name, stats.count, stats.error_count(), &stats.latency);
    let mut rows: Vec<_> = run.requests.iter().map(of).collect();
    if run.requests.len() > 1 {
        rows.push(row("all", run.request_count(), run.error_count(), &run.latency()));
    }
    let names = ["count", "failed", "error rate", "p50", "p90", "p95", "p99", "p99.9", "max"];
    let columns = std::iter::once(text("request")).chain(names.map(figure)).collect();
    Some(Table { title: "Requests", columns, rows })
}

fn errors(run: &RunRecord) -> Option<Table> {
    let of = |stats: &RequestStats| {
        let row = |(kind, failed): (&String, &u64)| {
            let share = display(*failed as f64 / stats.count.max(1) as f64, "ratio");
            Row::new(vec![stats.name.clone(), kind.clone(), count(*failed), share])
        };
        stats.errors.iter().filter(|(_, failed)| **failed > 0).map(row).collect::<Vec<_>>()
    };
    let rows: Vec<_> = run.requests.iter().flat_map(of).collect();
    let columns = vec![text("request"), text("kind"), figure("count"), figure("share of requests")];
    (!rows.is_empty()).then_some(Table { title: "Errors by kind", columns, rows })
}

fn metrics(run: &RunRecord) -> Option<Table> {
    let row = |metric: &crate::model::run::Metric| {
        let better = match metric.better {
            crate::model::run::Direction::Lower => "lower",
            crate::model::run::Direction::Higher => "higher",
        };
        let samples = count(metric.samples.len() as u64);
        Row::new(vec![metric.name.clone(), display(metric.value, &metric.unit), better.into(), samples])
    };
    let rows: Vec<_> = run.metrics.iter().map(row).collect();
    let columns = vec![text("metric"), figure("value"), text("better"), figure("samples")];
    (!rows.is_empty()).then_some(Table { title: "Metrics", columns, rows })
}

fn facts(run: &RunRecord) -> Option<Table> {
    let mut rows: Vec<(&str, String)> = vec![
        ("run", run.id.clone()),
        ("started", run.started_at.clone()),
        ("measured for", measured_for(run.duration_seconds)),
    ];
    let build = &run.build;
    rows.push(("version", format!("{} ({} build)", build.version, build.profile)));
    rows.push(("commit", commit_text(run)));
    rows.extend(run.seed.map(|seed| ("seed", seed.to_string())));
    let machine = &run.machine;
    let memory = bytes(machine.memory_bytes as f64);
    rows.push((
        "machine",
        format!("{}, {} CPUs, {memory}, {}", machine.cpu_model, machine.cpus, machine.architecture),
    ));
    rows.push(("machine fingerprint", machine.fingerprint.clone()));
    rows.push(("kernel", machine.kernel.clone()));
    rows.extend(machine.load_average.map(|load| ("load average at the start", load.map(number).join(", "))));
    rows.extend(
        machine.steal_ratio.map(|ratio| ("CPU time stolen by the hypervisor", display(ratio, "ratio"))),
    );
    rows.extend(run.subject.as_ref().map(|used| ("target used", used_text(used, run))));
    rows.extend(run.subject.as_ref().and_then(limit_text).map(|text| ("target limited to", text)));
    rows.extend(run.generator.as_ref().map(|used| ("load generator used", used_text(used, run))));
    if let Some(page) = &run.exposition {
        let packed = page.compressed_bytes.map(|size| format!(" ({} compressed)", bytes(size as f64)));
        rows.push((
            "page",
            format!(
                "{}{}, {} series in {} families",
                bytes(page.bytes as f64),
                packed.unwrap_or_default(),
                count(page.series),
                count(page.families)
            ),
        ));
    }
    let rows = rows.into_iter().map(|(name, value)| Row::new(vec![name.into(), value])).collect();
    Some(Table { title: "Run", columns: vec![text("fact"), text("value")], rows })
}

fn parameters(run: &RunRecord) -> Option<Table> {
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |(name, given): (&String, &serde_json::Value)| Row::new(vec![name.clone(), value(given)]);
    let rows: Vec<_> = run.parameters.iter().map(row).collect();
    let columns = vec![text("parameter"), text("value")];
    (!rows.is_empty()).then_some(Table { title: "Parameters", columns, rows })
}

/// Seconds, with minutes beside them from two minutes on.
fn measured_for(seconds: f64) -> String {
    if seconds < 120.0 {
        return quantity::seconds(seconds);
    }
    let whole = seconds.round() as u64;
    format!("{} s ({} min {} s)", number(seconds), whole / 60, whole % 60)
}

fn commit_text(run: &RunRecord) -> String {
    match (&run.build.commit, run.build.dirty) {
        (None, _) => "unknown".into(),
        (Some(commit), Some(true)) => format!("{commit} with uncommitted changes"),
        (Some(commit), _) => commit.clone(),
    }
}

fn mean_cores(used: &Resources, run: &RunRecord) -> String {
    if run.duration_seconds > 0.0 {
        display(used.cpu_seconds / run.duration_seconds, "cores")
    } else {
        UNKNOWN.into()
    }
}

fn used_text(used: &Resources, run: &RunRecord) -> String {
    format!(
        "{} of {}, peak memory {} (from {})",
        mean_cores(used, run),
        display(used.cpus_available, "cores"),
        bytes(used.peak_rss_bytes as f64),
        used.source
    )
}

/// The limit of the control group and how often it acted; `None` without a limit.
fn limit_text(used: &Resources) -> Option<String> {
    let group = used.cgroup.as_ref()?;
    let limit = display(group.cpu_limit_cores?, "cores");
    let share = group
        .throttled_share()
        .map(|share| format!(", throttled in {} of the periods", display(share, "ratio")));
    Some(limit + &share.unwrap_or_default())
}

/// The quantile, or why it is not given: p99.9 is quoted only from as many samples as it needs.
fn quantile_text(latency: &LatencyHistogram, quantile: f64) -> String {
    if quantile > 0.99 && latency.count() < fewest_samples(quantile) {
        return UNKNOWN.into();
    }
    latency.quantile(quantile).map_or(UNKNOWN.into(), |value| quantity::seconds(value.as_secs_f64()))
}
