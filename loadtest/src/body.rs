//! Whether an answer is a whole, well-formed metrics page: status, type, compression, last line, and now and then all of it.
//! It runs after the latency was taken, so that its cost never counts as the target's.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::GzDecoder;
use reports::model::run::Exposition;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::exposition;
use crate::recorder::Failure;

/// A page that does not inflate to more than this; a bomb would otherwise take the generator's memory.
const LARGEST_PAGE_BYTES: u64 = 1 << 30;

/// Judges the bodies of one kind of request.
#[derive(Debug)]
pub(crate) struct BodyCheck {
    /// Every n-th body is parsed as a whole, unless its bytes were parsed before; after a bad one, every body
    /// is, until one is good.
    parse_every: u64,
    checked: AtomicU64,
    last: Mutex<Option<Arc<Judged>>>,
    facts: Mutex<Option<Exposition>>,
}

/// A body as on the wire, and what was found. An exporter serves the same bytes until its next refresh,
/// and the same bytes need no second look.
#[derive(Debug)]
struct Judged {
    body: Vec<u8>,
    found: Result<Depth, Failure>,
}

/// A body while it arrives. As long as it repeats the one that was judged last, nothing of it is kept.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    last: Option<Arc<Judged>>,
    /// So many bytes repeat the last body; with `own`, they are in it.
    repeated: usize,
    own: Option<Vec<u8>>,
}

impl Incoming {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if let Some(own) = &mut self.own {
            own.extend_from_slice(chunk);
            return;
        }
        let last = self.last.as_ref().map_or(&[][..], |last| &last.body);
        if last[self.repeated..].starts_with(chunk) {
            self.repeated += chunk.len();
        } else {
            let mut own = Vec::with_capacity(last.len().max(self.repeated + chunk.len()));
            own.extend_from_slice(&last[..self.repeated]);
            own.extend_from_slice(chunk);
            self.own = Some(own);
        }
    }

    /// Bytes that have arrived.
    pub(crate) fn len(&self) -> usize {
        self.own.as_ref().map_or(self.repeated, Vec::len)
    }

    /// The body that this one repeats to its last byte, or else what has arrived.
    fn end(self) -> Result<Arc<Judged>, Vec<u8>> {
        match (self.own, self.last) {
            (None, Some(last)) if last.body.len() == self.repeated => Ok(last),
            (None, Some(last)) => Err(last.body[..self.repeated].to_vec()),
            (own, _) => Err(own.unwrap_or_default()),
        }
    }
}

/// How closely a good body was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// It is whole: it inflates, and ends with a line.
    Whole,
    /// Every line is well formed.
    Parsed,
}

impl BodyCheck {
    pub(crate) fn new(parse_every: u64) -> Self {
        Self {
            parse_every: parse_every.max(1),
            checked: AtomicU64::new(0),
            last: Mutex::new(None),
            facts: Mutex::new(None),
        }
    }

    /// Sizes of the last page that was parsed.
    pub(crate) fn facts(&self) -> Option<Exposition> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn last(&self) -> Option<Arc<Judged>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What takes the next body.
    pub(crate) fn incoming(&self) -> Incoming {
        Incoming { last: self.last(), ..Incoming::default() }
    }

    /// Judges one complete answer with status 200.
    ///
    /// # Errors
    /// `content` for a wrong type or a malformed page, `content_truncated` for one that ends too early.
    pub(crate) fn check(&self, headers: &HeaderMap, incoming: Incoming) -> Result<(), Failure> {
        content_type(headers)?;
        let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        let is_gzip = match encoding {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(content(format!("content encoding \"{other}\" was not asked for")));
            }
        };
        let due = self.checked.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.parse_every);
        let last = self.last();
        let is_suspicious = last.as_ref().is_some_and(|last| last.found.is_err());
        let body = incoming.end();
        let known = match &body {
            Ok(known) => Some(known),
            // Another answer may have brought this page since.
            Err(body) => last.as_ref().filter(|last| last.body == *body),
        };
        match known.map(|known| &known.found) {
            Some(Ok(Depth::Whole)) if due => {}
            Some(Ok(_)) => return Ok(()),
            Some(Err(failure)) => return Err(failure.clone()),
            None => {}
        }
        let body = body.map_or_else(|body| body, |known| known.body.clone());
        let found = self.look(is_gzip, &body, due || is_suspicious);
        let judged = Arc::new(Judged { body, found: found.clone() });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(judged);
        found.map(|_| ())
    }

    fn look(&self, is_gzip: bool, body: &[u8], parse: bool) -> Result<Depth, Failure> {
        let inflated = if is_gzip { Some(inflate(body)?) } else { None };
        let page = inflated.as_deref().unwrap_or(body);
        match page.last() {
            Some(b'\n') => {}
            Some(_) => return Err(truncated("the page ends within a line".into())),
            None => return Err(truncated("the page is empty".into())),
        }
        if !parse {
            return Ok(Depth::Whole);
        }
        let text = std::str::from_utf8(page).map_err(|_| content("the page is not UTF-8".into()))?;
        let contents = exposition::parse(text).map_err(|breach| content(breach.to_string()))?;
        let facts = Exposition {
            bytes: page.len() as u64,
            compressed_bytes: is_gzip.then_some(body.len() as u64),
            series: contents.series,
            families: contents.families,
        };
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        Ok(Depth::Parsed)
    }
}

/// `text/plain; version=0.0.4`, with whatever further parameters.
fn content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut parts = value.split(';').map(str::trim);
    if parts.next() == Some("text/plain") && parts.any(|parameter| parameter == "version=0.0.4") {
        Ok(())
    } else {
        Err(content(format!("content type is \"{value}\", expected text/plain; version=0.0.4")))
    }
}

