//! Where the programs under test are: named by flag, built by cargo, beside us, or on PATH.
//! It builds only under `cargo run`, where the same command must work on a fresh checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

pub(crate) const EXPORTER: &str = "slurm-exporter";
pub(crate) const SIMULATOR: &str = "mock-slurmrestd";

/// The two programs of the stack.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    pub(crate) exporter: PathBuf,
    pub(crate) simulator: PathBuf,
}

impl Binaries {
    /// Finds both, and builds them first under `cargo run`, unless both are named.
    ///
    /// # Errors
    /// When one is not found, or cargo cannot build them.
    pub(crate) fn find(exporter: Option<&Path>, simulator: Option<&Path>) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("own executable")?;
        if let (Some(cargo), Some(profile)) = (std::env::var_os("CARGO"), cargo_profile(&own))
            && (exporter.is_none() || simulator.is_none())
        {
            build(Path::new(&cargo), profile)?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let find = |flag: &str, named: Option<&Path>, name: &str| match named {
            Some(named) => Ok(named.to_owned()),
            None => beside(&own, name)
                .or_else(|| {
                    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
                })
                .with_context(|| {
                    format!("{name} is neither beside {} nor on PATH: name it by {flag}", own.display())
                }),
        };
        Ok(Self {
            exporter: find("--exporter-bin", exporter, EXPORTER)?,
            simulator: find("--simulator-bin", simulator, SIMULATOR)?,
        })
    }
}

fn beside(own: &Path, name: &str) -> Option<PathBuf> {
    Some(own.parent()?.join(name)).filter(|file| file.is_file())
}

/// `debug` or `release`, when the executable is where cargo puts it.
fn cargo_profile(own: &Path) -> Option<&'static str> {
    let folder = own.parent()?;
    ["debug", "release"].into_iter().find(|profile| folder.file_name().is_some_and(|name| name == *profile))
}

fn build(cargo: &Path, profile: &str) -> anyhow::Result<()> {
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "exporter", "--package", "mock-slurmrestd", "--bins"]);
    if profile == "release" {
        command.arg("--release");
    }
    // `cargo run` sets the package's folder; cargo finds the workspace from there, wherever it was called.
    if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(folder);
    }
    tracing::info!(profile, "building the exporter and the simulator");
    let status = command.status().with_context(|| format!("failed to run {}", cargo.display()))?;
    if status.success() {
        Ok(())
    } else {
        bail!("cargo could not build the exporter and the simulator ({status})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_read_from_the_own_place() {
        assert_eq!(cargo_profile(Path::new("/x/target/release/loadtest")), Some("release"));
        assert_eq!(cargo_profile(Path::new("/x/target/debug/loadtest")), Some("debug"));
        assert_eq!(cargo_profile(Path::new("/usr/bin/loadtest")), None);
    }
}
