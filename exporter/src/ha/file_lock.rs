//! A lock on a file that all the exporters see: whoever holds it leads, and the kernel frees it with the process.
//! On a network file system it is as good as that file system's locks are (NFS 4: yes).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::{HaError, Role};

/// More than any holder writes.
const LONGEST_NAME: u64 = 512;

#[derive(Debug)]
pub(super) struct FileLock {
    path: PathBuf,
    /// What the others may call us; written into the file.
    name: String,
    held: Option<File>,
}

impl FileLock {
    pub(super) fn new(path: PathBuf, name: String) -> Self {
        Self { path, name, held: None }
    }

    /// Tries to get the lock, or looks whether what is locked still is the file that the others see.
    pub(super) fn attempt(&mut self) -> (Role, Option<HaError>) {
        self.try_to_lead().unwrap_or_else(|error| {
            // Nobody can say who holds it: better none leads for a moment than two.
            self.held = None;
            let failed = HaError::Lock { path: self.path.display().to_string(), message: error.to_string() };
            (Role::Standby { leader: None }, Some(failed))
        })
    }

    fn try_to_lead(&mut self) -> io::Result<(Role, Option<HaError>)> {
        if let Some(file) = &self.held {
            if self.is_ours(file)? {
                return Ok((Role::Leader, None));
            }
            self.held = None;
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        match file.try_lock() {
            // It may have been replaced since it was opened.
            Ok(()) if self.is_ours(&file)? => {
                file.set_len(0)?;
                file.write_all(self.name.as_bytes())?;
                self.held = Some(file);
                Ok((Role::Leader, None))
            }
            Ok(()) => Ok((Role::Standby { leader: None }, None)),
            Err(TryLockError::WouldBlock) => {
                let mut name = String::new();
                file.rewind()?;
                // Whatever stands there, it is locked.
                let read = file.take(LONGEST_NAME).read_to_string(&mut name);
                let leader = Some(name).filter(|name| read.is_ok() && !name.is_empty());
                Ok((Role::Standby { leader }, None))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether the path still leads to this file.
    fn is_ours(&self, file: &File) -> io::Result<bool> {
        let (there, here) = (std::fs::metadata(&self.path)?, file.metadata()?);
        Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
    }

    pub(super) fn release(&mut self) {
        // Closing it frees the lock; the file stays, since removing it would leave two to lock.
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks() -> (tempfile::TempDir, FileLock, FileLock) {
        let folder = tempfile::tempdir().unwrap();
        let lock = |name: &str| FileLock::new(folder.path().join("lock"), name.to_owned());
        let (one, other) = (lock("one"), lock("other"));
        (folder, one, other)
    }

    #[test]
    fn one_leads_and_the_other_knows_whom_it_follows() {
        let (_folder, mut one, mut other) = locks();
        assert_eq!(one.attempt().0, Role::Leader);
        assert_eq!(other.attempt().0, Role::Standby { leader: Some("one".to_owned()) });
        assert_eq!(one.attempt().0, Role::Leader);
        one.release();
        assert_eq!(other.attempt().0, Role::Leader);
        assert_eq!(one.attempt().0, Role::Standby { leader: Some("other".to_owned()) });
    }

    #[test]
    fn a_lock_on_a_file_that_the_others_no_longer_see_is_none() {
        let (folder, mut one, mut other) = locks();
        assert_eq!(one.attempt().0, Role::Leader);
        std::fs::remove_file(folder.path().join("lock")).unwrap();
        assert_eq!(other.attempt().0, Role::Leader, "a file of the same name");
        assert_eq!(one.attempt().0, Role::Standby { leader: Some("other".to_owned()) });
    }

    #[test]
    fn a_leader_whose_file_is_gone_steps_down_and_says_why() {
        let (folder, mut one, _) = locks();
        assert_eq!(one.attempt().0, Role::Leader);
        std::fs::remove_dir_all(folder.path()).unwrap();
        let (role, failed) = one.attempt();
        assert_eq!(role, Role::Standby { leader: None });
        assert!(failed.unwrap().to_string().contains("No such file"));
    }
}
