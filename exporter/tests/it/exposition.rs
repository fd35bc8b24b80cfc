//! The exposition as Prometheus' own linter reads it.
//! Needs `promtool`; without it the test says so, or fails when real programs are required.

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

use exporter::exposition::{Batch, Desc, Kind, Level, Names, Publisher, Unit};

static UP: Desc = Desc {
    name: "demo_up",
    help: "Whether a \"thing\" is up.\nSecond line, back\\slash.",
    kind: Kind::Gauge,
    unit: Unit::None,
    labels: &[],
    level: Level::Critical,
};
static JOBS: Desc = Desc {
    name: "demo_jobs_total",
    help: "Jobs by user.",
    kind: Kind::Counter,
    unit: Unit::None,
    labels: &["user"],
    level: Level::Detailed,
};
static WAIT: Desc = Desc {
    name: "demo_wait_seconds",
    help: "Time from eligible to start.",
    kind: Kind::Histogram,
    unit: Unit::Seconds,
    labels: &["partition"],
    level: Level::Detailed,
};

#[test]
fn promtool_accepts_a_page() {
    if Command::new("promtool").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("REQUIRE_REAL_PROGRAMS").is_none_or(|value| value != "1"),
            "promtool is required"
        );
        let lacks = "promtool not found, page not linted: apt-get install prometheus";
        return writeln!(io::stderr(), "{lacks}").unwrap();
    }
    let publisher = Publisher::new(Names::default());
    for cluster in [Some("a"), Some("b \"quoted\" \\ \n line"), None] {
        let mut batch = Batch::new("demo", cluster);
        let [up, jobs, wait] = batch.families([&UP, &JOBS, &WAIT]);
        up.sample(&[], true);
        for (user, count) in [("ann", 3.0), ("böb", 1.5e300), ("", f64::NAN), ("\\\"\n", f64::INFINITY)] {
            jobs.sample(&[user], count);
        }
        for partition in ["cpu", "gpu"] {
            wait.histogram(&[partition], &[1.0, 60.0, 3600.0], &[1, 4, 4, 7], 12_345.5);
        }
        publisher.replace([batch]);
    }
    let mut lint = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lint.stdin.take().unwrap().write_all(&publisher.page().identity().concat()).unwrap();
    let output = lint.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
