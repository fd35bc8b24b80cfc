//! Leaves out what lies deep inside a long JSON value, so that it can be kept whole without being kept entire:
//! a job on 500 nodes of 128 cores is 12 MB, of which the exporter reads 2 KB. Or hands its parts on one by one, where
//! they are what is read: a finished job may have 10,000 steps of 5 KB. It knows nothing of Slurm.

/// Containers nested deeper than this are kept as empty ones. Nothing that is read lies deeper.
const KEPT_DEPTH: u32 = 3;

/// Where in a value the bytes so far have led to.
#[derive(Debug, Default)]
pub(super) struct Elider {
    depth: u32,
    in_string: bool,
    escaped: bool,
    parts: Parts,
}

/// The objects in lists that are members of the value.
#[derive(Debug, Default)]
enum Parts {
    /// They are elided like anything else.
    #[default]
    Inside,
    /// Each is handed on and leaves `{}` behind; nothing else is elided.
    Apart { in_list: bool, start: Option<usize> },
}

impl Elider {
    /// One that hands the parts on.
    pub(super) fn with_parts() -> Self {
        Self { parts: Parts::Apart { in_list: false, start: None }, ..Self::default() }
    }

    /// Takes the next bytes of a list or an object and appends what is kept of them; `part` gets each part that ends.
    /// Gives the number of bytes up to the end of the value, once it has ended.
    ///
    /// # Errors
    /// Those of `part`.
    pub(super) fn take<E>(
        &mut self,
        bytes: &[u8],
        kept: &mut Vec<u8>,
        mut part: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        for (at, letter) in bytes.iter().enumerate() {
            let mut keep = self.keeps();
            let mut part_ended = None;
            if self.in_string {
                match letter {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match letter {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => {
                        self.depth = self.depth.saturating_add(1);
                        if let Parts::Apart { in_list, start } = &mut self.parts {
                            match (self.depth, *letter) {
                                (2, letter) => *in_list = letter == b'[',
                                (3, b'{') if *in_list => *start = Some(kept.len()),
                                _ => {}
                            }
                        }
                    }
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        keep = self.keeps();
                        if let (Parts::Apart { start, .. }, 2) = (&mut self.parts, self.depth) {
                            part_ended = start.take();
                        }
                    }
                    _ => {}
                }
            }
            if keep {
                kept.push(*letter);
            }
            if let Some(start) = part_ended {
                part(&kept[start..])?;
                kept.truncate(start);
                kept.extend_from_slice(b"{}");
            }
            if self.depth == 0 {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    fn keeps(&self) -> bool {
        self.depth <= KEPT_DEPTH || matches!(self.parts, Parts::Apart { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn elide(chunks: &[&str]) -> (String, Option<usize>) {
        let (mut elider, mut kept) = (Elider::default(), Vec::new());
        let mut end = None;
        for chunk in chunks {
            let Ok(taken) = elider.take(chunk.as_bytes(), &mut kept, |_| Ok::<_, Infallible>(()));
            end = taken;
        }
        (String::from_utf8(kept).unwrap(), end)
    }

    #[test]
    fn what_is_deep_becomes_an_empty_container() {
        let value = r#"{"a":{"b":{"c":[1,{"d":2}],"e":"]}\"{"},"f":[[3]]},"g":4}"#;
        // Depth 4 is emptied: `c`, and the list in `f`.
        let kept = r#"{"a":{"b":{"c":[],"e":"]}\"{"},"f":[[]]},"g":4}"#;
        assert_eq!(elide(&[value, ", more"][..1]), (kept.into(), Some(value.len())));
        for cut in 1..value.len() {
            let (first, second) = value.split_at(cut);
            assert_eq!(elide(&[first, second]), (kept.into(), Some(value.len() - cut)), "cut at {cut}");
        }
    }

    #[test]
    fn parts_are_handed_on_wherever_the_chunks_end() {
        let value =
            r#"{"a":{"b":[{"deep":1}]},"steps":[{"id":"}]","t":[{"c":1}]}, {"n":{"m":2}}],"c":[[{}],1]}"#;
        let kept = r#"{"a":{"b":[{"deep":1}]},"steps":[{}, {}],"c":[[{}],1]}"#;
        for cut in 0..value.len() {
            let (mut elider, mut text, mut parts) = (Elider::with_parts(), Vec::new(), Vec::new());
            let (first, second) = value.split_at(cut);
            let mut end = None;
            for chunk in [first, second] {
                let Ok(taken) = elider.take(chunk.as_bytes(), &mut text, |part| {
                    parts.push(String::from_utf8(part.to_vec()).unwrap());
                    Ok::<_, Infallible>(())
                });
                end = taken;
            }
            assert_eq!(
                (String::from_utf8(text).unwrap(), end),
                (kept.into(), Some(second.len())),
                "cut at {cut}"
            );
            assert_eq!(parts, [r#"{"id":"}]","t":[{"c":1}]}"#, r#"{"n":{"m":2}}"#]);
        }
    }

    #[test]
    fn a_value_that_goes_on_has_no_end() {
        assert_eq!(elide(&["[[[[[1,2"]).1, None);
        assert_eq!(elide(&["[1,\"]"]).1, None);
        assert_eq!(elide(&["[1],2"]), ("[1]".into(), Some(3)));
    }
}
