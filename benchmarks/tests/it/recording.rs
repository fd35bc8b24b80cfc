//! A copy of the recorded criterion folder to spoil, with all its files of this moment.
//! It lacks the network group, so that there is something to miss.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder as `cargo bench` leaves it, for one test.
pub(crate) struct Recording(TempDir);

impl Recording {
    pub(crate) fn copy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/criterion"), folder.path());
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, benchmark: &str, name: &str) -> PathBuf {
        self.path().join(benchmark).join("new").join(name)
    }

    pub(crate) fn remove(&self, group: &str) {
        fs::remove_dir_all(self.path().join(group)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // Written anew rather than copied, so that a checkout's times play no part.
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
