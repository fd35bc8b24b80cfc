//! Takes people and projects out of an answer while it is written: names become pseudonyms, free text one word.
//! Everything else stays byte for byte, so that what was wrong with an answer still is.
//!
//! Text is kept only where [`RULES`] says so. What a later Slurm adds is removed until somebody has thought of it.

use std::hash::{BuildHasher, RandomState};

use super::error::one_line;

/// One key for one recording, which is written nowhere: the same name is the same pseudonym in all of its answers, and
/// nobody can try names against it.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms(RandomState);

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Hardware, states, versions and the like.
    Keep,
    /// One name.
    Name,
    /// Names with commas between them, each perhaps with a sign in front.
    Names,
}

/// By the last keys of a path, with `/` between them; the first that fits counts. Lists have no key of their own.
const RULES: &[(&str, Rule)] = &[
    // What is called "name" but names no person, no project and no policy.
    ("nodes/name", Rule::Keep),
    ("allocation/name", Rule::Keep),
    ("allocated/name", Rule::Keep),
    ("requested/name", Rule::Keep),
    ("tres/name", Rule::Keep),
    ("usage/name", Rule::Keep),
    ("total/name", Rule::Keep),
    ("minutes/name", Rule::Keep),
    ("active/name", Rule::Keep),
    ("per/job/name", Rule::Keep),
    ("per/node/name", Rule::Keep),
    ("per/user/name", Rule::Keep),
    ("per/account/name", Rule::Keep),
    ("run_seconds/name", Rule::Keep),
    ("group_minutes/name", Rule::Keep),
    ("signal/name", Rule::Keep),
    ("plugin/name", Rule::Keep),
    ("name", Rule::Name),
    ("account", Rule::Names),
    ("accounts", Rule::Names),
    ("accounts/allowed", Rule::Names),
    ("allowed_accounts", Rule::Names),
    ("cluster", Rule::Name),
    ("group", Rule::Name),
    ("group_name", Rule::Name),
    ("kill_request_user", Rule::Name),
    ("owner", Rule::Name),
    ("parent", Rule::Name),
    ("parent_account", Rule::Name),
    ("partition", Rule::Names),
    ("nodes/partitions", Rule::Names),
    ("partitions/qos", Rule::Names),
    ("qos", Rule::Names),
    ("qos/assigned", Rule::Names),
    ("reason_set_by_user", Rule::Name),
    ("reservation", Rule::Name),
    ("resv_name", Rule::Name),
    ("user", Rule::Name),
    ("user_name", Rule::Name),
    ("users", Rule::Names),
    ("wckey", Rule::Name),
    // Who answered, and how.
    ("data_parser", Rule::Keep),
    ("meta/plugin/type", Rule::Keep),
    ("release", Rule::Keep),
    ("version/major", Rule::Keep),
    ("version/minor", Rule::Keep),
    ("version/micro", Rule::Keep),
    ("errors/error", Rule::Keep),
    ("errors/source", Rule::Keep),
    ("warnings/source", Rule::Keep),
    ("pings/hostname", Rule::Keep),
    ("mode", Rule::Keep),
    ("ping", Rule::Keep),
    ("pinged", Rule::Keep),
    ("status", Rule::Keep),
    ("message_type", Rule::Keep),
    // States and their reasons.
    ("state", Rule::Keep),
    ("state_flags", Rule::Keep),
    ("job_state", Rule::Keep),
    ("state/current", Rule::Keep),
    ("state/reason", Rule::Keep),
    ("state_reason", Rule::Keep),
    ("flags", Rule::Keep),
    ("exclusive", Rule::Keep),
    ("oversubscribe", Rule::Keep),
    ("preempt_mode", Rule::Keep),
    ("preemption_mode", Rule::Keep),
    ("type", Rule::Keep),
    // What there is, and what is used.
    ("active_features", Rule::Keep),
    ("architecture", Rule::Keep),
    ("features", Rule::Keep),
    ("gres", Rule::Keep),
    ("gres_detail", Rule::Keep),
    ("gres_drained", Rule::Keep),
    ("gres_used", Rule::Keep),
    ("LicenseName", Rule::Keep),
    ("licenses", Rule::Keep),
    ("tres", Rule::Keep),
    ("tres/configured", Rule::Keep),
    ("tres_alloc_str", Rule::Keep),
    ("tres_per_job", Rule::Keep),
    ("tres_per_node", Rule::Keep),
    ("tres_per_socket", Rule::Keep),
    ("tres_per_task", Rule::Keep),
    ("tres_req_str", Rule::Keep),
    ("tres_used", Rule::Keep),
    ("slurmd_version", Rule::Keep),
    ("nodes/version", Rule::Keep),
    // Where: names of nodes, and lists of them in Slurm's short form.
    ("batch_host", Rule::Keep),
    ("configured", Rule::Keep),
    ("nodes/hostname", Rule::Keep),
    ("node_list", Rule::Keep),
    ("nodename", Rule::Keep),
    ("nodes", Rule::Keep),
    ("nodes/list", Rule::Keep),
    // Which: numbers that are written as text.
    ("array/task", Rule::Keep),
    ("array_task_string", Rule::Keep),
    ("dependency", Rule::Keep),
    ("job_id", Rule::Keep),
    ("step/id", Rule::Keep),
];

