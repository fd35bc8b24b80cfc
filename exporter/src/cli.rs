//! The command line: what the process was asked to do, with its configuration ready to be trusted.
//! The flags of the configuration come from the tables in `config`; nothing is started here.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use clap_complete::Shell;

use crate::config::{self, Config, ConfigErrors, Inputs, Key, Loaded, Setting, Web};
use crate::manual;
use crate::source::{self, SourceError};
use crate::task::Task;

/// The variable that stands for `--config`.
const CONFIG_VARIABLE: &str = "SLURM_EXPORTER_CONFIG";

const AFTER_HELP: &str = "\
Start with a token that slurmrestd takes, then look at http://localhost:9341/metrics:
  scontrol token lifespan=86400 > /run/slurm-exporter/token
  slurm-exporter --slurm.url http://127.0.0.1:6820 --slurm.token-file /run/slurm-exporter/token

Every key of the configuration file has a flag (--help lists all, -h those that are set most), and can also be set as \
SLURM_EXPORTER_SECTION_KEY, such as SLURM_EXPORTER_SLURM_URL or SLURM_EXPORTER_COLLECTION_INTERVALS_JOBS. Flags override the environment, \
which overrides the file, which overrides the defaults. The token may come from SLURM_JWT instead of a file; \
no flag takes it, since every user of a host can read flags.

Exit codes: 0 stopped on request, 2 usage or configuration, 4 could not run (such as: port in use). \
once and doctor: 0 all is well, 1 something could not be read or is wrong.";

/// What to run.
#[derive(Debug)]
pub struct Invocation {
    /// To read the configuration again.
    pub inputs: Inputs,
    pub loaded: Loaded,
}

/// Why the process ends before it has begun.
#[derive(Debug)]
pub enum Ending {
    /// Help, the version, or a mistake in the flags.
    Clap(clap::Error),
    /// What was asked for is this text.
    Text(Vec<u8>),
    /// `check-config` found nothing wrong with this file, though maybe something odd.
    Valid(PathBuf, Vec<String>),
    /// The configuration cannot be used.
    Invalid(ConfigErrors),
    /// A subcommand is to be run.
    Task(Task),
    /// A file that this key of the configuration names cannot be used.
    Unusable(String, SourceError),
}

/// Reads the arguments, the program's name first, and builds the configuration to run with.
///
/// # Errors
/// When there is nothing to run: see [`Ending`].
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &[(String, String)],
) -> Result<Box<Invocation>, Ending> {
    let matches = command().try_get_matches_from(arguments).map_err(Ending::Clap)?;
    if let Some(check) = matches.subcommand_matches("check-config") {
        let file: &PathBuf = check.get_one("FILE").expect("clap requires FILE");
        return Err(match config::load(Some(file), environment, Vec::new()) {
            Ok(config) => Ending::Valid(file.clone(), config.warnings),
            Err(errors) => Ending::Invalid(errors),
        });
    }
    if let Some(completions) = matches.subcommand_matches("completions") {
        let shell: &Shell = completions.get_one("SHELL").expect("clap requires SHELL");
        return Err(Ending::Text(manual::completions(*shell, command())));
    }
    if matches.subcommand_matches("man").is_some() {
        return Err(Ending::Text(manual::man_page(command()).expect("a buffer takes everything")));
    }
    let task = matches.subcommand();
    let matches = task.map_or(&matches, |(_, matches)| matches);
    let variable = environment.iter().find(|(name, file)| name == CONFIG_VARIABLE && !file.is_empty());
    let file = matches.get_one::<PathBuf>("config").map(PathBuf::as_path);
    let file = file.or(variable.map(|(_, file)| Path::new(file.as_str())));
    let inputs = Inputs::new(file.map(Path::to_owned), environment, settings(matches));
    let loaded = inputs.load().map_err(Ending::Invalid)?;
    let config = &loaded.config;
    if let Some(file) = &config.server.web_config_file {
        Web::read(file).map_err(Ending::Invalid)?;
    }
    // `check-config` does not look: a file is often checked where the token and the certificates are not.
    for (index, slurm) in config.clusters().iter().enumerate() {
        source::open(slurm)
            .map_err(|error| Ending::Unusable(config.key_of_cluster(index, error.key()), error))?;
    }
    let task = match task {
        None => return Ok(Box::new(Invocation { inputs, loaded })),
        Some(("record", matches)) => to_record(config, matches)?,
        Some(("once", _)) => Task::Once(Box::new(loaded.config)),
        Some((_, _)) => Task::Doctor(Box::new(loaded.config)),
    };
    Err(Ending::Task(task))
}

