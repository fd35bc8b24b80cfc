//! Cuts a JSON object that arrives in chunks into its members, and its one long list into elements.
//! It holds one value at a time, the long ones without what lies deep inside them; never the body.

use std::borrow::Cow;

use serde::Deserialize;

use super::elide::Elider;
use super::error::ValueError;

/// Reads one value from the start of the bytes into the table; gives the bytes that it took.
/// [`ValueError::Incomplete`] when the bytes end before the value does.
pub(super) type Element<T> = fn(&[u8], &mut T) -> Result<usize, ValueError>;

/// What the splitter hands its values to.
pub(super) trait Members {
    /// The member whose list holds the rows, and before it the objects in which it lies.
    fn rows_path(&self) -> &'static [&'static str];
    /// One element of the rows (or the rows' value itself where it is no list).
    fn row(&mut self, bytes: &[u8]) -> Result<usize, ValueError>;
    /// The value of any other member.
    fn member(&mut self, name: &str, bytes: &[u8]) -> Result<usize, ValueError>;
    /// Whether a row that is too long to be kept whole gives its parts (the objects in its lists) one by one.
    fn has_parts(&self) -> bool {
        false
    }
    /// One part of the row that is under way.
    fn part(&mut self, _bytes: &[u8]) -> Result<(), ValueError> {
        Ok(())
    }
}

/// Why splitting stopped.
#[derive(Debug)]
pub(super) enum SplitError {
    NotAnObject,
    TooLarge,
    Truncated,
    RowsTwice,
    /// In the value of this member (`None`: in a row).
    Value(Option<String>, ValueError),
}

/// Reads one value of a type from the start of the bytes, with its length.
/// On a wrong type the value is read once more to learn which field it was.
pub(super) fn read_value<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, usize), ValueError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((value, values.byte_offset())),
        None => Err(ValueError::Incomplete),
        Some(Err(error)) if error.is_eof() || ends_inside_number(bytes) => {
            // With more bytes a real error shows up again, at its place.
            drop(error);
            Err(ValueError::Incomplete)
        }
        Some(Err(error)) if error.is_data() => Err(locate::<T>(bytes, error)),
        Some(Err(error)) => Err(ValueError::Syntax(error)),
    }
}

/// serde_json calls a number that ends after its sign, point or exponent invalid, not incomplete.
fn ends_inside_number(bytes: &[u8]) -> bool {
    matches!(bytes.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E'))
}

fn locate<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: serde_json::Error) -> ValueError {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(located) => {
            ValueError::WrongType { field: located.path().to_string(), source: located.into_inner() }
        }
        Ok(_) => ValueError::WrongType { field: ".".into(), source: error },
    }
}

#[derive(Debug)]
enum Place {
    BeforeObject,
    /// A key, or the end of an object without members.
    FirstKey,
    Key,
    Colon(String),
    Value(String),
    /// A value of the rows' list, or its end when it is empty.
    FirstRow,
    Row,
    AfterRow,
    AfterValue,
    End,
}

/// The state between chunks.
#[derive(Debug)]
pub(super) struct Splitter {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are done with.
    done: usize,
    /// Bytes before `buffer`, for error messages.
    before: u64,
    place: Place,
    /// How many of the objects around the rows have begun and not ended.
    depth: usize,
    seen_rows: bool,
    /// The value at hand is long: what is kept of it so far.
    long: Option<(Elider, Vec<u8>)>,
}

/// An incomplete value of this size is long, and from here on kept without its depths.
/// Below it the value is tried again with every chunk, which for most values is once.
const LONG: usize = 64 << 10;

/// What is kept of one value at most: statistics of 20,000 users have a quarter of this.
const LARGEST: usize = 16 << 20;

/// The same of one element of a list: the names of all nodes of a large cluster, one by one, have a quarter of this.
const LARGEST_ROW: usize = 2 << 20;

impl Default for Splitter {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            done: 0,
            before: 0,
            place: Place::BeforeObject,
            depth: 0,
            seen_rows: false,
            long: None,
        }
    }
}

impl Splitter {
    /// The offset in the body up to which all is read.
    pub(super) fn position(&self) -> u64 {
        self.before + self.done as u64
    }

