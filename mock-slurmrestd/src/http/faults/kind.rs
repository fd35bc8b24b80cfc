//! The kinds of fault: one table that feeds the parser, the help, the README and the tests.
//! Not here: what a kind does to an answer (answer.rs, body.rs, rewrite.rs, payload.rs).

use crate::wire::Endpoint;
use std::fmt;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    Latency,
    Jitter,
    StallHead,
    StallBody,
    Drip,
    Reset,
    ResetBody,
    Truncate,
    TruncateJson,
    Endless,
    GzipBomb,
    ContentType,
    Html,
    Unauthorized,
    AuthenticationRequired,
    InternalError,
    ErrorWithData,
    BadGateway,
    Unavailable,
    TooManyRequests,
    VersionNotFound,
    Errors,
    Warnings,
    Empty,
    HugeBody,
    HugeString,
    DeepNesting,
    DuplicateKeys,
    InvalidUtf8,
    Overflow,
    NoVal,
    Infinity,
    ManyLabels,
    FieldRenamed,
    FieldAdded,
    FieldRemoved,
    FieldRetyped,
    TokenExpired,
    Redirect,
    ClockSkew,
    ControllerDown,
    DatabaseDown,
    FailOver,
    Upgrade,
}

/// What a key of a fault takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    /// A whole number in a range.
    Whole(u64, u64),
    /// A whole number that may be negative.
    Signed,
    /// A number in a range.
    Number(f64, f64),
    Word(&'static [&'static str]),
    /// Any text of at least one letter; this is what it should be.
    Text(&'static str),
    /// API versions, one or a range.
    Versions,
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(least, u64::MAX) => write!(f, "a whole number from {least}"),
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Signed => f.write_str("a whole number, which may be negative"),
            Self::Number(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::Text(what) => f.write_str(what),
            Self::Versions => f.write_str("API versions, such as v0.0.43..v0.0.45"),
        }
    }
}

/// A key that one kind has beside those that all have.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    /// As it would be typed; none when the key must be given, or depends on the endpoint.
    pub(super) default: Option<&'static str>,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    kind: FaultKind,
    word: &'static str,
    /// What a client sees; completes "the answer ...".
    about: &'static str,
    /// Milliseconds before the effect, unless `ms` says otherwise.
    delay_ms: u64,
    keys: &'static [Key],
    strikes: Strikes,
}

/// Which endpoints a kind can strike at all.
#[derive(Clone, Copy, Debug)]
enum Strikes {
    All,
    /// Those with a list of rows.
    Lists,
    Only(&'static [Endpoint]),
    /// What slurmctld answers, and the pings about it.
    Controller,
    /// What slurmdbd answers, and what slurmctld answers with its help.
    Database,
    /// Those whose rows have such a field.
    Fields(Field),
}

/// The list that an endpoint's answer is made of, by its key.
pub(super) fn list(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Nodes | Endpoint::Node => "nodes",
        Endpoint::Jobs | Endpoint::Job | Endpoint::JobsState | Endpoint::DbJobs | Endpoint::DbJob => "jobs",
        Endpoint::Partitions | Endpoint::Partition => "partitions",
        Endpoint::Reservations | Endpoint::Reservation => "reservations",
        Endpoint::Licenses => "licenses",
        Endpoint::DbUsers => "users",
        Endpoint::DbAccounts => "accounts",
        Endpoint::DbAssociations => "associations",
        Endpoint::DbQos => "qos",
        Endpoint::DbTres => "TRES",
        Endpoint::DbClusters => "clusters",
        Endpoint::DbWckeys => "wckeys",
        Endpoint::DbInstances => "instances",
        Endpoint::Ping
        | Endpoint::DbPing
        | Endpoint::Diag
        | Endpoint::DbDiag
        | Endpoint::DbConfig
        | Endpoint::Shares
        | Endpoint::OpenApi => return None,
    })
}

/// What a kind that changes a field looks for.
#[derive(Clone, Copy, Debug)]
enum Field {
    /// One that a reader cannot do without.
    Needed,
    /// A text, or one with texts in it.
    Text,
    /// A number, or one with numbers in it.
    Number,
}

