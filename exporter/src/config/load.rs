//! Defaults, then the file, then the environment, then the flags: each layer overrides the one before.
//! Mistakes are gathered, not returned one by one; combinations are `check`'s business.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::collectors::SAME_INTERVAL;
use super::ha::VARIABLES;
use super::tree::{self, Node, Place, Value};
use super::{
    Config, ConfigError, ConfigErrors, Key, Loaded, Origin, Settings, Token, TokenSource, check, compat,
    idle, keys,
};
use compat::Meaning;

/// What our variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "SLURM_EXPORTER_";

/// The variable that Slurm's own commands read the token from.
pub(super) const TOKEN_VARIABLE: &str = "SLURM_JWT";

/// More than any configuration needs, so that a wrong path does not fill the memory.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The list of clusters, each with the keys of [`SECTION_OF_A_CLUSTER`].
const CLUSTERS: &str = "clusters";

pub(super) const SECTION_OF_A_CLUSTER: &str = "slurm";

/// Where each key that is not at its default was set; those of a cluster in the list as `clusters[0].url`.
pub(super) type Origins = BTreeMap<String, Origin>;

/// A flag that was given.
#[derive(Clone, Debug)]
pub struct Setting {
    pub key: &'static Key,
    pub flag: &'static str,
    pub text: String,
}

struct Found {
    key: &'static Key,
    /// The key as it stands there: another dialect's, where it is no key of ours.
    written: String,
    text: String,
    origin: Origin,
}

impl Found {
    /// The key that this one is another name of, or itself.
    fn subject(&self) -> &'static str {
        let same = SAME_INTERVAL.iter().find(|(path, _)| *path == self.key.path);
        same.map_or(self.key.path, |(_, same)| same)
    }
}

struct Loader {
    config: Config,
    origins: Origins,
    /// What was written, by the path of the key.
    texts: BTreeMap<String, String>,
    /// Of the file.
    hash: Option<u32>,
    errors: Vec<ConfigError>,
    /// What the file says of each cluster in the list, until the section that they share is complete.
    clusters: Vec<Vec<Found>>,
    /// The cluster in the list whose keys are looked at.
    within: Option<usize>,
}

/// Builds the configuration from a file, the environment and the flags.
///
/// # Errors
/// Every mistake in any of them, and every combination that cannot work.
pub fn load(
    file: Option<&Path>,
    environment: &[(String, String)],
    flags: Vec<Setting>,
) -> Result<Config, ConfigErrors> {
    everything(file, environment, flags).map(|loaded| loaded.config)
}

/// The same with what is known about the reading.
pub(super) fn everything(
    file: Option<&Path>,
    environment: &[(String, String)],
    flags: Vec<Setting>,
) -> Result<Loaded, ConfigErrors> {
    let mut loader = Loader {
        config: Config::default(),
        origins: Origins::new(),
        texts: BTreeMap::new(),
        hash: None,
        errors: Vec::new(),
        clusters: Vec::new(),
        within: None,
    };
    let file_is_read = file.is_none_or(|file| loader.file(file));
    loader.environment(environment);
    let flags = flags.into_iter().map(|set| Found {
        key: set.key,
        written: set.key.path.to_owned(),
        text: set.text,
        origin: Origin::Flag(set.flag),
    });
    loader.apply(flags.collect());
    loader.token_from(environment);
    loader.clusters();
    // Without the file's keys every combination would look wrong.
    if file_is_read {
        check::check(&mut loader.config, &loader.origins, &mut loader.errors);
        loader.config.warnings.extend(idle::told(&loader.config, &loader.origins, &loader.texts));
    }
    if !loader.errors.is_empty() {
        return Err(ConfigErrors(loader.errors));
    }
    let settings = Settings { origins: loader.origins, texts: loader.texts };
    Ok(Loaded { config: loader.config, settings, hash: loader.hash })
}

impl Loader {
    /// Applies a file; false when it cannot be used at all: no YAML, or no section.
    fn file(&mut self, path: &Path) -> bool {
        let name = path.display().to_string();
        let root = match read(path) {
            Ok(text) => {
                self.hash = Some(hash(&text));
                tree::parse(&text).map_err(|(place, message)| {
                    let origin = place
                        .map_or_else(|| Origin::WholeFile(name.clone()), |place| Origin::at(&name, place));
                    ConfigError::new(Some(origin), "", message)
                })
            }
            Err(message) => Err(ConfigError::new(Some(Origin::WholeFile(name.clone())), "", message)),
        };
        match root {
            Ok(root) => {
                if let Some(tag) = &root.tag {
                    self.refuse_tag(Origin::at(&name, root.place), "", tag);
                }
                let mut found = Vec::new();
                self.walk(&name, "", &root, &mut found);
                self.apply(found);
                matches!(root.value, Value::Section(_) | Value::Nothing)
            }
            Err(error) => {
                self.errors.push(error);
                false
            }
        }
    }

