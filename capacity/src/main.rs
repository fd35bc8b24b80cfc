//! `capacity`: parse the arguments, plan, end with the exit code of the answer.
//! Errors are one line on stderr.

use std::io::{self, Write as _};
use std::process::ExitCode;

use capacity::cli::Cli;
use clap::Parser as _;
use reports::console::error_line;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match capacity::run(&cli, &mut io::stdout().lock()) {
        Ok(answer) => ExitCode::from(answer.exit_code()),
        Err(error) => {
            // Without stderr there is nobody left to tell; the exit code remains.
            drop(writeln!(io::stderr(), "capacity: {}", error_line(&error)));
            ExitCode::from(error.exit_code())
        }
    }
}