/// The field that is changed unless `field` names another.
fn usual_field(endpoint: Endpoint, of: Field) -> Option<&'static str> {
    let (needed, text, number) = match endpoint {
        Endpoint::Nodes | Endpoint::Node => ("state", "name", "cpus"),
        Endpoint::Jobs | Endpoint::Job => ("job_state", "partition", "cpus"),
        Endpoint::JobsState => ("state", "job_id", ""),
        Endpoint::Partitions | Endpoint::Partition => ("name", "name", "nodes"),
        Endpoint::Reservations | Endpoint::Reservation => ("name", "name", "node_count"),
        Endpoint::Licenses => ("LicenseName", "LicenseName", "Total"),
        Endpoint::Shares => ("name", "name", "id"),
        Endpoint::DbJobs | Endpoint::DbJob => ("state", "user", "job_id"),
        Endpoint::DbUsers | Endpoint::DbAccounts => ("name", "name", ""),
        Endpoint::DbAssociations => ("account", "user", "shares_raw"),
        Endpoint::DbQos => ("name", "name", "id"),
        Endpoint::DbTres => ("type", "type", "id"),
        Endpoint::DbClusters => ("name", "nodes", "rpc_version"),
        Endpoint::DbDiag | Endpoint::DbConfig | Endpoint::DbWckeys | Endpoint::DbInstances => ("", "", ""),
        Endpoint::OpenApi => ("", "", ""),
        Endpoint::Ping | Endpoint::DbPing => ("hostname", "hostname", "latency"),
        Endpoint::Diag => ("jobs_submitted", "rpcs_by_message_type", "jobs_submitted"),
    };
    let name = match of {
        Field::Needed => needed,
        Field::Text => text,
        Field::Number => number,
    };
    (!name.is_empty()).then_some(name)
}

const fn row(kind: FaultKind, word: &'static str, about: &'static str) -> Row {
    Row { kind, word, about, delay_ms: 0, keys: &[], strikes: Strikes::All }
}

impl Row {
    const fn after_ms(self, delay_ms: u64) -> Self {
        Self { delay_ms, ..self }
    }

    const fn keys(self, keys: &'static [Key]) -> Self {
        Self { keys, ..self }
    }

    const fn lists(self) -> Self {
        Self { strikes: Strikes::Lists, ..self }
    }

    const fn field(self, of: Field) -> Self {
        Self { strikes: Strikes::Fields(of), keys: FIELD, ..self }
    }

    const fn of(self, strikes: Strikes) -> Self {
        Self { strikes, ..self }
    }

    const fn only(self, endpoints: &'static [Endpoint]) -> Self {
        Self { strikes: Strikes::Only(endpoints), ..self }
    }
}

const fn key(name: &'static str, takes: Takes, default: &'static str) -> Key {
    Key { name, takes, default: Some(default) }
}

const MIB: Key = key("mib", Takes::Whole(1, 1 << 20), "8192");
const FOR_EVER: &str = "3600000";
const FOR_MS: Key = key("for_ms", Takes::Whole(1, u64::MAX), FOR_EVER);
const AFTER: Key = key("retry_after", Takes::Whole(0, u64::MAX), "5");
/// Without it, one that every row of the endpoint has.
const FIELD: &[Key] =
    &[Key { name: "field", takes: Takes::Text("the name of a field of a row"), default: None }];

