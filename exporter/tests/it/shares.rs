//! Fair shares as the page tells them, judged by what `sshare -a` said of the same moment.

use std::fs;

use crate::golden::exposition;
use crate::page::Samples;
use crate::recordings::{RECORDED, fixtures, snapshot};

/// The columns of the recorded `sshare -a -P -h`: account, user, partition, and then these.
const COLUMNS: [&str; 5] = [
    "slurm_shares_raw",
    "slurm_shares_normalized",
    "slurm_usage_effective",
    "slurm_fairshare_factor",
    "slurm_fairshare_level",
];

/// sshare rounds to six digits.
const ROUNDED: f64 = 0.000_000_5;

#[test]
fn the_page_says_what_sshare_said() {
    for (release, version) in RECORDED {
        let page = Samples::parse(&exposition(snapshot(release, version)));
        let told: usize = COLUMNS.iter().map(|family| page.all(family).count()).sum();
        let Ok(judge) = fs::read_to_string(fixtures().join(release).join("sshare.txt")) else {
            assert_eq!((*version, told), ("v0.0.38", 0), "22.05 has no shares");
            continue;
        };
        let mut judged = 0;
        for line in judge.lines() {
            let cells: Vec<_> = line.trim_start().split('|').collect();
            let [account, user, partition, numbers @ ..] = &cells[..] else { panic!("{line}") };
            for (family, cell) in COLUMNS.iter().zip(numbers) {
                let labels = [("account", *account), ("user", *user), ("partition", *partition)];
                let ours = page.get(family, &labels);
                let what = format!("{release} {version}: {family} of {line}");
                // Of the root's normalized shares sshare says 0; slurmrestd has 1 / 2^32. It has none.
                let is_root = *account == "root" && user.is_empty() && *family == "slurm_shares_normalized";
                match cell.parse::<f64>() {
                    Ok(theirs) if !is_root => {
                        let ours = ours.unwrap_or_else(|| panic!("{what} is missing"));
                        assert!(ours == theirs || (ours - theirs).abs() <= ROUNDED, "{what}: {ours}");
                        judged += 1;
                    }
                    _ => assert_eq!(ours, None, "{what}"),
                }
            }
        }
        assert_eq!(told, judged, "{release} {version}: as many series as sshare has numbers");
        assert!(judged > 50, "{release} {version}");
    }
}
