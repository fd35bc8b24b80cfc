//! What the layers may know, read from the sources themselves.
//! Not here: the workspace's dependency table.

use std::path::Path;

fn check(folder: &str, forbidden: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
            check(below.to_str().unwrap(), forbidden);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (number, line) in code.enumerate() {
            for word in forbidden {
                assert!(!line.contains(word), "{}: {word} in code line {number}: {line}", path.display());
            }
        }
        files += 1;
    }
    assert!(files > 2);
}

#[test]
fn the_cluster_knows_no_http_no_json_and_no_wall_clock() {
    let forbidden = [
        "hyper",
        "crate::http",
        "crate::wire",
        "serde",
        "tokio",
        "Instant",
        "SystemTime",
        "rand::rng",
        "from_os_rng",
    ];
    check("cluster", &forbidden);
    check("workload", &forbidden);
    check("presets", &forbidden);
}

#[test]
fn the_wire_does_no_input_or_output_and_builds_no_trees() {
    check(
        "wire",
        &["hyper", "crate::http", "tokio", "std::fs", "std::net", "Instant", "SystemTime", "Value::"],
    );
}
