//! A file for nobody's eyes but ours: the key that signs tokens, and the token. Gone when the run is over.
//! What is in it is the caller's.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;

use anyhow::Context as _;

#[derive(Debug)]
pub(super) struct SecretFile {
    pub(super) path: PathBuf,
}

impl SecretFile {
    pub(super) fn create(path: PathBuf, content: &[u8]) -> anyhow::Result<Self> {
        let file = Self { path };
        write(&file.path, content).with_context(|| format!("{}: cannot be written", file.path.display()))?;
        Ok(file)
    }

    /// A key that nobody can guess.
    pub(super) fn random(path: PathBuf) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut key))
            .context("/dev/urandom")?;
        Self::create(path, &key)
    }

    /// Puts other content in its place, at once: no reader sees half of it.
    pub(super) fn replace(&self, content: &[u8]) -> anyhow::Result<()> {
        let fresh = self.path.with_extension("new");
        write(&fresh, content)
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .with_context(|| format!("{}: cannot be replaced", self.path.display()))
    }
}

fn write(path: &PathBuf, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A file from an earlier run keeps its mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(content)
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove the secret file");
        }
    }
}
