//! The exporter against a real Slurm, judged by Slurm's own commands, 26.05 also by slurmctld's own metrics.
//! Needs root and `mmdebstrap`; the cluster lives in a temporary folder, on loopback, and ends with the test.

use std::fs;
use std::time::{Duration, Instant};

use crate::facts::exporter::{diag_from_page, from_page, moving_from_page};
use crate::facts::judges::{JUDGES, diag, told};
use crate::facts::{Facts, assert_equal, native};
use crate::page::Samples;
use crate::process::{Exporter, has_program, http_get, missing};

mod cluster;

use cluster::RealSlurm;

#[test]
fn a_real_slurm_22_05_and_the_exporter_agree() {
    agree(&Release { name: "22.05", suite: "bookworm", port: 27820, api: "v0.0.38", has_native: false });
}

#[test]
fn a_real_slurm_24_11_and_the_exporter_agree() {
    agree(&Release { name: "24.11", suite: "trixie", port: 26820, api: "v0.0.42", has_native: false });
}

#[test]
fn a_real_slurm_26_05_and_the_exporter_agree() {
    agree(&Release { name: "26.05", suite: "sid", port: 28820, api: "v0.0.45", has_native: true });
}

struct Release {
    name: &'static str,
    /// Debian's; it has this Slurm.
    suite: &'static str,
    port: u16,
    /// The newest that it serves and the exporter speaks.
    api: &'static str,
    /// Whether slurmctld serves metrics itself. Debian's suite that has such a Slurm is one that moves.
    has_native: bool,
}

fn agree(release: &Release) {
    if missing("root", is_root(), "run the tests as root")
        || missing("mmdebstrap", has_program("mmdebstrap"), "apt-get install mmdebstrap")
    {
        return;
    }
    let slurm = match RealSlurm::start(release.suite, release.port) {
        Ok(slurm) => slurm,
        // A suite that moves may lack a package for a day: no fault of the exporter's, nor of this machine's.
        Err(reason) if release.has_native => {
            println!(
                "skipped, the packages of Slurm {} in {} cannot be had: {reason}",
                release.name, release.suite
            );
            return;
        }
        Err(reason) => panic!("{}: {reason}", release.suite),
    };
    let version = slurm.run("sinfo --version");
    if release.has_native && !version.contains(release.name) {
        println!("skipped, {} has {} and no longer Slurm {}", release.suite, version.trim(), release.name);
        return;
    }
    assert!(version.contains(release.name), "{version}");
    slurm.make_special_cases();

    let exporter = Exporter::start(&[
        "--slurm.url",
        &format!("http://127.0.0.1:{}", release.port),
        "--slurm.user",
        "slurmrest",
        "--slurm.token-file",
        slurm.dir().join("token").to_str().unwrap(),
        "--collection.intervals.ping=1s",
        "--collection.intervals.diag=1s",
        "--collection.intervals.job-states=1s",
        "--collection.intervals.nodes=1s",
        "--collection.intervals.partitions=1s",
        "--collection.intervals.jobs=1s",
    ]);
    exporter.wait_until_ready();

    // The cluster lives: facts are compared when they were the same before and after a whole round of polls.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let before = Answers::ask(&slurm, release);
        let page = next_round(&exporter, deadline);
        let after = Answers::ask(&slurm, release);
        if before.stable == after.stable && before.native_facts(&page) == after.native_facts(&page) {
            compare(release, &before, &after, &page);
            return;
        }
        assert!(Instant::now() < deadline, "{}: the cluster does not come to rest", release.name);
    }
}

/// What Slurm says at one moment.
struct Answers {
    stable: Facts,
    moving: Facts,
    native: Option<Samples>,
}

impl Answers {
    fn ask(slurm: &RealSlurm, release: &Release) -> Self {
        let (mut stable, moving) = diag(&slurm.run("sdiag"));
        for judge in JUDGES {
            (judge.read)(&mut stable, &told(release.api, &slurm.run(judge.command)));
        }
        let native = release.has_native.then(|| {
            let address = format!("127.0.0.1:{}", release.port + 1);
            let pages = ["jobs", "nodes", "partitions"].map(|path| {
                let (status, page) = http_get(&address, &format!("/metrics/{path}"));
                assert_eq!(status, 200, "{path}: {page}");
                page
            });
            Samples::parse(&pages.concat())
        });
        Self { stable, moving, native }
    }

    fn native_facts(&self, page: &Samples) -> Option<Facts> {
        self.native.as_ref().map(|native| native::compare(native, page).0)
    }
}

fn compare(release: &Release, before: &Answers, after: &Answers, page: &Samples) {
    let name = release.name;
    let mut ours = from_page(page);
    ours.extend(diag_from_page(page));
    assert_equal(&before.stable, &ours, &format!("{name}: commands"));
    for (fact, low) in &before.moving {
        let value = moving_from_page(page, fact);
        let high = after.moving[fact];
        assert!(*low <= value && value <= high, "{name}: {fact}: {low} <= {value} <= {high}");
    }
    assert_eq!(page.get("slurm_cluster_info", &[("api_version", release.api)]), Some(1.0));
    assert_eq!(page.get("slurm_controller_up", &[("controller", "slurmhost")]), Some(1.0));
    assert!(before.stable.len() > 120, "{name}: only {} facts", before.stable.len());
    if let Some(native) = &before.native {
        assert_eq!(
            native::unknown(native),
            Vec::<&str>::new(),
            "{name}: neither the same nor different for a reason"
        );
        let (theirs, ours) = native::compare(native, page);
        assert_equal(&theirs, &ours, &format!("{name}: native"));
        assert!(theirs.len() > 500, "{name}: only {} native facts", theirs.len());
    }
}

/// A page that every endpoint's data was read for after the call.
fn next_round(exporter: &Exporter, deadline: Instant) -> Samples {
    let before = exporter.scrape();
    loop {
        let page = exporter.scrape();
        if polled_again(&before, &page) {
            return page;
        }
        assert!(Instant::now() < deadline, "the exporter stopped polling");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Whether every endpoint was refreshed by a poll that began after the first page was made:
/// the second refresh after it surely did.
fn polled_again(before: &Samples, now: &Samples) -> bool {
    let requests = |page: &Samples, endpoint| {
        page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint), ("code", "200")])
    };
    ["ping", "diag", "job_states", "nodes", "partitions", "jobs"]
        .iter()
        // 22.05 has no states alone.
        .filter(|endpoint| **endpoint != "job_states" || requests(before, endpoint) > 0.0)
        .all(|endpoint| requests(now, endpoint) >= requests(before, endpoint) + 2.0)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
