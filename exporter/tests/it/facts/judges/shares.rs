//! sshare. Usage and what follows from it move by themselves.

use super::{Judge, ours};

pub(super) const SHARES: Judge = Judge {
    name: "sshare",
    command: "sshare -ahP -o Account,User,RawShares",
    read: |facts, text| {
        for line in text.lines() {
            let parts: Vec<_> = line.trim_start().split('|').collect();
            let [account, user, shares] = parts[..] else { panic!("{line}") };
            // Empty at the root, "parent" where they are inherited.
            if let Ok(shares) = shares.parse() {
                facts.insert(format!("shares of {account} {user}"), shares);
            }
        }
    },
    ours: &[ours("shares of {account} {user}", "slurm_shares_raw")],
    is_recorded: false,
    moves: false,
};