/// Every kind, in the order of the variants.
const ROWS: [Row; 44] = {
    use FaultKind as K;
    [
        row(
            K::Latency,
            "latency",
            "comes later: always by ms, or lognormal about it, or in a share slow_share by slow_ms",
        )
        .keys(&[
            key("shape", Takes::Word(&["fixed", "lognormal", "bimodal"]), "fixed"),
            key("sigma", Takes::Number(0.0, 5.0), "0.5"),
            key("slow_ms", Takes::Whole(0, u64::MAX), "10000"),
            key("slow_share", Takes::Number(0.0, 1.0), "0.05"),
        ]),
        row(K::Jitter, "jitter", "comes later, by anything up to ms"),
        row(K::StallHead, "stall-head", "does not begin for for_ms (an hour unless told)").keys(&[FOR_MS]),
        row(K::StallBody, "stall-body", "stops in the middle of its body for for_ms (an hour unless told)")
            .keys(&[FOR_MS]),
        row(K::Drip, "drip", "comes in drops of so many bytes with a pause of every_ms between them").keys(
            &[key("bytes", Takes::Whole(1, 1 << 30), "1"), key("every_ms", Takes::Whole(1, u64::MAX), "50")],
        ),
        row(K::Reset, "reset", "does not begin: the connection is reset before the first byte"),
        row(K::ResetBody, "reset-body", "is half there when the connection is reset"),
        row(K::Truncate, "truncate", "ends in the middle, with the Content-Length of the whole"),
        row(
            K::TruncateJson,
            "truncate-json",
            "ends in the middle of its JSON, with the Content-Length of what there is",
        ),
        row(K::Endless, "endless", "never ends: blanks after the beginning of a list"),
        row(K::GzipBomb, "gzip-bomb", "is blanks, mib of them, compressed though nobody asked").keys(&[key(
            "mib",
            Takes::Whole(1, 1 << 20),
            "6000",
        )]),
        row(K::ContentType, "content-type", "is right but for its Content-Type").keys(&[key(
            "type",
            Takes::Text("a media type, such as text/plain"),
            "text/plain",
        )]),
        row(K::Html, "html", "is 200 and a page for people, as of a proxy that wants a login"),
        row(K::Unauthorized, "401", "is 401, as without a token"),
        row(K::AuthenticationRequired, "511", "is 511, errno 1007, everywhere"),
        row(K::InternalError, "500", "is 500, `Unspecified error`"),
        row(K::ErrorWithData, "500-data", "is 500 with all of its data and an entry in `errors`"),
        row(K::BadGateway, "502", "is 502, errno 1800, after 10 s, everywhere").after_ms(10_000),
        row(K::Unavailable, "503", "is 503 with Retry-After, in text, as of a proxy").keys(&[AFTER]),
        row(K::TooManyRequests, "429", "is 429 with Retry-After, in text, as of a proxy").keys(&[AFTER]),
        row(K::VersionNotFound, "404", "is 404 in text, as if the API version were not served"),
        row(K::Errors, "errors", "is 200 with its data and an entry in `errors`"),
        row(K::Warnings, "warnings", "is 200 with its data and an entry in `warnings`"),
        row(K::Empty, "empty", "is 200 with an empty list").lists(),
        row(K::HugeBody, "huge-body", "has the rows again and again, up to mib").keys(&[MIB]).lists(),
        row(K::HugeString, "huge-string", "has one row with a text of so many mib").keys(&[MIB]).lists(),
        row(K::DeepNesting, "deep-nesting", "has one row with lists in lists, so deep")
            .keys(&[key("depth", Takes::Whole(1, 1 << 40), "1000000000")])
            .lists(),
        row(K::DuplicateKeys, "duplicate-keys", "has rows with one key twice").field(Field::Needed),
        row(K::InvalidUtf8, "invalid-utf8", "has rows with text that is no UTF-8").field(Field::Text),
        row(K::Overflow, "overflow", "has rows with a number beyond 64 bits").field(Field::Number),
        row(K::NoVal, "no-val", "has rows with a number that is Slurm's NO_VAL").field(Field::Number),
        row(K::Infinity, "infinity", "has rows with a bare Infinity for a number").field(Field::Number),
        row(K::ManyLabels, "many-labels", "has rows with so many names, none like another")
            .keys(&[key("names", Takes::Whole(1, 1 << 40), "10000000")])
            .only(&[Endpoint::Nodes, Endpoint::Jobs]),
        row(K::FieldRenamed, "field-renamed", "has rows with a field under another name")
            .field(Field::Needed),
        row(K::FieldAdded, "field-added", "has rows with one more field, `brand_new`"),
        row(K::FieldRemoved, "field-removed", "has rows without a field").field(Field::Needed),
        row(
            K::FieldRetyped,
            "field-retyped",
            "has rows with a field of another type: in a list, or a list in an object",
        )
        .field(Field::Needed),
        row(K::TokenExpired, "token-expired", "is what the release says to an expired token"),
        row(K::Redirect, "redirect", "is 302 to another host").keys(&[key(
            "to",
            Takes::Text("the URL to send clients to"),
            "http://other.invalid:6820",
        )]),
        row(K::ClockSkew, "clock-skew", "has every time moved by so many seconds").keys(&[key(
            "seconds",
            Takes::Signed,
            "300",
        )]),
        row(
            K::ControllerDown,
            "slurmctld-down",
            "is what slurmrestd says while slurmctld is down: 502 after 10 s, /ping at once",
        )
        .after_ms(10_000)
        .of(Strikes::Controller),
        row(
            K::DatabaseDown,
            "slurmdbd-down",
            "is what slurmrestd says while slurmdbd is down: 502 for its endpoints, /partitions 500 with data",
        )
        .of(Strikes::Database),
        row(
            K::FailOver,
            "fail-over",
            "tells of a primary controller that is down and a backup that took over",
        )
        .only(&[Endpoint::Ping]),
        row(K::Upgrade, "upgrade", "is 404 for all but these API versions, as after an upgrade of Slurm")
            .keys(&[Key { name: "serve", takes: Takes::Versions, default: None }]),
    ]
};

