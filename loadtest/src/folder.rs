//! The folder of a run's results: checked before anything starts, gone again when no load began.
//! What stood there before stays, whatever happens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder to write into. Dropped before `keep`, it takes away all that was made for this run.
#[derive(Debug)]
pub(crate) struct ResultFolder {
    path: PathBuf,
    /// Folders, then files, in the order in which they were made.
    made: Vec<PathBuf>,
    kept: bool,
}

impl ResultFolder {
    /// Whether a folder can be at `path`: nothing else stands in its way.
    ///
    /// # Errors
    /// In words, with the path of what is there.
    pub(crate) fn check(path: &Path) -> Result<(), String> {
        // What cannot be looked at is found when the folder is made.
        let there = path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
        match there {
            Some((path, metadata)) if !metadata.is_dir() => {
                Err(format!("{}: is there and is not a folder", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder, and those above it, where they are missing.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let mut made: Vec<PathBuf> = path.ancestors().filter(missing).map(Into::into).collect();
        made.reverse();
        // Before the folders, so that half of them do not stay.
        let folder = Self { path: path.into(), made, kept: false };
        fs::create_dir_all(path)?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file that is about to be made in the folder.
    pub(crate) fn file(&mut self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        if !path.exists() {
            self.made.push(path.clone());
        }
        path
    }

    /// The load begins: from now on the folder tells of a run, even of one that breaks off.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for path in self.made.iter().rev() {
            // A folder that someone else put something into stays, and so do those above it.
            _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_and_what_was_there_stays() {
        let root = tempfile::tempdir().unwrap();
        let old = root.path().join("old");
        fs::create_dir(&old).unwrap();
        fs::write(old.join("a.log"), "old").unwrap();
        for name in ["old", "old/new/inner"] {
            let mut folder = ResultFolder::make(&root.path().join(name)).unwrap();
            for file in ["a.log", "b.log", "never.log"] {
                let path = folder.file(file);
                if file == "b.log" {
                    fs::write(path, "new").unwrap();
                }
            }
            assert!(folder.path().join("b.log").exists());
            drop(folder);
            assert_eq!(fs::read_dir(&old).unwrap().count(), 1, "{name}");
        }
        assert_eq!(fs::read_to_string(old.join("a.log")).unwrap(), "old");
    }

    #[test]
    fn a_folder_that_is_kept_or_that_others_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let (kept, used) = (root.path().join("kept"), root.path().join("used"));
        ResultFolder::make(&kept).unwrap().keep();
        let folder = ResultFolder::make(&used).unwrap();
        fs::write(used.join("of-someone-else"), "").unwrap();
        drop(folder);
        assert!(kept.is_dir() && used.join("of-someone-else").is_file());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let expected = Err(format!("{}: is there and is not a folder", file.display()));
        for path in [file.clone(), file.join("below/it")] {
            assert_eq!(ResultFolder::check(&path), expected);
        }
        for path in [root.path().to_owned(), root.path().join("new/inner"), PathBuf::from("new")] {
            assert_eq!(ResultFolder::check(&path), Ok(()));
        }
    }
}
