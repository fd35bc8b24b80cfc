//! The report in a real browser: headless Chromium loads the file, and the rendered page is read back.
//! Without Chromium the test says what it lacks, and fails when `REQUIRE_REAL_PROGRAMS=1`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reports::render::write_all;

use crate::synthetic;

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    let found = candidates.find(|candidate| candidate.is_file());
    if found.is_none() {
        let line = "chromium is not on PATH; on Debian: apt-get install chromium";
        assert!(std::env::var("REQUIRE_REAL_PROGRAMS").as_deref() != Ok("1"), "{line}");
        writeln!(std::io::stdout().lock(), "skipped: {line}").unwrap();
    }
    found
}

/// The page after rendering, as HTML.
fn dom(chromium: &Path, page: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    // A violated policy or a broken page would be logged here.
    assert!(!log.contains("CONSOLE"), "{log}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_browser_shows_verdict_rules_and_plots_without_any_request() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = synthetic::run(300);
    let verdict = synthetic::verdict(&run);
    write_all(folder.path(), &run, Some(&verdict)).unwrap();
    let dom = dom(&chromium, &folder.path().join("report.html"));

    assert!(dom.contains("Failed: 1 of 7 rules broken."));
    for rule in &verdict.rules {
        let text = rule.rule.replace('<', "&lt;").replace('>', "&gt;");
        assert!(dom.contains(&format!("<th scope=\"row\">{text}</th>")), "{text}");
    }
    assert_eq!(dom.matches("</svg>").count(), 8);
    // Text of the plots is text, not outlines.
    assert!(dom.matches("</text>").count() > 80);
    for attribute in ["src=", "href=", "url(", "@import"] {
        assert!(!dom.contains(attribute), "{attribute} would load something");
    }
}

#[test]
fn a_browser_finds_no_markup_in_hostile_text() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (run, verdict) = synthetic::hostile();
    write_all(folder.path(), &run, Some(&verdict)).unwrap();
    let dom = dom(&chromium, &folder.path().join("report.html"));
    assert!(!dom.contains("<script") && !dom.contains("<img"));
    // The parser closed nothing early: the last table is still inside the page.
    assert!(dom.contains("<h2>Parameters</h2>") && dom.trim_end().ends_with("</main>\n\n\n</body></html>"));
}
