//! The command line of `perf-gate`.
//! It checks only the form of the arguments; files are read by the verbs.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Judges run records: against an SLA, or against the runs of another build.
#[derive(Debug, Parser)]
#[command(name = "perf-gate", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  the answer is yes: the SLA is met, no regression
  1  the answer is no: the SLA is missed, a regression
  2  wrong arguments or input files
  3  inconclusive: not judged, with the reason
  4  could not run, such as a full disk";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Hold one run against the rules of an SLA.
    Sla(SlaArgs),
    /// Ask whether the runs of a candidate are worse than those of its base.
    Compare(CompareArgs),
}

#[derive(Args, Debug)]
pub struct SlaArgs {
    /// A run record, or the folder that holds one.
    pub run: PathBuf,
    /// Rules to use in place of those of the run's scenario and cluster size.
    #[arg(long, value_name = "FILE")]
    pub sla: Option<PathBuf>,
    /// Write verdict.json into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Runs of the base: a folder with run.json, */run.json or *.json.
    pub base: PathBuf,
    /// Runs of the candidate, found likewise.
    #[arg(value_name = "CAND")]
    pub candidate: PathBuf,
    /// Thresholds that replace the built-in ones, key by key.
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,
    /// Write verdict.json into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
