//! Header lines of the text format 0.0.4 and the escaping of help and label values.
//! Sample lines are written by `family`; they are the same in OpenMetrics, only headers differ.

use super::family::Desc;

/// The `Content-Type` of a page with these headers.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `# HELP` and `# TYPE` of a family under the name that it is published by.
pub(super) fn header(desc: &Desc, name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + 2 * name.len() + desc.help.len());
    out.extend_from_slice(b"# HELP ");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    push_escaped(&mut out, desc.help, |byte| matches!(byte, b'\\' | b'\n'));
    out.extend_from_slice(b"\n# TYPE ");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    out.extend_from_slice(desc.kind.as_str().as_bytes());
    out.push(b'\n');
    out
}

/// Appends a label value: backslash, double quote and line feed are escaped.
pub(super) fn push_label_value(out: &mut Vec<u8>, value: &str) {
    push_escaped(out, value, |byte| matches!(byte, b'\\' | b'"' | b'\n'));
}

fn push_escaped(out: &mut Vec<u8>, text: &str, special: impl Fn(u8) -> bool) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| special(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Kind, Level, Unit};

    #[test]
    fn help_escapes_backslash_and_line_feed_but_not_quotes() {
        static DESC: Desc = Desc {
            name: "a_total",
            help: "say \"x\\y\"\nand more",
            kind: Kind::Counter,
            unit: Unit::None,
            labels: &[],
            level: Level::Critical,
        };
        let expected = "# HELP a_total say \"x\\\\y\"\\nand more\n# TYPE a_total counter\n";
        assert_eq!(String::from_utf8(header(&DESC, "a_total")).unwrap(), expected);
    }

    #[test]
    fn label_values_escape_all_three() {
        let mut out = Vec::new();
        push_label_value(&mut out, "\\a\"b\nc\\");
        assert_eq!(String::from_utf8(out).unwrap(), "\\\\a\\\"b\\nc\\\\");
    }
}
