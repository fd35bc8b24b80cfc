//! Bodies that no slurmrestd sends, but whoever answers in its place may: without end, or of a size beyond reason.
//! Not here: honest answers with a fault in them (rewrite.rs).

use super::kind::list;
use super::{Fault, FaultKind};
use crate::wire::Endpoint;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::iter;
use std::sync::LazyLock;

const MIB: u64 = 1 << 20;
const PIECE: usize = 64 << 10;

/// What is sent in pieces, and its length if that can be told ahead.
pub(super) struct Payload {
    pub(super) pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    pub(super) length: Option<u64>,
}

/// Four MiB of blanks as one gzip member; members after each other are one gzip stream.
static BLANKS: LazyLock<Bytes> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let written =
        encoder.write_all(&vec![b' '; BLANKS_MIB as usize * MIB as usize]).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
});
const BLANKS_MIB: u64 = 4;

pub(super) fn payload(fault: &Fault, endpoint: Endpoint) -> Option<Payload> {
    // Where there is no list, one that a reader does not expect.
    let list = list(endpoint).unwrap_or("rows");
    Some(match fault.kind {
        FaultKind::Endless => {
            let pieces =
                iter::once(Bytes::from(format!("{{\"{list}\": ["))).chain(iter::repeat(filled(b' ')));
            Payload { pieces: Box::new(pieces), length: None }
        }
        FaultKind::GzipBomb => {
            let members = fault.count("mib").div_ceil(BLANKS_MIB);
            let length = Some(members * BLANKS.len() as u64);
            Payload { pieces: Box::new(times(BLANKS.clone(), members)), length }
        }
        FaultKind::HugeString => {
            let text = times(filled(b'a'), fault.count("mib") * MIB / PIECE as u64);
            enclosed(format!("{{\"{list}\": [{{\"name\": \""), text, fault.count("mib") * MIB, "\"}]}")
        }
        FaultKind::DeepNesting => {
            let depth = fault.count("depth");
            let brackets = run(b'[', depth).chain(run(b']', depth));
            enclosed(format!("{{\"{list}\": [{{\"deep\": "), brackets, 2 * depth, "}]}")
        }
        FaultKind::ManyLabels => {
            let rows = fault.count("names").div_ceil(NAMES_PER_ROW);
            let length = named_rows_length(endpoint, rows);
            enclosed(
                format!("{{\"{list}\": ["),
                named_rows(endpoint, rows),
                length,
                "], \"errors\": [], \"warnings\": []}",
            )
        }
        _ => return None,
    })
}

fn filled(byte: u8) -> Bytes {
    vec![byte; PIECE].into()
}

fn times(bytes: Bytes, count: u64) -> impl Iterator<Item = Bytes> + Send + use<> {
    (0..count).map(move |_| bytes.clone())
}

/// So many equal bytes.
fn run(byte: u8, count: u64) -> impl Iterator<Item = Bytes> + Send + use<> {
    let piece = filled(byte);
    let rest = piece.slice(..(count % PIECE as u64) as usize);
    times(piece, count / PIECE as u64).chain(iter::once(rest))
}

fn enclosed(
    before: String,
    pieces: impl Iterator<Item = Bytes> + Send + 'static,
    length: u64,
    after: &'static str,
) -> Payload {
    let length = length + (before.len() + after.len()) as u64;
    let pieces =
        iter::once(before.into()).chain(pieces).chain(iter::once(Bytes::from_static(after.as_bytes())));
    Payload { pieces: Box::new(pieces), length: Some(length) }
}

const NAMES_PER_ROW: u64 = 3;

/// Rows with names of their own, in pieces; as little else as a reader needs, so that there can be many of them.
fn named_rows(endpoint: Endpoint, rows: u64) -> impl Iterator<Item = Bytes> + Send + use<> {
    let mut next = 0;
    iter::from_fn(move || {
        let mut piece = String::with_capacity(PIECE + 512);
        while next < rows && piece.len() < PIECE {
            piece.push_str(if next == 0 { "" } else { "," });
            piece.push_str(&named_row(endpoint, next));
            next += 1;
        }
        (!piece.is_empty()).then(|| piece.into())
    })
}

/// What [`named_rows`] makes in all, without making it: rows differ only in how often which number stands in them.
fn named_rows_length(endpoint: Endpoint, rows: u64) -> u64 {
    let (mut digits, mut from) = (0, 0);
    for (number_of_digits, up_to) in (1..).zip((1..).map(|power| 10u64.saturating_pow(power))) {
        digits += number_of_digits * (up_to.min(rows) - from);
        from = up_to;
        if up_to >= rows {
            break;
        }
    }
    let row = named_row(endpoint, 7);
    let numbers = row.matches('7').count() as u64;
    rows * (row.len() as u64 - numbers) + numbers * digits + rows.saturating_sub(1)
}

fn named_row(endpoint: Endpoint, row: u64) -> String {
    match endpoint {
        Endpoint::Nodes => format!(
            "{{\"name\":\"n{row}\",\"state\":[\"IDLE\"],\"cpus\":1,\"alloc_cpus\":0,\"real_memory\":1,\
             \"alloc_memory\":0,\"partitions\":[\"p{row}\"],\"gres\":\"\",\"gres_used\":\"\",\"reason\":\"r{row}\"}}"
        ),
        _ => format!(
            "{{\"job_id\":{row},\"job_state\":[\"PENDING\"],\"cpus\":1,\"node_count\":1,\"tres_req_str\":\"\",\
             \"tres_alloc_str\":\"\",\"partition\":\"p{row}\",\"user_name\":\"u{row}\",\"account\":\"a{row}\"}}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, endpoint: Endpoint) -> Vec<u8> {
        let payload = payload(&text.parse().unwrap(), endpoint).unwrap();
        let bytes = payload.pieces.collect::<Vec<_>>().concat();
        assert!(payload.length.is_none_or(|length| length == bytes.len() as u64), "{text}");
        bytes
    }

    #[test]
    fn payloads_have_the_length_that_they_promise_and_are_json() {
        for text in
            ["huge-string:mib=1", "deep-nesting:depth=100", "many-labels:names=9", "many-labels:names=3500"]
        {
            for endpoint in [Endpoint::Nodes, Endpoint::Jobs] {
                serde_json::from_slice::<serde_json::Value>(&body(text, endpoint)).unwrap();
            }
        }
        let deep = body("deep-nesting:depth=65537", Endpoint::Jobs);
        assert_eq!(deep.iter().filter(|byte| **byte == b'[').count(), 65_537 + 1);
        let rows: serde_json::Value =
            serde_json::from_slice(&body("many-labels:names=10", Endpoint::Nodes)).unwrap();
        assert_eq!(rows["nodes"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn the_bomb_unpacks_to_what_was_asked_for() {
        let bytes = body("gzip-bomb:mib=8", Endpoint::Jobs);
        let mut blanks = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut blanks).unwrap();
        assert!(blanks.len() == 8 << 20 && bytes.len() < 16 << 10, "{} in {}", blanks.len(), bytes.len());
    }
}
