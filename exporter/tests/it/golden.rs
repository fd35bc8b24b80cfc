//! The whole exposition that each recorded version gives, compared with the files in `golden/`.

use std::path::Path;
use std::{env, fs};

use exporter::collectors::{COLLECTORS, GAUGES_NAMED_TOTAL, Settings};
use exporter::exposition::{Batch, Names, Publisher};
use exporter::legacy::{Pages, SETS, Set};
use exporter::lifecycle::{Buckets, DiagTotals, JobLife, Ledger};
use exporter::model::{Endpoint, Snapshot, Timestamp};

use crate::page::Samples;
use crate::recordings::{RECORDED, snapshot};

/// What the schedule would keep of a snapshot.
fn counted(mut snapshot: Snapshot) -> Snapshot {
    let diag = snapshot.diag.take().expect("diag is recorded");
    snapshot.diag = Some(DiagTotals::default().advance(&diag).into());
    let jobs = snapshot.jobs.clone().expect("jobs are recorded");
    snapshot.job_totals = JobLife::default().advance(&jobs, diag.taken_at, &Buckets::default());
    if let Some(window) = snapshot.accounting.take() {
        let mut ledger = Ledger::default();
        // As if the exporter had started before the first of them ended.
        ledger.ask(Timestamp::from_unix(Some(1_795_200_000)));
        snapshot.accounting = Some(ledger.advance(&window, &Buckets::default()).into());
    }
    snapshot
}

/// The page in the names of another exporter.
pub(crate) fn legacy_page(set: &'static Set, snapshot: Snapshot) -> String {
    let (pages, snapshot) = (Pages::new([set]), counted(snapshot));
    for endpoint in Endpoint::ALL {
        pages.publish(&snapshot, endpoint, "c");
    }
    let page = pages.of(set.name).expect("its page was made").page();
    String::from_utf8(page.identity().concat()).expect("a page is UTF-8")
}

/// The page that the recordings of one version give, with the label that the schedule would choose.
fn page(release: &str, version: &str) -> String {
    exposition(snapshot(release, version))
}

/// The page of a snapshot.
pub(crate) fn exposition(snapshot: Snapshot) -> String {
    let snapshot = counted(snapshot);
    let release = snapshot.release.clone().expect("every answer tells its release");
    let cluster = release.cluster.as_deref().unwrap_or("default");
    let publisher = Publisher::new(Names::default());
    publisher.replace(COLLECTORS.iter().map(|collector| {
        let mut batch = Batch::new(collector.name, Some(cluster));
        (collector.collect)(&snapshot, &Settings::default(), &mut batch);
        batch
    }));
    String::from_utf8(publisher.page().identity().concat()).expect("a page is UTF-8")
}

fn check(path: &Path, text: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, text).expect("golden/ is writable");
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    if let Some((line, (kept, new))) =
        (1..).zip(kept.lines().zip(text.lines())).find(|(_, (kept, new))| kept != new)
    {
        panic!("{}:{line} differs:\n  kept {kept}\n  new  {new}", path.display());
    }
    assert!(kept.len() == text.len(), "{}: one is longer; UPDATE_GOLDEN=1 writes it anew", path.display());
}

#[test]
fn every_recorded_version_gives_its_golden_exposition() {
    for (release, version) in RECORDED {
        let golden = format!("{}/tests/golden/{release}-{version}.prom", env!("CARGO_MANIFEST_DIR"));
        check(Path::new(&golden), &page(release, version));
    }
}

#[test]
fn the_oldest_and_the_newest_version_give_the_golden_pages_of_other_exporters() {
    for (release, version) in [("22.05.8", "v0.0.38"), ("26.05.5", "v0.0.45")] {
        for set in SETS {
            let name = set.name;
            let golden = format!("{}/tests/golden/legacy/{name}-{version}.prom", env!("CARGO_MANIFEST_DIR"));
            check(Path::new(&golden), &legacy_page(set, snapshot(release, version)));
        }
    }
}

#[test]
fn states_add_up_to_their_totals_in_every_version() {
    for (release, version) in RECORDED {
        let page = Samples::parse(&page(release, version));
        let nodes = page.get("slurm_cluster_nodes_total", &[]).unwrap();
        assert_eq!(page.sum("slurm_nodes_total", &[]), nodes, "{release} {version}");
        // 505 pending tasks, 6 running, one each completed, failed and cancelled.
        assert_eq!(page.sum("slurm_cluster_jobs", &[]), 514.0, "{release} {version}");
        for (labels, running) in page.all("slurm_jobs_running") {
            let partition = labels["partition"].as_str();
            let state = page.get("slurm_jobs_total", &[("partition", partition), ("state", "running")]);
            assert_eq!(state, Some(running), "{release} {version} {partition}");
        }
    }
}

#[test]
fn counters_end_in_total_and_only_the_listed_gauges_do() {
    let families = COLLECTORS.iter().flat_map(|collector| collector.families);
    for family in families.chain(exporter::telemetry::FAMILIES) {
        let is_counter = family.kind == exporter::exposition::Kind::Counter;
        let excepted = GAUGES_NAMED_TOTAL.contains(&family.name);
        assert_eq!(family.name.ends_with("_total"), is_counter || excepted, "{}", family.name);
    }
}
