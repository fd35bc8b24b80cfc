//! A scenario's TOML: unknown keys and impossible values are errors with file, line and key.
//! Defaults live here; flags are applied later, by the command line.

use std::collections::BTreeSet;
use std::time::Duration;

use reports::quantity;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::Search;
use super::timetable::{Fault, TokenEntry};
use super::{Arrivals, Change, Encoding, Executor, PRESETS, RequestSpec, Scenario, Stage, parse_duration};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("unknown scenario \"{name}\", expected one of {known}")]
    UnknownScenario { name: String, known: String },
    #[error("{file}: cannot be read")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{file}: line {line}: {message}")]
    Invalid { file: String, line: usize, message: String },
}

/// A scenario of the load test: what is asked, how often and for how long.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "Scenario")]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    name: String,
    #[serde(default)]
    description: String,
    /// Size of the simulated cluster.
    #[serde(default = "medium", deserialize_with = "preset")]
    #[schemars(extend("enum" = PRESETS))]
    preset: String,
    /// Users that wait for their answers (closed), or arrivals at a rate, whatever became of those before (open).
    #[serde(default)]
    executor: ExecutorName,
    /// Users at the highest point of a closed loop.
    #[serde(default, deserialize_with = "some_count")]
    #[schemars(range(min = 1))]
    vus: Option<u32>,
    /// Requests per second: of one user in a closed loop, of all in an open one.
    #[serde(deserialize_with = "positive")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    rate: f64,
    /// How the arrivals of an open loop follow each other.
    arrivals: Option<Arrivals>,
    /// Requests in flight at a time in an open loop; an arrival that finds so many is dropped, and counted.
    #[serde(default, deserialize_with = "some_count")]
    #[schemars(range(min = 1))]
    max_in_flight: Option<u32>,
    /// How long the users take to come, within the warm-up.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(with = "String", regex(pattern = TIME))]
    ramp: Duration,
    /// How long is recorded first without being judged.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", regex(pattern = TIME))]
    warmup: Duration,
    /// How long is judged.
    #[serde(deserialize_with = "nonzero_duration")]
    #[schemars(with = "String", regex(pattern = TIME))]
    duration: Duration,
    /// The mix of requests.
    #[schemars(length(min = 1))]
    requests: Vec<RequestEntry>,
    /// Parts of the run with a level of their own; their times make 1.
    #[serde(default)]
    stages: Vec<StageEntry>,
    /// How often the exporter that is started polls the simulator.
    #[serde(default, deserialize_with = "some_duration")]
    #[schemars(with = "Option<String>", regex(pattern = TIME))]
    poll: Option<Duration>,
    /// Faults of the simulator: `kind`, `at` after the warm-up, `for` how long, and the keys of the kind
    /// (`mock-slurmrestd faults`).
    #[serde(default)]
    #[schemars(with = "Vec<FaultKeys>")]
    faults: Vec<toml::Table>,
    /// Moments at which all tokens end.
    #[serde(default)]
    tokens: Vec<TokenEntry>,
    /// Makes it a search for the largest rate that meets the SLA.
    search: Option<SearchEntry>,
}

/// What [`parse_duration`] reads.
pub(super) const TIME: &str = "^(?=.)([0-9]+|([0-9]+h)?([0-9]+m)?([0-9]+s)?)$";

/// The keys that every fault has; those of its kind stand beside them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
struct FaultKeys {
    kind: String,
    #[schemars(regex(pattern = TIME))]
    at: Option<String>,
    #[schemars(regex(pattern = TIME), rename = "for")]
    length: Option<String>,
}

/// What bounds the search.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchEntry {
    /// Requests per second beyond which nothing is tried.
    #[serde(deserialize_with = "positive")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    highest_rate: f64,
    /// Share of the rate within which the knee is to be found.
    #[serde(deserialize_with = "share")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    precision: f64,
    /// The most users of the closed loop that follows.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1))]
    vus: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ExecutorName {
    #[default]
    Closed,
    Open,
}

/// One kind of request of the mix.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RequestEntry {
    /// Letters, digits and `_`; its name in the results.
    #[serde(deserialize_with = "request_name")]
    name: String,
    /// Path on the target; without it, the metrics page.
    #[serde(default, deserialize_with = "path")]
    path: Option<String>,
    encoding: Encoding,
    /// Share of the mix, relative to the other weights.
    #[serde(default = "one", deserialize_with = "count")]
    #[schemars(range(min = 1))]
    weight: u32,
}

/// A part of the run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StageEntry {
    /// Share of the users, in a closed loop.
    #[serde(default, deserialize_with = "some_share")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    vus: Option<f64>,
    /// Share of the rate, in an open loop.
    #[serde(default, deserialize_with = "some_share")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    rate: Option<f64>,
    /// How it gets there.
    #[serde(default)]
    change: Change,
    /// Share of the run's time.
    #[serde(deserialize_with = "share")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    time: f64,
}

