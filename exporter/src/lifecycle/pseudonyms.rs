//! Keyed hashes in place of the names of people and their jobs, before a reading enters the snapshot: no collector
//! has to care, and nothing that is published or shown later holds the name. Accounts, partitions and free text stay.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use aws_lc_rs::hmac;

use crate::model::{Associations, Diag, Jobs, Nodes, Reading, Reservations, Shares, Steps, Symbol, Symbols};

/// Of the 32 bytes of HMAC-SHA-256: enough that no two of a million names meet.
const KEPT_BYTES: usize = 8;

/// One key: the same name gets the same pseudonym as long as it is used.
#[derive(Clone)]
pub struct Pseudonyms {
    key: hmac::Key,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonyms").finish_non_exhaustive()
    }
}

impl Pseudonyms {
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The pseudonym of a name, 16 hexadecimal digits; nobody stays nobody.
    pub fn of(&self, name: &str) -> String {
        let mut text = String::new();
        if !name.is_empty() {
            for byte in &hmac::sign(&self.key, name.as_bytes()).as_ref()[..KEPT_BYTES] {
                let _ = write!(text, "{byte:02x}");
            }
        }
        text
    }

    /// Replaces every name of a user or a job in the reading.
    pub fn hide(&self, reading: &mut Reading) {
        match reading {
            Reading::Jobs(jobs) => self.hide_in_jobs(jobs),
            Reading::Steps(steps) => self.hide_in_steps(steps),
            Reading::Nodes(nodes) => self.hide_in_nodes(nodes),
            Reading::Diag(diag) => self.hide_in_diag(diag),
            Reading::Reservations(reservations) => self.hide_in_reservations(reservations),
            Reading::Shares(shares) => self.hide_in_shares(shares),
            Reading::Associations(table) => self.hide_in_associations(table),
            Reading::Ping(_)
            | Reading::DatabasePing(_)
            | Reading::JobStates(_)
            | Reading::Partitions(_)
            | Reading::Licenses(_)
            | Reading::Qos(_)
            | Reading::Accounting(_) => {}
        }
    }

    fn hide_in_jobs(&self, jobs: &mut Jobs) {
        let mut hidden = HashMap::new();
        for job in &mut jobs.rows {
            job.user = self.symbol(job.user, &mut jobs.symbols, &mut hidden);
            // The number says as much as the name.
            job.user_id = 0;
        }
        for details in &mut jobs.details {
            details.name = self.symbol(details.name, &mut jobs.symbols, &mut hidden);
        }
    }

    fn hide_in_steps(&self, steps: &mut Steps) {
        let mut hidden = HashMap::new();
        for step in &mut steps.rows {
            step.name = self.symbol(step.name, &mut steps.symbols, &mut hidden);
        }
    }

    fn hide_in_nodes(&self, nodes: &mut Nodes) {
        let mut hidden = HashMap::new();
        for node in &mut nodes.rows {
            node.reason_user = self.symbol(node.reason_user, &mut nodes.symbols, &mut hidden);
        }
    }

    fn hide_in_associations(&self, table: &mut Associations) {
        let mut hidden = HashMap::new();
        for row in &mut table.rows {
            row.user = self.symbol(row.user, &mut table.symbols, &mut hidden);
        }
    }

    fn hide_in_diag(&self, diag: &mut Diag) {
        for rpc in &mut diag.rpcs_by_user {
            rpc.user = self.of(&rpc.user);
        }
        diag.said.rename_users(|user| self.of(user));
    }

    fn hide_in_shares(&self, shares: &mut Shares) {
        let mut hidden = HashMap::new();
        for row in &mut shares.rows {
            row.user = self.symbol(row.user, &mut shares.symbols, &mut hidden);
        }
    }

    /// Their users are a list, in which a name that begins with `-` is kept out.
    fn hide_in_reservations(&self, reservations: &mut Reservations) {
        for row in &mut reservations.rows {
            let hidden = row.users.split(',').map(|user| match user.strip_prefix('-') {
                Some(name) => format!("-{}", self.of(name)),
                None => self.of(user),
            });
            row.users = hidden.collect::<Vec<_>>().join(",");
        }
    }

