//! A strict reader of the text format 0.0.4, for tests: it refuses what a lenient one would let pass.
//! Not a model of Prometheus; it accepts only what this encoder may write.

use std::{collections::BTreeMap, collections::BTreeSet};

/// Name and labels in order.
pub(crate) type Series = (String, Vec<(String, String)>);

/// Every sample of a page; refuses duplicate series, samples outside their family and repeated headers.
pub(crate) fn read(page: &str) -> Result<BTreeMap<Series, f64>, String> {
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut open: Option<(String, String)> = None;
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut lines = page.split_terminator('\n');
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, _) = help.split_once(' ').ok_or_else(|| format!("no help text: {line}"))?;
            let typed = lines
                .next()
                .and_then(|line| line.strip_prefix("# TYPE "))
                .and_then(|rest| rest.split_once(' '));
            let Some((typed_name, kind)) = typed else { return Err(format!("no type after: {line}")) };
            if typed_name != name || !["gauge", "counter", "histogram"].contains(&kind) {
                return Err(format!("wrong type line after: {line}"));
            }
            if !families.insert(name.to_owned()) {
                return Err(format!("second header of {name}"));
            }
            open = Some((name.to_owned(), kind.to_owned()));
            continue;
        }
        let (series, value) = sample(line)?;
        let Some((family, kind)) = &open else { return Err(format!("sample before any header: {line}")) };
        let suffix =
            series.0.strip_prefix(family.as_str()).ok_or_else(|| format!("{line} is not in {family}"))?;
        let fits = match kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            _ => suffix.is_empty(),
        };
        if !fits {
            return Err(format!("{line} does not fit a {kind}"));
        }
        if samples.insert(series, value).is_some() {
            return Err(format!("duplicate series: {line}"));
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Result<(Series, f64), String> {
    let refuse = |what: &str| format!("{what} in {line:?}");
    let end = line.find(['{', ' ']).ok_or_else(|| refuse("no value"))?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(refuse("bad name"));
    }
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or_else(|| refuse("no label value"))?;
            let (value, after) = label_value(after).ok_or_else(|| refuse("bad label value"))?;
            labels.push((label.to_owned(), value));
            if let Some(more) = after.strip_prefix(',') {
                rest = more;
            } else {
                rest = after.strip_prefix('}').ok_or_else(|| refuse("no closing brace"))?;
                break;
            }
        }
    }
    let number = rest.strip_prefix(' ').ok_or_else(|| refuse("no space before the value"))?;
    let value = match number {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ if number.contains(|c: char| !c.is_ascii_digit() && !"+-.e".contains(c)) => {
            return Err(refuse("bad number"));
        }
        _ => number.parse().map_err(|_| refuse("bad number"))?,
    };
    Ok(((name.to_owned(), labels), value))
}

/// The unescaped value and what follows its closing quote.
fn label_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                '\\' => '\\',
                '"' => '"',
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_not_strictly_valid_is_refused() {
        let header = "# HELP a b\n# TYPE a gauge\n";
        for (line, expected) in [
            ("a 1", "no end"),
            ("a{x=\"1\"} 1\na{x=\"1\"} 2\n", "duplicate"),
            ("b 1\n", "not in a"),
            ("a{x=\"\\q\"} 1\n", "bad label value"),
            ("a{x=\"1\",} 1\n", "no label value"),
            ("a  1\n", "bad number"),
            ("a infinity\n", "bad number"),
            ("# HELP a b\n# TYPE a gauge\n", "second header"),
        ] {
            let error = read(&format!("{header}{line}")).unwrap_err();
            assert!(error.contains(expected), "{line:?}: {error}");
        }
        assert!(read("a 1\n").is_err());
        assert_eq!(read(&format!("{header}a{{x=\"1\"}} 1\na 2\n")).unwrap().len(), 2);
    }
}