/// Inflates a body that must be one whole gzip member and nothing else.
fn inflate(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::with_capacity(body.len().saturating_mul(8));
    let mut decoder = GzDecoder::new(body);
    (&mut decoder).take(LARGEST_PAGE_BYTES).read_to_end(&mut page).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => truncated("the gzip body ends too early".into()),
        _ => content(format!("the gzip body does not inflate: {error}")),
    })?;
    if page.len() as u64 == LARGEST_PAGE_BYTES {
        return Err(content("the gzip body inflates to more than 1 GiB".into()));
    }
    let rest = decoder.into_inner();
    if rest.is_empty() {
        Ok(page)
    } else {
        Err(content(format!("{} bytes after the gzip member", rest.len())))
    }
}

fn content(detail: String) -> Failure {
    Failure { kind: "content".into(), detail }
}

fn truncated(detail: String) -> Failure {
    Failure { kind: "content_truncated".into(), detail }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    const PAGE: &str = "# HELP a A.\n# TYPE a gauge\na 1\n";

    fn headers(kind: &'static str, encoding: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers
    }

    fn gzip(page: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn judge(check: &BodyCheck, headers: &HeaderMap, body: impl AsRef<[u8]>) -> Result<(), String> {
        let mut incoming = check.incoming();
        body.as_ref().chunks(7).for_each(|chunk| incoming.push(chunk));
        check.check(headers, incoming).map_err(|failure| format!("{}: {}", failure.kind, failure.detail))
    }

    fn check(headers: &HeaderMap, body: impl AsRef<[u8]>) -> Result<(), String> {
        judge(&BodyCheck::new(1), headers, body)
    }

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

    #[test]
    fn whole_pages_pass_plain_and_compressed() {
        let check = BodyCheck::new(1);
        assert_eq!(judge(&check, &headers(TEXT, None), PAGE), Ok(()));
        assert_eq!(check.facts().unwrap().compressed_bytes, None);
        assert_eq!(judge(&check, &headers(TEXT, Some("gzip")), gzip(PAGE)), Ok(()));
        let facts = check.facts().unwrap();
        assert_eq!((facts.bytes, facts.series, facts.families), (PAGE.len() as u64, 1, 1));
        assert_eq!(facts.compressed_bytes, Some(gzip(PAGE).len() as u64));
    }

    #[test]
    fn bytes_that_repeat_the_last_page_are_not_kept() {
        let check = BodyCheck::new(1);
        assert_eq!(judge(&check, &headers(TEXT, None), PAGE), Ok(()));
        let (half, rest) = PAGE.as_bytes().split_at(PAGE.len() / 2);
        for (chunks, expected) in [
            (vec![half, rest], Ok(true)),
            (vec![half, rest, rest], Err([PAGE.as_bytes(), rest].concat())),
            (vec![half, half, rest], Err([half, PAGE.as_bytes()].concat())),
            (vec![half], Err(half.to_vec())),
            (vec![rest], Err(rest.to_vec())),
            (vec![], Err(Vec::new())),
        ] {
            let mut incoming = check.incoming();
            chunks.iter().for_each(|chunk| incoming.push(chunk));
            assert_eq!(incoming.len(), chunks.concat().len());
            assert_eq!(incoming.end().map(|last| last.body == PAGE.as_bytes()), expected);
        }
        assert_eq!(BodyCheck::new(1).incoming().end().unwrap_err(), Vec::<u8>::new());
    }

    #[test]
    fn wrong_answers_are_named() {
        let text = headers(TEXT, None);
        let packed = headers(TEXT, Some("gzip"));
        let cases = [
            (
                check(&headers("text/html", None), PAGE),
                "content: content type is \"text/html\", expected text/plain; version=0.0.4",
            ),
            (check(&text, &PAGE[..20]), "content_truncated: the page ends within a line"),
            (check(&text, []), "content_truncated: the page is empty"),
            (check(&text, "# HELP a A.\n# TYPE a gauge\na 1\na 1\n"), "content: line 4: duplicate series a"),
            (check(&packed, &gzip(PAGE)[..20]), "content_truncated: the gzip body ends too early"),
            (check(&packed, [gzip(PAGE), gzip(PAGE)].concat()), "content: 45 bytes after the gzip member"),
            (check(&headers(TEXT, Some("br")), PAGE), "content: content encoding \"br\" was not asked for"),
        ];
        for (answer, expected) in cases {
            let answer = answer.unwrap_err();
            assert!(
                answer == expected
                    || (expected.contains(" bytes after") && answer.ends_with("bytes after the gzip member")),
                "{answer}"
            );
        }
        assert!(check(&packed, PAGE).unwrap_err().starts_with("content: the gzip body does not inflate"));
    }

    #[test]
    fn only_every_nth_body_is_parsed_until_one_is_bad() {
        let check = BodyCheck::new(3);
        let bad = |value: u8| format!("{PAGE}a {value}\n").into_bytes();
        let judge = |body: Vec<u8>| judge(&check, &headers(TEXT, None), body).is_ok();
        assert!(judge(PAGE.into()), "the first is parsed");
        assert!(judge(bad(1)), "the second is not");
        assert!(judge(bad(2)), "nor the third");
        assert!(!judge(bad(2)), "the fourth is, though its bytes came before");
        assert!(!judge(bad(2)), "the same bytes are as bad as before");
        assert!(!judge(bad(3)), "after a bad one every body is parsed");
        assert!(judge(PAGE.into()), "until one is good");
        assert!(judge(bad(4)), "then only every third again");
    }
}