    fn refuse_tag(&mut self, origin: Origin, key: &str, tag: &str) {
        self.errors.push(ConfigError::new(Some(origin), key, format!("takes no YAML tag, got {tag}")));
    }

    /// Gathers the keys below `prefix`, which is empty or ends with a dot.
    fn walk(&mut self, file: &str, prefix: &str, node: &Node, found: &mut Vec<Found>) {
        let entries = match &node.value {
            Value::Section(entries) => entries,
            Value::Nothing => return,
            Value::Text(_) | Value::List(_) => {
                let message = format!("expected a section with the keys {}", known_below(prefix).join(", "));
                let origin = Origin::at(file, node.place);
                // That they are missing would only be a consequence.
                for key in keys().filter(|key| key.path.starts_with(prefix)) {
                    self.origins.insert(self.shown(key.path), origin.clone());
                }
                let section = self.shown(prefix.trim_end_matches('.'));
                self.errors.push(ConfigError::new(Some(origin), &section, message));
                return;
            }
        };
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        for (name, place, node) in entries {
            let path = format!("{prefix}{name}");
            let shown = self.shown(&path);
            let origin = Origin::at(file, *place);
            if let Some(tag) = &node.tag {
                // The key's place: the value's own may be a line below the tag.
                self.refuse_tag(origin.clone(), &shown, tag);
            }
            if let Some(first) = seen.insert(name, *place) {
                let message = format!("stands here again, first in line {}", first.line);
                self.errors.push(ConfigError::new(Some(origin), &shown, message));
            } else if path == CLUSTERS {
                self.list(file, origin, node);
            } else if let Some(key) = keys().find(|key| key.path == path) {
                found.extend(self.value(file, key, &shown, *place, node));
            } else if let Some((meaning, own)) = compat::find(&path) {
                self.foreign(file, &shown, *place, node, (meaning, own), found);
            } else if known_below(&format!("{path}.")).is_empty()
                && compat::below(&format!("{path}.")).next().is_none()
            {
                let message = format!("unknown key{}", self.suggest(prefix, name));
                self.errors.push(ConfigError::new(Some(origin), &shown, message));
            } else {
                self.walk(file, &format!("{path}."), node, found);
            }
        }
    }

    /// The value of a key of ours, unless it is of another kind.
    fn value(
        &mut self,
        file: &str,
        key: &'static Key,
        written: &str,
        place: Place,
        node: &Node,
    ) -> Option<Found> {
        let (place, text) = match &node.value {
            Value::Text(text) => (node.place, Ok(text.clone())),
            Value::List(items) if key.is_list() => {
                let expected = || format!("expected a list of {}", key.value.trim_end_matches(",..."));
                (node.place, joined(items).ok_or_else(expected))
            }
            other => {
                let what = match other {
                    Value::Nothing => "nothing",
                    Value::List(_) => "a list",
                    Value::Section(_) | Value::Text(_) => "a section",
                };
                (place, Err(format!("expected {}, got {what}", key.value)))
            }
        };
        let origin = Origin::at(file, place);
        match text {
            Ok(text) => Some(Found { key, written: written.to_owned(), text, origin }),
            Err(message) => {
                self.origins.insert(self.shown(key.path), origin.clone());
                self.errors.push(ConfigError::new(Some(origin), written, message));
                None
            }
        }
    }

