//! sshare. Usage moves by itself; what follows from it is computed anew every five minutes.

use super::{Judge, ours, rounded};

pub(super) const SHARES: Judge = Judge {
    name: "sshare",
    command: "sshare -ahP -o Account,User,RawShares,NormShares,FairShare",
    read: |facts, text| {
        for line in text.lines() {
            let parts: Vec<_> = line.trim_start().split('|').collect();
            let [account, user, raw, normalized, factor] = parts[..] else { panic!("{line}") };
            // Where there is nothing to divide by.
            if account == "root" && user.is_empty() {
                continue;
            }
            // Shares are "parent" where they are inherited; only users have a factor.
            for (name, text) in [("shares", raw), ("normalized shares", normalized), ("factor", factor)] {
                if let Ok(value) = text.parse() {
                    facts.insert(format!("{name} of {account} {user}"), value);
                }
            }
        }
    },
    ours: &[
        ours("shares of {account} {user}", "slurm_shares_raw"),
        rounded("normalized shares of {account} {user}", "slurm_shares_normalized"),
        rounded("factor of {account} {user}", "slurm_fairshare_factor"),
    ],
    is_recorded: false,
    moves: false,
};