/// What to record: the only cluster, or the one that was named.
fn to_record(config: &Config, matches: &ArgMatches) -> Result<Task, Ending> {
    let named = matches.get_one::<String>("cluster");
    let mut found =
        config.clusters().iter().filter(|slurm| named.is_none_or(|name| slurm.name.as_ref() == Some(name)));
    let (Some(slurm), None) = (found.next(), found.next()) else {
        let names: Vec<_> = config.clusters().iter().filter_map(|slurm| slurm.name.as_deref()).collect();
        let message = format!("expected --cluster with one of: {}", names.join(", "));
        return Err(Ending::Clap(command().error(ErrorKind::ValueValidation, message)));
    };
    let out: &PathBuf = matches.get_one("out").expect("clap requires --out");
    let anonymise = matches.get_flag("anonymise");
    Ok(Task::Record { slurm: Box::new(slurm.clone()), out: out.clone(), anonymise })
}

/// This process's environment, as [`parse`] takes it; what is not UTF-8 is none of ours.
pub fn environment() -> Vec<(String, String)> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

impl Ending {
    /// 0 when what was asked for is done or can be done, 2 for a mistake.
    pub fn code(&self) -> u8 {
        match self {
            Self::Clap(error) => u8::try_from(error.exit_code()).unwrap_or(2),
            Self::Text(_) | Self::Valid(..) | Self::Task(_) => 0,
            Self::Invalid(_) | Self::Unusable(..) => 2,
        }
    }

    /// Does what is left to do and writes it where it belongs: answers to stdout, mistakes to stderr.
    pub fn print(&self) -> ExitCode {
        if let Self::Task(task) = self {
            return task.run();
        }
        // Nobody is left to tell when stdout or stderr is closed.
        let _ = match self {
            Self::Clap(error) => error.print(),
            Self::Text(text) => io::stdout().lock().write_all(text),
            Self::Valid(file, warnings) => {
                let told = warnings.iter().try_for_each(|line| writeln!(io::stderr().lock(), "{line}"));
                told.and_then(|()| writeln!(io::stdout().lock(), "{}: valid", file.display()))
            }
            Self::Invalid(errors) => writeln!(io::stderr().lock(), "{errors}"),
            Self::Task(_) => Ok(()),
            Self::Unusable(key, error) => writeln!(io::stderr().lock(), "{key}: {error}"),
        };
        ExitCode::from(self.code())
    }
}