/// Numbers that stand for a person or a group.
const IDS: [&str; 4] = ["user_id", "group_id", "uid", "gid"];

/// Stands for free text: that there was some may matter.
const REMOVED: &str = "removed";

/// More than any text of an answer.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// One answer on its way to a file.
#[derive(Debug)]
pub(super) struct Anonymiser<'a> {
    pseudonyms: &'a Pseudonyms,
    /// The objects and lists that are open; an object with the key at hand.
    open: Vec<Open>,
    /// The text or number at hand, as it is written.
    token: Vec<u8>,
    place: Place,
}

#[derive(Debug)]
enum Open {
    Object { key: String, is_key_next: bool },
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Between,
    Text,
    /// After a backslash.
    Escape,
    /// A number, or a word such as `true`.
    Bare,
}

impl Pseudonyms {
    /// The same for the same name. root stays: it is on every system, and tells of no person.
    fn name(&self, name: &str) -> String {
        match name {
            "" | "root" => name.to_owned(),
            _ => format!("anon-{:012x}", self.0.hash_one(name) >> 16),
        }
    }

    fn names(&self, names: &str) -> String {
        let each = names.split(',').map(|name| {
            let (sign, name) = name.split_at(name.len() - name.trim_start_matches(['+', '-']).len());
            format!("{sign}{}", self.name(name))
        });
        each.collect::<Vec<_>>().join(",")
    }

    /// Above the ids of system users, and in the range that Slurm knows.
    fn id(&self, id: &str) -> String {
        match id.parse::<u32>() {
            // -1 and -2 in their 32 bits mean "none".
            Ok(0 | 0xffff_fffe..) | Err(_) => id.to_owned(),
            Ok(id) => (100_000 + self.0.hash_one(id) % 1_000_000_000).to_string(),
        }
    }
}

impl<'a> Anonymiser<'a> {
    pub(super) fn new(pseudonyms: &'a Pseudonyms) -> Self {
        Self { pseudonyms, open: Vec::new(), token: Vec::new(), place: Place::Between }
    }

