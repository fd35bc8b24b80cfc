//! Every file of a kind stands in the list of its kind, once, and the list names no file that is not there.
//! Read from the text of the lists.

use super::assert_none;
use super::rust_text::without_comments;
use super::tree::{SourceFile, under, workspace};

/// A folder of files of one kind and the list that they have to be in.
struct Registry {
    folder: &'static str,
    suffix: &'static str,
    /// The file with the list, and what begins it; it ends at the next `];`.
    list: (&'static str, &'static str),
    /// Whether a file is one that belongs into the list.
    belongs: fn(&SourceFile) -> bool,
    /// How the entry of the file with this stem contains its name.
    entry: fn(&str) -> String,
}

const COLLECTORS: Registry = Registry {
    folder: "exporter/src/collectors",
    suffix: ".rs",
    list: ("exporter/src/collectors/mod.rs", "pub const COLLECTORS"),
    // Shared parts of collectors lie beside them and declare none.
    belongs: |file| file.text().contains("const COLLECTOR: Collector"),
    entry: |stem| format!("&{stem}::COLLECTOR,"),
};

const API_VERSIONS: Registry = Registry {
    folder: "exporter/src/wire",
    suffix: ".rs",
    list: ("exporter/src/wire/mod.rs", "pub const SUPPORTED"),
    belongs: |file| file.path.contains("/v0_0_"),
    entry: |stem| format!("&{stem}::API,"),
};

const PRESETS: Registry = Registry {
    folder: "mock-slurmrestd/src/presets",
    suffix: ".rs",
    list: ("mock-slurmrestd/src/presets/mod.rs", "const PRESETS"),
    belongs: |file| !file.path.ends_with("/mod.rs"),
    entry: |stem| format!("{stem}::PRESET,"),
};

const SCENARIOS: Registry = Registry {
    folder: "loadtest/scenarios",
    suffix: ".toml",
    list: ("loadtest/src/scenario/mod.rs", "const BUILT_IN"),
    belongs: |_| true,
    entry: |stem| format!("(\"{stem}\",include_str!(\"../../scenarios/{stem}.toml\")),"),
};

impl Registry {
    fn violations(&self, files: &[SourceFile]) -> Vec<String> {
        let (path, begin) = self.list;
        let Some(list) = files.iter().find(|file| file.path == path).and_then(|file| list_of(file, begin))
        else {
            return vec![format!("{path}: no list that begins with {begin} and ends with ];")];
        };
        let members: Vec<&SourceFile> =
            under(files, self.folder, self.suffix).into_iter().filter(|file| (self.belongs)(file)).collect();
        let mut found = Vec::new();
        let mut rest = list.clone();
        for member in &members {
            let name = member.path.rsplit('/').next().unwrap_or("");
            let entry = (self.entry)(name.trim_end_matches(self.suffix));
            let times = list.matches(&entry).count();
            if times != 1 {
                found.push(format!(
                    "{}: stands {times} times in {begin} of {path}, expected once",
                    member.path
                ));
            }
            rest = rest.replace(&entry, "");
        }
        if members.is_empty() {
            found.push(format!("{}: no file that belongs into {begin} of {path}", self.folder));
        }
        if !rest.is_empty() {
            found.push(format!("{path}: {begin} has an entry without its file: {rest}"));
        }
        found
    }
}

/// The entries of a list without white space, each ended by a comma.
fn list_of(file: &SourceFile, begin: &str) -> Option<String> {
    let code = without_comments(file.text());
    let (_, after) = code.split_once(begin)?;
    // The brackets of the type come first.
    let (_, after) = after.split_once('=')?;
    let (_, after) = after.split_once('[')?;
    let (list, _) = after.split_once("];")?;
    let mut list: String = list.split_whitespace().collect();
    if !list.is_empty() && !list.ends_with(',') {
        list.push(',');
    }
    Some(list)
}

#[test]
fn every_collector_is_in_its_registry_once() {
    assert_none(&COLLECTORS.violations(workspace()));
}

#[test]
fn every_api_version_is_in_its_registry_once() {
    assert_none(&API_VERSIONS.violations(workspace()));
}

#[test]
fn every_preset_is_in_its_registry_once() {
    assert_none(&PRESETS.violations(workspace()));
}

#[test]
fn every_scenario_is_in_its_registry_once() {
    assert_none(&SCENARIOS.violations(workspace()));
}

#[test]
fn a_broken_registry_is_found() {
    let member = |name: &str| SourceFile::new(&format!("exporter/src/wire/v0_0_{name}.rs"), "");
    let files = |list: &str, names: &[&str]| -> Vec<SourceFile> {
        let text = format!("pub const SUPPORTED: &[&Api] = &[\n{list}\n];\n");
        let registry = SourceFile::new("exporter/src/wire/mod.rs", &text);
        names.iter().map(|name| member(name)).chain([registry]).collect()
    };
    let both = "    &v0_0_45::API,\n    &v0_0_44::API,";
    assert_none(&API_VERSIONS.violations(&files(both, &["44", "45"])));
    assert_none(&API_VERSIONS.violations(&files("&v0_0_45::API, &v0_0_44::API", &["44", "45"])));
    for (list, names, expected) in [
        (both, &["43", "44", "45"][..], "v0_0_43.rs: stands 0 times"),
        (both, &["44"], "an entry without its file: &v0_0_45::API,"),
        ("&v0_0_44::API, &v0_0_44::API,", &["44"], "stands 2 times"),
        ("// &v0_0_44::API,", &["44"], "stands 0 times"),
        ("", &[], "no file that belongs"),
    ] {
        let found = API_VERSIONS.violations(&files(list, names));
        assert!(found.iter().any(|violation| violation.contains(expected)), "{expected}: {found:?}");
    }
    assert_eq!(API_VERSIONS.violations(&[member("44")]).len(), 1);
}
