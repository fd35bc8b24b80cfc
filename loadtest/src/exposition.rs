//! A strict reader of the Prometheus text format, version 0.0.4, of our own: it shares no code with the exporter.
//! It judges form and counts series; what the samples mean is the oracle's business.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What stands on a well-formed page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) series: u64,
    pub(crate) families: u64,
}

/// The first breach of the format, with its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct Breach {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Names and values, in the order of the page.
type Labels<'page> = Vec<(&'page str, &'page str)>;

/// One sample as it stands on the page; escapes in label values are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample<'page> {
    pub(crate) name: &'page str,
    pub(crate) labels: Labels<'page>,
    pub(crate) value: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Histogram,
    Summary,
}

/// A family's metadata, gathered before its samples.
#[derive(Default)]
struct Family {
    help: bool,
    kind: Option<Kind>,
    /// Set by the first sample: metadata after it is a breach.
    sampled: bool,
}

/// Reads a whole page.
///
/// # Errors
/// The first of: no final newline, metadata after samples, a sample without HELP and TYPE or apart from its family,
/// a malformed line, a value that is no float, a series that stands there twice, a page without any sample.
pub(crate) fn parse(page: &str) -> Result<Contents, Breach> {
    let last_line = page.matches('\n').count() + 1;
    let breach = |line: usize, message: String| Breach { line, message };
    if !page.ends_with('\n') {
        return Err(breach(last_line, "the page ends within a line".into()));
    }
    let mut families: HashMap<&str, Family> = HashMap::new();
    // 64-bit hashes of name and sorted labels: at a million series a false alarm has odds of 1 in 30 million.
    let mut seen: HashSet<u64> = HashSet::new();
    let mut current = "";
    let mut with_samples = 0;
    for (index, line) in page.lines().enumerate() {
        let number = index + 1;
        let at = |message: String| breach(number, message);
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            metadata(comment, &mut families).map_err(at)?;
            continue;
        }
        let mut sample = sample(line).map_err(at)?;
        let name = family_of(sample.name, &families)
            .ok_or_else(|| at(format!("sample of {} without a TYPE before it", sample.name)))?;
        let Some(family) = families.get_mut(name) else { continue };
        if !family.help {
            return Err(at(format!("sample of {} without a HELP before it", sample.name)));
        }
        if name != current && family.sampled {
            return Err(at(format!("sample of {} apart from the others of its family", sample.name)));
        }
        if !family.sampled {
            family.sampled = true;
            with_samples += 1;
        }
        current = name;
        sample.labels.sort_unstable();
        if let Some(twice) = sample.labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(at(format!("label {} stands there twice", twice[0].0)));
        }
        let mut hasher = DefaultHasher::new();
        (sample.name, &sample.labels).hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            return Err(at(format!("duplicate series {}", series(line))));
        }
    }
    if seen.is_empty() {
        return Err(breach(last_line, "the page has no sample".into()));
    }
    Ok(Contents { series: seen.len() as u64, families: with_samples })
}

/// The samples of a page that `parse` accepts; lines that are none are skipped.
pub(crate) fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| sample(line).ok())
}

/// Takes in `# HELP name text` and `# TYPE name kind`; other comments mean nothing.
fn metadata<'page>(comment: &'page str, families: &mut HashMap<&'page str, Family>) -> Result<(), String> {
    let mut words = comment.trim_start().splitn(3, ' ');
    let keyword = words.next().unwrap_or_default();
    if keyword != "HELP" && keyword != "TYPE" {
        return Ok(());
    }
    let name = words
        .next()
        .filter(|name| is_metric_name(name))
        .ok_or_else(|| format!("{keyword} without a metric name"))?;
    let family = families.entry(name).or_default();
    if family.sampled {
        return Err(format!("{keyword} of {name} after its samples"));
    }
    if keyword == "HELP" {
        if std::mem::replace(&mut family.help, true) {
            return Err(format!("second HELP of {name}"));
        }
        return Ok(());
    }
    let kind = match words.next().unwrap_or_default() {
        "counter" | "gauge" | "untyped" => Kind::Single,
        "histogram" => Kind::Histogram,
        "summary" => Kind::Summary,
        other => return Err(format!("unknown type \"{other}\" of {name}")),
    };
    match family.kind.replace(kind) {
        Some(_) => Err(format!("second TYPE of {name}")),
        None => Ok(()),
    }
}

/// The declared family that a sample belongs to.
fn family_of<'page>(name: &'page str, families: &HashMap<&'page str, Family>) -> Option<&'page str> {
    let kind = |name: &str| families.get(name).and_then(|family| family.kind);
    if kind(name).is_some() {
        return Some(name);
    }
    ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
        let family = name.strip_suffix(suffix)?;
        match kind(family)? {
            Kind::Histogram => Some(family),
            Kind::Summary => (suffix != "_bucket").then_some(family),
            Kind::Single => None,
        }
    })
}

/// The part of a sample line that names the series.
fn series(line: &str) -> &str {
    match line.rfind('}') {
        Some(end) => &line[..=end],
        None => line.split(' ').next().unwrap_or(line),
    }
}