    /// Whether the member with the rows was there.
    pub(super) fn has_rows(&self) -> bool {
        self.seen_rows
    }

    /// Takes the next bytes of the body and hands on every value that is complete.
    pub(super) fn push(&mut self, mut chunk: &[u8], members: &mut impl Members) -> Result<(), SplitError> {
        if let Some((elider, kept)) = &mut self.long {
            let end = elider
                .take(chunk, kept, |part| members.part(part))
                .map_err(|error| SplitError::Value(None, error))?;
            let largest = match self.place {
                Place::FirstRow | Place::Row => LARGEST_ROW,
                _ => LARGEST,
            };
            if kept.len() > largest {
                return Err(SplitError::TooLarge);
            }
            self.before += end.unwrap_or(chunk.len()) as u64;
            let Some(end) = end else { return Ok(()) };
            chunk = &chunk[end..];
            self.end_long(members)?;
        }
        self.before += self.done as u64;
        self.buffer.drain(..self.done);
        self.done = 0;
        self.buffer.extend_from_slice(chunk);
        self.run(members, false)
    }

    /// Says that the body is over; it must be over for the object too.
    pub(super) fn finish(&mut self, members: &mut impl Members) -> Result<(), SplitError> {
        if self.long.is_some() {
            return Err(SplitError::Truncated);
        }
        self.run(members, true)?;
        match self.place {
            Place::End => Ok(()),
            _ => Err(SplitError::Truncated),
        }
    }

    /// Hands on a long value that is complete now, as if it had come at once.
    fn end_long(&mut self, members: &mut impl Members) -> Result<(), SplitError> {
        let Some((_, kept)) = self.long.take() else { return Ok(()) };
        let len = kept.len() as u64;
        let buffer = std::mem::replace(&mut self.buffer, kept);
        debug_assert!(buffer.is_empty(), "a long value takes all that was buffered");
        self.before -= len;
        self.run(members, true)?;
        self.before += self.done as u64;
        self.done = 0;
        // Not the long value's: those that follow are short again.
        self.buffer = buffer;
        Ok(())
    }

