//! `perf-gate`: parse the arguments, let the verb judge, end with the exit code of the verdict.
//! Errors are one line on stderr.

use std::io::{self, Write as _};
use std::process::ExitCode;

use ci::cli::Cli;
use clap::Parser as _;
use reports::console::error_line;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match ci::run(&cli, &mut io::stdout().lock()) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => {
            // Without stderr there is nobody left to tell; the exit code remains.
            drop(writeln!(io::stderr(), "perf-gate: {}", error_line(&error)));
            ExitCode::from(error.exit_code())
        }
    }
}
