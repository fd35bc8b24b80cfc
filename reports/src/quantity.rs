//! Figures with a unit: read from `5s`, `512MiB`, `1%`, written as `5 s`, `512 MiB`, `1 %`.
//! Everything is kept in base units; no locale, no guessing of a unit that is not there.

/// A dimension, and the base unit that figures of it are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
    /// 0 to 1, written as percent.
    Ratio,
    RequestsPerSecond,
    Cores,
    Count,
}

impl Unit {
    /// The name in documents, such as `requests_per_second`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::RequestsPerSecond => "requests_per_second",
            Self::Cores => "cores",
            Self::Count => "count",
        }
    }

    /// The suffixes that are read, each with its size in the base unit.
    fn suffixes(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Seconds => &[
                ("s", 1.0),
                ("ms", 1e-3),
                ("us", 1e-6),
                ("min", 60.0),
                ("seconds", 1.0),
                ("milliseconds", 1e-3),
                ("microseconds", 1e-6),
            ],
            Self::Bytes => &[
                ("B", 1.0),
                ("KiB", 1024.0),
                ("MiB", 1_048_576.0),
                ("GiB", 1_073_741_824.0),
                ("kB", 1e3),
                ("MB", 1e6),
                ("GB", 1e9),
                ("bytes", 1.0),
            ],
            Self::Ratio => &[("%", 0.01), ("percent", 0.01), ("ratio", 1.0)],
            Self::RequestsPerSecond => &[("rps", 1.0), ("/s", 1.0), ("requests_per_second", 1.0)],
            Self::Cores => &[("cores", 1.0), ("core", 1.0), ("m", 1e-3), ("", 1.0)],
            Self::Count => &[("", 1.0), ("count", 1.0)],
        }
    }

    /// The size of one `suffix` in the base unit; the error lists what is understood.
    pub fn factor(self, suffix: &str) -> Result<f64, String> {
        self.suffixes().iter().find(|(name, _)| *name == suffix).map(|(_, factor)| *factor).ok_or_else(|| {
            let known: Vec<_> = self.suffixes().iter().filter(|(name, _)| !name.is_empty()).collect();
            let known: Vec<_> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let found =
                if suffix.is_empty() { "no unit".into() } else { format!("unknown unit \"{suffix}\"") };
            format!("{found}, expected one of {}", known.join(", "))
        })
    }

    /// Reads `5s`, `5 s`, `512MiB`, `1%`, `45rps` into the base unit.
    pub fn parse(self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_')))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        let number: f64 = number
            .replace('_', "")
            .parse()
            .map_err(|_| format!("\"{text}\" does not begin with a number"))?;
        Ok(number * self.factor(suffix.trim())?)
    }
}

/// A figure of a document for people: `0.0423, "seconds"` gives `42.3 ms`. An unknown unit is written as it is.
pub fn display(value: f64, unit: &str) -> String {
    match unit {
        "seconds" => seconds(value),
        "bytes" => bytes(value),
        "bytes_per_second" => format!("{}/s", bytes(value)),
        "ratio" => format!("{} %", number(value * 100.0)),
        "percent" => format!("{} %", number(value)),
        "requests_per_second" => format!("{} rps", number(value)),
        "cores" => format!("{} cores", number(value)),
        "count" | "" => number(value),
        other => format!("{} {other}", number(value)),
    }
}

/// Seconds in the unit that keeps the figure short.
pub fn seconds(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || size >= 1.0 {
        format!("{} s", number(value))
    } else if size >= 1e-3 {
        format!("{} ms", number(value * 1e3))
    } else {
        format!("{} us", number(value * 1e6))
    }
}

/// Bytes in binary units.
pub fn bytes(value: f64) -> String {
    let mut scaled = value;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if scaled.abs() < 1024.0 {
            return format!("{} {unit}", number(scaled));
        }
        scaled /= 1024.0;
    }
    format!("{} TiB", number(scaled))
}

/// A count with thousands separated by commas.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Three significant digits, more for large figures, without trailing zeros; thousands separated by commas.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let size = value.abs();
    // 99.9 and 99.95 must not look alike beside a limit of 99.9.
    let decimals = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        s if s >= 0.01 => 3,
        _ => 5,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if text == "-0" { "0" } else { text };
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(text),
    }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_values_are_read_in_base_units() {
        for (unit, text, expected) in [
            (Unit::Seconds, "5s", 5.0),
            (Unit::Seconds, "250 ms", 0.25),
            (Unit::Seconds, "2min", 120.0),
            (Unit::Bytes, "512MiB", 536_870_912.0),
            (Unit::Bytes, "1GB", 1e9),
            (Unit::Ratio, "0.5%", 0.005),
            (Unit::Ratio, "0.5ratio", 0.5),
            (Unit::RequestsPerSecond, "1_000rps", 1000.0),
            (Unit::Cores, "500m", 0.5),
            (Unit::Cores, "2", 2.0),
            (Unit::Count, "3", 3.0),
        ] {
            assert_eq!(unit.parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_value_of_another_dimension_is_an_error_that_lists_the_units() {
        assert!(Unit::Seconds.parse("5").unwrap_err().contains("no unit"));
        assert!(Unit::Seconds.parse("5MiB").unwrap_err().contains("\"ms\""));
        assert!(Unit::Bytes.parse("many").unwrap_err().contains("number"));
        assert!(Unit::Bytes.parse("").is_err());
    }

    #[test]
    fn figures_are_written_for_people() {
        for (value, unit, expected) in [
            (5.0, "seconds", "5 s"),
            (0.0423, "seconds", "42.3 ms"),
            (0.000_015, "seconds", "15 us"),
            (0.0, "seconds", "0 s"),
            (536_870_912.0, "bytes", "512 MiB"),
            (0.999, "ratio", "99.9 %"),
            (0.0123, "ratio", "1.23 %"),
            (45.0, "requests_per_second", "45 rps"),
            (1_234_567.0, "count", "1,234,567"),
            (-1234.0, "count", "-1,234"),
            (2.5, "pages", "2.5 pages"),
        ] {
            assert_eq!(display(value, unit), expected);
        }
    }
}