    /// A key of another dialect.
    fn foreign(
        &mut self,
        file: &str,
        shown: &str,
        place: Place,
        node: &Node,
        (meaning, own): (&Meaning, Vec<&'static Key>),
        found: &mut Vec<Found>,
    ) {
        let origin = Origin::at(file, place);
        let beyond = own.iter().find(|key| !key.path.starts_with(SECTION_OF_A_CLUSTER));
        match (meaning, beyond.filter(|_| self.within.is_some())) {
            (Meaning::Sets(_), Some(key)) => {
                let message = format!("is the same for all clusters: set {}", key.path);
                self.errors.push(ConfigError::new(Some(origin), shown, message));
            }
            (Meaning::Sets(_), None) => {
                for key in own {
                    found.extend(self.value(file, key, shown, place, node));
                }
            }
            (Meaning::NoEffect(instead), _) => {
                self.config.warnings.push(format!("{origin}: {shown} has no effect: {instead}"));
            }
            (Meaning::Refused(instead), _) => {
                self.errors.push(ConfigError::new(Some(origin), shown, *instead));
            }
        }
    }

    /// Gathers the keys of each cluster in the list.
    fn list(&mut self, file: &str, origin: Origin, node: &Node) {
        let items = match &node.value {
            Value::List(items) if !items.is_empty() => items.as_slice(),
            _ => {
                let message =
                    format!("expected a list of sections like {SECTION_OF_A_CLUSTER}, one per cluster");
                self.errors.push(ConfigError::new(Some(origin), CLUSTERS, message));
                // That no cluster is named would only be a consequence.
                self.origins.insert("slurm.url".to_owned(), Origin::at(file, node.place));
                return;
            }
        };
        for (index, item) in items.iter().enumerate() {
            self.within = Some(index);
            let shown = self.shown(SECTION_OF_A_CLUSTER);
            if let Some(tag) = &item.tag {
                self.refuse_tag(Origin::at(file, item.place), &shown, tag);
            }
            let mut found = Vec::new();
            self.walk(file, &format!("{SECTION_OF_A_CLUSTER}."), item, &mut found);
            self.origins.insert(shown, Origin::at(file, item.place));
            self.clusters.push(found);
        }
        self.within = None;
    }

    /// Applies what the file says of each cluster in the list to a copy of the section that they share.
    fn clusters(&mut self) {
        for (index, found) in std::mem::take(&mut self.clusters).into_iter().enumerate() {
            let shared = self.config.slurm.clone();
            // Refused in `slurm` by `check`: what all have in common tells none from another.
            self.config.slurm.name = None;
            self.within = Some(index);
            self.apply(found);
            self.config.clusters.push(std::mem::replace(&mut self.config.slurm, shared));
        }
        self.within = None;
        // Unknown keys were found before wrong values; people read a file from the top.
        self.errors.sort_by_key(|error| (error.place().is_none(), error.place()));
    }

    /// The path of a key as it stands in the file: of a cluster in the list, `clusters[0].url` for `slurm.url`.
    fn shown(&self, path: &str) -> String {
        match (self.within, path.strip_prefix(SECTION_OF_A_CLUSTER)) {
            (Some(index), Some(rest)) => format!("{CLUSTERS}[{index}]{rest}"),
            _ => path.to_owned(),
        }
    }

    /// The end of an error line: the key that was probably meant, or what is known in its place.
    fn suggest(&self, prefix: &str, name: &str) -> String {
        let siblings = known_below(prefix);
        if let Some(near) = nearest(name, siblings.iter().copied().chain(compat::below(prefix))) {
            return format!(", did you mean {}?", self.shown(&format!("{prefix}{near}")));
        }
        // A cluster in the list has nothing but the keys of its section.
        let reach = self.within.map_or("", |_| SECTION_OF_A_CLUSTER);
        let mut reachable = keys().filter(|key| key.path.starts_with(reach));
        match reachable.find(|key| key.path.rsplit('.').next() == Some(name)) {
            Some(key) => format!(", did you mean {}?", self.shown(key.path)),
            None if siblings.is_empty() => {
                let theirs: Vec<_> = compat::below(prefix).collect();
                format!(", known here: {}", theirs.join(", "))
            }
            None => format!(", known here: {}", siblings.join(", ")),
        }
    }

    /// Applies the variables that are ours; an empty one is as if it were not set.
    fn environment(&mut self, environment: &[(String, String)]) {
        let mut found = Vec::new();
        // First, so that our own names win.
        for (variable, text) in environment.iter().filter(|(_, text)| !text.is_empty()) {
            let Some((_, path)) = VARIABLES.iter().find(|(name, _)| name == variable) else { continue };
            let key = keys().find(|key| key.path == *path).expect("a test looks each of them up");
            let (text, origin) = (text.clone(), Origin::Environment(variable.clone()));
            found.push(Found { key, written: key.path.to_owned(), text, origin });
        }
        for (variable, text) in environment {
            let Some(ours) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
            let origin = Origin::Environment(variable.clone());
            match keys().find(|key| key.variable() == *variable) {
                Some(_) if text.is_empty() => {}
                Some(key) => {
                    found.push(Found { key, written: key.path.to_owned(), text: text.clone(), origin });
                }
                None if ours == "CONFIG" || is_of_kubernetes(variable, text) => {}
                None => {
                    let names: Vec<_> = keys().map(Key::variable).collect();
                    let near = nearest(variable, names.iter().map(String::as_str));
                    let hint = near.map(|name| format!(", did you mean {name}?")).unwrap_or_default();
                    self.errors.push(ConfigError::new(Some(origin), "", format!("unknown variable{hint}")));
                }
            }
        }
        self.apply(found);
    }

    /// Applies one layer in the order of the tables, so that the order in a file does not matter.
    fn apply(&mut self, mut found: Vec<Found>) {
        for (index, one) in found.iter().enumerate() {
            // Told where it stands under another name; of two such names, at the later.
            let is_rival = |(at, other): &(usize, &Found)| {
                let is_first = other.written == other.subject() || *at < index;
                other.subject() == one.subject() && other.text != one.text && is_first
            };
            if one.written != one.subject()
                && let Some((_, other)) = found.iter().enumerate().find(is_rival)
            {
                let message =
                    format!("is {}, which {} sets too; keep one of them", other.written, other.origin);
                self.errors.push(ConfigError::new(Some(one.origin.clone()), &one.written, message));
            }
        }
        let order = |key: &'static Key| keys().position(|known| known.path == key.path);
        found.sort_by_key(|found| order(found.key));
        for Found { key, written, text, origin } in found {
            let shown = self.shown(key.path);
            if let Err(message) = (key.set)(&mut self.config, &text) {
                self.errors.push(ConfigError::new(Some(origin.clone()), &written, message));
            }
            self.origins.insert(shown.clone(), origin);
            self.texts.insert(shown, text);
        }
    }

    /// Takes the token of `SLURM_JWT`, unless a file is named.
    fn token_from(&mut self, environment: &[(String, String)]) {
        let given =
            environment.iter().find(|(variable, text)| variable == TOKEN_VARIABLE && !text.is_empty());
        let Some((variable, text)) = given else { return };
        if !self.clusters.is_empty() {
            // One cluster's token is nothing to show to another.
            let what = "is not used with clusters; give each its auth.token_file";
            self.config.warnings.push(format!("{variable} {what}"));
            return;
        }
        let auth = &mut self.config.slurm.auth;
        if let Some(key) =
            check::TOKEN_KEYS.iter().find(|key| self.origins.contains_key(&format!("slurm.{key}")))
        {
            self.config.warnings.push(format!("{variable} is set too, but slurm.{key} is what is used"));
            return;
        }
        match Token::from_text(text) {
            Ok(token) => {
                auth.token = TokenSource::Given(token);
                let origin = Origin::Environment(variable.clone());
                self.origins.insert("slurm.auth.token_file".to_owned(), origin);
            }
            Err(message) => {
                let origin = Origin::Environment(variable.clone());
                self.origins.insert("slurm.auth.token_file".to_owned(), origin.clone());
                self.errors.push(ConfigError::new(Some(origin), "", format!("the token {message}")));
            }
        }
    }
}

/// Whether Kubernetes sets such a variable for a Service, here for each whose name begins like ours; the shapes are
/// those of "Environment variables" in its documentation of Services, with every protocol that a Service knows.
fn is_of_kubernetes(variable: &str, text: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let is_link =
        || PROTOCOLS.iter().any(|name| text.starts_with(&format!("{}://", name.to_ascii_lowercase())));
    let is_port = |port: &str| {
        let mut words = port.split('_');
        let number = words.next().unwrap_or_default();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && words.next().is_some_and(|word| PROTOCOLS.contains(&word))
            && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
            && words.next().is_none()
    };
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (variable.ends_with("_PORT") && is_link())
        || variable.match_indices("_PORT_").any(|(at, word)| is_port(&variable[at + word.len()..]))
}

pub(super) fn hash(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes())
}

pub(super) fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err("is longer than 1 MiB, which no configuration is".to_owned());
    }
    Ok(text)
}

/// The names that may stand directly below a prefix, each once.
fn known_below(prefix: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for below in keys().filter_map(|key| key.path.strip_prefix(prefix)) {
        let name = below.split('.').next().unwrap_or(below);
        if !names.contains(&name) {
            names.push(name);
            if prefix.is_empty() && name == SECTION_OF_A_CLUSTER {
                names.push(CLUSTERS);
            }
        }
    }
    names
}

/// The items of a list, one a line; none when one is more than a plain text.
fn joined(items: &[Node]) -> Option<String> {
    let line = |item: &Node| match (&item.value, &item.tag) {
        (Value::Text(text), None) if !text.contains('\n') => Some(format!("{text}\n")),
        _ => None,
    };
    items.iter().map(line).collect()
}

/// The known name that is one slip of the pen away, two in a long one.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 4).clamp(1, 3);
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(slips, _)| *slips <= most)
        .min()
        .map(|(_, known)| known)
}
