//! The names that other exporters and the field's guides use, and how the same is asked of our families.
//! The old names themselves are served by `legacy`; here stands only what a dashboard becomes that moves on.
//!
//! To add a set: one file with a `pub(super) const ROWS`, and two lines here, `mod` and an entry of [`SETS`].

mod guides;
mod native;
mod rivosinc;
mod slinky;
mod vpenso;

use std::fmt::Write as _;

/// An old name, and a query that tells the same; or, where we have nothing, why.
///
/// `<state>` and `<flag>` stand for any base state and any state flag, in the spelling of either side.
type Row = (&'static str, Result<&'static str, &'static str>);

/// The rows of one other exporter.
struct Set {
    name: &'static str,
    of: &'static str,
    rows: &'static [Row],
}

const SETS: [Set; 5] = [
    Set { name: "Guides", of: "the guides and dashboards of the field", rows: guides::ROWS },
    Set { name: "vpenso", of: "`metrics.legacy: [vpenso]`", rows: vpenso::ROWS },
    Set { name: "rivosinc", of: "`metrics.legacy: [rivosinc]`", rows: rivosinc::ROWS },
    Set { name: "slinky", of: "`metrics.legacy: [slinky]`", rows: slinky::ROWS },
    Set { name: "native", of: "slurmctld itself and `metrics.legacy: [native]`", rows: native::ROWS },
];

const HEAD: &str = "
## Old names

What a query becomes that was written for another exporter. `<state>` is a base state and `<flag>` a state flag, each in
the spelling of its side: `bootfail` and `notresponding` there are `boot_fail` and `not_responding` here. Where a query
sums over partitions, a job that was submitted to several counts in each.
";

/// Appends one table per set.
pub(super) fn tables(text: &mut String) {
    text.push_str(HEAD);
    for set in SETS {
        let _ = write!(text, "\n### {}\n\nFrom {}.\n\n| there | here |\n|---|---|\n", set.name, set.of);
        for (old, ours) in set.rows {
            let ours = match ours {
                Ok(query) => format!("`{}`", query.replace('|', "\\|")),
                Err(why) => format!("none: {why}"),
            };
            let _ = writeln!(text, "| `{old}` | {ours} |");
        }
    }
}

#[cfg(test)]
mod tests;