/// The whole command line.
pub fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!("configuration file in YAML; see config.example.yaml [env: {CONFIG_VARIABLE}]"));
    let check = Command::new("check-config")
        .about("Tell everything that is wrong with a configuration file in this environment, then exit")
        .arg(
            Arg::new("FILE")
                .required(true)
                .value_hint(ValueHint::FilePath)
                .value_parser(clap::value_parser!(PathBuf)),
        );
    let out = Arg::new("out")
        .long("out")
        .value_name("DIR")
        .required(true)
        .value_hint(ValueHint::DirPath)
        .value_parser(clap::value_parser!(PathBuf))
        .help("folder to write, which must not exist");
    let anonymise = Arg::new("anonymise")
        .long("anonymise")
        .action(ArgAction::SetTrue)
        .help("replace names of people, projects and policies, and leave out free text");
    let cluster = Arg::new("cluster")
        .long("cluster")
        .value_name("NAME")
        .help("which cluster to record, where several are configured");
    // A subcommand takes what the exporter takes.
    let task = |name: &'static str, about: &'static str| {
        Command::new(name)
            .about(about)
            .max_term_width(110)
            .arg(config.clone())
            .args(config::keys().map(argument))
    };
    let once = task("once", "Read everything once, print the page and exit");
    let doctor = task(
        "doctor",
        "Tell whether Slurm can be reached and read, and what is to be done if not, then exit",
    );
    let record = task(
        "record",
        "Write one answer of every endpoint to a folder, for a bug report or for source recorded, then exit",
    )
    .args([out, anonymise, cluster]);
    let completions =
        Command::new("completions").about("Print what a shell reads to complete this command line").arg(
            Arg::new("SHELL")
                .required(true)
                .value_parser(clap::value_parser!(Shell))
                .help("the shell to print it for"),
        );
    let man = Command::new("man").about("Print the man page, for man -l");
    Command::new("slurm-exporter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves the state of a Slurm cluster to Prometheus, read from slurmrestd")
        .after_help(AFTER_HELP)
        .max_term_width(110)
        .args_conflicts_with_subcommands(true)
        .subcommands([check, doctor, once, record, completions, man])
        .arg(config)
        .args(config::keys().map(argument))
}

fn argument(key: &'static Key) -> Arg {
    let default = match key.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let hint = match key.value {
        "FILE" => ValueHint::FilePath,
        "DIR" => ValueHint::DirPath,
        "URL" => ValueHint::Url,
        _ => ValueHint::Other,
    };
    let argument = Arg::new(key.flag_name())
        .long(key.flag_name())
        .value_name(key.value)
        .value_hint(hint)
        // The text is judged with all other mistakes, by the key itself.
        .value_parser(ValueParser::string())
        .hide_short_help(key.flag.is_none())
        .help_heading(key.path.split('.').next())
        .help(format!("{}{default}", key.help));
    if key.default == "false" {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        argument
    }
}

fn settings(matches: &ArgMatches) -> Vec<Setting> {
    let given = |key: &'static Key| {
        let flag = key.flag_name();
        let text = matches.get_one::<String>(flag)?;
        Some(Setting { key, flag, text: text.clone() })
    };
    config::keys().filter_map(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::Endpoint;

    fn parse_line(line: &str) -> Result<Config, Ending> {
        let arguments = std::iter::once("slurm-exporter").chain(line.split_whitespace()).map(OsString::from);
        parse(arguments, &[]).map(|invocation| invocation.loaded.config)
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn flags_set_their_keys() {
        let config = parse_line(
            "--slurm.url http://localhost:1 --collection.intervals.jobs 30s --slurm.allow-insecure-token \
             --log.format=json",
        )
        .unwrap();
        assert_eq!(config.slurm.url.as_str(), "http://localhost:1/");
        assert_eq!(config.collection.intervals.of(Endpoint::Jobs).every.as_secs(), 30);
        assert!(config.slurm.allow_insecure_token);
        assert_eq!(config.log.format, config::Format::Json);
        let refused =
            parse_line("--slurm.url http://a --slurm.token-file /t --slurm.allow-insecure-token=false");
        assert!(matches!(refused, Err(Ending::Invalid(_))));
    }

    #[test]
    fn help_and_version_end_well_and_mistakes_with_2() {
        for (line, code) in [
            ("--help", 0),
            ("--version", 0),
            ("--nonsense", 2),
            ("", 2),
            ("check-config", 2),
            ("man", 0),
            ("completions bash", 0),
            ("completions", 2),
        ] {
            assert_eq!(parse_line(line).unwrap_err().code(), code, "{line}");
        }
    }
}