    /// The symbol of the pseudonym. The table keeps the name too: an account may be called the same.
    fn symbol(&self, name: Symbol, symbols: &mut Symbols, hidden: &mut HashMap<Symbol, Symbol>) -> Symbol {
        *hidden.entry(name).or_insert_with(|| {
            let pseudonym = self.of(symbols.resolve(name));
            symbols.intern(&pseudonym)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;
    use crate::wire::{Decoder, SUPPORTED};

    const ANN_UNDER_K: &str = "9266175ac0e5692d";

    fn read(endpoint: Endpoint, body: &str) -> Reading {
        let mut decoder = Decoder::new(SUPPORTED[0], endpoint);
        decoder.push(body.as_bytes()).unwrap();
        let mut reading = decoder.finish().unwrap().reading;
        Pseudonyms::new(b"k").hide(&mut reading);
        reading
    }

    #[test]
    fn a_name_has_one_pseudonym_per_key() {
        let (one, other) = (Pseudonyms::new(b"k"), Pseudonyms::new(b"l"));
        // printf ann | openssl dgst -sha256 -hmac k
        assert_eq!(one.of("ann"), ANN_UNDER_K);
        assert_ne!(one.of("ann"), one.of("bob"));
        assert_ne!(one.of("ann"), other.of("ann"));
        assert_eq!(one.of(""), "");
        assert!(!format!("{one:?}").contains("[107"), "the key is not shown");
    }

    #[test]
    fn every_user_of_a_reservation_is_hidden() {
        let row = |users| {
            format!(
                r#"{{"name": "r", "start_time": 1, "end_time": 2, "accounts": "ann", "users": "{users}"}}"#
            )
        };
        let users = |listed| {
            let body = format!(r#"{{"reservations": [{}]}}"#, row(listed));
            let Reading::Reservations(read) = read(Endpoint::Reservations, &body) else {
                panic!("reservations were read");
            };
            assert_eq!(read.rows[0].accounts, "ann");
            read.rows[0].users.clone()
        };
        assert_eq!(users("ann,-ann"), format!("{ANN_UNDER_K},-{ANN_UNDER_K}"));
        assert_eq!(users(""), "");
    }

    #[test]
    fn users_of_shares_are_hidden() {
        let row = r#"{"name": "ann", "parent": "ann", "type": ["USER"]}"#;
        let body = format!(r#"{{"shares": {{"shares": [{row}]}}}}"#);
        let Reading::Shares(shares) = read(Endpoint::Shares, &body) else { panic!("shares were read") };
        let names = [shares.rows[0].account, shares.rows[0].user].map(|name| shares.symbols.resolve(name));
        assert_eq!(names, ["ann", ANN_UNDER_K]);
    }

    #[test]
    fn users_of_jobs_are_hidden_and_an_account_of_the_same_name_is_not() {
        let job = r#"{"job_id": 1, "job_state": ["PENDING"], "partition": "p", "cpus": {"set": true, "number": 1},
            "node_count": {"set": true, "number": 1}, "tres_req_str": "", "tres_alloc_str": "",
            "user_name": "ann", "account": "ann"}"#;
        let nobody = job.replace("\"ann\", \"account\"", "\"\", \"account\"");
        let Reading::Jobs(jobs) = read(Endpoint::Jobs, &format!(r#"{{"jobs": [{job}, {job}, {nobody}]}}"#))
        else {
            panic!("jobs were read");
        };
        let users: Vec<_> = jobs.rows.iter().map(|job| jobs.symbols.resolve(job.user)).collect();
        assert_eq!(users, [ANN_UNDER_K, ANN_UNDER_K, ""]);
        assert!(jobs.rows.iter().all(|job| jobs.symbols.resolve(job.account) == "ann"));
    }

    #[test]
    fn users_of_associations_are_hidden_and_accounts_are_not() {
        let rows = r#"{"account": "ann", "user": "ann"}, {"account": "ann", "user": ""}"#;
        let Reading::Associations(table) =
            read(Endpoint::Associations, &format!(r#"{{"associations": [{rows}]}}"#))
        else {
            panic!("associations were read");
        };
        let text = |symbol| table.symbols.resolve(symbol);
        let names: Vec<_> = table.rows.iter().map(|row| (text(row.account), text(row.user))).collect();
        assert_eq!(names, [("ann", ANN_UNDER_K), ("ann", "")]);
    }
}
