//! The command line of `capacity`.
//! It checks only the form of the arguments; files are read later.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reports::sla::SizeClass;

/// Plans the exporter's resources from run records.
#[derive(Debug, Parser)]
#[command(name = "capacity", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  a plan
  1  a plan, but a size class needs more than the policy allows
  2  wrong arguments or input files
  3  no plan: the runs say too little, with what is missing
  4  could not run, such as a full disk";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Recommend requests, limits, replicas and strategy for each size class.
    Recommend(RecommendArgs),
}

#[derive(Args, Debug)]
pub struct RecommendArgs {
    /// Records of load tests: run.json files or the folders that hold them.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Policy that replaces the built-in one, key by key.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// The class that a kubectl patch is for; not needed when the plan has one class.
    #[arg(long, value_parser = size_class)]
    pub size_class: Option<String>,
    /// Write to this file in place of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Json,
    Markdown,
    KubectlPatch,
}

fn size_class(text: &str) -> Result<String, String> {
    let names = SizeClass::ALL.map(|(name, _)| name);
    if names.contains(&text) { Ok(text.into()) } else { Err(format!("expected one of {}", names.join(", "))) }
}
