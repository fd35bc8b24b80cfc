//! The exposition as Prometheus' own linter reads it.
//! Needs `promtool`; without it the test says so, or fails when real programs are required.

use exporter::exposition::{Batch, Desc, Kind, Level, Names, Publisher, Unit};

use crate::process::lint;

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
    let Some(said) = lint(&publisher.page().identity().concat()) else { return };
    assert_eq!(said, [] as [&str; 0]);
}
