//! `bench-report`: parse the arguments, report, end with the exit code of the outcome.
//! Errors are one line on stderr.

use std::io::{self, Write as _};
use std::process::ExitCode;

use benchmarks::cli::{Cli, run};
use clap::Parser as _;
use reports::console::error_line;

fn main() -> ExitCode {
    match run(&Cli::parse(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without stderr there is nobody left to tell; the exit code remains.
            drop(writeln!(io::stderr(), "bench-report: {}", error_line(&failure)));
            ExitCode::from(failure.exit_code())
        }
    }
}