/// Reads `name{label="value",...} value [timestamp]`.
fn sample(line: &str) -> Result<Sample<'_>, String> {
    let end = line.find(['{', ' ']).ok_or("sample without a value")?;
    let (name, rest) = line.split_at(end);
    if !is_metric_name(name) {
        return Err(format!("\"{name}\" is not a metric name"));
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.strip_prefix(' ').ok_or("no blank before the value")?.split(' ');
    let word = words.next().unwrap_or_default();
    let value = float(word).ok_or_else(|| format!("\"{word}\" is not a value"))?;
    if let Some(timestamp) = words.next()
        && timestamp.parse::<i64>().is_err()
    {
        return Err(format!("\"{timestamp}\" is not a timestamp"));
    }
    if words.next().is_some() {
        return Err("text after the timestamp".into());
    }
    Ok(Sample { name, labels, value })
}

/// Reads `label="value",...}` and returns what follows the brace.
fn labels(mut rest: &str) -> Result<(Labels<'_>, &str), String> {
    let mut labels = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once("=\"").ok_or("labels without an end")?;
        if !is_label_name(name) {
            return Err(format!("\"{name}\" is not a label name"));
        }
        let end = value_end(after)
            .ok_or_else(|| format!("value of label {name} without an end or with a bad escape"))?;
        labels.push((name, &after[..end]));
        rest = &after[end + 1..];
        match rest.as_bytes().first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => {}
            _ => return Err(format!("no comma or brace after label {name}")),
        }
    }
}

/// The index of the closing quote; `None` without one, or with an escape other than \\ \" \n.
fn value_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match (escaped, byte) {
            (true, b'\\' | b'"' | b'n') => escaped = false,
            (true, _) => return None,
            (false, b'\\') => escaped = true,
            (false, b'"') => return Some(index),
            (false, _) => {}
        }
    }
    None
}

/// Go's float syntax as the format allows it; Rust's own spellings of infinity beyond that are refused.
fn float(word: &str) -> Option<f64> {
    match word {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E')) => {
            word.parse().ok()
        }
        _ => None,
    }
}

fn is_metric_name(name: &str) -> bool {
    is_name(name, |byte| byte == b':')
}

fn is_label_name(name: &str) -> bool {
    is_name(name, |_| false)
}

fn is_name(name: &str, extra: fn(u8) -> bool) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || extra(byte);
    name.bytes().enumerate().all(|(index, byte)| first(byte) || (index > 0 && byte.is_ascii_digit()))
        && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# HELP slurm_nodes Nodes by state.
# TYPE slurm_nodes gauge
slurm_nodes{state=\"idle\"} 12
slurm_nodes{state=\"mixed\",reason=\"a \\\"b\\\" \\\\ \\n\"} 1e3
# TYPE wait_seconds histogram
# HELP wait_seconds Wait.
wait_seconds_bucket{le=\"1\"} 2
wait_seconds_bucket{le=\"+Inf\"} 3
wait_seconds_sum 4.5
wait_seconds_count 3

# HELP up Up.
# TYPE up gauge
up NaN 1700000000000
";

    fn check(page: &str, line: usize, message: &str) {
        assert_eq!(parse(page), Err(Breach { line, message: message.into() }), "{page}");
    }

    #[test]
    fn a_good_page_is_counted() {
        assert_eq!(parse(GOOD), Ok(Contents { series: 7, families: 3 }));
        let values: f64 =
            samples(GOOD).filter(|sample| sample.name == "slurm_nodes").map(|sample| sample.value).sum();
        assert_eq!(values, 1012.0);
    }

    #[test]
    fn every_breach_is_found_at_its_line() {
        let head = "# HELP a A.\n# TYPE a gauge\n";
        check("# HELP a A.\n# TYPE a gauge\na 1", 3, "the page ends within a line");
        check("a 1\n", 1, "sample of a without a TYPE before it");
        check("# TYPE a gauge\na 1\n", 2, "sample of a without a HELP before it");
        check(&format!("{head}a 1\na 2\n"), 4, "duplicate series a");
        check(
            &format!("{head}a{{x=\"1\",y=\"2\"}} 1\na{{y=\"2\",x=\"1\"}} 2\n"),
            4,
            "duplicate series a{y=\"2\",x=\"1\"}",
        );
        check(&format!("{head}a{{x=\"1\",x=\"2\"}} 1\n"), 3, "label x stands there twice");
        check(&format!("{head}a one\n"), 3, "\"one\" is not a value");
        check(&format!("{head}a infinity\n"), 3, "\"infinity\" is not a value");
        check(
            &format!("{head}a{{x=\"\\t\"}} 1\n"),
            3,
            "value of label x without an end or with a bad escape",
        );
        check(&format!("{head}a{{x=\"1\" 1\n"), 3, "no comma or brace after label x");
        check(&format!("{head}a{{1x=\"1\"}} 1\n"), 3, "\"1x\" is not a label name");
        check(
            &format!("{head}a 1\n# HELP b B.\n# TYPE b gauge\nb 1\na{{x=\"1\"}} 1\n"),
            7,
            "sample of a apart from the others of its family",
        );
        check(&format!("{head}a 1\n# TYPE a gauge\n"), 4, "TYPE of a after its samples");
        check(&format!("{head}# TYPE a counter\na 1\n"), 3, "second TYPE of a");
        check("# TYPE a gouge\n", 1, "unknown type \"gouge\" of a");
        check(&format!("{head}a 1 x\n"), 3, "\"x\" is not a timestamp");
        check(head, 3, "the page has no sample");
        check(&format!("{head}a_sum 1\n"), 3, "sample of a_sum without a TYPE before it");
    }
}
