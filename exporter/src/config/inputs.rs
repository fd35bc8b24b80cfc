//! What the configuration is read from, kept so that it can be read again while the process runs.
//! What may change in a running process is the process's business.

use std::fmt;
use std::path::PathBuf;

use super::ha::VARIABLES;
use super::load::{self, TOKEN_VARIABLE, VARIABLE_PREFIX};
use super::{Config, ConfigErrors, Setting, Settings};

/// The file, the environment and the flags of this process. Only the file can change.
pub struct Inputs {
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    flags: Vec<Setting>,
}

/// A configuration that was read, and what is known about its reading.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub settings: Settings,
    /// CRC-32 of the file; none without a file.
    pub hash: Option<u32>,
}

impl Inputs {
    pub fn new(file: Option<PathBuf>, environment: &[(String, String)], flags: Vec<Setting>) -> Self {
        let ours = |name: &str| {
            name.starts_with(VARIABLE_PREFIX)
                || name == TOKEN_VARIABLE
                || VARIABLES.iter().any(|(variable, _)| *variable == name)
        };
        let environment = environment.iter().filter(|(name, _)| ours(name)).cloned().collect();
        Self { file, environment, flags }
    }

    /// Reads everything, as it is now.
    ///
    /// # Errors
    /// Every mistake in any of them, and every combination that cannot work.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        load::everything(self.file.as_deref(), &self.environment, self.flags.clone())
    }

    /// [`Loaded::hash`] of the file as it is now; none without a file, or when it cannot be read.
    pub fn hash(&self) -> Option<u32> {
        load::read(self.file.as_deref()?).ok().map(|text| load::hash(&text))
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold a token.
        formatter.debug_struct("Inputs").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_token() {
        let environment = [("SLURM_JWT".to_owned(), "a.canary.c".to_owned())];
        assert!(!format!("{:?}", Inputs::new(None, &environment, Vec::new())).contains("canary"));
    }
}
