//! The command line: reads documents, renders, writes. All input is read before the first file is written.
//! Drawing is `render`; the documents are `model`.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::console::print;
use crate::model::format::write_whole;
use crate::model::{self, DocumentError, Plan, RunRecord, Verdict};
use crate::render::{Listed, index, write_all};
use crate::sla::RuleFile;

/// Draws run records as HTML, Markdown and JUnit.
#[derive(Debug, Parser)]
#[command(name = "reports", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 written, 2 wrong command line or document, 4 a file could not be read or \
                          written";

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes report.html, summary.md and junit.xml; for several runs a folder each and an index.html
    Render(Render),
    /// Prints the JSON Schema of a document
    Schema {
        #[arg(value_enum)]
        document: Schema,
    },
}

#[derive(Debug, Args)]
struct Render {
    /// A run.json, or a folder that holds one; a verdict.json beside it is drawn too
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The folder to write into; made when it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Documents with a published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    Run,
    Verdict,
    Plan,
    /// A rule file, read as JSON
    Sla,
}

/// What went wrong, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    pub error: anyhow::Error,
    pub exit_code: u8,
}

const INDEX: &str = "index.html";
const WRONG_INPUT: u8 = 2;
const COULD_NOT_RUN: u8 = 4;

/// Does what the command line says.
///
/// # Errors
/// With exit code 2 when a document is not what was expected, 4 when a file cannot be read or written.
pub fn run(cli: Cli, out: &mut dyn Write) -> Result<(), Failure> {
    match cli.command {
        Command::Render(render) => render_all(&render),
        Command::Schema { document } => print(out, &schema(document))
            .context("standard output: cannot be written")
            .map_err(|error| Failure { error, exit_code: COULD_NOT_RUN }),
    }
}

/// The JSON Schema of a document, indented, with a final newline.
pub fn schema(document: Schema) -> String {
    let schema = match document {
        Schema::Run => schemars::schema_for!(RunRecord),
        Schema::Verdict => schemars::schema_for!(Verdict),
        Schema::Plan => schemars::schema_for!(Plan),
        Schema::Sla => schemars::schema_for!(RuleFile),
    };
    format!("{:#}\n", schema.as_value())
}

struct Input {
    run: RunRecord,
    verdict: Option<Verdict>,
}

fn render_all(render: &Render) -> Result<(), Failure> {
    let inputs = render.runs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let could_not_run = |error: anyhow::Error| Failure { error, exit_code: COULD_NOT_RUN };
    if let [Input { run, verdict }] = inputs.as_slice() {
        return write_all(&render.out, run, verdict.as_ref()).map_err(|error| could_not_run(error.into()));
    }
    let mut taken = BTreeSet::from([INDEX.to_owned()]);
    let folders: Vec<_> = inputs.iter().map(|input| folder(&input.run.id, &mut taken)).collect();
    for (input, folder) in inputs.iter().zip(&folders) {
        write_all(&render.out.join(folder), &input.run, input.verdict.as_ref())
            .map_err(|error| could_not_run(error.into()))?;
    }
    let listed: Vec<_> = inputs
        .iter()
        .zip(&folders)
        .map(|(input, folder)| Listed { folder, run: &input.run, verdict: input.verdict.as_ref() })
        .collect();
    let path = render.out.join(INDEX);
    write_whole(&path, index(&listed).as_bytes())
        .with_context(|| format!("{}: cannot be written", path.display()))
        .map_err(could_not_run)
}

/// A run's id as the name of one folder that no other run has: ids come from files and are not trusted as paths.
fn folder(id: &str, taken: &mut BTreeSet<String>) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = id.chars().map(safe).collect();
    let name = match name.trim_start_matches('.') {
        "" => "run",
        name => name,
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    candidates.find(|candidate| taken.insert(candidate.clone())).unwrap_or_default()
}

fn read(path: &Path) -> Result<Input, Failure> {
    let file = if path.is_dir() { path.join("run.json") } else { path.to_owned() };
    let run: RunRecord = model::read(&file).map_err(failure_of)?;
    let beside = file.with_file_name("verdict.json");
    let verdict: Option<Verdict> =
        beside.exists().then(|| model::read(&beside).map_err(failure_of)).transpose()?;
    if let Some(verdict) = verdict.as_ref().filter(|verdict| verdict.subject != run.id) {
        let error = anyhow!(
            "{}: judges \"{}\", but the run in {} is \"{}\"",
            beside.display(),
            verdict.subject,
            file.display(),
            run.id
        );
        return Err(Failure { error, exit_code: WRONG_INPUT });
    }
    Ok(Input { run, verdict })
}

fn failure_of(error: DocumentError) -> Failure {
    match error {
        // A file that does not exist was named wrongly.
        DocumentError::Read { ref source, .. } if source.kind() != ErrorKind::NotFound => {
            Failure { error: error.into(), exit_code: COULD_NOT_RUN }
        }
        error => Failure { error: error.into(), exit_code: WRONG_INPUT },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_folders_that_stay_inside_and_apart() {
        let mut taken = BTreeSet::new();
        let names = ["../../etc", "..", "a b", "a b", "run"].map(|id| folder(id, &mut taken));
        assert_eq!(names, ["-..-etc", "run", "a-b", "a-b-2", "run-2"]);
    }
}
