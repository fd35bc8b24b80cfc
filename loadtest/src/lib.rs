//! Drives an exporter with closed- or open-loop load, samples it, and judges the run against service level rules.
//! What is measured is the shipped programs, over HTTP; nothing of them is linked in here.
//!
//! `run` is one run from start to verdict. Its load is made by `closed` (users) or `open` (arrivals), both by one `probe`
//! into one `recorder`. `search` makes many short runs in a row to find the capacity.

mod abort;
mod body;
mod cgroup;
mod cli;
mod clock;
mod closed;
mod dry_run;
mod exposition;
mod folder;
mod interval_log;
mod judgeable;
mod merge;
mod open;
mod oracle;
mod output;
mod presence;
mod probe;
mod progress;
mod prometheus;
mod push;
mod recorder;
mod run;
mod sample;
mod scenario;
mod search;
mod selftest;
mod stack;
mod steady;
mod stop;
mod suite;
mod validity;

use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::Command;
pub use crate::cli::{Cli, UsageError};
use crate::scenario::Scenario;

/// Does what the command line asks for and returns the exit code of an answer (0, 1, 3, 130, 143).
///
/// # Errors
/// `UsageError` for what is wrong with the request (exit code 2); anything else could not be run (4).
pub fn execute(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::List => {
            let mut out = anstream::stdout().lock();
            for scenario in Scenario::all().map_err(anyhow::Error::from)? {
                writeln!(out, "{:<16} {}", scenario.name, scenario.description)?;
            }
            Ok(0)
        }
        Command::Merge(arguments) => {
            let sla = arguments.sla()?;
            merge::merge(&arguments.folders, &arguments.out, sla).map_err(|error| {
                match error.downcast::<merge::PartError>() {
                    // Folders that do not belong together are a wrong request.
                    Ok(error) => UsageError(reports::console::error_line(&error)).into(),
                    Err(other) => other,
                }
            })
        }
        Command::Validate { files } => {
            let checked: Vec<_> = files.iter().map(|file| cli::validate(file)).collect();
            let mut out = anstream::stdout().lock();
            for what in checked.iter().flatten() {
                writeln!(out, "{what}")?;
            }
            let problems: Vec<String> =
                checked.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
            if problems.is_empty() { Ok(0) } else { Err(UsageError(problems.join("\n")).into()) }
        }
        Command::Run(arguments) => {
            let plan = arguments.plan()?;
            if plan.dry_run {
                dry_run::print(&mut anstream::stdout().lock(), &plan)?;
                return Ok(0);
            }
            runtime()?.block_on(one(plan))
        }
        Command::Suite(arguments) => {
            let (plans, out) = arguments.plans()?;
            if plans.iter().any(|plan| plan.dry_run) {
                let mut out = anstream::stdout().lock();
                plans.iter().try_for_each(|plan| dry_run::print(&mut out, plan))?;
                return Ok(0);
            }
            runtime()?.block_on(suite::run(plans, &out))
        }
        Command::Schema => {
            writeln!(anstream::stdout(), "{:#}", scenario::schema().as_value()).context("stdout")?;
            Ok(0)
        }
        Command::Selftest => runtime()?.block_on(selftest::run()),
        Command::Stub { stalls } => {
            let weather = if stalls { selftest::Weather::Stalls } else { selftest::Weather::Calm };
            runtime()?.block_on(selftest::serve(weather)).map(|()| 0)
        }
    }
}

/// One run, or the search that the scenario asks for instead.
async fn one(plan: run::Plan) -> anyhow::Result<u8> {
    match plan.scenario.search {
        Some(search) => search::run(plan, search).await,
        None => run::run(plan).await,
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the async runtime")
}
