//! `reports`: draws runs and prints the schemas of the documents.
//! The work is in the library; this turns its errors into lines and exit codes.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use reports::cli::{Cli, run};

fn main() -> ExitCode {
    // Exit code 2 for a wrong command line is clap's own.
    match run(Cli::parse(), &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When standard error is gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr().lock(), "reports: {:#}", failure.error);
            ExitCode::from(failure.exit_code)
        }
    }
}
