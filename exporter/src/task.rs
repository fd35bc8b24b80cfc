//! What a subcommand does with a ready configuration: ask Slurm once, write what came where it belongs, and end.
//! Answers go to stdout, complaints to stderr. The exporter that goes on for ever is in `process`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::{Config, Slurm};
use crate::doctor::{self, Mark};
use crate::{process, source};

/// What is to be done, once.
#[derive(Debug)]
pub enum Task {
    /// Write every answer of a cluster to a folder.
    Record { slurm: Box<Slurm>, out: PathBuf, anonymise: bool },
    /// Print the page.
    Once(Box<Config>),
    /// Say what is well and what is not.
    Doctor(Box<Config>),
}

impl Task {
    /// Does it. 0 when all is well, 1 when something in the answer is not, 4 when there is no answer.
    pub fn run(&self) -> ExitCode {
        let runtime = tokio::runtime::Runtime::new().context("failed to start the async runtime");
        let is_well = runtime.and_then(|runtime| match self {
            Self::Record { slurm, out, anonymise } => {
                let lines = runtime.block_on(source::record(slurm, out, *anonymise))?;
                let lines = lines.iter().map(|line| format!("{}: {}\n", line.endpoint, line.outcome));
                print(format!("{}written: {}\n", lines.collect::<String>(), out.display()).as_bytes())?;
                Ok(true)
            }
            Self::Once(config) => runtime.block_on(once(config)),
            Self::Doctor(config) => runtime.block_on(examine(config)),
        });
        match is_well {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => {
                complain(&format!("{error:#}"));
                ExitCode::from(4)
            }
        }
    }
}

/// Prints the page; whether it holds what every endpoint gives.
async fn once(config: &Config) -> anyhow::Result<bool> {
    config.warnings.iter().for_each(|warning| complain(warning));
    let once = process::once(config).await?;
    once.failures.iter().for_each(|failure| complain(failure));
    for part in once.page.identity() {
        print(part)?;
    }
    Ok(once.failures.is_empty())
}

/// Prints what was found of each cluster; whether nothing is wrong.
async fn examine(config: &Config) -> anyhow::Result<bool> {
    config.warnings.iter().for_each(|warning| complain(warning));
    let mut is_well = true;
    for slurm in config.clusters() {
        let place = doctor::place(slurm);
        let title = slurm.name.as_ref().map_or(place.clone(), |name| format!("{name}: {place}"));
        print(format!("{title}\n").as_bytes())?;
        for finding in doctor::examine(slurm).await? {
            is_well &= finding.mark != Mark::Wrong;
            print(format!("  {finding}\n").as_bytes())?;
        }
    }
    Ok(is_well)
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    io::stdout().lock().write_all(bytes).context("failed to write to stdout")
}

fn complain(line: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
