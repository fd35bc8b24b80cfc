//! Scrapes a server whose pages are replaced all the time, and counts the answers that are not one whole page.
//! Not the whole exporter: collectors, publisher and server, fed with simulated clusters in turn.

mod check;
#[path = "../../src/exposition/strict_reader.rs"]
mod strict_reader;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use check::{Size, Task};

/// Checks promise 2: 0 truncated, mixed or duplicate series while pages are replaced.
#[derive(Parser)]
struct Arguments {
    /// Nodes of the simulated clusters; about 20 series each.
    #[arg(long, default_value_t = 10)]
    nodes: u32,
    #[arg(long, default_value_t = 100)]
    jobs: u32,
    /// Over all scrapers.
    #[arg(long, default_value_t = 100_000)]
    scrapes: usize,
    /// Connections at once.
    #[arg(long, default_value_t = 4)]
    scrapers: usize,
}

fn main() -> ExitCode {
    let Arguments { nodes, jobs, scrapes, scrapers } = Arguments::parse();
    let outcome = check::run(Task { size: Size { nodes, jobs }, scrapes, scrapers });
    let mut out = std::io::stdout().lock();
    // Whoever closed stdout still gets the exit code.
    let _ = writeln!(out, "{outcome}");
    if outcome.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
