//! Independent pieces of one gzip member: each piece is raw deflate that ends at a byte boundary.
//! Nothing here knows what the bytes mean or how pieces are ordered.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const MEMBER_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The final block: fixed Huffman codes, empty.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// Bytes as they are and as a piece of a member.
#[derive(Debug, Clone)]
pub(super) struct Frozen {
    pub(super) identity: Bytes,
    pub(super) deflated: Bytes,
    crc: u32,
}

/// The reusable compressor.
pub(super) struct Deflater {
    compress: Compress,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Deflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflater").field("scratch", &self.scratch.capacity()).finish()
    }
}

impl Deflater {
    pub(super) fn new(level: u32) -> Deflater {
        Deflater { compress: Compress::new(Compression::new(level), false), scratch: Vec::new() }
    }

    /// Deflates `identity` with an empty window (so that it stands anywhere) up to a full flush.
    pub(super) fn freeze(&mut self, mut identity: Vec<u8>) -> Frozen {
        identity.shrink_to_fit();
        self.compress.reset();
        self.scratch.clear();
        let mut consumed = 0;
        loop {
            self.scratch.reserve(64 * 1024);
            self.compress
                .compress_vec(&identity[consumed..], &mut self.scratch, FlushCompress::Full)
                .expect("deflate into a growing buffer has no error case");
            consumed = usize::try_from(self.compress.total_in()).unwrap_or(usize::MAX);
            // Room left over means that the flush marker is written, too.
            if self.scratch.len() < self.scratch.capacity() {
                break;
            }
        }
        let deflated = Bytes::copy_from_slice(&self.scratch);
        let crc = crc32fast::hash(&identity);
        Frozen { identity: identity.into(), deflated, crc }
    }
}

/// One gzip member as chunks: its header, every piece, its end.
pub(super) fn member<'a>(pieces: impl Iterator<Item = &'a Frozen>) -> Vec<Bytes> {
    let mut checksum = crc32fast::Hasher::new();
    let mut chunks = vec![Bytes::from_static(&MEMBER_HEADER)];
    let mut length = 0_u64;
    for piece in pieces {
        let piece_length = piece.identity.len() as u64;
        checksum.combine(&crc32fast::Hasher::new_with_initial_len(piece.crc, piece_length));
        length += piece_length;
        chunks.push(piece.deflated.clone());
    }
    let mut end = Vec::with_capacity(10);
    end.extend_from_slice(&LAST_BLOCK);
    end.extend_from_slice(&checksum.finalize().to_le_bytes());
    // The format keeps the length modulo 2^32.
    end.extend_from_slice(&(length as u32).to_le_bytes());
    chunks.push(end.into());
    chunks
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        let mut out = Vec::new();
        decoder.read_to_end(&mut out).unwrap();
        assert!(decoder.into_inner().is_empty(), "the only member ends with the input");
        out
    }

    #[test]
    fn pieces_join_to_one_member_in_any_order() {
        let mut deflater = Deflater::new(1);
        let texts = ["first\n".repeat(5_000), String::new(), "second\n".to_owned(), "x".repeat(300_000)];
        let pieces: Vec<Frozen> = texts.iter().map(|text| deflater.freeze(text.clone().into())).collect();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 2, 0, 2]] {
            let bytes = member(order.iter().map(|&at| &pieces[at])).concat();
            let expected: String = order.iter().map(|&at| texts[at].as_str()).collect();
            assert_eq!(inflate(&bytes), expected.as_bytes());
            let mut any_members = Vec::new();
            flate2::bufread::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut any_members).unwrap();
            assert_eq!(any_members, expected.as_bytes());
        }
    }

    #[test]
    fn a_member_of_nothing_is_valid() {
        assert_eq!(inflate(&member(std::iter::empty()).concat()), b"");
    }

    #[test]
    fn output_that_exactly_fills_the_buffer_is_still_flushed() {
        // Incompressible input of many lengths meets every fill state of the 64 KiB steps.
        let mut seed = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .take(65_600)
        .collect();
        for length in 65_400..65_600 {
            let mut deflater = Deflater::new(1);
            let piece = deflater.freeze(noise[..length].to_vec());
            assert_eq!(inflate(&member([piece].iter()).concat()), &noise[..length]);
        }
    }
}