impl FaultKind {
    pub const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::Latency; ROWS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = ROWS[at].kind;
            at += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Its name in flags, files and counts.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What a client sees; completes "the answer ...".
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// Whether it is felt at this endpoint.
    pub fn strikes(self, endpoint: Endpoint) -> bool {
        match self.row().strikes {
            Strikes::All => true,
            Strikes::Lists => list(endpoint).is_some(),
            Strikes::Only(endpoints) => endpoints.contains(&endpoint),
            Strikes::Controller => !endpoint.is_accounting() && endpoint != Endpoint::OpenApi,
            // Recorded of 26.05: /partitions comes with an error, the rest of slurmctld's does not care.
            Strikes::Database => endpoint.is_accounting() || endpoint == Endpoint::Partitions,
            Strikes::Fields(of) => usual_field(endpoint, of).is_some(),
        }
    }

    /// The field that it changes in the rows of this endpoint, unless told another.
    pub(super) fn usual_field(self, endpoint: Endpoint) -> Option<&'static str> {
        match self.row().strikes {
            Strikes::Fields(of) => usual_field(endpoint, of),
            _ => None,
        }
    }

    /// Whether it does nothing but delay, so that something else may strike as well.
    pub(super) fn only_delays(self) -> bool {
        matches!(self, Self::Latency | Self::Jitter)
    }

    pub(super) fn delay_ms(self) -> u64 {
        self.row().delay_ms
    }

    pub(super) fn keys(self) -> &'static [Key] {
        self.row().keys
    }

    pub(super) fn named(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("unknown kind {word:?}, expected one of {words}")
        })
    }
}

impl Row {
    /// The keys with their defaults, as they would be typed.
    fn keys_with_defaults(&self) -> Vec<String> {
        let key = |key: &Key| format!("{}={}", key.name, key.default.unwrap_or("..."));
        self.keys.iter().map(key).collect()
    }
}

/// Every kind with its keys and what it does, for a terminal.
pub fn fault_list() -> String {
    let mut list = String::new();
    for row in &ROWS {
        let words = [vec![row.word.to_owned()], row.keys_with_defaults()].concat().join(" ");
        list.push_str(&format!("  {words}\n      the answer {}\n", row.about));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_in_the_order_of_the_variants_and_names_each_once() {
        for (at, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{}", kind.word());
            assert_eq!(FaultKind::named(kind.word()), Ok(kind));
        }
        let words: BTreeSet<_> = FaultKind::ALL.map(FaultKind::word).into();
        assert_eq!(words.len(), FaultKind::ALL.len());
    }

    #[test]
    fn the_readme_has_the_whole_table() {
        let readme = include_str!("../../../README.md");
        let line = |row: &Row| {
            let keys: Vec<_> = row.keys_with_defaults().iter().map(|key| format!("`{key}`")).collect();
            format!("| `{}` | {} | {} |\n", row.word, keys.join(" "), row.about)
        };
        let missing: String = ROWS.iter().map(line).filter(|line| !readme.contains(line)).collect();
        assert!(missing.is_empty(), "missing or stale:\n{missing}");
    }

    #[test]
    fn every_kind_strikes_somewhere() {
        for kind in FaultKind::ALL {
            assert!(Endpoint::ALL.into_iter().any(|endpoint| kind.strikes(endpoint)), "{}", kind.word());
        }
    }
}
