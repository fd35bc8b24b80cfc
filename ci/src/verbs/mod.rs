//! What `perf-gate` does for each verb: read, judge, write the verdict, print the table.
//! Judging itself is in `compare` and in `reports::sla`.

mod compare;
mod sla;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reports::console::print;
use reports::model::verdict::Outcome;
use reports::model::{DocumentError, Verdict, write};
use reports::settings::SettingsError;
use reports::sla::SlaError;

use crate::cli::{Cli, Verb};
use crate::runs::{RunsError, VERDICT_FILE};

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error(transparent)]
    Runs(#[from] RunsError),
    #[error(transparent)]
    Thresholds(#[from] SettingsError),
    #[error("{}: cannot be read", path.display())]
    SlaFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Sla(#[from] SlaError),
    #[error("{}: cannot be made a folder for the verdict", path.display())]
    OutFolder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(DocumentError),
    #[error("the table cannot be written")]
    Print(#[from] io::Error),
}

impl GateError {
    /// 2 for wrong input, 4 when this machine failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Runs(error) if error.is_environment() => 4,
            Self::Runs(_) | Self::Thresholds(_) | Self::SlaFile { .. } | Self::Sla(_) => 2,
            Self::OutFolder { .. } | Self::Write(_) | Self::Print(_) => 4,
        }
    }
}

/// Does what the command line says, prints table and verdict to `stdout`.
///
/// # Errors
/// When the input is wrong or the verdict cannot be written; nothing is written then.
pub fn run(cli: &Cli, stdout: &mut impl Write) -> Result<Outcome, GateError> {
    let (verdict, text) = match &cli.verb {
        Verb::Sla(args) => sla::run(args)?,
        Verb::Compare(args) => compare::run(args)?,
    };
    let (Verb::Sla(crate::cli::SlaArgs { out, .. }) | Verb::Compare(crate::cli::CompareArgs { out, .. })) =
        &cli.verb;
    if let Some(folder) = out {
        write_verdict(folder, &verdict)?;
    }
    print(stdout, &text)?;
    Ok(verdict.outcome)
}

fn write_verdict(folder: &Path, verdict: &Verdict) -> Result<(), GateError> {
    std::fs::create_dir_all(folder).map_err(|source| GateError::OutFolder { path: folder.into(), source })?;
    write(&folder.join(VERDICT_FILE), verdict).map_err(GateError::Write)
}

/// The notes below a table, one a line.
fn notes_text(notes: &[String]) -> String {
    notes.iter().map(|note| format!("note: {note}\n")).collect()
}
