//! Writes JSON straight into bytes, laid out as json-c does it for slurmrestd: two spaces, `\/`, `[]` and `{}`.
//! Not a general serialiser: the caller writes keys in order, and nothing is built in memory first.

use super::version::{ApiVersion, Face, Release};

/// Where bytes go: a buffer, or only their number.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what would be written, so that `Content-Length` is known before the first byte.
#[derive(Debug, Default)]
pub(crate) struct Count(pub(crate) u64);

impl Sink for Count {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

/// How the JSON is laid out. A real slurmrestd has this as a server setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Style {
    #[default]
    Pretty,
    Compact,
}

/// A key with its quotes and colon, ready to write.
#[derive(Clone, Copy)]
pub(crate) struct Key(pub(crate) &'static str);

/// `key!("name")`
macro_rules! key {
    ($name:literal) => {
        $crate::wire::json::Key(concat!("\"", $name, "\": "))
    };
}
pub(crate) use key;

const DEPTHS: usize = 16;
const INDENTED: &[u8; 2 + 2 * DEPTHS] = b",\n                                ";

/// The constant parts of `{"set":..,"infinite":..,"number":..}` at one depth.
#[derive(Debug, Default)]
struct Triple {
    set: Vec<u8>,
    unset: Vec<u8>,
    infinite: Vec<u8>,
    close: Vec<u8>,
}

/// What a style writes for triples at each depth; made once per style and shared by all writers.
#[derive(Debug)]
pub(crate) struct Layout {
    style: Style,
    /// An empty list or object spans two lines, as json-c did it before 0.17: what Slurm 22.05 runs with.
    wide_empties: bool,
    /// v0.0.38: a number or null in place of `{"set","infinite","number"}`, and null for no text.
    plain: bool,
    triples: Vec<Triple>,
}

impl Layout {
    pub(crate) fn new(style: Style, face: Face) -> Self {
        let triple = |depth: usize| {
            let (line, last, colon) = match style {
                Style::Pretty => {
                    let line = format!("\n{}", "  ".repeat(depth + 1));
                    (line, format!("\n{}", "  ".repeat(depth)), ": ")
                }
                Style::Compact => (String::new(), String::new(), ":"),
            };
            let open = |set: bool, infinite: bool| {
                format!(
                    "{{{line}\"set\"{colon}{set},{line}\"infinite\"{colon}{infinite},{line}\"number\"{colon}"
                )
                .into_bytes()
            };
            Triple {
                set: open(true, false),
                unset: open(false, false),
                infinite: open(false, true),
                close: format!("{last}}}").into_bytes(),
            }
        };
        let wide_empties = face.release == Release::S22_05 && style == Style::Pretty;
        let plain = face.api == ApiVersion::V0_0_38;
        Self { style, wide_empties, plain, triples: (0..DEPTHS).map(triple).collect() }
    }
}

/// What slurmctld keeps in a 32-bit field that nobody filled, where v0.0.38 lets it out.
pub(crate) const NO_VAL: u64 = 0xffff_fffe;

/// Slurm's number that may be missing or without end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NoVal {
    Set(u64),
    Unset,
    Infinite,
}

/// One JSON document being written.
pub(crate) struct Json<'a, S> {
    sink: &'a mut S,
    layout: &'a Layout,
    depth: usize,
    /// Whether the next element is the first of its object or list.
    first: bool,
}

impl<'a, S: Sink> Json<'a, S> {
    pub(crate) fn new(sink: &'a mut S, layout: &'a Layout) -> Self {
        Self { sink, layout, depth: 0, first: true }
    }

    /// Goes on inside a document whose lists at this depth hold elements already.
    pub(crate) fn resume(sink: &'a mut S, layout: &'a Layout, depth: usize, first: bool) -> Self {
        Self { sink, layout, depth, first }
    }

    /// Whether this is v0.0.38, where a field that later versions have too may be missing or of another type.
    pub(crate) fn is_plain(&self) -> bool {
        self.layout.plain
    }

