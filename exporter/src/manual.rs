//! What a package installs beside the program: completions for shells and the man page, made of the command line.
//! Neither is kept in the repository: each follows the flags.

use std::io;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::roff::{Roff, roman};

const FILES: &str = "\
The configuration file is YAML. Every key can also be set as a variable or a flag; flags override variables, which \
override the file. A flag is the path of its key, but for a few that are shorter. A variable is SLURM_EXPORTER_ and the \
path in capitals, with _ for dots.";

/// What the shell reads to complete the command line.
pub fn completions(shell: Shell, mut command: Command) -> Vec<u8> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// The man page in roff, section 8.
///
/// # Errors
/// Those of the buffer that it is written to, which has none.
pub fn man_page(command: Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command).section("8");
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_subcommands_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let mut files = Roff::new();
    files.control("SH", ["CONFIGURATION"]).text([roman(FILES)]);
    files.to_writer(&mut text)?;
    page.render_extra_section(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli, config};

    #[test]
    fn every_shell_completes_every_flag() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let script = String::from_utf8(completions(shell, cli::command())).unwrap();
            for key in config::keys() {
                assert!(script.contains(key.flag_name()), "{shell}: {}", key.flag_name());
            }
        }
    }

    #[test]
    fn the_man_page_names_every_key_and_how_to_set_it() {
        let page = String::from_utf8(man_page(cli::command()).unwrap()).unwrap().replace('\\', "");
        for key in config::keys() {
            assert!(page.contains(&format!("--{}", key.flag_name())), "{}", key.path);
        }
        for section in ["NAME", "SYNOPSIS", "OPTIONS", "CONFIGURATION", "SUBCOMMANDS", "EXTRA"] {
            assert!(page.contains(&format!(".SH {section}")), "{section}");
        }
    }
}
