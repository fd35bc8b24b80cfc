//! The reference of all keys, as Markdown; `exporter/CONFIG.md` is this text.
//! It only prints the tables: what a key means is said where it is declared.

use std::fmt::Write as _;

use super::{dialects, keys};

const HEAD: &str = "\
# Configuration

Every key of `slurm-exporter`. A key can be set in three ways; each overrides the one before:

- in a YAML file, `--config FILE`: the words of the path are sections, as in [config.example.yaml](config.example.yaml);
- as a variable: `SLURM_EXPORTER_` and the path in capitals with `_` for dots, such as `SLURM_EXPORTER_SLURM_URL`; a list
  has commas;
- as a flag.

`slurm-exporter check-config FILE` tells everything that is wrong with a file at once. `/config` shows every key in use
and where its value comes from. The list `clusters` takes sections with the keys of `slurm`, in the file only.

This file is generated: `UPDATE_GOLDEN=1 cargo test -p exporter` writes it anew.
";

const OTHERS: &str = "
## Keys of other exporters

The guides of other exporters name these keys. A file that has them loads; what has no effect is told at start and by
`check-config`. A `*` is any name that is known in its place.

| key | here |
|---|---|
";

/// The reference: one table per section with path, value, default, flag and meaning, and one of other dialects.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut open = "";
    for key in keys() {
        let section = key.path.split('.').next().unwrap_or(key.path);
        if section != open {
            let _ = write!(
                text,
                "\n## {section}\n\n| key | value | default | flag | meaning |\n|---|---|---|---|---|\n"
            );
            open = section;
        }
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | `--{}` | {} |",
            key.path,
            cell(key.value),
            if key.default.is_empty() { String::new() } else { format!("`{}`", cell(key.default)) },
            key.flag_name(),
            cell(key.help),
        );
    }
    text.push_str(OTHERS);
    for (path, meaning) in dialects() {
        let _ = writeln!(text, "| `{path}` | {} |", cell(&meaning));
    }
    text
}

/// Text that ends no cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;

    #[test]
    fn the_reference_in_the_repository_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFIG.md");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, reference()).unwrap();
        }
        let kept = fs::read_to_string(path).unwrap_or_default();
        assert!(kept == reference(), "{path} is stale: run UPDATE_GOLDEN=1 cargo test -p exporter");
    }

    #[test]
    fn a_section_has_one_table() {
        let text = reference();
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with("## ")).collect();
        let unique: std::collections::BTreeSet<_> = headings.iter().collect();
        assert_eq!(unique.len(), headings.len(), "{headings:?}");
    }
}
