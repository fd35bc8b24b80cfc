//! What `deny.toml` says of licences, banned crates and sources, held against every dependency.
//! Names and sources come from `Cargo.lock`, for all platforms; licences from `cargo metadata`, for what runs on Linux.

use cargo_metadata::MetadataCommand;

use super::{assert_none, tree};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What the rules read of `deny.toml`.
#[derive(Debug)]
struct Policy {
    /// SPDX identifiers, with their exception where one is allowed.
    licences: Vec<String>,
    banned: Vec<String>,
}

/// What the rules read of a package.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    /// A member of the workspace; `private` in `deny.toml` leaves their licence to `dependencies`.
    own: bool,
    source: Option<String>,
    licence: Option<String>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self, String> {
        let document: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let list = |table: &str, key: &str| {
            let list = document.get(table).and_then(|table| table.get(key)?.as_array());
            let list = list.filter(|list| !list.is_empty());
            list.ok_or_else(|| format!("{table}.{key} is missing or empty, expected a list"))
        };
        let licence = |entry: &toml::Value| entry.as_str().map(str::to_owned);
        let licences = list("licenses", "allow")?.iter().map(licence).collect::<Option<_>>();
        // A version behind the name would ban less than this rule does.
        let banned = |entry: &toml::Value| {
            let name = entry.get("crate")?.as_str()?;
            (!name.contains(['@', ':'])).then(|| name.to_owned())
        };
        let banned = list("bans", "deny")?.iter().map(banned).collect::<Option<_>>();
        Ok(Self {
            licences: licences.ok_or("licenses.allow: expected texts")?,
            banned: banned.ok_or("bans.deny: expected tables with the name of a crate, without a version")?,
        })
    }

    /// Whether an SPDX expression can be satisfied with the allowed licences alone.
    fn allows(&self, expression: &str) -> Result<bool, String> {
        // Older packages write `MIT/Apache-2.0` for a choice.
        let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let allowed = self.any(&mut rest)?;
        if rest.is_empty() { Ok(allowed) } else { Err(format!("\"{}\" is left over", rest.join(" "))) }
    }

    /// Terms with OR between them, which binds weakest.
    fn any(&self, rest: &mut &[&str]) -> Result<bool, String> {
        let mut allowed = self.all(rest)?;
        while take(rest, "OR") {
            allowed |= self.all(rest)?;
        }
        Ok(allowed)
    }

    /// Licences and groups with AND between them.
    fn all(&self, rest: &mut &[&str]) -> Result<bool, String> {
        let mut allowed = self.one(rest)?;
        while take(rest, "AND") {
            allowed &= self.one(rest)?;
        }
        Ok(allowed)
    }

    fn one(&self, rest: &mut &[&str]) -> Result<bool, String> {
        if take(rest, "(") {
            let allowed = self.any(rest)?;
            return if take(rest, ")") { Ok(allowed) } else { Err("a bracket is not closed".into()) };
        }
        let mut licence = word(rest)?.to_owned();
        if take(rest, "WITH") {
            licence = format!("{licence} WITH {}", word(rest)?);
        }
        Ok(self.licences.contains(&licence))
    }
}

fn take(rest: &mut &[&str], expected: &str) -> bool {
    let found = rest.first() == Some(&expected);
    if found {
        *rest = &rest[1..];
    }
    found
}

fn word<'a>(rest: &mut &[&'a str]) -> Result<&'a str, String> {
    match rest.split_first() {
        Some((first, after)) if !["(", ")", "OR", "AND", "WITH"].contains(first) => {
            *rest = after;
            Ok(*first)
        }
        other => Err(format!("a licence is missing before {:?}", other.map(|(first, _)| *first))),
    }
}

fn bans_and_sources(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        if policy.banned.contains(&package.name) {
            found.push(format!("{} is banned by deny.toml", package.name));
        }
        if !package.own && package.source.as_deref() != Some(CRATES_IO) {
            found.push(format!("{} comes from {:?}, expected crates.io", package.name, package.source));
        }
    }
    found
}

fn licences(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for Package { name, licence, .. } in packages.iter().filter(|package| !package.own) {
        match licence.as_deref().map(|licence| policy.allows(licence)) {
            Some(Ok(true)) => {}
            Some(Ok(false)) => found.push(format!("{name}: deny.toml does not allow {licence:?}")),
            Some(Err(problem)) => found.push(format!("{name}: {licence:?} cannot be read: {problem}")),
            None => found.push(format!("{name}: names no licence")),
        }
    }
    found
}

fn policy() -> Policy {
    Policy::parse(&std::fs::read_to_string(tree::root().join("deny.toml")).unwrap()).unwrap()
}

