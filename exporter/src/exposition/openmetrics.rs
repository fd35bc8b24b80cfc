//! What OpenMetrics 1.0 writes otherwise than the text format: headers, the end of a page, `_created` samples.
//! Sample lines are those of `family`: a gauge's unit is the same bytes in both formats.

use super::{
    family::{Desc, Kind, Unit},
    text,
    value::Value,
};

/// The `Content-Type` of a page with these headers.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The last line of a page.
pub(super) const END: &[u8] = b"# EOF\n";

/// `# TYPE`, `# UNIT` and `# HELP` of a family: a counter goes by its name without `_total`, and only a unit that
/// ends the name may be told.
pub(super) fn header(desc: &Desc, name: &str) -> Vec<u8> {
    let name = family_name(desc, name);
    let mut out = Vec::with_capacity(48 + 3 * name.len() + desc.help.len());
    let mut line = |word: &[u8], rest: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(word);
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        rest(&mut out);
        out.push(b'\n');
    };
    line(b"# TYPE ", &|out| out.extend_from_slice(desc.kind.as_str().as_bytes()));
    if let Some(unit) = unit(desc, name) {
        line(b"# UNIT ", &|out| out.extend_from_slice(unit.as_bytes()));
    }
    // Here double quotes are escaped, too.
    line(b"# HELP ", &|out| text::push_label_value(out, desc.help));
    out
}

/// The lines of a counter or a histogram with a `_created` line after each series.
pub(super) fn with_created(desc: &Desc, name: &str, body: &[u8], began_at: f64) -> Vec<u8> {
    let name = family_name(desc, name);
    let last_suffix: &[u8] = if desc.kind == Kind::Histogram { b"_count" } else { b"_total" };
    let mut out = Vec::with_capacity(body.len() * 2);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(line);
        // A label may hold spaces, a value does not.
        let end = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len());
        let Some(labels) = line[..end].get(name.len()..).and_then(|rest| rest.strip_prefix(last_suffix))
        else {
            continue;
        };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"_created");
        out.extend_from_slice(labels);
        out.push(b' ');
        Value::Float(began_at).write_to(&mut out);
        out.push(b'\n');
    }
    out
}

/// From the name that it is published by.
fn family_name<'a>(desc: &Desc, name: &'a str) -> &'a str {
    match desc.kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        Kind::Gauge | Kind::Property | Kind::Histogram => name,
    }
}

fn unit(desc: &Desc, name: &str) -> Option<&'static str> {
    let unit = match desc.unit {
        Unit::None => return None,
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Ratio => "ratio",
    };
    name.strip_suffix(unit)?.ends_with('_').then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Level;

    fn desc(name: &'static str, kind: Kind, unit: Unit) -> Desc {
        Desc { name, help: "say \"x\\y\"\n.", kind, unit, labels: &[], level: Level::Critical }
    }

    fn shown(desc: &Desc) -> String {
        String::from_utf8(header(desc, desc.name)).unwrap()
    }

    #[test]
    fn a_counter_goes_by_its_stem_and_help_escapes_quotes() {
        let expected = "# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n\
                        # HELP cpu_seconds say \\\"x\\\\y\\\"\\n.\n";
        assert_eq!(shown(&desc("cpu_seconds_total", Kind::Counter, Unit::Seconds)), expected);
    }

    #[test]
    fn a_gauge_keeps_its_name_and_a_unit_within_the_name_is_not_told() {
        let header = shown(&desc("nodes_total", Kind::Gauge, Unit::None));
        assert!(header.starts_with("# TYPE nodes_total gauge\n# HELP nodes_total "), "{header}");
        let header = shown(&desc("bytes_free", Kind::Gauge, Unit::Bytes));
        assert!(!header.contains("UNIT"), "{header}");
    }

    #[test]
    fn created_follows_each_series() {
        let counter = desc("jobs_total", Kind::Counter, Unit::None);
        let body = b"jobs_total 3\njobs_total{user=\"a } b\"} 4\n";
        let expected = "jobs_total 3\njobs_created 1.5\njobs_total{user=\"a } b\"} 4\njobs_created{user=\"a } b\"} 1.5\n";
        assert_eq!(String::from_utf8(with_created(&counter, counter.name, body, 1.5)).unwrap(), expected);
        let histogram = desc("wait_seconds", Kind::Histogram, Unit::Seconds);
        let body = b"wait_seconds_bucket{le=\"+Inf\"} 1\nwait_seconds_sum 2\nwait_seconds_count 1\n";
        let text = String::from_utf8(with_created(&histogram, histogram.name, body, 7.0)).unwrap();
        assert!(text.ends_with("wait_seconds_count 1\nwait_seconds_created 7\n"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
