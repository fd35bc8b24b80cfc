//! The command line of `bench-report`, and what it does: read all results, write the record, print the table.
//! Nothing is written before everything is read.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use reports::model::{self, DocumentError};

use crate::record::record;
use crate::results::{self, ResultsError};
use crate::subject::{SUBJECTS, Subject};
use crate::table::markdown;

const ALL: &str = "all";

/// Turns the results of `cargo bench -p benchmarks` into a run record and prints them as a Markdown table.
#[derive(Debug, Parser)]
#[command(name = "bench-report", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// The run record to write (perf-run/v1); its folder has to exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which benchmarks have to be there
    #[arg(long, default_value = ALL, value_name = "SUBJECT", value_parser = PossibleValuesParser::new(subjects()))]
    subject: String,
    /// The folder that criterion wrote
    #[arg(long, env = "CRITERION_HOME", default_value = "target/criterion", value_name = "DIR")]
    criterion: PathBuf,
}

const EXIT_CODES: &str = "Exit codes: 0 reported, 2 wrong arguments or files that criterion did not write, 4 no \
                          results yet, or a file cannot be read or written";

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error(transparent)]
    Record(#[from] DocumentError),
    #[error("standard output: cannot be written")]
    Output(#[from] io::Error),
}

impl Failure {
    /// 2 for wrong input, 4 for what could not be done.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Results(ResultsError::Invalid { .. } | ResultsError::Unusable { .. }) => 2,
            Self::Results(_) | Self::Record(_) | Self::Output(_) => 4,
        }
    }
}

fn subjects() -> impl Iterator<Item = &'static str> {
    SUBJECTS.iter().map(|subject| subject.name).chain([ALL])
}

/// Does what the command line says.
///
/// # Errors
/// See [`Failure::exit_code`]. The record is written whole or not at all.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<(), Failure> {
    let wanted = |subject: &&Subject| cli.subject == ALL || cli.subject == subject.name;
    let subjects: Vec<Subject> = SUBJECTS.iter().filter(wanted).copied().collect();
    let results = results::read(&cli.criterion, &subjects)?;
    if let Some(path) = &cli.out {
        model::write(path, &record(&cli.subject, &results))?;
    }
    out.write_all(markdown(&results).as_bytes())?;
    Ok(())
}