/// The JSON Schema of a scenario's file, read as JSON.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(ScenarioFile)
}

/// Reads a scenario; `file` is its name in messages.
pub(super) fn parse(file: &str, text: &str) -> Result<Scenario, ConfigError> {
    let read: ScenarioFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text[..at].matches('\n').count() + 1;
        ConfigError::Invalid { file: file.into(), line, message: message(text, line, error.message()) }
    })?;
    let refuse = |key: &str, message: String| ConfigError::Invalid {
        file: file.into(),
        line: line_of(text, key),
        message: format!("{key}: {message}"),
    };
    let (executor, vus) = match (read.executor, read.vus) {
        (ExecutorName::Closed, None) => {
            return Err(refuse("executor", "a closed loop needs its users: vus".into()));
        }
        (ExecutorName::Open, Some(_)) => {
            return Err(refuse("vus", "an open loop has no users, only a rate".into()));
        }
        (ExecutorName::Closed, Some(vus)) => {
            let only_open =
                [("arrivals", read.arrivals.is_some()), ("max_in_flight", read.max_in_flight.is_some())];
            if let Some((key, _)) = only_open.into_iter().find(|(_, is_set)| *is_set) {
                return Err(refuse(key, "only an open loop has it: executor = \"open\"".into()));
            }
            (Executor::Closed, vus)
        }
        (ExecutorName::Open, None) => {
            let arrivals = read.arrivals.unwrap_or_default();
            (Executor::Open { arrivals, max_in_flight: read.max_in_flight }, 0)
        }
    };
    let level = |stage: &StageEntry| match (read.executor, stage.vus, stage.rate) {
        (ExecutorName::Closed, Some(level), None) | (ExecutorName::Open, None, Some(level)) => Ok(level),
        (ExecutorName::Closed, ..) => Err(refuse("stages", "expected a share of the users: vus".into())),
        (ExecutorName::Open, ..) => Err(refuse("stages", "expected a share of the rate: rate".into())),
    };
    let stages = read
        .stages
        .iter()
        .map(|stage| Ok(Stage { level: level(stage)?, change: stage.change, time: stage.time }))
        .collect::<Result<_, ConfigError>>()?;
    let faults = read.faults.into_iter().map(Fault::read).collect::<Result<Vec<_>, _>>();
    let faults = faults.map_err(|problem| refuse("faults", problem))?;
    let tokens = read.tokens.into_iter().map(TokenEntry::read).collect::<Result<Vec<_>, _>>();
    let tokens = tokens.map_err(|problem| refuse("tokens", problem))?;
    if read.ramp > read.warmup {
        return Err(refuse(
            "ramp",
            "must not be longer than warmup, since nothing is judged in a ramp".into(),
        ));
    }
    let changes = !(read.stages.is_empty() && faults.is_empty() && tokens.is_empty());
    if read.search.is_some() && (read.executor == ExecutorName::Closed || changes) {
        return Err(refuse("search", "needs executor = \"open\" and no stages, faults or tokens".into()));
    }
    if read.requests.is_empty() {
        return Err(refuse("requests", "expected at least one".into()));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = read.requests.iter().find(|request| !names.insert(request.name.as_str())) {
        return Err(refuse("requests", format!("\"{}\" stands there twice", twice.name)));
    }
    let time: f64 = read.stages.iter().map(|stage| stage.time).sum();
    if !read.stages.is_empty() && (time - 1.0).abs() > 1e-6 {
        return Err(refuse(
            "stages",
            format!("the shares of time make {}, expected 1", quantity::number(time)),
        ));
    }
    Ok(Scenario {
        name: read.name,
        description: read.description,
        preset: read.preset,
        executor,
        vus,
        rate: read.rate,
        ramp: read.ramp,
        warmup: read.warmup,
        duration: read.duration,
        requests: read
            .requests
            .into_iter()
            .map(|RequestEntry { name, path, encoding, weight }| RequestSpec { name, path, encoding, weight })
            .collect(),
        stages,
        poll: read.poll,
        faults,
        tokens,
        search: read.search.map(|SearchEntry { highest_rate, precision, vus }| Search {
            highest_rate,
            precision,
            vus,
        }),
    })
}

/// The parser's message with the key that stands on the line, unless it names the key itself.
fn message(text: &str, line: usize, message: &str) -> String {
    let message = with_near_match(message.trim().replace('\n', " ").replace('`', "\""));
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    match key {
        Some(key) if !message.contains(&format!("\"{key}\"")) => format!("{key}: {message}"),
        _ => message,
    }
}

