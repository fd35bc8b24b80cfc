//! The shape of the tree: folders, READMEs, the first line and the length of a file, and words that must not stay.
//! The patterns are put together here, so that this file does not break its own rules.

use std::collections::BTreeSet;

use super::assert_none;
use super::tree::{SourceFile, workspace};

const CRATES: [&str; 7] =
    ["benchmarks", "capacity", "ci", "exporter", "loadtest", "mock-slurmrestd", "reports"];
const OTHER_FOLDERS: [&str; 1] = [".ci"];
const MOST_LINES: usize = 600;

fn wrong_folders(files: &[SourceFile]) -> Vec<String> {
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.split_once('/')).map(|(folder, _)| folder).collect();
    let expected: BTreeSet<&str> = CRATES.into_iter().chain(OTHER_FOLDERS).collect();
    let missing = expected.difference(&folders).map(|folder| format!("the folder {folder} is missing"));
    let unknown =
        folders.difference(&expected).map(|folder| format!("the folder {folder} is not one of {expected:?}"));
    missing.chain(unknown).collect()
}

fn missing_readmes(files: &[SourceFile]) -> Vec<String> {
    let readme = |name: &&&str| !files.iter().any(|file| file.path == format!("{name}/README.md"));
    CRATES.iter().filter(readme).map(|name| format!("{name} has no README.md")).collect()
}

/// A path of one machine: below a home directory or a mount that other machines do not have.
fn machine_paths(files: &[SourceFile]) -> Vec<String> {
    let patterns = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    // Recordings are bytes of a real cluster; the paths in them are its own.
    for file in files.iter().filter(|file| !file.path.contains("/fixtures/")) {
        for (index, line) in file.text().lines().enumerate() {
            for pattern in &patterns {
                // After a name, as in a URL or a longer path, it is another folder of the same name.
                let begins =
                    |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.$}~".contains(c));
                if line.match_indices(pattern.as_str()).any(|(at, _)| begins(at)) {
                    found.push(format!("{}:{}: names {pattern}", file.path, index + 1));
                }
            }
        }
    }
    found
}

/// A registry other than the public one: a mirror that only some machines reach.
fn other_registries(files: &[SourceFile]) -> Vec<String> {
    let patterns =
        [["replace", "-with"].concat(), ["sparse", "+http"].concat(), ["registry", "-index"].concat()];
    let public = "registry+https://github.com/rust-lang/crates.io-index";
    let mut found = Vec::new();
    for file in files {
        for (index, line) in file.text().lines().enumerate() {
            let foreign =
                file.path == "Cargo.lock" && line.starts_with("source = ") && !line.contains(public);
            if foreign || patterns.iter().any(|pattern| line.contains(pattern.as_str())) {
                found.push(format!("{}:{}: names a package registry", file.path, index + 1));
            }
        }
    }
    found
}

fn wrong_rust_files(files: &[SourceFile]) -> Vec<String> {
    let unfinished = ["todo", "unimplemented"].map(|name| format!("{name}!"));
    let skipped = ["#[ig", "nore"].concat();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let text = file.text();
        if !text.starts_with("//!") {
            found.push(format!("{}: does not begin with //!", file.path));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            found.push(format!("{}: has {lines} lines, expected at most {MOST_LINES}", file.path));
        }
        for (index, line) in text.lines().enumerate() {
            for word in unfinished.iter().chain([&skipped]).filter(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{}: has {word}", file.path, index + 1));
            }
        }
    }
    found
}

fn check_finds(rule: fn(&[SourceFile]) -> Vec<String>, path: &str, guilty: &[String], innocent: &[&str]) {
    for text in guilty {
        assert!(!rule(&[SourceFile::new(path, text)]).is_empty(), "{text} passed");
    }
    for text in innocent {
        assert_none(&rule(&[SourceFile::new(path, text)]));
    }
}

#[test]
fn the_top_level_folders_are_the_fixed_set() {
    assert_none(&wrong_folders(workspace()));
    let good = || CRATES.iter().chain(&OTHER_FOLDERS).map(|name| SourceFile::new(&format!("{name}/x"), ""));
    assert_none(&wrong_folders(&good().collect::<Vec<_>>()));
    assert_eq!(wrong_folders(&good().skip(1).collect::<Vec<_>>()).len(), 1);
    assert_eq!(wrong_folders(&good().chain([SourceFile::new("common/x", "")]).collect::<Vec<_>>()).len(), 1);
}

#[test]
fn every_crate_has_a_readme() {
    assert_none(&missing_readmes(workspace()));
    assert_eq!(missing_readmes(&[SourceFile::new("ci/README.md", "")]).len(), CRATES.len() - 1);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    assert_none(&machine_paths(workspace()));
    let guilty = ["cd /{}/x", "\"/{}/x\"", "={}:/{}/"].map(|text| text.replace("{}", "work"));
    let innocent = ["a network/work here", "https://host.example/home/x", "${X}/home/y"];
    check_finds(machine_paths, "ci/run.sh", &guilty, &innocent);
}

#[test]
fn no_file_names_another_package_registry() {
    assert_none(&other_registries(workspace()));
    let guilty =
        [["replace", "-with = \"x\""].concat(), "source = \"registry+https://mirror.example/index\"".into()];
    let innocent = ["source = \"registry+https://github.com/rust-lang/crates.io-index\"", "name = \"x\""];
    check_finds(other_registries, "Cargo.lock", &guilty, &innocent);
}

#[test]
fn rust_files_say_what_they_are_and_are_finished() {
    assert_none(&wrong_rust_files(workspace()));
    let head = "//! What it is.\n//! What it is not.\n";
    let guilty = [
        "fn main() {}\n".to_owned(),
        format!("{head}{}", "\n".repeat(MOST_LINES)),
        [head, "fn f() { to", "do!() }\n"].concat(),
        [head, "#[ig", "nore = \"slow\"]\n"].concat(),
    ];
    check_finds(wrong_rust_files, "ci/src/x.rs", &guilty, &[head]);
}