    #[inline]
    fn separate(&mut self) {
        let from = usize::from(self.first);
        match self.layout.style {
            Style::Pretty => self.sink.put(&INDENTED[from..2 + 2 * self.depth]),
            Style::Compact => self.sink.put(&b","[from..]),
        }
        self.first = false;
    }

    #[inline]
    fn key(&mut self, key: Key) {
        self.separate();
        let bytes = key.0.as_bytes();
        match self.layout.style {
            Style::Pretty => self.sink.put(bytes),
            Style::Compact => self.sink.put(&bytes[..bytes.len() - 1]),
        }
    }

    #[inline]
    fn open(&mut self, bracket: &[u8]) {
        self.sink.put(bracket);
        self.depth += 1;
        self.first = true;
    }

    #[inline]
    fn close(&mut self, bracket: &[u8]) {
        self.depth -= 1;
        if (!self.first || self.layout.wide_empties) && self.layout.style == Style::Pretty {
            self.sink.put(&INDENTED[1..2 + 2 * self.depth]);
        }
        self.sink.put(bracket);
        self.first = false;
    }

    pub(crate) fn open_root(&mut self) {
        self.open(b"{");
    }

    pub(crate) fn open_object(&mut self, key: Key) {
        self.key(key);
        self.open(b"{");
    }

    /// An object under a key that is a number, as v0.0.40 numbers sockets and cores.
    pub(crate) fn open_numbered(&mut self, number: u64) {
        self.number_key(number);
        self.open(b"{");
    }

    pub(crate) fn open_element(&mut self) {
        self.separate();
        self.open(b"{");
    }

    pub(crate) fn close_object(&mut self) {
        self.close(b"}");
    }

    pub(crate) fn open_list(&mut self, key: Key) {
        self.key(key);
        self.open(b"[");
    }

    pub(crate) fn close_list(&mut self) {
        self.close(b"]");
    }

    pub(crate) fn empty_list(&mut self, key: Key) {
        self.open_list(key);
        self.close_list();
    }

    pub(crate) fn empty_object(&mut self, key: Key) {
        self.open_object(key);
        self.close_object();
    }

    pub(crate) fn null(&mut self, key: Key) {
        self.key(key);
        self.sink.put(b"null");
    }

    pub(crate) fn bool(&mut self, key: Key, value: bool) {
        self.key(key);
        self.sink.put(if value { b"true" } else { b"false" });
    }

    pub(crate) fn int(&mut self, key: Key, value: impl Into<u64>) {
        self.key(key);
        self.digits(value.into());
    }

