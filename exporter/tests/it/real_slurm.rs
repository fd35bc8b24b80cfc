//! The exporter against a real Slurm, judged by Slurm's own commands, 26.05 also by slurmctld's own metrics; and the
//! simulator against the same, request by request.
//! Needs root and `mmdebstrap`; the cluster lives in a temporary folder, on loopback, and ends with the test.

use std::fs;
use std::time::{Duration, Instant};

use crate::facts::judges::{JUDGES, Judge, judged, published, told};
use crate::facts::{Facts, assert_equal, native};
use crate::page::Samples;
use crate::process::{Exporter, has_program, http_get, missing};

mod cluster;
mod commands;
mod face;

use cluster::RealSlurm;

#[test]
fn a_real_slurm_22_05_agrees_with_the_exporter_and_with_the_simulator() {
    agree(&Release { name: "22.05", suite: "bookworm", port: 27820, api: "v0.0.38", has_native: false });
}

#[test]
fn a_real_slurm_24_11_agrees_with_the_exporter_and_with_the_simulator() {
    agree(&Release { name: "24.11", suite: "trixie", port: 26820, api: "v0.0.42", has_native: false });
}

#[test]
fn a_real_slurm_26_05_agrees_with_the_exporter_and_with_the_simulator() {
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

    let (url, token) = (format!("http://127.0.0.1:{}", release.port), slurm.dir().join("token"));
    let way =
        ["--slurm.url", &url, "--slurm.user", "slurmrest", "--slurm.token-file", token.to_str().unwrap()];
    let often = [
        "--metrics.legacy=native",
        "--collection.intervals.ping=1s",
        "--collection.intervals.diag=1s",
        "--collection.intervals.job-states=1s",
        "--collection.intervals.nodes=1s",
        "--collection.intervals.partitions=1s",
        "--collection.intervals.jobs=1s",
        "--collection.intervals.shares=1s",
        "--collection.intervals.qos=1s",
        "--collection.intervals.associations=1s",
    ];
    let exporter = Exporter::start(&[&way[..], &often].concat());
    exporter.wait_until_ready();

    // The cluster lives: facts are compared when they were the same before and after a whole round of polls.
    let deadline = Instant::now() + Duration::from_secs(600);
    loop {
        let before = Answers::ask(&slurm, release);
        let page = next_round(&exporter, deadline);
        let legacy = Samples::parse(&exporter.get("/metrics/legacy/native").1);
        let after = Answers::ask(&slurm, release);
        if before.stable == after.stable
            && before.native_facts(&page, &legacy) == after.native_facts(&page, &legacy)
        {
            compare(release, &before, &after, &page, &legacy);
            // 22.05 prints jobs and nodes as JSON, and little else.
            let has_all = release.name != "22.05";
            commands::agree(&slurm, &way, has_all, Instant::now() + Duration::from_secs(120));
            break;
        }
        if Instant::now() >= deadline {
            let context = format!("{}: the cluster does not come to rest, before and after", release.name);
            assert_equal(&before.stable, &after.stable, &context);
            panic!("{}: slurmctld's own metrics do not come to rest", release.name);
        }
    }
    drop(exporter);
    face::agrees(&slurm, release.port, release.name);
}

/// What Slurm says at one moment: what holds still, and what grows.
struct Answers {
    stable: Facts,
    moving: Facts,
    native: Option<Samples>,
}

impl Answers {
    fn ask(slurm: &RealSlurm, release: &Release) -> Self {
        // All in one go, so that they speak of one moment.
        let commands: Vec<_> = JUDGES.iter().map(|judge| judge.command).collect();
        let script = format!("set -e\nexport SLURM_TIME_FORMAT=%s\n{}", commands.join("\nprintf '\\f'\n"));
        let output = slurm.run(&script);
        let answers: Vec<_> = output.split('\u{c}').collect();
        assert_eq!(answers.len(), JUDGES.len());
        let answer = |judge: &Judge| {
            let at = JUDGES.iter().position(|known| known.name == judge.name).expect("it was asked");
            told(release.api, answers[at])
        };
        let (stable, moving) =
            (judged(&stable_judges(release.api), answer), judged(&moving_judges(), answer));
        let native = release.has_native.then(|| {
            let address = format!("127.0.0.1:{}", release.port + 1);
            let pages = native::PATHS.map(|path| {
                let (status, page) = http_get(&address, &format!("/metrics/{path}"));
                assert_eq!(status, 200, "{path}: {page}");
                page
            });
            Samples::parse(&pages.concat())
        });
        Self { stable, moving, native }
    }

    /// What slurmctld's own metrics say, of what the exporter's pages say too.
    fn native_facts(&self, page: &Samples, legacy: &Samples) -> Option<[Facts; 2]> {
        let native = self.native.as_ref()?;
        let by_our_names = native::compare(native, page).0;
        Some([by_our_names, native::compare_legacy(native, legacy).0])
    }
}

fn compare(release: &Release, before: &Answers, after: &Answers, page: &Samples, legacy: &Samples) {
    let name = release.name;
    assert_equal(&before.stable, &published(&stable_judges(release.api), page), &format!("{name}: commands"));
    let ours = published(&moving_judges(), page);
    for (fact, low) in &before.moving {
        let value = ours.get(fact).unwrap_or_else(|| panic!("{name}: no {fact}"));
        let high = after.moving[fact];
        assert!(low <= value && *value <= high, "{name}: {fact}: {low} <= {value} <= {high}");
    }
    assert!(before.moving.len() > 25, "{name}: only {} facts that move", before.moving.len());
    assert!(before.stable.len() > 1000, "{name}: only {} facts", before.stable.len());
    assert_eq!(page.get("slurm_cluster_info", &[("api_version", release.api)]), Some(1.0));
    assert_eq!(page.get("slurm_controller_up", &[("controller", "slurmhost")]), Some(1.0));
    if let Some(native) = &before.native {
        assert_eq!(
            native::unknown(native),
            Vec::<&str>::new(),
            "{name}: neither the same nor different for a reason"
        );
        let (theirs, ours) = native::compare(native, page);
        assert_equal(&theirs, &ours, &format!("{name}: native"));
        assert!(theirs.len() > 500, "{name}: only {} native facts", theirs.len());
        let (theirs, ours) = native::compare_legacy(native, legacy);
        assert_equal(&theirs, &ours, &format!("{name}: native, by its own names"));
        assert!(theirs.len() > 1000, "{name}: only {} native facts by their own names", theirs.len());
    }
}

/// v0.0.38 has no shares.
fn stable_judges(api: &str) -> Vec<&'static Judge> {
    let is_served = |judge: &&Judge| api != "v0.0.38" || judge.name != "sshare";
    JUDGES.iter().copied().filter(|judge| !judge.moves).filter(is_served).collect()
}

fn moving_judges() -> Vec<&'static Judge> {
    JUDGES.iter().copied().filter(|judge| judge.moves).collect()
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
        // 304 is "unchanged".
        let answered =
            |code| page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint), ("code", code)]);
        answered("200") + answered("304")
    };
    ["ping", "diag", "job_states", "nodes", "partitions", "jobs", "shares", "qos", "associations"]
        .iter()
        // 22.05 has no states alone, and no shares.
        .filter(|endpoint| !["job_states", "shares"].contains(*endpoint) || requests(before, endpoint) > 0.0)
        .all(|endpoint| requests(now, endpoint) >= requests(before, endpoint) + 2.0)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
