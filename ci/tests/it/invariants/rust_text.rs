//! Simple readings of Rust text for the rules: code without comments, identifiers, module paths.
//! It is no parser; the rules need only words and the `::` beside them.

/// The text without `//` comments, line by line; a `//` inside a string with a scheme (`http://`) is kept.
pub(crate) fn without_comments(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let comment = line.match_indices("//").map(|(at, _)| at).find(|&at| !line[..at].ends_with(':'));
        code.push_str(comment.map_or(line, |at| &line[..at]));
        code.push('\n');
    }
    code
}

/// Identifiers with the byte range they stand at.
pub(crate) fn identifiers(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter_map(move |word| {
        let start = at;
        // The separator that ended this word may be longer than one byte.
        at += word.len();
        at += code[at..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

/// The line number of byte `at`, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Lines of `text` that use one of `words` as an identifier, comments left out.
pub(crate) fn lines_with_word(text: &str, words: &[&str]) -> Vec<(usize, String)> {
    let code = without_comments(text);
    identifiers(&code)
        .filter(|(_, word)| words.contains(word))
        .map(|(at, word)| (line_of(&code, at), word.to_owned()))
        .collect()
}

/// Lines of `text` that reach into the module `name` of the own crate: `name::`, `crate::name`, `super::name`, or its
/// name in a `use crate::{...}`.
pub(crate) fn lines_with_module(text: &str, name: &str) -> Vec<usize> {
    let code = without_comments(text);
    identifiers(&code)
        .filter(|&(at, word)| {
            let (before, after) = (code[..at].trim_end(), code[at + word.len()..].trim_start());
            let from_crate = before.ends_with("crate::") || before.ends_with("super::");
            // In `std::error::Error::source` a path leads to the word; only a path that begins with it counts.
            let begins_path = after.starts_with("::") && !before.ends_with("::");
            word == name && (from_crate || begins_path || in_own_use_group(before))
        })
        .map(|(at, _)| line_of(&code, at))
        .collect()
}

/// Whether the statement that `before` is the beginning of is a `use crate::{` or `use super::{` that is still open
/// at its first level.
fn in_own_use_group(before: &str) -> bool {
    let statement = before.rsplit(';').next().unwrap_or("");
    let Some(start) = statement.rfind("use ") else { return false };
    let path = statement[start + 4..].trim_start();
    let group = path.trim_start_matches("super::").trim_start_matches("crate::");
    let depth = group.matches('{').count() as i32 - group.matches('}').count() as i32;
    group.len() < path.len() && group.starts_with('{') && depth == 1 && !before.ends_with("::")
}

#[test]
fn comments_are_no_code() {
    assert_eq!(
        without_comments("let a = 1; // wire::x\n//! http\nlet u = \"http://x\";"),
        "let a = 1; \n\nlet u = \"http://x\";\n"
    );
}

#[test]
fn modules_are_found_in_every_spelling() {
    for (code, found) in [
        ("use crate::wire::Node;", true),
        ("use crate::{model, wire};", true),
        ("use crate::{model::{Node, Job}, wire::Api};", true),
        ("fn f() { wire::decode() }", true),
        ("use super::super::wire;", true),
        ("use crate::model::{wire};", false),
        ("let wire = 1;", false),
        ("hardwire::x()", false),
        ("// crate::wire", false),
    ] {
        // The group rule looks one level deep on purpose: `model::{wire}` is another module.
        let lines = lines_with_module(code, "wire");
        assert_eq!(!lines.is_empty(), found, "{code}");
    }
    assert!(lines_with_module("std::error::Error::source(e)", "source").is_empty());
}

#[test]
fn words_are_whole_identifiers() {
    assert_eq!(lines_with_word("use a;\nlet é = http;", &["http"]), vec![(2, "http".to_owned())]);
    assert!(lines_with_word("let https = 1;", &["http"]).is_empty());
}
