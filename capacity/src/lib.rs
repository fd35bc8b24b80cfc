//! Capacity planning from run records: evidence in, a plan out.
//! It measures nothing and changes nothing; `main` only parses arguments and sets the exit code.

pub mod cli;
pub mod evidence;
mod line;
mod output;
pub mod policy;
pub mod recommend;

use std::io::{self, Write};
use std::path::PathBuf;

use reports::console::print;
use reports::model::Plan;
use reports::model::format::write_whole;
use reports::model::plan::Recommendation;
use reports::settings::SettingsError;

use cli::{Cli, Format, RecommendArgs, Verb};
use evidence::{RunsError, load};
use policy::Policy;
use recommend::recommend;

/// How a run of `capacity` ended, when it had an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Planned,
    /// A size class needs more than the policy allows.
    Short,
    /// The runs say nothing that a plan could rest on.
    NoPlan,
}

impl Answer {
    /// The process exit code: 0, 1 or 3.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Planned => 0,
            Self::Short => 1,
            Self::NoPlan => 3,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CapacityError {
    #[error(transparent)]
    Runs(#[from] RunsError),
    #[error(transparent)]
    Policy(#[from] SettingsError),
    #[error("a patch is for one size class, expected --size-class with one of {0}")]
    ManyClasses(String),
    #[error("{}: cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the plan cannot be written")]
    Print(#[source] io::Error),
    #[error("no recommendation to make a patch of: {0}")]
    NothingToPatch(String),
}

impl CapacityError {
    /// 2 for wrong input, 3 when the runs do not suffice, 4 when this machine failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Runs(error) if error.is_environment() => 4,
            Self::Runs(_) | Self::Policy(_) | Self::ManyClasses(_) => 2,
            Self::NothingToPatch(_) => 3,
            Self::Write { .. } | Self::Print(_) => 4,
        }
    }
}

/// Does what the command line says; the plan goes to its file or to `stdout`.
///
/// # Errors
/// When the input is wrong or the plan cannot be written; nothing is written then.
pub fn run(cli: &Cli, stdout: &mut impl Write) -> Result<Answer, CapacityError> {
    let Verb::Recommend(args) = &cli.verb;
    let policy = match &args.policy {
        Some(path) => Policy::load(path)?,
        None => Policy::built_in(),
    };
    let recommended = recommend(&load(&args.runs)?, &policy);
    let plan = &recommended.plan;
    let mut short = !recommended.short.is_empty();
    let text = match args.format {
        Format::Json => output::json(plan),
        Format::Markdown => output::markdown(plan),
        Format::KubectlPatch => {
            let chosen = chosen(plan, args)?;
            // The answer is about what was asked for: this class.
            short = recommended.short.contains(&chosen.size_class);
            output::kubectl_patch(chosen)
        }
    };
    match &args.out {
        Some(path) => write_whole(path, text.as_bytes())
            .map_err(|source| CapacityError::Write { path: path.clone(), source })?,
        None => print(stdout, &text).map_err(CapacityError::Print)?,
    }
    Ok(if short {
        Answer::Short
    } else if plan.recommendations.is_empty() {
        Answer::NoPlan
    } else {
        Answer::Planned
    })
}

/// The recommendation that a patch is made of.
fn chosen<'a>(plan: &'a Plan, args: &RecommendArgs) -> Result<&'a Recommendation, CapacityError> {
    let all = &plan.recommendations;
    let found = match (&args.size_class, all.as_slice()) {
        (Some(class), _) => all.iter().find(|recommended| recommended.size_class == *class),
        (None, [only]) => Some(only),
        (None, []) => None,
        (None, many) => {
            let names: Vec<&str> = many.iter().map(|recommended| recommended.size_class.as_str()).collect();
            return Err(CapacityError::ManyClasses(names.join(", ")));
        }
    };
    found.ok_or_else(|| CapacityError::NothingToPatch(plan.notes.join("; ")))
}