    fn run(&mut self, members: &mut impl Members, last: bool) -> Result<(), SplitError> {
        while let Some(letter) = self.skip_space() {
            // Each step takes `done` past what it understood, or leaves it and waits for more bytes.
            let place = std::mem::replace(&mut self.place, Place::End);
            self.place = match (place, letter) {
                (Place::BeforeObject, b'{') => self.step(Place::FirstKey),
                (Place::BeforeObject, _) => return Err(SplitError::NotAnObject),
                (Place::FirstKey | Place::AfterValue, b'}') => match self.depth.checked_sub(1) {
                    None => self.step(Place::End),
                    Some(depth) => {
                        self.depth = depth;
                        self.step(Place::AfterValue)
                    }
                },
                (Place::AfterValue, b',') => self.step(Place::Key),
                (place @ (Place::FirstKey | Place::Key), b'"') => {
                    match read_value::<Cow<'_, str>>(&self.buffer[self.done..]) {
                        Ok((key, len)) => {
                            let key = key.into_owned();
                            self.done += len;
                            Place::Colon(key)
                        }
                        Err(error) => return self.pause(place, None, error, last, members),
                    }
                }
                (Place::Colon(key), b':') => self.step(Place::Value(key)),
                (Place::Value(key), b'{') if self.is_around_rows(&key, members.rows_path()) => {
                    self.depth += 1;
                    self.step(Place::FirstKey)
                }
                (Place::Value(key), _) if self.is_rows(&key, members.rows_path()) => {
                    if std::mem::replace(&mut self.seen_rows, true) {
                        return Err(SplitError::RowsTwice);
                    }
                    if letter == b'[' {
                        self.step(Place::FirstRow)
                    } else {
                        match self.value(letter, last, |bytes| members.row(bytes)) {
                            Ok(()) => Place::AfterValue,
                            Err(error) => {
                                self.seen_rows = false;
                                return self.pause(Place::Value(key), None, error, last, members);
                            }
                        }
                    }
                }
                (Place::Value(key), _) => match self.value(letter, last, |bytes| members.member(&key, bytes))
                {
                    Ok(()) => Place::AfterValue,
                    Err(error) => {
                        return self.pause(Place::Value(key.clone()), Some(key), error, last, members);
                    }
                },
                (Place::FirstRow | Place::AfterRow, b']') => self.step(Place::AfterValue),
                (Place::AfterRow, b',') => self.step(Place::Row),
                (place @ (Place::FirstRow | Place::Row), _) => {
                    match self.value(letter, last, |bytes| members.row(bytes)) {
                        Ok(()) => Place::AfterRow,
                        Err(error) => return self.pause(place, None, error, last, members),
                    }
                }
                // Slurmrestd may leave bytes behind the object (see "19 extra bytes" in the recordings).
                (Place::End, _) => {
                    self.done = self.buffer.len();
                    Place::End
                }
                (Place::FirstKey | Place::Key | Place::Colon(_) | Place::AfterRow | Place::AfterValue, _) => {
                    return Err(SplitError::Value(
                        None,
                        ValueError::Syntax(syntax_error(&self.buffer[self.done..])),
                    ));
                }
            };
        }
        Ok(())
    }

    /// Whether this member, where we are, is an object in which the rows lie.
    fn is_around_rows(&self, key: &str, path: &[&str]) -> bool {
        matches!(path.get(self.depth..), Some([name, _, ..]) if *name == key)
    }

    fn is_rows(&self, key: &str, path: &[&str]) -> bool {
        matches!(path.get(self.depth..), Some([name]) if *name == key)
    }

    fn skip_space(&mut self) -> Option<u8> {
        let rest = &self.buffer[self.done..];
        let space = rest.iter().position(|letter| !letter.is_ascii_whitespace());
        self.done += space.unwrap_or(rest.len());
        self.buffer.get(self.done).copied()
    }

    fn step(&mut self, next: Place) -> Place {
        self.done += 1;
        next
    }

    fn value(
        &mut self,
        letter: u8,
        last: bool,
        read: impl FnOnce(&[u8]) -> Result<usize, ValueError>,
    ) -> Result<(), ValueError> {
        let bytes = &self.buffer[self.done..];
        // A number or word at the end of the bytes may go on in the next chunk.
        let is_scalar = !matches!(letter, b'{' | b'[' | b'"');
        if is_scalar
            && !last
            && !bytes
                .iter()
                .any(|letter| matches!(letter, b',' | b'}' | b']') || letter.is_ascii_whitespace())
        {
            return Err(ValueError::Incomplete);
        }
        let len = read(bytes)?;
        self.done += len;
        Ok(())
    }

    /// Waits for more bytes where the value is only incomplete.
    fn pause(
        &mut self,
        place: Place,
        member: Option<String>,
        error: ValueError,
        last: bool,
        members: &mut impl Members,
    ) -> Result<(), SplitError> {
        let is_container = matches!(self.buffer.get(self.done), Some(b'{' | b'['));
        let is_value = matches!(place, Place::Value(_) | Place::FirstRow | Place::Row);
        self.place = place;
        match error {
            ValueError::Incomplete if last => Err(SplitError::Truncated),
            ValueError::Incomplete if self.buffer.len() - self.done < LONG => Ok(()),
            ValueError::Incomplete if is_value && is_container => {
                let is_row = matches!(self.place, Place::FirstRow | Place::Row);
                let mut elider =
                    if is_row && members.has_parts() { Elider::with_parts() } else { Elider::default() };
                let mut kept = Vec::new();
                let end = elider
                    .take(&self.buffer[self.done..], &mut kept, |part| members.part(part))
                    .map_err(|error| SplitError::Value(None, error))?;
                self.before += self.buffer.len() as u64;
                self.buffer.clear();
                self.done = 0;
                match end {
                    // serde_json saw no end where counting brackets sees one: they do not match.
                    Some(_) => Err(SplitError::Value(member, ValueError::Syntax(syntax_error(&kept)))),
                    None => {
                        self.long = Some((elider, kept));
                        Ok(())
                    }
                }
            }
            // A string, a key or a number of this length is none.
            ValueError::Incomplete => Err(SplitError::TooLarge),
            error => Err(SplitError::Value(member, error)),
        }
    }
}

