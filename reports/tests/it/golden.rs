//! Comparing a text with a file of the crate; `UPDATE_GOLDEN=1` rewrites the file.
//! The difference is shown by its first line only: the diff of the rewritten file is the place to read it.

use std::fs;
use std::path::Path;

/// Panics when `file` (from the crate's folder) does not hold `text`.
pub(crate) fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some(line) = first_difference(&expected, text) {
        panic!(
            "{file} is stale from line {line}:\n  file: {}\n  now:  {}\nUPDATE_GOLDEN=1 rewrites it",
            expected.lines().nth(line - 1).unwrap_or("(end)"),
            text.lines().nth(line - 1).unwrap_or("(end)"),
        );
    }
}

/// The number of the first line that differs, from 1.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[test]
fn the_first_different_line_is_found() {
    assert_eq!(first_difference("a\nb", "a\nb"), None);
    assert_eq!(first_difference("a\nb", "a\nc"), Some(2));
    assert_eq!(first_difference("a\n", "a\nc"), Some(2));
}