/// Adds to a complaint about an unknown name which of the known ones was probably meant.
fn with_near_match(message: String) -> String {
    let Some((head, tail)) =
        message.split_once(", expected one of ").filter(|(head, _)| head.starts_with("unknown "))
    else {
        return message;
    };
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (found, known) = (quoted(head), quoted(tail));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match found.first().and_then(|found| reports::near::nearest(&known, found)) {
        Some(near) => format!("{head}, did you mean \"{near}\"? expected one of {tail}"),
        None => message,
    }
}

/// The first line that sets `key`, as a key or as a table.
fn line_of(text: &str, key: &str) -> usize {
    let sets = |line: &str| line.trim_start_matches('[').trim_start().starts_with(key);
    text.lines().position(sets).map_or(1, |index| index + 1)
}

fn medium() -> String {
    "medium".into()
}

fn preset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if PRESETS.contains(&name.as_str()) {
        Ok(name)
    } else {
        Err(D::Error::custom(format!("\"{name}\" is unknown, expected one of {}", PRESETS.join(", "))))
    }
}

fn one() -> u32 {
    1
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("expected at least 1")),
        count => Ok(count),
    }
}

fn some_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    count(deserializer).map(Some)
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err(D::Error::custom("expected a number above 0"))
    }
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number > 0.0 && number <= 1.0 {
        Ok(number)
    } else {
        Err(D::Error::custom("expected a share above 0, at most 1"))
    }
}

fn some_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    share(deserializer).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    nonzero_duration(deserializer).map(Some)
}

fn nonzero_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration.is_zero() { Err(D::Error::custom("expected at least 1s")) } else { Ok(duration) }
}

/// Interval-log tags and SLA rules name requests, so blanks, commas and brackets are out.
fn request_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(D::Error::custom("expected letters, digits and _"))
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path.starts_with('/') {
        Ok(Some(path))
    } else {
        Err(D::Error::custom("expected a path that begins with /"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../scenarios/spike.toml");

    /// Replaces `from` in a good file and expects exactly this complaint.
    fn check(from: &str, to: &str, expected: &str) {
        assert!(GOOD.contains(from), "{from}");
        let message = parse("my.toml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert_eq!(message, expected);
    }

    #[test]
    fn errors_name_file_line_and_key() {
        check(
            "rate = 2.0",
            "rat = 2.0",
            "my.toml: line 6: unknown field \"rat\", did you mean \"rate\"? expected one of \"name\", \"description\", \"preset\", \"executor\", \"vus\", \"rate\", \"arrivals\", \"max_in_flight\", \"ramp\", \"warmup\", \"duration\", \"requests\", \"stages\", \"poll\", \"faults\", \"tokens\", \"search\"",
        );
        check("vus = 200", "vus = 0", "my.toml: line 5: vus: expected at least 1");
        check(
            "duration = \"5m\"",
            "duration = \"5x\"",
            "my.toml: line 9: duration: \"5x\" is not a duration, expected whole seconds such as 20s, 10m or 1h30m",
        );
        check(
            "ramp = \"5s\"",
            "ramp = \"50s\"",
            "my.toml: line 7: ramp: must not be longer than warmup, since nothing is judged in a ramp",
        );
        check(
            "time = 0.2",
            "time = 0.3",
            "my.toml: line 12: stages: the shares of time make 1.1, expected 1",
        );
        check(
            "metrics_identity",
            "metrics_gzip",
            "my.toml: line 32: requests: \"metrics_gzip\" stands there twice",
        );
        check("metrics_gzip", "metrics gzip", "my.toml: line 33: name: expected letters, digits and _");
    }

    #[test]
    fn an_open_loop_has_a_rate_and_no_users() {
        let open = GOOD
            .replace("vus = 200", "executor = \"open\"\narrivals = \"poisson\"")
            .replace("vus = 0.1", "rate = 0.1");
        let open = open.replace("vus = 1.0", "rate = 1.0\nchange = \"ramp\"");
        let scenario = parse("my.toml", &open).unwrap();
        assert_eq!(scenario.executor, Executor::Open { arrivals: Arrivals::Poisson, max_in_flight: None });
        let stages: Vec<_> = scenario.stages.iter().map(|stage| (stage.level, stage.change)).collect();
        assert_eq!(stages[..2], [(0.1, Change::Jump), (1.0, Change::Ramp)]);
        check("vus = 200\n", "", "my.toml: line 1: executor: a closed loop needs its users: vus");
        check(
            "vus = 200",
            "executor = \"open\"\nvus = 200",
            "my.toml: line 6: vus: an open loop has no users, only a rate",
        );
        check(
            "vus = 200",
            "vus = 200\nmax_in_flight = 5",
            "my.toml: line 6: max_in_flight: only an open loop has it: executor = \"open\"",
        );
        check("vus = 0.1", "rate = 0.1", "my.toml: line 12: stages: expected a share of the users: vus");
    }
}
