//! A strict reader of both formats, for tests and fuzzing: it refuses what a lenient one would let pass.
//! Not a model of Prometheus; it accepts only what this encoder may write.

use std::{collections::BTreeMap, collections::BTreeSet};

/// Name and labels in order.
pub(crate) type Series = (String, Vec<(String, String)>);

/// Every sample of a page; refuses duplicate series, samples outside their family and repeated headers.
pub(crate) fn read(page: &str) -> Result<BTreeMap<Series, f64>, String> {
    Reader::default().read(page, |reader, line, lines| {
        let Some(help) = line.strip_prefix("# HELP ") else { return Ok(false) };
        let (name, _) = help.split_once(' ').ok_or_else(|| format!("no help text: {line}"))?;
        let kind = metadata("# TYPE ", name, lines.next()).ok_or_else(|| format!("no type after: {line}"))?;
        let suffixes: &[&str] = match kind {
            "gauge" | "counter" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => return Err(format!("wrong type line after: {line}")),
        };
        reader.open(name, suffixes).map(|()| true)
    })
}

/// The same of an OpenMetrics page, which ends with `# EOF`.
pub(crate) fn read_openmetrics(page: &str) -> Result<BTreeMap<Series, f64>, String> {
    let page = page.strip_suffix("# EOF\n").ok_or("no end of the page")?;
    Reader::default().read(page, |reader, line, lines| {
        let Some(typed) = line.strip_prefix("# TYPE ") else { return Ok(false) };
        let (name, kind) = typed.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
        let mut next = lines.next();
        if let Some(unit) = metadata("# UNIT ", name, next) {
            if !name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')) {
                return Err(format!("unit {unit} does not end {name}"));
            }
            next = lines.next();
        }
        let help = metadata("# HELP ", name, next).ok_or_else(|| format!("no help of {name}"))?;
        // Escaped as a label value: it must not end early.
        if label_value(&format!("{help}\"")).is_none_or(|(_, rest)| !rest.is_empty()) {
            return Err(format!("bad help of {name}"));
        }
        let suffixes: &[&str] = match kind {
            "gauge" => &[""],
            "counter" => &["_total", "_created"],
            "histogram" => &["_bucket", "_sum", "_count", "_created"],
            _ => return Err(format!("wrong type: {line}")),
        };
        reader.open(name, suffixes).map(|()| true)
    })
}

#[derive(Default)]
struct Reader {
    samples: BTreeMap<Series, f64>,
    families: BTreeSet<String>,
    /// The family whose samples follow, with the endings of their names.
    open: Option<(String, &'static [&'static str])>,
}

impl Reader {
    /// `header` takes the lines of a header, and says whether the line was its first.
    fn read<'a>(
        mut self,
        page: &'a str,
        header: impl Fn(&mut Self, &'a str, &mut std::str::SplitTerminator<'a, char>) -> Result<bool, String>,
    ) -> Result<BTreeMap<Series, f64>, String> {
        if !page.is_empty() && !page.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let mut lines = page.split_terminator('\n');
        while let Some(line) = lines.next() {
            if !header(&mut self, line, &mut lines)? {
                self.take(line)?;
            }
        }
        Ok(self.samples)
    }

    fn open(&mut self, name: &str, suffixes: &'static [&'static str]) -> Result<(), String> {
        if !self.families.insert(name.to_owned()) {
            return Err(format!("second header of {name}"));
        }
        self.open = Some((name.to_owned(), suffixes));
        Ok(())
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let (series, value) = sample(line)?;
        let Some((family, suffixes)) = &self.open else {
            return Err(format!("sample before any header: {line}"));
        };
        let suffix =
            series.0.strip_prefix(family.as_str()).ok_or_else(|| format!("{line} is not in {family}"))?;
        if !suffixes.contains(&suffix) {
            return Err(format!("{line} does not fit {family}"));
        }
        if self.samples.insert(series, value).is_some() {
            return Err(format!("duplicate series: {line}"));
        }
        Ok(())
    }
}

/// What a metadata line says of the family.
fn metadata<'a>(word: &str, name: &str, line: Option<&'a str>) -> Option<&'a str> {
    line?.strip_prefix(word)?.strip_prefix(name)?.strip_prefix(' ')
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
    use super::{read, read_openmetrics};

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

    #[test]
    fn openmetrics_that_is_not_strictly_valid_is_refused() {
        let good = "# TYPE a counter\n# HELP a b\na_total 1\na_created 2\n# EOF\n";
        assert_eq!(read_openmetrics(good).unwrap().len(), 2);
        for (from, to, expected) in [
            ("# EOF\n", "", "no end"),
            ("a_total 1", "a 1", "does not fit"),
            ("# HELP a b\n", "", "no help"),
            ("a b\n", "a \"\n", "bad help"),
            ("# HELP", "# UNIT a seconds\n# HELP", "unit"),
            ("counter", "untyped", "wrong type"),
            ("a_created 2", "a_total 2", "duplicate"),
        ] {
            let error = read_openmetrics(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(expected), "{to:?}: {error}");
        }
    }
}