    pub(crate) fn signed(&mut self, key: Key, value: i32) {
        self.key(key);
        self.sink.put(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A number, or null where there is none: v0.0.38 has no objects for that.
    pub(crate) fn int_or_null(&mut self, key: Key, value: Option<u64>) {
        match value {
            Some(value) => self.int(key, value),
            None => self.null(key),
        }
    }

    /// A text, or null where there is none.
    pub(crate) fn str_or_null(&mut self, key: Key, value: Option<&str>) {
        match value {
            Some(value) => self.str(key, value),
            None => self.null(key),
        }
    }

    /// Any number, with the 17 digits that json-c writes; not a number that JSON knows when it is infinite.
    pub(crate) fn real(&mut self, key: Key, value: f64) {
        self.key(key);
        self.sink.put(real_text(value).as_bytes());
    }

    /// `{"set":..,"infinite":..,"number":..}` with any number.
    pub(crate) fn no_val_real(&mut self, key: Key, value: Option<f64>) {
        if self.layout.plain {
            return match value {
                Some(value) => self.real(key, value),
                None => self.null(key),
            };
        }
        self.key(key);
        let (open, _) = self.triple(if value.is_some() { NoVal::Set(0) } else { NoVal::Unset });
        self.sink.put(open);
        self.sink.put(real_text(value.unwrap_or(0.0)).as_bytes());
        self.close_triple();
    }

    /// A whole number in a field whose type is float: `4.0`.
    pub(crate) fn float(&mut self, key: Key, value: u64) {
        self.key(key);
        self.digits(value);
        self.sink.put(b".0");
    }

    #[inline]
    fn digits(&mut self, value: u64) {
        self.sink.put(itoa::Buffer::new().format(value).as_bytes());
    }

    pub(crate) fn str(&mut self, key: Key, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    /// A text that v0.0.38 writes as null where it is empty.
    pub(crate) fn text(&mut self, key: Key, value: &str) {
        if self.layout.plain && value.is_empty() { self.null(key) } else { self.str(key, value) }
    }

    pub(crate) fn str_element(&mut self, value: &str) {
        self.separate();
        self.quoted(value);
    }

    /// A list of words: `["IDLE", "DRAIN"]`.
    pub(crate) fn words<'w>(&mut self, key: Key, words: impl IntoIterator<Item = &'w str>) {
        self.open_list(key);
        for word in words {
            self.str_element(word);
        }
        self.close_list();
    }

    pub(crate) fn numbered_str(&mut self, number: u64, value: &str) {
        self.number_key(number);
        self.quoted(value);
    }

    fn number_key(&mut self, number: u64) {
        self.separate();
        self.sink.put(b"\"");
        self.digits(number);
        match self.layout.style {
            Style::Pretty => self.sink.put(b"\": "),
            Style::Compact => self.sink.put(b"\":"),
        }
    }

    /// Elements that were written before, each with its comma; at least one.
    #[inline]
    pub(crate) fn prepared_elements(&mut self, text: &[u8]) {
        self.sink.put(&text[usize::from(self.first)..]);
        self.first = false;
    }

    pub(crate) fn no_val(&mut self, key: Key, value: NoVal) {
        if self.layout.plain {
            return match value {
                NoVal::Set(number) => self.int(key, number),
                NoVal::Unset | NoVal::Infinite => self.null(key),
            };
        }
        self.key(key);
        let (open, number) = self.triple(value);
        self.sink.put(open);
        self.digits(number);
        self.close_triple();
    }

    /// The same where the number is a float.
    pub(crate) fn no_val_float(&mut self, key: Key, value: NoVal) {
        if self.layout.plain {
            return match value {
                NoVal::Set(number) => self.float(key, number),
                NoVal::Unset | NoVal::Infinite => self.null(key),
            };
        }
        self.key(key);
        let (open, number) = self.triple(value);
        self.sink.put(open);
        self.digits(number);
        self.sink.put(b".0");
        self.close_triple();
    }

    pub(crate) fn set(&mut self, key: Key, value: impl Into<u64>) {
        self.no_val(key, NoVal::Set(value.into()));
    }

    pub(crate) fn unset(&mut self, key: Key) {
        self.no_val(key, NoVal::Unset);
    }

    pub(crate) fn infinite(&mut self, key: Key) {
        self.no_val(key, NoVal::Infinite);
    }

    #[inline]
    fn triple(&self, value: NoVal) -> (&'a [u8], u64) {
        let triple = &self.layout.triples[self.depth];
        match value {
            NoVal::Set(number) => (&triple.set, number),
            NoVal::Unset => (&triple.unset, 0),
            NoVal::Infinite => (&triple.infinite, 0),
        }
    }

    #[inline]
    fn close_triple(&mut self) {
        let layout = self.layout;
        self.sink.put(&layout.triples[self.depth].close);
    }

    #[inline]
    fn quoted(&mut self, value: &str) {
        self.sink.put(b"\"");
        let bytes = value.as_bytes();
        if bytes.iter().any(|byte| needs_escape(*byte)) {
            self.escaped(bytes);
        } else {
            self.sink.put(bytes);
        }
        self.sink.put(b"\"");
    }

    #[cold]
    fn escaped(&mut self, bytes: &[u8]) {
        let mut plain = 0;
        for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| needs_escape(**byte)) {
            self.sink.put(&bytes[plain..at]);
            plain = at + 1;
            match byte {
                b'"' | b'\\' | b'/' => self.sink.put(&[b'\\', *byte]),
                b'\n' => self.sink.put(b"\\n"),
                b'\t' => self.sink.put(b"\\t"),
                other => self.sink.put(format!("\\u{other:04x}").as_bytes()),
            }
        }
        self.sink.put(&bytes[plain..]);
    }
}

/// `%.17g` of C, with `.0` where nothing else shows that it is a float.
fn real_text(value: f64) -> String {
    if value.is_infinite() {
        return "Infinity".to_owned();
    }
    let scientific = format!("{value:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..17).contains(&exponent) {
        let fixed = format!("{value:.*}", (16 - exponent) as usize);
        let shortened = if fixed.contains('.') { fixed.trim_end_matches('0') } else { &fixed };
        let (whole, part) = shortened.split_once('.').unwrap_or((shortened, ""));
        return format!("{whole}.{}", if part.is_empty() { "0" } else { part });
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample<S: Sink>(sink: &mut S, style: Style) {
        let layout = Layout::new(style, ApiVersion::V0_0_42.into());
        let mut json = Json::new(sink, &layout);
        json.open_root();
        json.str(key!("path"), "a/b\"c\\d\te\u{1}");
        json.empty_list(key!("none"));
        json.words(key!("empty"), []);
        json.words(key!("state"), ["IDLE", "DRAIN"]);
        json.open_object(key!("inner"));
        json.set(key!("time"), 7u64);
        json.infinite(key!("limit"));
        json.no_val_float(key!("level"), NoVal::Unset);
        json.close_object();
        json.close_object();
    }

    #[test]
    fn pretty_is_laid_out_as_json_c_does_it() {
        let mut bytes = Vec::new();
        sample(&mut bytes, Style::Pretty);
        let expected = r#"{
  "path": "a\/b\"c\\d\te\u0001",
  "none": [],
  "empty": [],
  "state": [
    "IDLE",
    "DRAIN"
  ],
  "inner": {
    "time": {
      "set": true,
      "infinite": false,
      "number": 7
    },
    "limit": {
      "set": false,
      "infinite": true,
      "number": 0
    },
    "level": {
      "set": false,
      "infinite": false,
      "number": 0.0
    }
  }
}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn floats_are_written_with_the_digits_of_json_c() {
        for (value, expected) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.125, "0.125"),
            (5.0 / 18.0, "0.27777777777777779"),
            (2.0 / 3.0, "0.66666666666666663"),
            (2.6616515629090536, "2.6616515629090536"),
            (2.3283064376228985e-10, "2.3283064376228985e-10"),
            (18_446_744_073_709_551_615.0, "1.8446744073709552e+19"),
            (4_294_967_294.0, "4294967294.0"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(real_text(value), expected);
        }
    }

    #[test]
    fn an_empty_list_spans_two_lines_in_22_05() {
        let layout = Layout::new(Style::Pretty, ApiVersion::V0_0_38.into());
        let mut bytes = Vec::new();
        let mut json = Json::new(&mut bytes, &layout);
        json.open_root();
        json.empty_list(key!("errors"));
        json.close_object();
        assert_eq!(String::from_utf8(bytes).unwrap(), "{\n  \"errors\": [\n  ]\n}");
    }

    #[test]
    fn compact_says_the_same_and_counting_counts_what_writing_writes() {
        let (mut pretty, mut compact) = (Vec::new(), Vec::new());
        sample(&mut pretty, Style::Pretty);
        sample(&mut compact, Style::Compact);
        let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        assert_eq!(parse(&pretty), parse(&compact));
        assert!(!compact.contains(&b'\n'));
        for (style, bytes) in [(Style::Pretty, pretty), (Style::Compact, compact)] {
            let mut count = Count::default();
            sample(&mut count, style);
            assert_eq!(count.0, bytes.len() as u64);
        }
    }
}
