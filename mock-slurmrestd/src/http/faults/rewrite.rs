//! Changes JSON while it streams by: a field gone or renamed, a value of another type, a list emptied.
//! Not a parser: it follows the brackets and quotes of well-formed JSON, cut into pieces anywhere, and keeps all else.

/// What to change.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Of each row, the field of this name.
    Field(String, Edit),
    /// A member in front of the first field of each row; without a comma.
    Add(&'static str),
    /// The value of this member of the document.
    Member(&'static str, String),
    /// The document's lists of rows, all of them.
    Empty,
    /// Every time, by so many seconds.
    MoveTimes(i64),
}

/// What becomes of a member.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    Remove,
    Rename(&'static str),
    /// The value in a list; a list in an object.
    Retype,
    /// Key and value once more.
    Double,
    /// Another value.
    Become(String),
    /// Another number for every number in the value.
    Numbers(&'static str),
    /// Bytes behind the quote that begins each text in the value.
    Texts(&'static [u8]),
    /// So many seconds more for every number in the value that is a date.
    Move(i64),
}

/// The members of a document that are not its rows.
const NOT_ROWS: [&[u8]; 3] = [b"meta", b"errors", b"warnings"];
/// From here on, seconds since 1970 are a date, and until there they are not NO_VAL or INFINITE.
const DATES: std::ops::Range<i64> = 1_000_000_000..4_294_967_000;

#[derive(Debug)]
pub(super) struct Rewriter {
    change: Change,
    /// One for each open bracket.
    open: Vec<Open>,
    /// The objects among them.
    objects: usize,
    token: Token,
    /// The last key, without its quotes; or what has been read of it.
    key: Vec<u8>,
    /// White space before a key; it waits until it is known whether the member stays.
    gap: Vec<u8>,
    /// What has been read of a number or a word.
    scalar: Vec<u8>,
    /// The member that is being changed.
    member: Option<Member>,
}

#[derive(Debug)]
struct Open {
    is_object: bool,
    /// No member of it has been written.
    is_empty: bool,
    /// The next text is a key.
    key_next: bool,
    /// `meta`, `errors` or `warnings`, or within them.
    is_envelope: bool,
}

/// A member between its key and the end of its value.
#[derive(Debug)]
struct Member {
    edit: Edit,
    /// Brackets around it.
    depth: usize,
    begun: bool,
    /// What follows the value.
    after: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    None,
    Key { escaped: bool },
    Text { escaped: bool },
    Scalar,
}

impl Rewriter {
    pub(super) fn new(change: Change) -> Self {
        Self {
            change,
            open: Vec::new(),
            objects: 0,
            token: Token::None,
            key: Vec::new(),
            gap: Vec::new(),
            scalar: Vec::new(),
            member: None,
        }
    }

    /// Takes the next piece and gives what becomes of it.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + piece.len() / 8);
        let mut rest = piece;
        while let Some((first, others)) = rest.split_first() {
            // Most of an answer is blanks and texts: each run of them in one go.
            let run = self.run(rest, &mut out);
            if run > 0 {
                rest = &rest[run..];
            } else {
                self.byte(*first, &mut out);
                rest = others;
            }
        }
        out
    }

    /// Takes the bytes at the front that need no decision, and says how many.
    fn run(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        match self.token {
            Token::Text { escaped: false } => {
                let run = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                self.emit(&rest[..run], out);
                run
            }
            Token::Key { escaped: false } => {
                let run = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                self.key.extend_from_slice(&rest[..run]);
                run
            }
            Token::None => {
                let run = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
                if self.open.last().is_some_and(|open| open.key_next) {
                    self.gap.extend_from_slice(&rest[..run]);
                } else {
                    self.emit(&rest[..run], out);
                }
                run
            }
            Token::Key { escaped: true } | Token::Text { escaped: true } | Token::Scalar => 0,
        }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.token {
            Token::Key { escaped: false } if byte == b'"' => self.key_ends(out),
            Token::Key { escaped } => {
                self.token = Token::Key { escaped: !escaped && byte == b'\\' };
                self.key.push(byte);
            }
            Token::Text { escaped } => {
                self.token = Token::Text { escaped: !escaped && byte == b'\\' };
                self.emit(&[byte], out);
                if byte == b'"' && !escaped {
                    self.token = Token::None;
                    self.value_ends(out);
                }
            }
            Token::Scalar if byte.is_ascii_whitespace() => {
                self.scalar_ends(out);
                self.emit(&[byte], out);
            }
            Token::Scalar if matches!(byte, b',' | b'}' | b']') => {
                self.scalar_ends(out);
                self.between(byte, out);
            }
            Token::Scalar => self.scalar.push(byte),
            Token::None => self.between(byte, out),
        }
    }

    /// Not within a text, a key or a number.
    fn between(&mut self, byte: u8, out: &mut Vec<u8>) {
        let (in_object, key_next) =
            self.open.last().map_or((false, false), |open| (open.is_object, open.key_next));
        match byte {
            b'"' if key_next => {
                self.key.clear();
                self.token = Token::Key { escaped: false };
            }
            // Written with the next key, if that stays.
            b',' if in_object => {
                if let Some(open) = self.open.last_mut() {
                    open.key_next = true;
                }
            }
            b',' | b':' => self.emit(&[byte], out),
            b'}' | b']' => self.close(byte, out),
            b'{' | b'[' => self.open(byte, out),
            b'"' => {
                self.value_begins(byte, out);
                self.emit(b"\"", out);
                if let Some(Member { edit: Edit::Texts(bytes), .. }) = &self.member {
                    out.extend_from_slice(bytes);
                }
                self.token = Token::Text { escaped: false };
            }
            _ => {
                self.value_begins(byte, out);
                self.scalar.push(byte);
                self.token = Token::Scalar;
            }
        }
    }

    fn open(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.value_begins(byte, out);
        self.emit(&[byte], out);
        let is_envelope = match self.open.len() {
            0 => false,
            1 => self.is_not_rows(),
            _ => self.open.last().is_some_and(|open| open.is_envelope),
        };
        let is_object = byte == b'{';
        self.open.push(Open { is_object, is_empty: true, key_next: is_object, is_envelope });
        self.objects += usize::from(is_object);
        if let Change::Add(text) = self.change
            && self.in_row()
        {
            out.extend_from_slice(text.as_bytes());
            if let Some(open) = self.open.last_mut() {
                open.is_empty = false;
            }
        }
    }

    fn close(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.emit_gap(out);
        self.emit(&[byte], out);
        if let Some(open) = self.open.pop() {
            self.objects -= usize::from(open.is_object);
        }
        self.value_ends(out);
    }

    fn is_not_rows(&self) -> bool {
        NOT_ROWS.contains(&self.key.as_slice())
    }

    /// Directly in a row: the second object from outside, as an element of a list or, in `/diag`, alone.
    fn in_row(&self) -> bool {
        self.objects == 2 && self.open.last().is_some_and(|open| open.is_object && !open.is_envelope)
    }

    fn key_ends(&mut self, out: &mut Vec<u8>) {
        self.token = Token::None;
        let edit = if self.member.is_none() { self.edit() } else { None };
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else { return };
        open.key_next = false;
        let mut after = Vec::new();
        if edit == Some(Edit::Remove) {
            self.gap.clear();
        } else {
            let is_first = std::mem::replace(&mut open.is_empty, false);
            if !is_first {
                self.emit(b",", out);
            }
            if edit == Some(Edit::Double) {
                after = [&b","[..], &self.gap, b"\"", &self.key, b"\""].concat();
            }
            self.emit_gap(out);
            self.emit(b"\"", out);
            let key = std::mem::take(&mut self.key);
            match edit {
                Some(Edit::Rename(name)) => self.emit(name.as_bytes(), out),
                _ => self.emit(&key, out),
            }
            self.key = key;
            self.emit(b"\"", out);
        }
        if let Some(edit) = edit {
            self.member = Some(Member { edit, depth, begun: false, after });
        }
    }

    /// What is to become of the member whose key was just read.
    fn edit(&self) -> Option<Edit> {
        match &self.change {
            Change::Field(name, edit) if self.in_row() && name.as_bytes() == self.key => Some(edit.clone()),
            Change::Member(name, text) if self.open.len() == 1 && name.as_bytes() == self.key => {
                Some(Edit::Become(text.clone()))
            }
            Change::Empty if self.open.len() == 1 && !self.is_not_rows() && !is_time(&self.key) => {
                Some(Edit::Become("[]".to_owned()))
            }
            Change::MoveTimes(seconds) if is_time(&self.key) => Some(Edit::Move(*seconds)),
            _ => None,
        }
    }

    fn value_begins(&mut self, byte: u8, out: &mut Vec<u8>) {
        let Some(member) = self.member.as_mut().filter(|member| !member.begun) else { return };
        member.begun = true;
        match &member.edit {
            Edit::Retype => {
                let (before, after) = if byte == b'[' { ("{\"retyped\": ", "}") } else { ("[", "]") };
                out.extend_from_slice(before.as_bytes());
                member.after = after.as_bytes().to_vec();
            }
            Edit::Become(text) => out.extend_from_slice(text.as_bytes()),
            _ => {}
        }
    }

    fn scalar_ends(&mut self, out: &mut Vec<u8>) {
        self.token = Token::None;
        let mut scalar = std::mem::take(&mut self.scalar);
        let is_number = scalar.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
        match &self.member {
            Some(Member { edit: Edit::Numbers(number), .. }) if is_number => {
                out.extend_from_slice(number.as_bytes());
            }
            Some(Member { edit: Edit::Move(seconds), .. }) => match date(&scalar) {
                Some(date) => {
                    out.extend_from_slice(date.saturating_add(*seconds).max(0).to_string().as_bytes());
                }
                None => out.extend_from_slice(&scalar),
            },
            _ => self.emit(&scalar, out),
        }
        // Its memory serves again.
        scalar.clear();
        self.scalar = scalar;
        self.value_ends(out);
    }

    fn value_ends(&mut self, out: &mut Vec<u8>) {
        let depth = self.open.len();
        if let Some(member) = self.member.take_if(|member| member.begun && member.depth == depth) {
            out.extend_from_slice(&member.after);
        }
    }

    fn emit_gap(&mut self, out: &mut Vec<u8>) {
        let mut gap = std::mem::take(&mut self.gap);
        self.emit(&gap, out);
        gap.clear();
        self.gap = gap;
    }

    /// Writes, unless the value is on its way out; keeps what is to be written twice.
    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.member {
            Some(Member { edit: Edit::Remove, .. } | Member { edit: Edit::Become(_), begun: true, .. }) => {}
            Some(Member { edit: Edit::Double, after, .. }) => {
                after.extend_from_slice(bytes);
                out.extend_from_slice(bytes);
            }
            _ => out.extend_from_slice(bytes),
        }
    }
}

fn date(scalar: &[u8]) -> Option<i64> {
    std::str::from_utf8(scalar).ok()?.parse().ok().filter(|number| DATES.contains(number))
}

/// The names of Slurm's times; `total_time` is how long an RPC took in all.
fn is_time(key: &[u8]) -> bool {
    const NAMES: [&[u8]; 9] = [
        b"time",
        b"timestamp",
        b"last_update",
        b"last_backfill",
        b"last_busy",
        b"reason_changed_at",
        b"resume_after",
        b"req_time_start",
        b"LastUpdate",
    ];
    let by_ending = key.ends_with(b"_time") || key.ends_with(b"_ts") || key.ends_with(b"_last_cycle");
    (by_ending && key != b"total_time") || NAMES.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{
  "nodes": [
    {
      "name": "a\"b",
      "state": ["IDLE"],
      "cpus": 64,
      "boot_time": {"set": true, "number": 1795000000},
      "deep": {"name": "inner", "cpus": 1}
    },
    {
      "name": "c",
      "total_time": 1795000000,
      "boot_time": 4294967294
    }
  ],
  "last_update": 1795000001,
  "meta": {"name": "kept"},
  "errors": []
}"#;

    /// The same whatever the pieces, and JSON unless that is the point.
    fn rewritten(change: &Change) -> String {
        let whole = Rewriter::new(change.clone()).push(DOCUMENT.as_bytes());
        for size in [1, 7, 64] {
            let mut rewriter = Rewriter::new(change.clone());
            let pieces: Vec<_> =
                DOCUMENT.as_bytes().chunks(size).flat_map(|piece| rewriter.push(piece)).collect();
            assert_eq!(pieces, whole, "{change:?} in pieces of {size}");
        }
        String::from_utf8_lossy(&whole).into_owned()
    }

    fn json(change: &Change) -> serde_json::Value {
        let text = rewritten(change);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{change:?}: {error}: {text}"))
    }

    fn field(name: &str, edit: Edit) -> Change {
        Change::Field(name.to_owned(), edit)
    }

    #[test]
    fn what_matches_nothing_changes_no_byte() {
        assert_eq!(rewritten(&field("nope", Edit::Remove)), DOCUMENT);
    }

    #[test]
    fn a_field_goes_wherever_it_stands_in_its_row_and_only_there() {
        let first = json(&field("name", Edit::Remove));
        assert_eq!(first["nodes"][0].get("name"), None);
        assert_eq!(first["nodes"][1].get("name"), None);
        assert_eq!(first["nodes"][0]["deep"]["name"], "inner");
        assert_eq!(first["meta"]["name"], "kept");
        let middle = json(&field("state", Edit::Remove));
        assert_eq!(middle["nodes"][0].as_object().map(serde_json::Map::len), Some(4));
        let last = json(&field("boot_time", Edit::Remove));
        assert_eq!(last["nodes"][1].as_object().map(serde_json::Map::len), Some(2));
    }

    #[test]
    fn a_field_is_renamed_doubled_or_put_into_another_type() {
        let renamed = json(&field("cpus", Edit::Rename("cpus_v2")));
        assert_eq!((&renamed["nodes"][0]["cpus_v2"], renamed["nodes"][0].get("cpus")), (&64.into(), None));
        assert_eq!(renamed["nodes"][0]["deep"]["cpus"], 1);
        let doubled = rewritten(&field("name", Edit::Double));
        assert!(
            doubled.contains("\"name\": \"a\\\"b\",\n      \"name\": \"a\\\"b\",\n      \"state\""),
            "{doubled}"
        );
        let retyped = json(&field("state", Edit::Retype));
        assert_eq!(retyped["nodes"][0]["state"]["retyped"][0], "IDLE");
        let retyped = json(&field("cpus", Edit::Retype));
        assert_eq!(retyped["nodes"][0]["cpus"], serde_json::json!([64]));
        let retyped = json(&field("boot_time", Edit::Retype));
        assert_eq!(retyped["nodes"][0]["boot_time"][0]["number"], 1_795_000_000);
    }

    #[test]
    fn values_become_what_is_asked_for() {
        let numbers = json(&field("boot_time", Edit::Numbers("7")));
        assert_eq!(numbers["nodes"][0]["boot_time"]["number"], 7);
        assert_eq!(numbers["nodes"][0]["cpus"], 64);
        let texts = rewritten(&field("name", Edit::Texts(b"!!")));
        assert!(texts.contains("\"name\": \"!!a\\\"b\"") && texts.contains("\"name\": \"inner\""), "{texts}");
        let added = json(&Change::Add("\"brand_new\": [1, {}]"));
        assert_eq!(added["nodes"][1]["brand_new"][0], 1);
        assert_eq!(added["nodes"][0]["deep"].get("brand_new"), None);
        assert_eq!(added["meta"].get("brand_new"), None);
    }

    #[test]
    fn the_document_loses_its_rows_or_gets_an_error() {
        let empty = json(&Change::Empty);
        assert_eq!(empty["nodes"], serde_json::json!([]));
        assert_eq!(empty["last_update"], 1_795_000_001);
        let errors = json(&Change::Member("errors", "[1]".to_owned()));
        assert_eq!(errors["errors"], serde_json::json!([1]));
        assert_eq!(errors["nodes"][1]["name"], "c");
    }

    #[test]
    fn times_move_and_other_numbers_stay() {
        let moved = json(&Change::MoveTimes(-100));
        assert_eq!(moved["nodes"][0]["boot_time"]["number"], 1_794_999_900);
        assert_eq!(moved["last_update"], 1_794_999_901);
        assert_eq!(moved["nodes"][1]["total_time"], 1_795_000_000);
        assert_eq!(moved["nodes"][1]["boot_time"], 4_294_967_294u64);
    }
}