/// The error that serde_json has for these bytes as a value.
fn syntax_error(bytes: &[u8]) -> serde_json::Error {
    match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Err(error) => error,
        Ok(_) => serde::de::Error::custom("expected `,`, `:` or the end of the object"),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct Collected {
        rows: Vec<u64>,
        members: Vec<(String, usize)>,
    }

    #[derive(Deserialize)]
    struct Row {
        n: u64,
    }

    impl Members for Collected {
        fn rows_path(&self) -> &'static [&'static str] {
            &["rows"]
        }

        fn row(&mut self, bytes: &[u8]) -> Result<usize, ValueError> {
            let (row, len) = read_value::<Row>(bytes)?;
            self.rows.push(row.n);
            Ok(len)
        }

        fn member(&mut self, name: &str, bytes: &[u8]) -> Result<usize, ValueError> {
            let (_, len) = read_value::<IgnoredAny>(bytes)?;
            self.members.push((name.to_owned(), len));
            Ok(len)
        }
    }

    fn split(chunks: &[&[u8]]) -> Result<Collected, SplitError> {
        let mut collected = Collected::default();
        let mut splitter = Splitter::default();
        for chunk in chunks {
            splitter.push(chunk, &mut collected)?;
        }
        splitter.finish(&mut collected)?;
        Ok(collected)
    }

    const DOCUMENT: &str =
        r#" {"a": 12, "rows": [ {"n": 1, "s": "}\"]"}, {"n": 2, "deep": [[{}]]}] , "b":"x\/y", "c": null}"#;

    #[test]
    fn every_place_to_cut_gives_the_same_rows() {
        let whole = split(&[DOCUMENT.as_bytes()]).unwrap();
        assert_eq!(whole.rows, [1, 2]);
        assert_eq!(whole.members, [("a".to_owned(), 2), ("b".to_owned(), 6), ("c".to_owned(), 4)]);
        for cut in 0..=DOCUMENT.len() {
            let (first, second) = DOCUMENT.as_bytes().split_at(cut);
            assert_eq!(split(&[first, second]).unwrap(), whole, "cut at {cut}");
        }
        let single: Vec<_> = DOCUMENT.as_bytes().chunks(1).collect();
        assert_eq!(split(&single).unwrap(), whole);
    }

    #[test]
    fn rows_may_lie_in_an_object() {
        /// The same, but in `outer`.
        #[derive(Default)]
        struct Nested(Collected);
        impl Members for Nested {
            fn rows_path(&self) -> &'static [&'static str] {
                &["outer", "rows"]
            }
            fn row(&mut self, bytes: &[u8]) -> Result<usize, ValueError> {
                self.0.row(bytes)
            }
            fn member(&mut self, name: &str, bytes: &[u8]) -> Result<usize, ValueError> {
                self.0.member(name, bytes)
            }
        }
        for (text, rows, members) in [
            (r#"{"rows": 1, "outer": {"rows": [{"n": 1}, {"n": 2}], "sum": 3}, "b": [4]}"#, &[1, 2][..], 3),
            (r#"{"outer": {}, "b": [4]}"#, &[], 1),
            (r#"{"outer": [{"n": 1}]}"#, &[], 1),
        ] {
            for cut in 0..=text.len() {
                let (mut nested, mut splitter) = (Nested::default(), Splitter::default());
                for chunk in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                    splitter.push(chunk, &mut nested).unwrap();
                }
                splitter.finish(&mut nested).unwrap();
                assert_eq!(
                    (&nested.0.rows[..], nested.0.members.len()),
                    (rows, members),
                    "{text} cut at {cut}"
                );
                assert_eq!(splitter.has_rows(), !rows.is_empty());
            }
            let mut splitter = Splitter::default();
            splitter.push(&text.as_bytes()[..text.len() - 1], &mut Nested::default()).unwrap();
            assert!(matches!(splitter.finish(&mut Nested::default()), Err(SplitError::Truncated)));
        }
    }

    #[test]
    fn a_body_that_ends_early_is_truncated_wherever_it_ends() {
        for end in 0..DOCUMENT.len() {
            let result = split(&[&DOCUMENT.as_bytes()[..end]]);
            assert!(matches!(result, Err(SplitError::Truncated)), "cut at {end}: {result:?}");
        }
    }

    #[test]
    fn bytes_behind_the_object_are_left_alone() {
        let collected = split(&[b"{\"rows\":[]}", b"Connection: Close\r\n"]).unwrap();
        assert_eq!(collected.rows, [] as [u64; 0]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(matches!(split(&[b"<html>"]), Err(SplitError::NotAnObject)));
        assert!(matches!(split(&[b"[1]"]), Err(SplitError::NotAnObject)));
        for text in
            [r#"{"rows" 1}"#, r#"{"rows":[{"n":1} {"n":2}]}"#, r#"{"a":1 "b":2}"#, r#"{"rows":[{"n":1},]}"#]
        {
            let result = split(&[text.as_bytes()]);
            assert!(matches!(result, Err(SplitError::Value(_, ValueError::Syntax(_)))), "{text}: {result:?}");
        }
    }

    #[test]
    fn rows_that_stand_twice_are_refused() {
        assert!(matches!(split(&[br#"{"rows":[],"rows":[]}"#]), Err(SplitError::RowsTwice)));
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let Err(SplitError::Value(None, ValueError::WrongType { field, .. })) =
            split(&[br#"{"rows":[{"n":"one"}]}"#])
        else {
            panic!("a wrong type must be refused");
        };
        assert_eq!(field, "n");
    }

    /// Pushes the same chunk again and again; the first error, or none after as many as the caller has patience for.
    fn push_on(start: &[u8], chunk: &[u8], times: usize) -> (Option<SplitError>, Splitter) {
        let mut collected = Collected::default();
        let mut splitter = Splitter::default();
        splitter.push(start, &mut collected).unwrap();
        let refused = (0..times).find_map(|_| splitter.push(chunk, &mut collected).err());
        (refused, splitter)
    }

    #[test]
    fn an_endless_value_is_refused_not_collected() {
        let chunk = vec![b'x'; 64 << 10];
        for start in [&b"{\"rows\":[{\"s\":\""[..], b"{\"rows\":[\"", b"{\"a\":\"", b"{\""] {
            let (refused, splitter) = push_on(start, &chunk, 1000);
            assert!(matches!(refused, Some(SplitError::TooLarge)), "{refused:?}");
            let held = splitter.buffer.capacity() + splitter.long.map_or(0, |(_, kept)| kept.capacity());
            assert!(held <= 2 * LARGEST + 4 * LONG, "{held} bytes");
        }
    }

    #[test]
    fn what_is_deep_in_a_long_value_takes_no_memory() {
        let (refused, splitter) = push_on(b"{\"rows\":[{\"n\":1,\"d\":[[[[", b"[0,1,2,3],", 100_000);
        assert!(refused.is_none(), "{refused:?}");
        let held = splitter.buffer.capacity() + splitter.long.map_or(0, |(_, kept)| kept.capacity());
        assert!(held <= 4 * LONG, "{held} bytes");
    }

    #[test]
    fn long_values_are_read_like_short_ones_wherever_the_chunks_end() {
        let deep = format!("[[[[{}0]]]]", "[1,\"]\"],".repeat(20_000));
        let document = format!(
            "{{\"m\":{{\"x\":{deep}}},\"rows\":[{{\"n\":1,\"d\":{deep}}},{{\"d\":{deep},\"n\":2}},{{\"n\":3}}],\"z\":7}}"
        );
        for size in [1000, 65_536, 70_001, 1 << 20] {
            let chunks: Vec<_> = document.as_bytes().chunks(size).collect();
            let collected = split(&chunks).unwrap();
            assert_eq!(collected.rows, [1, 2, 3], "chunks of {size}");
            assert_eq!(collected.members.len(), 2, "chunks of {size}");
        }
        for end in (0..document.len()).step_by(33_333) {
            let chunks: Vec<_> = document.as_bytes()[..end].chunks(50_000).collect();
            assert!(matches!(split(&chunks), Err(SplitError::Truncated)), "cut at {end}");
        }
    }
}
