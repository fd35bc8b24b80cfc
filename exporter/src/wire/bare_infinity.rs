//! The bare `Infinity` that slurmrestd 24.11 writes into `/shares` of v0.0.40 and v0.0.41 (recorded), which is no JSON.
//! Here it becomes a number of the same length that reads as infinite, so that every offset stays what it is.

const WORD: &[u8; 8] = b"Infinity";

/// How other versions write it, but shorter; see `no_val`.
const NUMBER: &[u8; 8] = b"1.85e+19";

/// Where in the body the bytes so far have led to.
#[derive(Debug, Default)]
pub(super) struct BareInfinity {
    in_string: bool,
    escaped: bool,
    /// How many letters of the word have come.
    seen: usize,
}

impl BareInfinity {
    /// Replaces the word in the next bytes of the body, also where it began in the bytes before.
    pub(super) fn replace(&mut self, bytes: &mut [u8]) {
        for letter in bytes {
            if self.in_string {
                match *letter {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else if *letter == WORD[self.seen] {
                *letter = NUMBER[self.seen];
                self.seen = (self.seen + 1) % WORD.len();
            } else {
                // Another word is an error before and after.
                self.seen = 0;
                self.in_string = *letter == b'"';
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_replaced_wherever_the_chunks_end_but_not_in_text() {
        let text =
            r#"{"level": Infinity, "s": "Infinity \" Infinity", "a": [Infinity,-Infinity], "n": null}"#;
        let wanted =
            r#"{"level": 1.85e+19, "s": "Infinity \" Infinity", "a": [1.85e+19,-1.85e+19], "n": null}"#;
        for size in 1..text.len() {
            let (mut infinity, mut bytes) = (BareInfinity::default(), text.as_bytes().to_vec());
            bytes.chunks_mut(size).for_each(|chunk| infinity.replace(chunk));
            assert_eq!(String::from_utf8(bytes).unwrap(), wanted, "chunks of {size}");
        }
    }
}
