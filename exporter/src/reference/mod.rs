//! The reference of all families, as Markdown; `exporter/METRICS.md` is this text.
//! It only prints declarations: what a family means is said where it is declared.

mod old_names;

use std::fmt::Write as _;

use crate::collectors::COLLECTORS;
use crate::exposition::{Desc, Level, Unit};
use crate::telemetry;

const HEAD: &str = "\
# Metrics

Every family that `slurm-exporter` writes. Each series about Slurm carries the label `cluster` too.
The level says how often the data behind a family is read: critical, important or detailed.

This file is generated: `UPDATE_GOLDEN=1 cargo test -p exporter` writes it anew.
";

/// The reference: one table per collector, the exporter's own families last, with name, kind, unit, labels, level and help.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for collector in COLLECTORS {
        let needs: Vec<_> = collector.needs.iter().map(|endpoint| endpoint.name()).collect();
        section(&mut text, collector.name, &format!("from {}", needs.join(", ")), collector.families);
    }
    section(
        &mut text,
        telemetry::COLLECTOR,
        "the exporter about itself; what it says of an endpoint or a collector carries `cluster` too",
        telemetry::FAMILIES,
    );
    old_names::tables(&mut text);
    text
}

fn section(text: &mut String, name: &str, needs: &str, families: &[&Desc]) {
    let _ = write!(
        text,
        "\n## {name}\n\nCollector `{name}`: {needs}.\n\n\
         | name | kind | unit | labels | level | meaning |\n|---|---|---|---|---|---|\n"
    );
    for family in families {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            family.name,
            family.kind.as_str(),
            unit_name(family.unit),
            labels.join(", "),
            level_name(family.level),
            family.help.replace('|', "\\|"),
        );
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Ratio => "ratio",
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Important => "important",
        Level::Detailed => "detailed",
        Level::Own => "own",
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::reference;

    #[test]
    fn the_reference_in_the_repository_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/METRICS.md");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, reference()).unwrap();
        }
        let kept = fs::read_to_string(path).unwrap_or_default();
        assert!(kept == reference(), "{path} is stale: run UPDATE_GOLDEN=1 cargo test -p exporter");
    }
}