/// Every package of every platform; without licences.
fn locked() -> Vec<Package> {
    let text = std::fs::read_to_string(tree::root().join("Cargo.lock")).unwrap();
    let document: toml::Table = toml::from_str(&text).unwrap();
    let members = members();
    let text = |package: &toml::Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let package = |package: &toml::Value| {
        let (name, source) = (text(package, "name").unwrap(), text(package, "source"));
        Package { own: source.is_none() && members.contains(&name), name, source, licence: None }
    };
    document["package"].as_array().unwrap().iter().map(package).collect()
}

fn members() -> Vec<String> {
    let manifest = tree::root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    metadata.packages.iter().map(|package| package.name.to_string()).collect()
}

/// The packages that are built here, with their licences.
fn built() -> Vec<Package> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = MetadataCommand::new()
        .manifest_path(tree::root().join("Cargo.toml"))
        // Crates of other platforms would have to be downloaded for nothing else.
        .other_options(["--locked".into(), "--filter-platform".into(), platform])
        .exec()
        .unwrap();
    let package = |package: &cargo_metadata::Package| Package {
        name: package.name.to_string(),
        own: metadata.workspace_members.contains(&package.id),
        source: package.source.as_ref().map(ToString::to_string),
        licence: package.license.clone(),
    };
    metadata.packages.iter().map(package).collect()
}

#[test]
fn no_dependency_is_banned_or_from_elsewhere() {
    let packages = locked();
    assert!(packages.iter().any(|package| !package.own), "Cargo.lock names no dependency");
    assert_none(&bans_and_sources(&policy(), &packages));
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let packages = built();
    assert!(packages.iter().any(|package| !package.own), "cargo metadata names no dependency");
    assert_none(&licences(&policy(), &packages));
    assert_none(&bans_and_sources(&policy(), &packages));
}

#[test]
fn an_expression_is_satisfied_by_allowed_licences_alone() {
    let text = "[licenses]\nallow = [\"MIT\", \"Zlib\", \"Apache-2.0 WITH LLVM-exception\"]\n\
                [bans]\ndeny = [{ crate = \"bad\" }]\n";
    let policy = Policy::parse(text).unwrap();
    for (expression, allowed) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-3.0-only/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("MIT AND Zlib", true),
        // AND binds stronger than OR.
        ("MIT OR Zlib AND GPL-3.0-only", true),
        ("(MIT OR Zlib) AND GPL-3.0-only", false),
        ("(GPL-3.0-only OR Zlib) AND MIT", true),
        ("Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT WITH LLVM-exception", false),
    ] {
        assert_eq!(policy.allows(expression), Ok(allowed), "{expression}");
    }
    for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT Zlib", "OR MIT", "MIT WITH"] {
        assert!(policy.allows(expression).is_err(), "{expression}");
    }
}

#[test]
fn a_policy_that_cannot_be_followed_is_refused() {
    let bans = "[bans]\ndeny = [{ crate = \"bad\" }]\n";
    let allow = "[licenses]\nallow = [\"MIT\"]\n";
    for (text, expected) in [
        (format!("[licenses]\nallow = []\n{bans}"), "licenses.allow is missing or empty"),
        (format!("[licenses]\nallow = [5]\n{bans}"), "licenses.allow: expected texts"),
        (allow.to_owned(), "bans.deny is missing or empty"),
        (format!("{allow}[bans]\ndeny = [{{ crate = \"bad@1\" }}]\n"), "without a version"),
        (format!("{allow}[bans]\ndeny = [{{ name = \"bad\" }}]\n"), "with the name of a crate"),
    ] {
        let problem = Policy::parse(&text).unwrap_err();
        assert!(problem.contains(expected), "{expected} in {problem}");
    }
}

#[test]
fn a_forbidden_dependency_is_found() {
    let policy = policy();
    let banned = policy.banned.first().unwrap().clone();
    let good = Package {
        name: "good".into(),
        own: false,
        source: Some(CRATES_IO.into()),
        licence: Some("MIT OR Apache-2.0".into()),
    };
    let violations = |package: &Package| {
        let package = std::slice::from_ref(package);
        [bans_and_sources(&policy, package), licences(&policy, package)].concat()
    };
    assert_none(&violations(&good));
    assert_none(&violations(&Package { own: true, source: None, licence: None, ..good.clone() }));
    for (bad, expected) in [
        (Package { name: banned, ..good.clone() }, "is banned"),
        (
            Package { source: Some("git+https://example.org/good".into()), ..good.clone() },
            "expected crates.io",
        ),
        (Package { source: None, ..good.clone() }, "expected crates.io"),
        (Package { licence: Some("GPL-3.0-only".into()), ..good.clone() }, "does not allow"),
        (Package { licence: Some("MIT AND".into()), ..good.clone() }, "cannot be read"),
        (Package { licence: None, ..good.clone() }, "names no licence"),
    ] {
        let found = violations(&bad);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}
