//! Drawing a run and its verdict: pure functions from the model to text, and one function that writes the files.
//! It judges nothing; figures come from the record and outcomes from the verdict.
//!
//! To add a format: one file here with `fn render(&RunRecord, Option<&Verdict>) -> String`, its `mod` line, and
//! its entry in `FORMATS`. Figures come from `summary`, so that every format shows the same ones.

mod html;
mod index;
mod junit;
mod markdown;
mod plot;
mod summary;

use std::path::{Path, PathBuf};

pub use index::{Listed, index};
pub use plot::{Plot, plots};

use crate::model::format::write_whole;
use crate::model::{RunRecord, Verdict};

/// A file of a report.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub file: &'static str,
    pub render: fn(&RunRecord, Option<&Verdict>) -> String,
}

/// All formats, in the order in which they are written.
pub const FORMATS: [Format; 3] = [
    Format { file: "report.html", render: html::render },
    Format { file: "summary.md", render: markdown::render },
    Format { file: "junit.xml", render: junit::render },
];

/// A file or folder that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written", path.display())]
pub struct WriteError {
    pub path: PathBuf,
    pub source: std::io::Error,
}

/// Writes every format into `dir`, which is made when it does not exist. All texts are made before the first
/// file is written, and each file appears whole.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write_all(dir: &Path, run: &RunRecord, verdict: Option<&Verdict>) -> Result<(), WriteError> {
    let texts = FORMATS.map(|format| (format.file, (format.render)(run, verdict)));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError { path, source }
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    for (file, text) in texts {
        let path = dir.join(file);
        write_whole(&path, text.as_bytes()).map_err(failed(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_this_folder_is_registered_once() {
        let mut files: Vec<_> = FORMATS.iter().map(|format| format.file).collect();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files.len(), FORMATS.len());
        // What is no format of a single run.
        const OTHERS: [&str; 3] = ["index.rs", "mod.rs", "summary.rs"];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render");
        let sources = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let formats = sources.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".rs"));
        assert_eq!(formats.filter(|name| !OTHERS.contains(&name.as_str())).count(), FORMATS.len());
    }
}