    /// Takes the next bytes of an answer and adds to `out` what may be written of it.
    ///
    /// # Errors
    /// When a text is too long to be one, or is not text.
    pub(super) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        for byte in chunk.iter().copied() {
            match self.place {
                Place::Escape => self.keep(byte, Place::Text)?,
                Place::Text if byte == b'\\' => self.keep(byte, Place::Escape)?,
                Place::Text if byte == b'"' => {
                    self.keep(byte, Place::Between)?;
                    self.end_text(out)?;
                }
                Place::Text => self.keep(byte, Place::Text)?,
                Place::Between | Place::Bare => self.outside_text(byte, out)?,
            }
        }
        Ok(())
    }

    /// Ends the answer. A text that was not ended is left out: nobody knows what it was to become.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        if self.place == Place::Bare {
            self.end_bare(out);
        }
    }

    fn keep(&mut self, byte: u8, place: Place) -> Result<(), String> {
        if self.token.len() >= MAX_TEXT_BYTES {
            return Err("a text in it is too long to be one".to_owned());
        }
        self.token.push(byte);
        self.place = place;
        Ok(())
    }

    fn outside_text(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), String> {
        let is_bare = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if is_bare {
            return self.keep(byte, Place::Bare);
        }
        self.end_bare(out);
        match byte {
            b'"' => return self.keep(byte, Place::Text),
            b'{' => self.open.push(Open::Object { key: String::new(), is_key_next: true }),
            b'[' => self.open.push(Open::List),
            b'}' | b']' => {
                self.open.pop();
            }
            b',' | b':' => {
                if let Some(Open::Object { is_key_next, .. }) = self.open.last_mut() {
                    *is_key_next = byte == b',';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            // Not JSON, and so nothing of which is known what it says.
            _ => return Ok(()),
        }
        out.push(byte);
        Ok(())
    }

    fn end_bare(&mut self, out: &mut Vec<u8>) {
        self.place = Place::Between;
        let is_id = IDS.contains(&self.keys().last().unwrap_or_default());
        match std::str::from_utf8(&self.token) {
            Ok(number) if is_id => out.extend_from_slice(self.pseudonyms.id(number).as_bytes()),
            _ => out.extend_from_slice(&self.token),
        }
        self.token.clear();
    }

    fn end_text(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let read: Result<String, _> = serde_json::from_slice(&self.token);
        let text = read.map_err(|error| format!("a text in it is none: {}", one_line(&error.to_string())))?;
        if let Some(Open::Object { key, is_key_next: true }) = self.open.last_mut() {
            out.extend_from_slice(&self.token);
            *key = text;
        } else {
            let instead = match self.rule() {
                Some(Rule::Keep) => None,
                Some(Rule::Name) => Some(self.pseudonyms.name(&text)),
                Some(Rule::Names) => Some(self.pseudonyms.names(&text)),
                None if text.is_empty() => None,
                None => Some(REMOVED.to_owned()),
            };
            match instead {
                Some(instead) => out.extend_from_slice(serde_json::json!(instead).to_string().as_bytes()),
                None => out.extend_from_slice(&self.token),
            }
        }
        self.token.clear();
        Ok(())
    }

    fn rule(&self) -> Option<Rule> {
        let fits = |pattern: &str| {
            let mut keys = self.keys().rev();
            pattern.rsplit('/').all(|part| keys.next() == Some(part))
        };
        RULES.iter().find(|(pattern, _)| fits(pattern)).map(|(_, rule)| *rule)
    }

    /// The path to the value at hand.
    fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.open.iter().filter_map(|open| match open {
            Open::Object { key, .. } => Some(key.as_str()),
            Open::List => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymise(pseudonyms: &Pseudonyms, text: &str, chunk: usize) -> String {
        let (mut anonymiser, mut out) = (Anonymiser::new(pseudonyms), Vec::new());
        for part in text.as_bytes().chunks(chunk) {
            anonymiser.push(part, &mut out).unwrap();
        }
        anonymiser.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_become_pseudonyms_and_free_text_is_removed() {
        let pseudonyms = Pseudonyms::default();
        let [alice, physics] = ["alice", "physics"].map(|name| pseudonyms.name(name));
        let id = pseudonyms.id("1001");
        let text = r#"{"jobs": [{"user_name":"alice" , "comment": "for \"bob\"", "cpus": 4,
            "account":"physics", "user_id": 1001, "job_state": ["RUNNING"], "new_field": ["carol"]}],
            "reservations":[{"users":"-alice,root"}], "level": Infinity}"#;
        let expected = text
            .replace(r#"for \"bob\""#, "removed")
            .replace("carol", "removed")
            .replace("alice", &alice)
            .replace("physics", &physics)
            .replace("1001", &id);
        for chunk in [1, 7, 4096] {
            assert_eq!(anonymise(&pseudonyms, text, chunk), expected);
        }
    }

    #[test]
    fn what_is_called_name_is_kept_only_for_hardware() {
        let pseudonyms = Pseudonyms::default();
        let node = r#"{"nodes":[{"name":"cpu0001","gres":"gpu:h100:8"}]}"#;
        assert_eq!(anonymise(&pseudonyms, node, 9), node);
        let job = r#"{"jobs":[{"name":"secret","tres":{"allocated":[{"type":"gres","name":"gpu"}]}}]}"#;
        let expected = job.replace("secret", &pseudonyms.name("secret"));
        assert_eq!(anonymise(&pseudonyms, job, 9), expected);
    }

    #[test]
    fn two_recordings_have_nothing_in_common() {
        assert_ne!(Pseudonyms::default().name("alice"), Pseudonyms::default().name("alice"));
    }

    #[test]
    fn ids_of_nobody_stay() {
        let pseudonyms = Pseudonyms::default();
        for id in ["0", "4294967294", "null", "-2"] {
            assert_eq!(pseudonyms.id(id), id);
        }
    }

    #[test]
    fn an_answer_that_ends_in_a_text_ends_before_it() {
        assert_eq!(anonymise(&Pseudonyms::default(), r#"{"user_name": "ali"#, 5), r#"{"user_name": "#);
    }
}
