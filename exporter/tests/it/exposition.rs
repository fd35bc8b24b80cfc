//! The exposition as Prometheus' own linter and the strict OpenMetrics parser of its Python client read it.
//! Without these programs a test says so, or fails when real programs are required.

use std::collections::BTreeMap;

use exporter::exposition::{Batch, Desc, Kind, Level, Names, Publisher, Rules, Unit};

use crate::process::{Exporter, http_get_with, lint, read_by_python};
use crate::simulator::Simulator;

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

/// Three clusters with hostile names.
fn publish(counts: &[(&str, f64)]) -> Publisher {
    let publisher = Publisher::with_rules(Names::default(), Rules { created: true, ..Rules::default() });
    for cluster in [Some("a"), Some("b \"quoted\" \\ \n line"), None] {
        let mut batch = Batch::new("demo", cluster);
        let [up, jobs, wait] = batch.families([&UP, &JOBS, &WAIT]);
        up.sample(&[], true);
        for (user, count) in counts {
            jobs.sample(&[user], *count);
        }
        for partition in ["cpu", "gpu"] {
            wait.histogram(&[partition], &[1.0, 60.0, 3600.0], &[1, 4, 4, 7], 12_345.5);
        }
        batch.began_at(1_700_000_000.25);
        publisher.replace([batch]);
    }
    publisher
}

#[test]
fn promtool_accepts_a_page() {
    let counts = [("ann", 3.0), ("böb", 1.5e300), ("", f64::NAN), ("\\\"\n", f64::INFINITY)];
    let Some(said) = lint(&publish(&counts).page().identity().concat()) else { return };
    assert_eq!(said, [] as [&str; 0]);
}

#[test]
fn the_strict_parser_accepts_openmetrics() {
    // OpenMetrics has no counters that are not a number.
    let counts = [("ann", 3.0), ("böb", 1.5e300), ("a } b", 0.0), ("\\\"\n", f64::INFINITY)];
    let page = publish(&counts).make_openmetrics().identity().concat();
    let Some(found) = read_by_python(&page) else { return };
    let family = |name: &str, kind: &str, samples| ((name.to_owned(), kind.to_owned()), samples);
    let expected = [
        family("demo_up", "gauge", 3),
        family("demo_jobs", "counter", 3 * 4 * 2),
        family("demo_wait_seconds", "histogram", 3 * 2 * 7),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn the_strict_parser_finds_every_series_of_a_simulated_cluster() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    let accept = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    let (status, page) = http_get_with(&exporter.address, "/metrics?exclude[]=exporter", accept);
    assert_eq!(status, 200);
    // What is about Slurm stands still until the next poll.
    let text = exporter.get("/metrics?exclude[]=exporter").1;
    let Some(found) = read_by_python(page.as_bytes()) else { return };
    let lines = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(found.len(), lines("# TYPE "));
    let samples: u64 = found.values().sum();
    assert_eq!(samples, (text.lines().count() - lines("# ")) as u64);
    assert_eq!(
        found[&("slurm_nodes_total".to_owned(), "gauge".to_owned())],
        lines("slurm_nodes_total{") as u64
    );

    let (_, own) = http_get_with(&exporter.address, "/metrics?collect[]=exporter", accept);
    let own = read_by_python(own.as_bytes()).expect("it was there a moment ago");
    assert!(own.contains_key(&("process_cpu_seconds".to_owned(), "counter".to_owned())), "{own:?}");
}
