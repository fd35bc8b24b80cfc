//! Who may depend on whom, and what every package says of itself.
//! Read from `cargo metadata`; versions are not judged here.

use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{assert_none, tree};

/// Each crate with the workspace crates that it may use outside its tests; nothing else, no cycles.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("benchmarks", &["exporter", "mock-slurmrestd", "reports"]),
    ("capacity", &["reports"]),
    ("ci", &["reports"]),
    ("exporter", &[]),
    ("loadtest", &["reports"]),
    ("mock-slurmrestd", &[]),
    ("reports", &[]),
];

/// What the rule reads of a package.
#[derive(Clone)]
struct Package {
    name: String,
    /// The last part of the folder's path.
    folder: String,
    publishable: bool,
    licence: Option<String>,
    /// Names and whether only the tests use it.
    dependencies: Vec<(String, bool)>,
}

fn violations(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    let mut names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    names.sort_unstable();
    if names != MAY_USE.map(|(name, _)| name) {
        found.push(format!("the packages are {names:?}, expected {:?}", MAY_USE.map(|(name, _)| name)));
    }
    for package in packages {
        let name = &package.name;
        if package.folder != *name {
            found.push(format!("{name} lies in the folder {}, expected its own name", package.folder));
        }
        if package.publishable {
            found.push(format!("{name} can be published, expected publish = false"));
        }
        if package.licence.as_deref() != Some("Apache-2.0") {
            found.push(format!("{name} has the licence {:?}, expected Apache-2.0", package.licence));
        }
        let allowed = MAY_USE.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, allowed)| allowed);
        for (dependency, tests_only) in &package.dependencies {
            let ours = MAY_USE.iter().any(|(known, _)| known == dependency);
            if ours && !tests_only && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{name} depends on {dependency}, expected only {allowed:?}"));
            }
        }
    }
    found
}

fn packages() -> Vec<Package> {
    let manifest = tree::root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| Package {
            name: package.name.to_string(),
            folder: package.manifest_path.parent().unwrap().file_name().unwrap().into(),
            publishable: package.publish.as_ref().is_none_or(|registries| !registries.is_empty()),
            licence: package.license.clone(),
            dependencies: package
                .dependencies
                .iter()
                .map(|dependency| (dependency.name.clone(), dependency.kind == DependencyKind::Development))
                .collect(),
        })
        .collect()
}

#[test]
fn the_dependency_table_holds() {
    assert_none(&violations(&packages()));
}

#[test]
fn a_broken_dependency_table_is_found() {
    let good = packages();
    type Change = fn(&mut Package);
    let cases: [(&str, Change); 6] = [
        ("exporter depends on reports", |package| package.dependencies.push(("reports".into(), false))),
        ("exporter lies in the folder lib", |package| package.folder = "lib".into()),
        ("exporter can be published", |package| package.publishable = true),
        ("exporter has the licence Some(\"MIT\")", |package| package.licence = Some("MIT".into())),
        ("exporter has the licence None", |package| package.licence = None),
        ("the packages are", |package| package.name = "slurm-exporter".into()),
    ];
    for (expected, change) in cases {
        let mut bad = good.clone();
        change(bad.iter_mut().find(|package| package.name == "exporter").unwrap());
        let found = violations(&bad);
        assert!(found.iter().any(|violation| violation.starts_with(expected)), "{expected}: {found:?}");
    }
    let mut tests_only = good;
    tests_only.iter_mut().for_each(|package| package.dependencies.push(("exporter".into(), true)));
    assert_none(&violations(&tests_only));
}
