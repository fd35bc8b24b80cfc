//! The files of the workspace, as the rules read them.
//! Only what belongs to the project: build output and files that git does not track are left out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One file: its path from the root with forward slashes, and its text where it is UTF-8.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: Option<String>,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: Some(text.into()) }
    }

    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or("")
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every file of the workspace, read once.
pub(crate) fn workspace() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        let paths = tracked(root()).unwrap_or_else(|| walked(root()));
        let files: Vec<SourceFile> = paths
            .into_iter()
            .filter_map(|path| {
                let bytes = std::fs::read(root().join(&path)).ok()?;
                Some(SourceFile { path, text: String::from_utf8(bytes).ok() })
            })
            .collect();
        // A listing that found nothing would let every rule pass.
        assert!(files.iter().any(|file| file.path == "Cargo.toml"), "no workspace in {}", root().display());
        files
    })
}

/// The files under `folder` whose names end in `suffix`.
pub(crate) fn under<'a>(files: &'a [SourceFile], folder: &str, suffix: &str) -> Vec<&'a SourceFile> {
    let prefix = format!("{folder}/");
    files.iter().filter(|file| file.path.starts_with(&prefix) && file.path.ends_with(suffix)).collect()
}

/// What git tracks; `None` outside a checkout, as in a source archive.
fn tracked(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output().ok()?;
    let list = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let path = folder.join(&name);
            let output = matches!(name.to_str(), Some(".git" | "target" | "loadtest-results"));
            if root.join(&path).is_dir() {
                if !output {
                    folders.push(path);
                }
            } else {
                paths.push(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    paths.sort();
    paths
}

#[test]
fn a_walk_finds_the_files_that_git_tracks() {
    let walked = walked(root());
    for file in workspace() {
        assert!(walked.contains(&file.path), "{} is missing in the walk", file.path);
    }
}
