//! The profiles of the admin listener, judged by `go tool pprof`: Debian's package `golang-go`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Exporter, has_program, http_bytes, http_request, missing};
use crate::simulator::Simulator;

/// What `go tool pprof` says of a profile; none where it is missing (and may be).
fn opened(folder: &Path, name: &str, profile: &[u8]) -> Option<String> {
    if missing("go", has_program("go"), "apt-get install golang-go") {
        return None;
    }
    let file = folder.join(name);
    fs::write(&file, profile).unwrap();
    let output = Command::new("go")
        .args(["tool", "pprof", "-top", "-lines", "-nodefraction=0", "-nodecount=100000"])
        .arg(&file)
        .env("HOME", folder)
        .output()
        .expect("go starts");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    Some(said)
}

#[test]
fn the_heap_profiles_open_in_pprof_and_name_functions() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let folder = tempfile::tempdir().unwrap();
    for (name, sample_type) in [("heap", "inuse_space"), ("allocs", "alloc_space")] {
        let (status, profile) = http_bytes(exporter.admin(), "GET", &format!("/debug/pprof/{name}"), "");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&profile));
        assert!(profile.starts_with(&[0x1f, 0x8b]), "gzip, as Go writes it");
        let Some(said) = opened(folder.path(), name, &profile) else { return };
        assert!(said.contains(&format!("Type: {sample_type}")), "{said}");
        // Little is held after a start, perhaps none of it by us; much has been allocated.
        assert!(name == "heap" || said.contains("exporter/src/"), "{said}");
    }
}

#[test]
fn the_cpu_profile_opens_in_pprof_and_only_one_is_taken_at_a_time() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let ask =
        |query: &str| http_request(exporter.admin(), "GET", &format!("/debug/pprof/profile{query}"), "");
    for query in ["?seconds=0", "?seconds=301", "?seconds=x"] {
        assert_eq!(ask(query), (400, "expected seconds from 1 to 300\n".to_owned()), "{query}");
    }
    let status = |query| http_bytes(exporter.admin(), "GET", &format!("/debug/pprof/profile{query}"), "").0;
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let taking =
            scope.spawn(|| http_bytes(exporter.admin(), "GET", "/debug/pprof/profile?seconds=3", ""));
        while !taking.is_finished() {
            // Work to be seen in the profile.
            exporter.scrape();
        }
        let (status, profile) = taking.join().unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&profile));
        if let Some(said) = opened(folder.path(), "cpu", &profile) {
            assert!(said.contains("Type: cpu") && said.contains("Total samples"), "{said}");
        }
    });
    std::thread::scope(|scope| {
        let both: Vec<_> = [(); 2].iter().map(|()| scope.spawn(|| status("?seconds=1"))).collect();
        let mut answers: Vec<_> = both.into_iter().map(|one| one.join().unwrap()).collect();
        answers.sort_unstable();
        assert!(
            answers == [200, 409] || answers == [200, 200],
            "at once or one after the other: {answers:?}"
        );
    });
}

#[test]
fn tasks_and_threads_are_told_in_text() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    let (status, page) = http_request(exporter.admin(), "GET", "/debug/pprof/goroutine", "");
    assert_eq!(status, 200);
    let tasks = page
        .lines()
        .next()
        .and_then(|line| line.split(' ').nth(3))
        .and_then(|count| count.parse::<u32>().ok());
    assert!(tasks.is_some_and(|tasks| tasks >= 5), "a task per endpoint: {page}");
    assert!(page.lines().filter(|line| line.starts_with("thread ")).count() >= 2, "{page}");
    assert_eq!(exporter.get("/debug/pprof/heap").0, 404, "not on the port that is scraped");
}
